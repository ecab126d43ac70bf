//! Attachments in an object store that speaks S3: clients put and read there, this server asks for metadata alone.
//!
//! A file of one part is an object that is put; a larger one a multipart upload, whose parts are those of the attachment.
//! Each address is signed (AWS Signature Version 4) for one key, length and SHA-256, which the store checks as the bytes
//! arrive and remembers. So nothing here ever reads a file: see docs/decisions/object-store.md.

mod bucket;
mod call;
mod files;
mod xml;

use std::fmt;

use dunlin_model::{Attachment, AttachmentId};
use sha2::{Digest as _, Sha256};

pub use bucket::S3ConfigError;
pub use files::S3Files;

/// Where the object store is, and who the server is to it.
#[derive(Clone, PartialEq, Eq)]
pub struct S3Config {
    /// Where this server reaches it: `https://s3.eu-central-1.amazonaws.com`.
    pub endpoint: String,
    /// Where clients do, if elsewhere.
    pub public_endpoint: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// Its region.
    pub region: String,
    /// The bucket is the first part of the path, not of the host's name.
    pub path_style: bool,
    /// What the keys of objects begin with.
    pub prefix: String,
    /// The name of the key that signs.
    pub access_key_id: String,
    /// The key that signs.
    pub secret_access_key: String,
}

impl fmt::Debug for S3Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Config")
            .field("endpoint", &self.endpoint)
            .field("public_endpoint", &self.public_endpoint)
            .field("bucket", &self.bucket)
            .field("region", &self.region)
            .field("path_style", &self.path_style)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// What the store says the SHA-256 of this attachment is: of one in several parts that of their hashes, since no store
/// has it of the whole ("composite" in S3's documentation). It fixes each byte as well.
fn checksum_of(attachment: &Attachment) -> String {
    let hash = match attachment.parts.as_slice() {
        [only] => *only,
        parts => Sha256::digest(parts.concat()).into(),
    };
    data_encoding::BASE64.encode(&hash)
}

/// Whether the store says so of it. After a composite stands the number of parts, which some stores leave out.
fn is_checksum_of(attachment: &Attachment, said: &str) -> bool {
    let (hash, parts) = said.split_once('-').unwrap_or((said, ""));
    hash == checksum_of(attachment) && (parts.is_empty() || parts.parse() == Ok(attachment.parts.len()))
}

fn key_of(prefix: &str, id: AttachmentId) -> String {
    format!("{prefix}{id}")
}

#[cfg(test)]
mod tests {
    use dunlin_model::UserId;

    use super::*;

    fn attachment(parts: Vec<[u8; 32]>) -> Attachment {
        let (id, owner) = (AttachmentId::from_bytes([1; 16]), UserId::from_bytes([2; 16]));
        Attachment { id, owner, bytes: 1, sha256: [3; 32], parts }
    }

    #[test]
    fn a_checksum_is_that_of_the_only_part_or_of_all_hashes() {
        let one = attachment(vec![Sha256::digest(b"one").into()]);
        // `printf one | openssl dgst -sha256 -binary | base64`
        let said = "dpLDrTVAu4A8Ags67mbNiIcSMjTqDG5xQ8Ct1z/0Me0=";
        assert!(is_checksum_of(&one, said));
        assert!(!is_checksum_of(&one, &said.to_lowercase()) && !is_checksum_of(&one, ""));
        let two = attachment(vec![Sha256::digest(b"one").into(), Sha256::digest(b"two").into()]);
        let hash = data_encoding::BASE64.encode(&Sha256::digest(two.parts.concat()));
        assert!(is_checksum_of(&two, &format!("{hash}-2")) && is_checksum_of(&two, &hash));
        assert!(!is_checksum_of(&two, &format!("{hash}-3")) && !is_checksum_of(&two, said));
    }

    #[test]
    fn the_settings_are_shown_without_the_keys() {
        let config = S3Config {
            endpoint: "https://s3.example.org".into(),
            public_endpoint: None,
            bucket: "files".into(),
            region: "eu-central-1".into(),
            path_style: true,
            prefix: String::new(),
            access_key_id: "AKIDNAME".into(),
            secret_access_key: "hush".into(),
        };
        let shown = format!("{config:?}");
        assert!(shown.contains("eu-central-1") && !shown.contains("hush") && !shown.contains("AKIDNAME"));
    }
}
