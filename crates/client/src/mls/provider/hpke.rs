//! The sender's side of HPKE (RFC 9180, base mode) with randomness that is passed in.
//!
//! RustCrypto's HPKE draws the ephemeral key of an encapsulation from the system. Here the KEM is run with given
//! bytes, and the key schedule and the encryption that follow are hpke-rs's.

use hpke_rs::hpke_types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm};
use hpke_rs::{Context, Hpke, Mode};
use hpke_rs_rust_crypto::HpkeRustCrypto;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{
    CryptoError, ExporterSecret, HashType, HpkeAeadType, HpkeCiphertext, HpkeConfig, HpkeKdfType,
    HpkeKemType, KemOutput,
};
use x_wing::EncapsulationKey;
use x25519_dalek::{PublicKey, StaticSecret};

/// Bytes of randomness of one encapsulation; X25519 alone uses the last half of them.
pub(super) const RANDOMNESS_BYTES: usize = x_wing::ENCAPSULATION_RANDOMNESS_SIZE;

/// DHKEM(X25519, HKDF-SHA256), RFC 9180 section 7.1.
const DHKEM_SUITE_ID: [u8; 5] = *b"KEM\x00\x20";
const SHARED_SECRET_BYTES: u16 = 32;

struct Encapsulated {
    output: KemOutput,
    shared_secret: Vec<u8>,
}

pub(super) fn seal(
    crypto: &RustCrypto,
    config: HpkeConfig,
    public_key: &[u8],
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    randomness: &[u8; RANDOMNESS_BYTES],
) -> Result<HpkeCiphertext, CryptoError> {
    let (kem_output, mut context) = set_up(crypto, config, public_key, info, randomness)?;
    let ciphertext = context.seal(aad, plaintext).map_err(|_| CryptoError::HpkeEncryptionError)?;
    Ok(HpkeCiphertext { kem_output: kem_output.into(), ciphertext: ciphertext.into() })
}

pub(super) fn export(
    crypto: &RustCrypto,
    config: HpkeConfig,
    public_key: &[u8],
    info: &[u8],
    exporter_context: &[u8],
    length: usize,
    randomness: &[u8; RANDOMNESS_BYTES],
) -> Result<(KemOutput, ExporterSecret), CryptoError> {
    let (kem_output, context) = set_up(crypto, config, public_key, info, randomness)?;
    let secret = context.export(exporter_context, length).map_err(|_| CryptoError::ExporterError)?;
    Ok((kem_output, secret.into()))
}

fn set_up(
    crypto: &RustCrypto,
    HpkeConfig(kem, kdf, aead): HpkeConfig,
    public_key: &[u8],
    info: &[u8],
    randomness: &[u8; RANDOMNESS_BYTES],
) -> Result<(KemOutput, Context<HpkeRustCrypto>), CryptoError> {
    if kdf != HpkeKdfType::HkdfSha256 || aead != HpkeAeadType::AesGcm128 {
        return Err(CryptoError::UnsupportedCiphersuite);
    }
    let (kem, encapsulated) = match kem {
        HpkeKemType::DhKem25519 => {
            (KemAlgorithm::DhKem25519, encapsulate_x25519(crypto, public_key, randomness)?)
        }
        HpkeKemType::XWingKemDraft6 => {
            (KemAlgorithm::XWingDraft06, encapsulate_x_wing(public_key, randomness)?)
        }
        _ => return Err(CryptoError::UnsupportedCiphersuite),
    };
    let hpke =
        Hpke::<HpkeRustCrypto>::new(Mode::Base, kem, KdfAlgorithm::HkdfSha256, AeadAlgorithm::Aes128Gcm);
    let context = hpke
        .key_schedule(&encapsulated.shared_secret, info, &[], &[])
        .map_err(|_| CryptoError::SenderSetupError)?;
    Ok((encapsulated.output, context))
}

