//! Verifying Ed25519 signatures by keys that come again and again.
//!
//! What is accepted is what `VerifyingKey::verify_strict` accepts. It spends a third of its time on square roots:
//! to decode the key, done here once for each key, and to decode the signature's point R only to see whether its
//! order is small. R is compared with its canonical encoding anyway, so comparing it with the eight encodings of
//! such points refuses the same.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use ed25519_dalek::{PUBLIC_KEY_LENGTH, Signature, Verifier as _, VerifyingKey};
use openmls_traits::types::CryptoError;

/// Keys remembered as decoded. One takes about 300 bytes here.
const KEYS_REMEMBERED_MAX: usize = 4_096;

/// The canonical encodings (RFC 8032, section 5.1.2) of the points of orders 1, 2, 4 and 8.
const SMALL_ORDER: [[u8; 32]; 8] = {
    let mut one = [0; 32];
    one[0] = 1;
    let zero = [0; 32];
    let mut minus_one = [0xFF; 32];
    minus_one[0] = 0xEC;
    minus_one[31] = 0x7F;
    let eighth = *b"\xC7\x17\x6A\x70\x3D\x4D\xD8\x4F\xBA\x3C\x0B\x76\x0D\x10\x67\x0F\x2A\x20\x53\xFA\x2C\x39\xCC\xC6\x4E\xC7\xFD\x77\x92\xAC\x03\x7A";
    let other_eighth = *b"\x26\xE8\x95\x8F\xC2\xB2\x27\xB0\x45\xC3\xF4\x89\xF2\xEF\x98\xF0\xD5\xDF\xAC\x05\xD3\xC6\x33\x39\xB1\x38\x02\x88\x6D\x53\xFC\x05";
    [one, minus_one, zero, negative(zero), eighth, negative(eighth), other_eighth, negative(other_eighth)]
};

/// The encoding of the point with the other sign of x.
const fn negative(mut encoding: [u8; 32]) -> [u8; 32] {
    encoding[31] |= 0x80;
    encoding
}

/// Public keys that signed something, decoded.
#[derive(Default)]
pub(super) struct VerifyingKeys(Mutex<BTreeMap<[u8; PUBLIC_KEY_LENGTH], VerifyingKey>>);

impl VerifyingKeys {
    /// Whether `signature` is of `data` by `key`.
    pub(super) fn verify(&self, key: &[u8], data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let key = self.decoded(key)?;
        let signature: [u8; 64] = signature.try_into().map_err(|_| CryptoError::CryptoLibraryError)?;
        let signature = Signature::from_bytes(&signature);
        if SMALL_ORDER.contains(signature.r_bytes()) {
            return Err(CryptoError::InvalidSignature);
        }
        key.verify(data, &signature).map_err(|_| CryptoError::InvalidSignature)
    }

    fn decoded(&self, bytes: &[u8]) -> Result<VerifyingKey, CryptoError> {
        let bytes: &[u8; PUBLIC_KEY_LENGTH] =
            bytes.try_into().map_err(|_| CryptoError::CryptoLibraryError)?;
        // Whole after a panic elsewhere: an entry is there or not.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(key) = known.get(bytes) {
            return Ok(*key);
        }
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| CryptoError::CryptoLibraryError)?;
        if key.is_weak() {
            return Err(CryptoError::InvalidSignature); // One signature would fit many contents.
        }
        if known.len() >= KEYS_REMEMBERED_MAX {
            known.clear();
        }
        known.insert(*bytes, key);
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    fn both(key: &[u8; 32], data: &[u8], signature: &[u8; 64]) -> bool {
        let decoded = VerifyingKey::from_bytes(key).ok();
        let strict =
            decoded.is_some_and(|key| key.verify_strict(data, &Signature::from_bytes(signature)).is_ok());
        let keys = VerifyingKeys::default();
        for _ in 0..2 {
            assert_eq!(keys.verify(key, data, signature).is_ok(), strict, "{key:?} {signature:?}");
        }
        strict
    }

    #[test]
    fn a_signature_is_its_keys_and_its_contents() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let public = key.verifying_key().to_bytes();
        let signature = key.sign(b"hello").to_bytes();
        assert!(both(&public, b"hello", &signature));
        assert!(!both(&public, b"hullo", &signature));
        assert!(!both(&SigningKey::from_bytes(&[4; 32]).verifying_key().to_bytes(), b"hello", &signature));
        for at in 0..64 {
            let mut damaged = signature;
            damaged[at] ^= 0x10;
            assert!(!both(&public, b"hello", &damaged));
        }
        let keys = VerifyingKeys::default();
        assert_eq!(keys.verify(&public, b"hello", &signature[..63]), Err(CryptoError::CryptoLibraryError));
        assert_eq!(keys.verify(&public[..31], b"hello", &signature), Err(CryptoError::CryptoLibraryError));
    }

    /// A signature with the neutral element as R, which whoever has the key can make: S is the hash times the key.
    #[test]
    fn a_signature_with_a_point_of_small_order_is_refused() {
        const S: [u8; 32] = *b"\x99\xF7\xBB\x37\xB8\x58\xE6\x74\x93\x26\x98\x49\xDD\xBF\x2C\xA1\xA5\xEB\xEB\x1E\x53\x3A\xAD\x92\xF4\x75\x8F\x89\x91\x1B\x09\x04";
        let key = SigningKey::from_bytes(&[3; 32]).verifying_key();
        let signature = Signature::from_components(SMALL_ORDER[0], S);
        assert!(key.verify(b"hello", &signature).is_ok(), "it fits");
        assert!(!both(&key.to_bytes(), b"hello", &signature.to_bytes()));
        let keys = VerifyingKeys::default();
        for point in SMALL_ORDER {
            assert!(VerifyingKey::from_bytes(&point).unwrap().is_weak());
            let signature = Signature::from_components(point, S).to_bytes();
            assert!(!both(&key.to_bytes(), b"hello", &signature));
            assert_eq!(keys.verify(&point, b"hello", &signature), Err(CryptoError::InvalidSignature));
        }
    }

    #[test]
    fn no_more_keys_are_remembered_than_there_is_room_for() {
        let keys = VerifyingKeys::default();
        for seed in 0..=KEYS_REMEMBERED_MAX {
            let mut bytes = [7; 32];
            bytes[..8].copy_from_slice(&seed.to_be_bytes());
            let key = SigningKey::from_bytes(&bytes);
            let signature = key.sign(b"hello").to_bytes();
            keys.verify(&key.verifying_key().to_bytes(), b"hello", &signature).unwrap();
        }
        assert_eq!(keys.0.lock().unwrap().len(), 1);
    }
}
