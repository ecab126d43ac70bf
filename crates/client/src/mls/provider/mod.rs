//! What openmls works with: cryptography, randomness and storage, deterministic given the driver's seed.
//!
//! Every random byte (keys, HPKE encapsulations, reuse guards, init secrets) comes from one ChaCha20 generator.
//! Hashing, HKDF, AEAD and signatures are RustCrypto's.

mod crypto;
mod hpke;
mod signatures;

use std::cell::RefCell;
use std::collections::BTreeMap;

use dunlin_model::identity::{DeviceCertificate, IdentityError};
use openmls_traits::OpenMlsProvider;

use super::storage::Storage;
pub use crypto::{Crypto, RandomnessError};

/// Certificates remembered as verified. A certificate takes about 400 bytes here.
const CERTIFICATES_REMEMBERED_MAX: usize = 16_384;

/// The provider of one device.
pub struct Provider {
    crypto: Crypto,
    storage: Storage,
    /// Certificates that were verified, by their bytes: verifying is dearer than decrypting a message.
    certificates: RefCell<BTreeMap<Vec<u8>, DeviceCertificate>>,
}

impl Provider {
    /// A provider with nothing stored, whose randomness follows from `seed`. A seed must never be used again,
    /// except to replay: the same seed, rows and calls give the same keys.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { crypto: Crypto::new(seed), storage: Storage::default(), certificates: RefCell::default() }
    }

    /// Stirs `entropy` into the generator. What it gives afterwards follows from both, so it is unpredictable
    /// as long as one of them is.
    pub fn mix(&mut self, entropy: [u8; 32]) {
        self.crypto.mix(entropy);
    }

    /// Where the state of groups and key packages stands, and what of it is to be persisted.
    pub fn state(&self) -> &Storage {
        &self.storage
    }

    /// Decodes and verifies a certificate, verifying only what was not verified before.
    pub(crate) fn certificate(&self, bytes: &[u8]) -> Result<DeviceCertificate, IdentityError> {
        if let Some(certificate) = self.certificates.borrow().get(bytes) {
            return Ok(certificate.clone());
        }
        let certificate = DeviceCertificate::decode(bytes)?;
        let mut remembered = self.certificates.borrow_mut();
        if remembered.len() >= CERTIFICATES_REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(bytes.to_vec(), certificate.clone());
        Ok(certificate)
    }
}

impl OpenMlsProvider for Provider {
    type CryptoProvider = Crypto;
    type RandProvider = Crypto;
    type StorageProvider = Storage;

    fn storage(&self) -> &Storage {
        &self.storage
    }

    fn crypto(&self) -> &Crypto {
        &self.crypto
    }

    fn rand(&self) -> &Crypto {
        &self.crypto
    }
}
