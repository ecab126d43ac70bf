//! Leave to read or write one blob for a while, as an address that serves whoever has it.

use std::time::Duration;

use dunlin_model::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::BlobHash;

/// Where blobs are served.
pub const BLOBS_PATH: &str = "/api/blobs/";
/// How long an address serves.
pub const GRANT_VALID: Duration = Duration::from_secs(5 * 60);

const LABEL: &[u8] = b"dunlin blob address v1";

/// What may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Get,
    /// Writing.
    Put,
}

/// Leave to read or write one blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// What may be done.
    pub access: Access,
    /// With which blob.
    pub hash: BlobHash,
    /// How many bytes it has.
    pub bytes: u64,
    /// Until when, in milliseconds.
    pub expires: Timestamp,
}

/// An address does not serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// It was not made here, or something in it was changed.
    #[error("The address is not signed for this.")]
    NotSigned,
    /// Its time is over.
    #[error("The address has expired.")]
    Expired,
}

/// What signs addresses: HMAC-SHA256 (RFC 2104), with a key that all servers of a store share.
pub struct GrantKey([u8; 32]);

impl GrantKey {
    /// With these bytes, which must be secret and used for nothing else.
    pub const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The path and query at which the grant serves.
    pub fn address(&self, grant: &Grant) -> String {
        let Grant { hash, bytes, expires, .. } = grant;
        let signature = data_encoding::HEXLOWER.encode(&self.mac(grant).finalize().into_bytes());
        format!("{BLOBS_PATH}{hash}?bytes={bytes}&expires={}&signature={signature}", expires.0)
    }

    /// Checks what came in an address, `signature` being its hexadecimal text.
    ///
    /// # Errors
    /// See [`GrantError`].
    pub fn verify(&self, grant: &Grant, signature: &str, now: Timestamp) -> Result<(), GrantError> {
        let signature =
            data_encoding::HEXLOWER.decode(signature.as_bytes()).map_err(|_| GrantError::NotSigned)?;
        // In a time that does not depend on how much of it is right.
        self.mac(grant).verify_slice(&signature).map_err(|_| GrantError::NotSigned)?;
        if now < grant.expires { Ok(()) } else { Err(GrantError::Expired) }
    }

    /// Signs these bytes, of which the first say for what; as hexadecimal text.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> String {
        data_encoding::HEXLOWER.encode(&self.mac_of(parts).finalize().into_bytes())
    }

    /// Checks a signature of these bytes.
    pub(crate) fn check(&self, parts: &[&[u8]], signature: &str) -> Result<(), GrantError> {
        let signature =
            data_encoding::HEXLOWER.decode(signature.as_bytes()).map_err(|_| GrantError::NotSigned)?;
        self.mac_of(parts).verify_slice(&signature).map_err(|_| GrantError::NotSigned)
    }

    fn mac_of(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        for part in parts {
            mac.update(part);
        }
        mac
    }

    fn mac(&self, grant: &Grant) -> Hmac<Sha256> {
        let access = match grant.access {
            Access::Get => 0,
            Access::Put => 1,
        };
        // All parts have fixed lengths.
        Hmac::<Sha256>::new_from_slice(&self.0)
            .expect("HMAC takes keys of any length")
            .chain_update(LABEL)
            .chain_update([access])
            .chain_update(grant.hash.0)
            .chain_update(grant.bytes.to_be_bytes())
            .chain_update(grant.expires.0.to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    fn grant() -> Grant {
        Grant { access: Access::Get, hash: BlobHash::of(b"one"), bytes: 3, expires: NOW + GRANT_VALID }
    }

    fn signature(key: &GrantKey, grant: &Grant) -> String {
        key.address(grant).rsplit('=').next().unwrap().to_owned()
    }

    #[test]
    fn an_address_serves_for_what_it_was_made_and_for_nothing_else() {
        let key = GrantKey::new([7; 32]);
        let grant = grant();
        let signature = signature(&key, &grant);
        assert_eq!(key.verify(&grant, &signature, NOW), Ok(()));
        for other in [
            Grant { access: Access::Put, ..grant },
            Grant { hash: BlobHash::of(b"two"), ..grant },
            Grant { bytes: 4, ..grant },
            Grant { expires: grant.expires + Duration::from_millis(1), ..grant },
        ] {
            assert_eq!(key.verify(&other, &signature, NOW), Err(GrantError::NotSigned), "{other:?}");
        }
        let another_key = GrantKey::new([8; 32]);
        assert_eq!(another_key.verify(&grant, &signature, NOW), Err(GrantError::NotSigned));
        for wrong in ["", "zz", &signature[2..], &signature.to_uppercase()] {
            assert_eq!(key.verify(&grant, wrong, NOW), Err(GrantError::NotSigned), "{wrong}");
        }
    }

    #[test]
    fn an_address_serves_for_five_minutes() {
        let key = GrantKey::new([7; 32]);
        let signature = signature(&key, &grant());
        let last = NOW + GRANT_VALID - Duration::from_millis(1);
        assert_eq!(key.verify(&grant(), &signature, last), Ok(()));
        assert_eq!(key.verify(&grant(), &signature, NOW + GRANT_VALID), Err(GrantError::Expired));
    }

    #[test]
    fn an_address_has_this_form() {
        let address = GrantKey::new([7; 32]).address(&grant());
        let start = format!("/api/blobs/{}?bytes=3&expires=301000&signature=", BlobHash::of(b"one"));
        let signature = address.strip_prefix(&start).unwrap();
        assert_eq!(signature.len(), 64);
    }
}
