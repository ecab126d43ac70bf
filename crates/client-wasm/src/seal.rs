//! Encryption of values, as in vaults on disk: XChaCha20-Poly1305 (RFC 8439 with the nonce of draft-irtf-cfrg-xchacha),
//! with the row's key as associated data. Here and not in WebCrypto, which would take a task of its own for every row;
//! the key comes from there, wrapped by one that cannot be taken out of the browser.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use dunlin_client::Generator;

/// Bytes of the vault's key.
pub(crate) const KEY_BYTES: usize = 32;
/// Bytes of a nonce, which stands before the ciphertext.
const NONCE_BYTES: usize = 24;
/// What a row's key follows in the associated data.
const ROW_LABEL: &[u8] = b"dunlin browser row 1\0";

/// Seals and opens values under one key.
pub(crate) struct Sealer(XChaCha20Poly1305);

impl Sealer {
    pub(crate) fn new(key: &[u8; KEY_BYTES]) -> Self {
        Self(XChaCha20Poly1305::new(<&Key>::from(key)))
    }

    /// Nonce and ciphertext of the value that stands under `row`.
    pub(crate) fn seal(&self, row: &[u8], value: &[u8], generator: &mut Generator) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        generator.fill(&mut nonce);
        let aad = [ROW_LABEL, row].concat();
        let ciphertext = self
            .0
            .encrypt(&XNonce::from(nonce), Payload { msg: value, aad: &aad })
            .expect("what is sealed is in memory and far below the cipher's limit of 256 GiB");
        [&nonce[..], &ciphertext].concat()
    }

    /// The value that was sealed for `row`; `None` for anything else.
    pub(crate) fn open(&self, row: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let aad = [ROW_LABEL, row].concat();
        self.0.decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: &aad }).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_opens_in_its_place_alone() {
        let mut generator = Generator::new([1; 32]);
        let sealer = Sealer::new(&[2; KEY_BYTES]);
        let sealed = sealer.seal(b"a", b"secret", &mut generator);
        assert_eq!(sealer.open(b"a", &sealed).as_deref(), Some(&b"secret"[..]));
        assert_eq!(sealer.open(b"b", &sealed), None);
        assert_eq!(Sealer::new(&[3; KEY_BYTES]).open(b"a", &sealed), None);
        assert_ne!(sealer.seal(b"a", b"secret", &mut generator), sealed, "each has its own nonce");
        let mut broken = sealed;
        broken[30] ^= 1;
        assert_eq!(sealer.open(b"a", &broken), None);
        assert_eq!(sealer.open(b"a", b"short"), None);
    }
}
