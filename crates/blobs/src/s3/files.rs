//! Attachments as objects of a bucket.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use data_encoding::BASE64;
use dunlin_model::attachment::UploadName;
use dunlin_model::{Attachment, AttachmentId, AttachmentPart, Clock, Timestamp};
use rusty_s3::Method;

use super::bucket::{Side, SigningBucket, Unsigned};
use super::call::Caller;
use super::xml::Part;
use super::{S3Config, S3ConfigError, is_checksum_of, key_of};
use crate::files::MEDIA_TYPE;
use crate::{AttachmentFiles, FileError, Found, Listed, Progress, SignedRequest, Stored, Upload};

/// The most entries of one answer.
const PAGE_MAX: usize = 1_000;
/// Pages looked through for one that has a file or an upload of ours.
const PAGES_MAX: usize = 100;

/// Some of what is in a bucket.
struct Page {
    /// Keys, each of an upload, with its name, or of a complete file.
    found: Vec<(String, Option<UploadName>)>,
    /// The key up to which that is all; nothing at the end.
    end: Option<String>,
}

/// Files in a bucket, which any number of servers may share.
pub struct S3Files {
    store: Caller,
    prefix: String,
}

impl S3Files {
    /// Prepares requests; connects to nothing yet.
    ///
    /// # Errors
    /// See [`S3ConfigError`].
    pub fn new(config: &S3Config, clock: Arc<dyn Clock>) -> Result<Self, S3ConfigError> {
        let store = Caller::new(SigningBucket::new(config, Arc::clone(&clock))?, clock)?;
        Ok(Self { store, prefix: config.prefix.clone() })
    }

    /// Where browsers go for files: scheme, host and port.
    pub fn client_origin(&self) -> String {
        self.store.bucket.client_origin()
    }

    /// Whether the bucket is there for this server.
    ///
    /// # Errors
    /// `Unavailable`, with the reason.
    pub async fn check(&self) -> Result<(), FileError> {
        self.store.objects(&self.prefix, "", 1).await.map(drop)
    }

    fn key(&self, id: AttachmentId) -> String {
        key_of(&self.prefix, id)
    }

    fn id(&self, key: &str) -> Option<AttachmentId> {
        key.strip_prefix(&self.prefix)?.parse().ok()
    }

    /// The parts of an upload that are as they were described; `None` when the upload is not there any more.
    async fn parts(&self, upload: Upload<'_>) -> Result<Option<Vec<Part>>, FileError> {
        let Some(UploadName(name)) = upload.name else { return Ok(None) };
        let Some(mut parts) = self.store.parts(&self.key(upload.attachment.id), name).await? else {
            return Ok(None);
        };
        if parts.iter().any(|part| part.sha256.is_none()) {
            return Err(tells_no_checksum());
        }
        parts.retain(|part| {
            upload.attachment.part(part.number).is_some_and(|said| {
                part.size == said.bytes && part.sha256.as_ref() == Some(&BASE64.encode(&said.sha256))
            })
        });
        Ok(Some(parts))
    }

    /// A page of what begins with the prefix, from after the key `after`, in the order of keys: complete files and uploads
    /// as far as both lists reach.
    async fn page(&self, after: &str, limit: usize) -> Result<Page, FileError> {
        let objects = self.store.objects(&self.prefix, after, limit).await?;
        let uploads = self.store.uploads(&self.prefix, after, limit).await?;
        let ends = [
            objects.objects.last().filter(|_| objects.is_truncated).map(|last| last.key.clone()),
            uploads.uploads.last().filter(|_| uploads.is_truncated).map(|last| last.key.clone()),
        ];
        let end = ends.into_iter().flatten().min();
        let objects = objects.objects.into_iter().map(|object| (object.key, None));
        let uploads = uploads.uploads.into_iter().map(|begun| (begun.key, Some(UploadName(begun.upload_id))));
        let mut found: Vec<_> = objects.chain(uploads).collect();
        found.retain(|(key, _)| end.as_ref().is_none_or(|end| key <= end));
        Ok(Page { found, end })
    }

    /// What a file that is or should be complete comes to. One that is not as it was described is removed.
    async fn settle(&self, attachment: &Attachment) -> Result<Found, FileError> {
        let found = self.found(attachment).await?;
        if matches!(found, Found::WrongLength | Found::WrongHash) {
            self.store.delete(&self.key(attachment.id)).await?;
        }
        Ok(found)
    }
}

fn tells_no_checksum() -> FileError {
    FileError::Unavailable(io::Error::other("the object store tells no SHA-256 (x-amz-checksum-sha256)"))
}

#[async_trait]
impl AttachmentFiles for S3Files {
    /// What has only one part is simply put.
    fn names_uploads(&self, attachment: &Attachment) -> bool {
        attachment.parts.len() > 1
    }

    async fn begin(&self, attachment: &Attachment) -> Result<Option<UploadName>, FileError> {
        if !self.names_uploads(attachment) {
            return Ok(None);
        }
        self.store.begin(&self.key(attachment.id)).await.map(UploadName).map(Some)
    }

