//! Encryption of values: XChaCha20-Poly1305 (RFC 8439 with the nonce of draft-irtf-cfrg-xchacha).
//!
//! Its nonce has 192 bits, so random ones never meet, and it is fast without hardware for AES. The key of the row is
//! associated data: a value that is moved under another key does not open.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use dunlin_model::Randomness;
use zeroize::Zeroizing;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;
/// Bytes of a nonce, which stands before the ciphertext.
const NONCE_BYTES: usize = 24;

/// What a row's key follows in the associated data.
const ROW_LABEL: &[u8] = b"dunlin vault row 1\0";

/// A key of encryption, wiped when dropped.
pub(super) type SecretKey = Zeroizing<[u8; KEY_BYTES]>;

/// A new random key.
pub(super) fn random_key(randomness: &dyn Randomness) -> SecretKey {
    let mut key = SecretKey::default();
    randomness.fill(key.as_mut_slice());
    key
}

/// The bytes are not what was sealed under this key for this place.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damaged;

/// Seals and opens under one key.
pub(super) struct Sealer(XChaCha20Poly1305);

impl Sealer {
    pub(super) fn new(key: &SecretKey) -> Self {
        let key: &[u8; KEY_BYTES] = key;
        Self(XChaCha20Poly1305::new(<&Key>::from(key)))
    }

    /// Nonce and ciphertext of the value that stands under `row_key`: 40 bytes longer than it.
    pub(super) fn seal_row(&self, row_key: &[u8], value: &[u8], randomness: &dyn Randomness) -> Vec<u8> {
        self.seal(&[ROW_LABEL, row_key].concat(), value, randomness)
    }

    /// The value that was sealed for `row_key`.
    pub(super) fn open_row(&self, row_key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Damaged> {
        self.open(&[ROW_LABEL, row_key].concat(), sealed)
    }

    /// Nonce and ciphertext; `place` is authenticated with it.
    pub(super) fn seal(&self, place: &[u8], plain: &[u8], randomness: &dyn Randomness) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        randomness.fill(&mut nonce);
        let ciphertext = self
            .0
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: place })
            .expect("what is sealed is in memory and far below the cipher's limit of 256 GiB");
        let mut sealed = Vec::with_capacity(NONCE_BYTES + ciphertext.len());
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(&ciphertext);
        sealed
    }

    /// What was sealed for `place`.
    pub(super) fn open(&self, place: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Damaged> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(Damaged)?;
        self.0.decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: place }).map_err(|_| Damaged)
    }
}

#[cfg(test)]
mod tests {
    use dunlin_model::clock::SeededRandomness;

    use super::*;

    #[test]
    fn every_flipped_bit_and_every_missing_byte_is_noticed() {
        let randomness = SeededRandomness::new(1);
        let sealer = Sealer::new(&random_key(&randomness));
        let sealed = sealer.seal_row(b"key", b"value", &randomness);
        assert_eq!(sealer.open_row(b"key", &sealed), Ok(b"value".to_vec()));
        for place in 0..sealed.len() {
            for bit in 0..8 {
                let mut flipped = sealed.clone();
                flipped[place] ^= 1 << bit;
                assert_eq!(sealer.open_row(b"key", &flipped), Err(Damaged));
            }
            assert_eq!(sealer.open_row(b"key", &sealed[..place]), Err(Damaged));
        }
    }

    #[test]
    fn a_value_opens_under_its_own_key_only() {
        let randomness = SeededRandomness::new(2);
        let sealer = Sealer::new(&random_key(&randomness));
        let sealed = sealer.seal_row(b"a", b"value", &randomness);
        assert_eq!(sealer.open_row(b"b", &sealed), Err(Damaged));
        let other = Sealer::new(&random_key(&randomness));
        assert_eq!(other.open_row(b"a", &sealed), Err(Damaged));
    }

    #[test]
    fn the_same_value_never_looks_the_same() {
        let randomness = SeededRandomness::new(3);
        let sealer = Sealer::new(&random_key(&randomness));
        assert_ne!(sealer.seal_row(b"a", b"v", &randomness), sealer.seal_row(b"a", b"v", &randomness));
    }

    #[test]
    fn the_format_of_a_sealed_value_does_not_change() {
        let sealer = Sealer::new(&Zeroizing::new([7; KEY_BYTES]));
        let sealed = sealer.seal_row(b"key", b"value", &SeededRandomness::new(4));
        assert_eq!(
            data_encoding::HEXLOWER.encode(&sealed),
            "ca8a33e272e3736e30b0984b6ac674e45f847b8efc19efdbb48755704f45ae86cba8c5fcdcf4e1c3960150cfb5"
        );
    }
}
