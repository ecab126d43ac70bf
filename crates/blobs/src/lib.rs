//! Blobs: bytes that are too large for the log, named by their SHA-256.
//!
//! A blob never changes, so putting one twice is harmless and reading one can be checked. Who may read what is
//! decided by others, who give out addresses that serve for a while ([`GrantKey`]).

mod files;
mod grant;
mod holder;
mod local;
mod memory;
mod s3;

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use bytes::Bytes;
use sha2::{Digest, Sha256};

pub use files::{
    ATTACHMENTS_PATH, AttachmentFiles, ByteStream, FileError, FileGrant, FilesHere, Found, Listed,
    LocalFiles, MemoryFiles, Progress, SignedRequest, Stored, Upload,
};
pub use grant::{Access, BLOBS_PATH, GRANT_VALID, Grant, GrantError, GrantKey};
pub use holder::Holder;
pub use local::LocalBlobs;
pub use memory::MemoryBlobs;
pub use s3::{S3Config, S3ConfigError, S3Files};

/// The name of a blob: its SHA-256. As text, 64 hexadecimal digits in lower case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobHash(pub [u8; 32]);

impl BlobHash {
    /// The name of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for BlobHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobHash({self})")
    }
}

/// The text is not the name of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not 64 hexadecimal digits in lower case")]
pub struct NotAHash;

impl FromStr for BlobHash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| NotAHash)?;
        bytes.try_into().map(Self).map_err(|_| NotAHash)
    }
}

/// What can go wrong with blobs.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The bytes do not have the hash that they were to have.
    #[error("The bytes do not have this hash.")]
    WrongHash,
    /// More bytes than a blob may have.
    #[error("A blob has at most {limit} bytes.")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// What is stored is not what was put.
    #[error("The blob {0} is damaged.")]
    Damaged(BlobHash),
    /// It cannot be read or written now.
    #[error("The blobs cannot be reached now.")]
    Unavailable(#[source] std::io::Error),
}

/// Where blobs are kept.
#[async_trait]
pub trait Blobs: Send + Sync + 'static {
    /// Bytes that a blob may have.
    fn bytes_max(&self) -> usize;

    /// Puts a blob. When this returns it is durable. Putting what is there changes nothing. Cancel safe: then it
    /// is there whole, or not at all.
    ///
    /// # Errors
    /// `WrongHash`, `TooLarge`, `Unavailable`.
    async fn put(&self, hash: BlobHash, bytes: Bytes) -> Result<(), BlobError>;

    /// A blob, checked against its hash; `None` when it is not there.
    ///
    /// # Errors
    /// `Damaged`, `Unavailable`.
    async fn get(&self, hash: BlobHash) -> Result<Option<Bytes>, BlobError>;

    /// How many bytes a blob has; `None` when it is not there.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn size(&self, hash: BlobHash) -> Result<Option<u64>, BlobError>;

    /// Notes for which chat the blob is, before its address is given out; a chat that holds it already goes on
    /// doing so as [`Holder::merge`] says. Durable when this returns.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn hold(&self, hash: BlobHash, holder: Holder) -> Result<(), BlobError>;

    /// The chats that the blob is for, in no order. It need not be there yet.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn holders(&self, hash: BlobHash) -> Result<Vec<Holder>, BlobError>;

    /// The next blobs and held names after `after` in the order of their hashes, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn list(&self, after: Option<BlobHash>, limit: usize) -> Result<Vec<BlobHash>, BlobError>;

    /// The chat does not need the blob any more, unless it held it again after `holder` was read. When no other chat
    /// holds it, the blob is removed, which is told. May be repeated, and after a crash is.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn let_go(&self, hash: BlobHash, holder: Holder) -> Result<bool, BlobError>;
}