    async fn abandon(&self, id: AttachmentId, name: &UploadName) -> Result<(), FileError> {
        self.store.abandon(&self.key(id), &name.0).await
    }

    async fn progress(&self, upload: Upload<'_>) -> Result<Progress, FileError> {
        let attachment = upload.attachment;
        if self.names_uploads(attachment)
            && let Some(parts) = self.parts(upload).await?
        {
            let there = parts.into_iter().map(|part| part.number).collect();
            return Ok(Progress { complete: false, there });
        }
        match self.settle(attachment).await? {
            Found::Whole => Ok(Progress::complete(attachment)),
            _ if self.names_uploads(attachment) => Err(FileError::Gone),
            _ => Ok(Progress { complete: false, there: Vec::new() }),
        }
    }

    /// Length and hash are among the signed headers. The length is not among those to be sent: whoever sends a body
    /// sends its length.
    fn to_put(&self, upload: Upload<'_>, part: &AttachmentPart, now: Timestamp) -> SignedRequest {
        let (bytes, number, sha256) =
            (part.bytes.to_string(), part.number.to_string(), BASE64.encode(&part.sha256));
        let key = self.key(upload.attachment.id);
        let length = ("content-length", bytes.as_str());
        let checksum = ("x-amz-checksum-sha256", sha256.as_str());
        let mut headers = BTreeMap::from([(checksum.0, sha256.clone())]);
        let (url, expires) = match upload.name {
            Some(UploadName(name)) => {
                let query = &[("partNumber", number.as_str()), ("uploadId", name.as_str())];
                let headers = &[length, checksum];
                let unsigned = Unsigned { method: Method::Put, key: Some(&key), query, headers };
                self.store.bucket.sign(Side::Client, unsigned, now)
            }
            None => {
                headers.insert("content-type", MEDIA_TYPE.to_owned());
                let headers = &[length, ("content-type", MEDIA_TYPE), checksum];
                let unsigned = Unsigned { method: Method::Put, key: Some(&key), query: &[], headers };
                self.store.bucket.sign(Side::Client, unsigned, now)
            }
        };
        SignedRequest { url: url.into(), method: "PUT", headers, expires }
    }

    async fn complete(&self, upload: Upload<'_>) -> Result<(), FileError> {
        let attachment = upload.attachment;
        let mut was_there = false;
        if let Some(UploadName(name)) = upload.name
            && let Some(parts) = self.parts(upload).await?
        {
            if parts.len() != attachment.parts.len() {
                return Err(FileError::Incomplete);
            }
            was_there = self.store.complete(&self.key(attachment.id), name, &parts).await?;
        }
        match self.settle(attachment).await? {
            Found::Whole => Ok(()),
            Found::WrongLength | Found::WrongHash => Err(FileError::WrongHash),
            Found::Missing if was_there => {
                Err(FileError::Unavailable(io::Error::other("the object store has lost a completed upload")))
            }
            Found::Missing if self.names_uploads(attachment) => Err(FileError::Gone),
            Found::Missing => Err(FileError::Incomplete),
        }
    }

    async fn found(&self, attachment: &Attachment) -> Result<Found, FileError> {
        let Some(head) = self.store.head(&self.key(attachment.id)).await? else { return Ok(Found::Missing) };
        if head.bytes != attachment.bytes {
            return Ok(Found::WrongLength);
        }
        let said = head.sha256.ok_or_else(tells_no_checksum)?;
        Ok(if is_checksum_of(attachment, &said) { Found::Whole } else { Found::WrongHash })
    }

    /// The answer is marked as nothing that a browser could show or run.
    fn to_get(&self, id: AttachmentId, _bytes: u64, now: Timestamp) -> SignedRequest {
        let query = &[("response-content-disposition", "attachment"), ("response-content-type", MEDIA_TYPE)];
        let unsigned = Unsigned { method: Method::Get, key: Some(&self.key(id)), query, headers: &[] };
        let (url, expires) = self.store.bucket.sign(Side::Client, unsigned, now);
        SignedRequest { url: url.into(), method: "GET", headers: BTreeMap::new(), expires }
    }

    async fn remove(&self, id: AttachmentId) -> Result<(), FileError> {
        self.store.delete(&self.key(id)).await
    }

    /// Where a page ends with what is none of ours, the next one begins after the last that is; a page without any is
    /// passed over.
    async fn list(&self, after: Option<AttachmentId>, limit: usize) -> Result<Listed, FileError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let mut after = after.map_or_else(String::new, |after| self.key(after));
        for _ in 0..PAGES_MAX {
            let Page { found, end } = self.page(&after, limit).await?;
            let last = found.iter().filter_map(|(key, _)| Some((key, self.id(key)?))).max();
            let next = last.map(|(_, id)| id).filter(|_| end.is_some());
            let ours =
                found.into_iter().filter_map(|(key, upload)| Some(Stored { id: self.id(&key)?, upload }));
            let stored: Vec<_> = ours.collect();
            match end {
                Some(end) if stored.is_empty() => after = end,
                _ => return Ok(Listed { stored, next }),
            }
        }
        Ok(Listed { stored: Vec::new(), next: None })
    }
}