/// Encap of RFC 9180 section 4.1.
fn encapsulate_x25519(
    crypto: &RustCrypto,
    public_key: &[u8],
    randomness: &[u8; RANDOMNESS_BYTES],
) -> Result<Encapsulated, CryptoError> {
    let receiver: [u8; 32] = public_key.try_into().map_err(|_| CryptoError::InvalidPublicKey)?;
    let (_, ephemeral) = randomness.split_last_chunk::<32>().ok_or(CryptoError::InsufficientRandomness)?;
    let ephemeral = StaticSecret::from(*ephemeral);
    let output = PublicKey::from(&ephemeral).to_bytes();
    let shared = ephemeral.diffie_hellman(&PublicKey::from(receiver));
    if !shared.was_contributory() {
        return Err(CryptoError::InvalidPublicKey);
    }
    let ikm = [b"HPKE-v1", &DHKEM_SUITE_ID[..], b"eae_prk", shared.as_bytes()].concat();
    let prk = crypto.hkdf_extract(HashType::Sha2_256, &[], &ikm)?;
    let length = SHARED_SECRET_BYTES.to_be_bytes();
    let info = [&length[..], b"HPKE-v1", &DHKEM_SUITE_ID, b"shared_secret", &output, &receiver].concat();
    let secret =
        crypto.hkdf_expand(HashType::Sha2_256, prk.as_slice(), &info, usize::from(SHARED_SECRET_BYTES))?;
    Ok(Encapsulated { output: output.to_vec(), shared_secret: secret.as_slice().to_vec() })
}

/// EncapsulateDerand of draft-connolly-cfrg-xwing-kem-06, section 5.4.
fn encapsulate_x_wing(
    public_key: &[u8],
    randomness: &[u8; RANDOMNESS_BYTES],
) -> Result<Encapsulated, CryptoError> {
    let key = EncapsulationKey::try_from(public_key).map_err(|_| CryptoError::InvalidPublicKey)?;
    let (output, secret) = key.encapsulate_deterministic(&(*randomness).into());
    Ok(Encapsulated { output: output.to_vec(), shared_secret: secret.to_vec() })
}

#[cfg(test)]
mod tests {
    use openmls_traits::types::HpkeKeyPair;

    use super::*;

    const KEMS: [HpkeKemType; 2] = [HpkeKemType::DhKem25519, HpkeKemType::XWingKemDraft6];

    fn config(kem: HpkeKemType) -> HpkeConfig {
        HpkeConfig(kem, HpkeKdfType::HkdfSha256, HpkeAeadType::AesGcm128)
    }

    fn key_pair(kem: HpkeKemType) -> HpkeKeyPair {
        RustCrypto::default().derive_hpke_keypair(config(kem), &[7; 32]).unwrap()
    }

    fn seal_to(kem: HpkeKemType, key: &[u8], random: u8) -> Result<HpkeCiphertext, CryptoError> {
        seal(&RustCrypto::default(), config(kem), key, b"info", b"aad", b"hello", &[random; 64])
    }

    #[test]
    fn what_is_sealed_here_is_opened_by_the_other_implementation() {
        let crypto = RustCrypto::default();
        for kem in KEMS {
            let pair = key_pair(kem);
            let sealed = seal_to(kem, &pair.public, 9).unwrap();
            let open = |aad| crypto.hpke_open(config(kem), &sealed, &pair.private, b"info", aad);
            assert_eq!(open(b"aad").unwrap(), b"hello");
            assert!(open(b"bad").is_err());
            let (output, secret) =
                export(&crypto, config(kem), &pair.public, b"info", b"context", 32, &[9; 64]).unwrap();
            let received = crypto
                .hpke_setup_receiver_and_export(config(kem), &output, &pair.private, b"info", b"context", 32)
                .unwrap();
            assert_eq!(&*secret, &*received);
        }
    }

    #[test]
    fn the_bytes_follow_from_the_randomness() {
        for kem in KEMS {
            let pair = key_pair(kem);
            let sealed = |random| seal_to(kem, &pair.public, random).unwrap().ciphertext;
            assert_eq!(sealed(1), sealed(1));
            assert_ne!(sealed(1), sealed(2));
        }
    }

    #[test]
    fn keys_that_give_no_secret_are_refused() {
        assert!(seal_to(HpkeKemType::DhKem25519, &[0; 32], 1).is_err());
        assert!(seal_to(HpkeKemType::DhKem25519, &[1; 31], 1).is_err());
        assert!(seal_to(HpkeKemType::XWingKemDraft6, &[1; 32], 1).is_err());
    }
}
