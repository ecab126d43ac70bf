//! The bytes of attachments: put in parts, each bound to its length and hash, and read by range.
//!
//! A file is there only once all of its parts are and [`AttachmentFiles::complete`] has said so; then it never changes.
//! Clients put and read at addresses that are signed for a few minutes: at this server for files that it keeps itself
//! ([`FilesHere`]), else at the object store, so that no byte passes through here.

mod address;
mod arriving;
mod local;
mod memory;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use dunlin_model::attachment::UploadName;
use dunlin_model::{Attachment, AttachmentId, AttachmentPart, Timestamp};
use futures_util::stream::BoxStream;

use crate::{GrantError, GrantKey};

pub use address::{ATTACHMENTS_PATH, FileGrant};
pub use local::LocalFiles;
pub use memory::MemoryFiles;

/// Bytes as they come.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// What browsers are to take an attachment for: nothing that they could show or run.
pub(crate) const MEDIA_TYPE: &str = "application/octet-stream";

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
    /// The object store has forgotten the upload.
    #[error("The upload is not there any more.")]
    Gone,
    /// What was to be put could not be received.
    #[error("The body could not be read.")]
    Body(#[source] io::Error),
    /// The disk or the service does not do it.
    #[error("The files are out of reach.")]
    Unavailable(#[source] io::Error),
}

/// An attachment on its way.
#[derive(Debug, Clone, Copy)]
pub struct Upload<'a> {
    /// What is known of it.
    pub attachment: &'a Attachment,
    /// What the object store calls the upload, where [`AttachmentFiles::names_uploads`].
    pub name: Option<&'a UploadName>,
}

/// How far an upload has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// Whether the file is there.
    pub complete: bool,
    /// The numbers of the parts that are there, ascending; of a complete file all.
    pub there: Vec<u32>,
}

impl Progress {
    pub(crate) fn complete(attachment: &Attachment) -> Self {
        Self { complete: true, there: attachment.parts().map(|part| part.number).collect() }
    }
}

/// What is there of a complete file, from what is known of it without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// The file, as it was described.
    Whole,
    /// Nothing that is complete.
    Missing,
    /// Something of another length.
    WrongLength,
    /// Something of another hash.
    WrongHash,
}

/// A request that whoever has it may make for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// Absolute, or path and query at any server.
    pub url: String,
    /// The method.
    pub method: &'static str,
    /// To be sent as they are, with names in lower case.
    pub headers: BTreeMap<&'static str, String>,
    /// Until when it may begin.
    pub expires: Timestamp,
}

/// What stands in storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Of which attachment.
    pub id: AttachmentId,
    /// Of an upload that is not complete, what the object store calls it.
    pub upload: Option<UploadName>,
}

/// Some of what stands in storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// In an order of the storage's own; an attachment may come more than once.
    pub stored: Vec<Stored>,
    /// Where to go on; nothing at the end.
    pub next: Option<AttachmentId>,
}

/// Where the bytes of attachments are.
#[async_trait]
pub trait AttachmentFiles: Send + Sync + 'static {
    /// Whether the upload of this attachment has a name, which others must keep.
    fn names_uploads(&self, _attachment: &Attachment) -> bool {
        false
    }

    /// Begins an upload that has a name. Each call begins another one.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn begin(&self, _attachment: &Attachment) -> Result<Option<UploadName>, FileError> {
        Ok(None)
    }

    /// Ends an upload that has a name, with all its parts. May be repeated, and changes nothing of a complete one.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn abandon(&self, _id: AttachmentId, _name: &UploadName) -> Result<(), FileError> {
        Ok(())
    }

    /// How far an upload has got. A complete file that an object store has otherwise than it was described is removed, so
    /// that it can be put again.
    ///
    /// # Errors
    /// `Gone`, `Unavailable`.
    async fn progress(&self, upload: Upload<'_>) -> Result<Progress, FileError>;

    /// The request that puts a part, of its length and hash and no other.
    fn to_put(&self, upload: Upload<'_>, part: &AttachmentPart, now: Timestamp) -> SignedRequest;

    /// Makes the file one of all its parts, durably. May be repeated. One that turns out to be otherwise than it was
    /// described is removed. Of a file in several parts an object store knows the hashes of the parts alone: that the
    /// hash of the whole is another one is found out where this server reads it, and by whoever downloads it.
    ///
    /// # Errors
    /// `Incomplete`, `WrongHash`, `Busy`, `Gone`, `Unavailable`.
    async fn complete(&self, upload: Upload<'_>) -> Result<(), FileError>;

    /// Whether the complete file is there, and as it was described.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn found(&self, attachment: &Attachment) -> Result<Found, FileError>;

    /// The request that reads a complete file of so many bytes, whole or by range.
    fn to_get(&self, id: AttachmentId, bytes: u64, now: Timestamp) -> SignedRequest;

    /// Removes a file, and what this server keeps of an upload. May be repeated.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn remove(&self, id: AttachmentId) -> Result<(), FileError>;

    /// What stands in storage, complete or not, from after `after`, at most about `limit`.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn list(&self, after: Option<AttachmentId>, limit: usize) -> Result<Listed, FileError>;

    /// The files, where this server keeps them itself.
    fn here(&self) -> Option<&dyn FilesHere> {
        None
    }
}

/// Files whose bytes pass through this server.
#[async_trait]
pub trait FilesHere: Send + Sync {
    /// What signs their addresses.
    fn key(&self) -> &GrantKey;

    /// Checks an address that somebody came with.
    ///
    /// # Errors
    /// See [`GrantError`].
    fn verify(&self, grant: &FileGrant, signature: &str, now: Timestamp) -> Result<(), GrantError> {
        grant.verify(self.key(), signature, now)
    }

    /// Puts a part, as it comes, durably; nothing is kept of one that is not as it was to be. Putting one that is
    /// there is harmless. Cancel safe.
    ///
    /// # Errors
    /// Each of [`FileError`] but `Incomplete` and `Gone`.
    async fn put_part(
        &self,
        id: AttachmentId,
        part: AttachmentPart,
        body: ByteStream,
    ) -> Result<(), FileError>;

    /// Some of a complete file's bytes, in pieces; `None` when it is not there.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn read(&self, id: AttachmentId, range: Range<u64>) -> Result<Option<ByteStream>, FileError>;
}
