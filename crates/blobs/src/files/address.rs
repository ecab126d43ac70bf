//! Leave to put one part of an attachment, or to read it, as an address that serves whoever has it.

use std::collections::BTreeMap;

use data_encoding::HEXLOWER;
use dunlin_model::{AttachmentId, AttachmentPart, Timestamp};

use super::{MEDIA_TYPE, SignedRequest};
use crate::{GRANT_VALID, GrantError, GrantKey};

/// Where attachments are served.
pub const ATTACHMENTS_PATH: &str = "/api/attachments/";

const LABEL: &[u8] = b"dunlin attachment address v1";

/// Leave to put or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileGrant {
    /// To put this part, of this length and hash and no other.
    Put {
        /// Of which attachment.
        id: AttachmentId,
        /// The part.
        part: AttachmentPart,
        /// Until when it may begin.
        expires: Timestamp,
    },
    /// To read the file, whole or by range.
    Get {
        /// Which attachment.
        id: AttachmentId,
        /// Bytes of the whole.
        bytes: u64,
        /// Until when it may begin.
        expires: Timestamp,
    },
}

impl FileGrant {
    /// Leave to put a part from now on.
    pub(super) fn to_put(id: AttachmentId, part: AttachmentPart, now: Timestamp) -> Self {
        Self::Put { id, part, expires: now + GRANT_VALID }
    }

    /// Leave to read a file of so many bytes from now on.
    pub(super) fn to_get(id: AttachmentId, bytes: u64, now: Timestamp) -> Self {
        Self::Get { id, bytes, expires: now + GRANT_VALID }
    }

    /// What its holder may ask of any server.
    pub(super) fn request(&self, key: &GrantKey) -> SignedRequest {
        let (method, headers) = match self {
            Self::Put { .. } => ("PUT", BTreeMap::from([("content-type", MEDIA_TYPE.to_owned())])),
            Self::Get { .. } => ("GET", BTreeMap::new()),
        };
        SignedRequest { url: self.address(key), method, headers, expires: self.expires() }
    }

    /// Until when it serves.
    pub const fn expires(&self) -> Timestamp {
        match self {
            Self::Put { expires, .. } | Self::Get { expires, .. } => *expires,
        }
    }

    /// The path and query at which it serves.
    pub fn address(&self, key: &GrantKey) -> String {
        let signature = key.sign(&[LABEL, &self.to_bytes()]);
        let expires = self.expires().0;
        match self {
            Self::Put { id, part, .. } => format!(
                "{ATTACHMENTS_PATH}{id}/parts/{}?bytes={}&sha256={}&expires={expires}&signature={signature}",
                part.number,
                part.bytes,
                HEXLOWER.encode(&part.sha256)
            ),
            Self::Get { id, bytes, .. } => {
                format!("{ATTACHMENTS_PATH}{id}/file?bytes={bytes}&expires={expires}&signature={signature}")
            }
        }
    }

    /// Checks what came in an address, `signature` being its hexadecimal text.
    ///
    /// # Errors
    /// See [`GrantError`].
    pub fn verify(&self, key: &GrantKey, signature: &str, now: Timestamp) -> Result<(), GrantError> {
        key.check(&[LABEL, &self.to_bytes()], signature)?;
        if now < self.expires() { Ok(()) } else { Err(GrantError::Expired) }
    }

    /// What is signed: of one length for each kind, and the kinds differ in their first byte.
    fn to_bytes(self) -> Vec<u8> {
        let expires = self.expires().0.to_be_bytes();
        match self {
            Self::Put { id, part, .. } => [
                &[1][..],
                id.as_bytes(),
                &part.number.to_be_bytes(),
                &part.bytes.to_be_bytes(),
                &part.sha256,
                &expires,
            ]
            .concat(),
            Self::Get { id, bytes, .. } => [&[0][..], id.as_bytes(), &bytes.to_be_bytes(), &expires].concat(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    fn signature(grant: &FileGrant, key: &GrantKey) -> String {
        grant.address(key).rsplit('=').next().unwrap().to_owned()
    }

    #[test]
    fn an_address_serves_for_one_part_of_one_length_and_hash() {
        let key = GrantKey::new([7; 32]);
        let id = AttachmentId::from_bytes([1; 16]);
        let part = AttachmentPart { number: 2, offset: 8 << 20, bytes: 3, sha256: [4; 32] };
        let expires = NOW + GRANT_VALID;
        let grant = FileGrant::Put { id, part, expires };
        let signature = signature(&grant, &key);
        assert_eq!(grant.verify(&key, &signature, NOW), Ok(()));
        assert_eq!(grant.verify(&key, &signature, expires), Err(GrantError::Expired));
        for other in [
            FileGrant::Put { id: AttachmentId::from_bytes([2; 16]), part, expires },
            FileGrant::Put { id, part: AttachmentPart { number: 1, ..part }, expires },
            FileGrant::Put { id, part: AttachmentPart { bytes: 4, ..part }, expires },
            FileGrant::Put { id, part: AttachmentPart { sha256: [5; 32], ..part }, expires },
            FileGrant::Put { id, part, expires: expires + Duration::from_millis(1) },
            FileGrant::Get { id, bytes: 3, expires },
        ] {
            assert_eq!(other.verify(&key, &signature, NOW), Err(GrantError::NotSigned), "{other:?}");
        }
        assert_eq!(grant.verify(&GrantKey::new([8; 32]), &signature, NOW), Err(GrantError::NotSigned));
    }

    #[test]
    fn an_address_to_read_serves_for_one_file_and_five_minutes() {
        let key = GrantKey::new([7; 32]);
        let (id, expires) = (AttachmentId::from_bytes([1; 16]), NOW + GRANT_VALID);
        let grant = FileGrant::Get { id, bytes: 3, expires };
        let signature = signature(&grant, &key);
        assert_eq!(grant.verify(&key, &signature, NOW), Ok(()));
        assert_eq!(grant.verify(&key, &signature, expires), Err(GrantError::Expired));
        let other = FileGrant::Get { id: AttachmentId::from_bytes([2; 16]), bytes: 3, expires };
        assert_eq!(other.verify(&key, &signature, NOW), Err(GrantError::NotSigned));
    }
}
