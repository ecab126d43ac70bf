//! The bytes of attachments: put in parts, each checked against length and hash while it arrives, and read by range.
//!
//! A file is there only once all of its parts are and [`AttachmentFiles::complete`] has said so; then it never changes.

mod address;
mod local;
mod memory;

use std::io;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use dunlin_model::{Attachment, AttachmentId, AttachmentPart};
use futures_util::stream::BoxStream;

pub use address::{ATTACHMENTS_PATH, FileGrant};
pub use local::LocalFiles;
pub use memory::MemoryFiles;

/// Bytes as they come.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// Why a file cannot be put or read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The bytes have another hash than was said.
    #[error("The bytes have another SHA-256.")]
    WrongHash,
    /// There are more or fewer bytes than was said.
    #[error("The bytes have another length.")]
    WrongLength,
    /// The same part is being put, or the file being completed, by somebody else.
    #[error("This part is being put already.")]
    Busy,
    /// Some parts are missing.
    #[error("Not all parts are there.")]
    Incomplete,
    /// What was to be put could not be received.
    #[error("The body could not be read.")]
    Body(#[source] io::Error),
    /// The disk or the service does not do it.
    #[error("The files are out of reach.")]
    Unavailable(#[source] io::Error),
}

/// Where the bytes of attachments are.
#[async_trait]
pub trait AttachmentFiles: Send + Sync + 'static {
    /// Puts a part, as it comes, durably; nothing is kept of one that is not as it was to be. Putting one that is
    /// there is harmless. Cancel safe.
    ///
    /// # Errors
    /// Each of [`FileError`] but `Incomplete`.
    async fn put_part(
        &self,
        id: AttachmentId,
        part: AttachmentPart,
        body: ByteStream,
    ) -> Result<(), FileError>;

    /// The numbers of the parts that are there, ascending; of a complete file all.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn parts(&self, attachment: &Attachment) -> Result<Vec<u32>, FileError>;

    /// Makes the file one of all its parts, durably. May be repeated. One that turns out to have another hash as a
    /// whole is removed.
    ///
    /// # Errors
    /// `Incomplete`, `WrongHash`, `Busy`, `Unavailable`.
    async fn complete(&self, attachment: &Attachment) -> Result<(), FileError>;

    /// The length of a complete file.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn size(&self, id: AttachmentId) -> Result<Option<u64>, FileError>;

    /// Some of a complete file's bytes, in pieces; `None` when it is not there.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn read(&self, id: AttachmentId, range: Range<u64>) -> Result<Option<ByteStream>, FileError>;

    /// Removes all there is of a file. May be repeated.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn remove(&self, id: AttachmentId) -> Result<(), FileError>;
}
