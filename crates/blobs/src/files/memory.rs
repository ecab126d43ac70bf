//! The reference implementation: maps behind a lock, gone with the process. For tests.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Range};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use dunlin_model::{Attachment, AttachmentId, AttachmentPart, Timestamp};
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::arriving::Arriving;
use super::{
    AttachmentFiles, ByteStream, FileError, FileGrant, FilesHere, Found, Listed, Progress, SignedRequest,
    Stored, Upload,
};
use crate::GrantKey;

/// Files in memory, whose addresses are signed with a key that everybody knows.
pub struct MemoryFiles {
    key: GrantKey,
    parts: Mutex<BTreeMap<AttachmentId, BTreeMap<u32, Bytes>>>,
    files: Mutex<BTreeMap<AttachmentId, Bytes>>,
}

impl Default for MemoryFiles {
    fn default() -> Self {
        Self { key: GrantKey::new([0; 32]), parts: Mutex::default(), files: Mutex::default() }
    }
}

#[async_trait]
impl AttachmentFiles for MemoryFiles {
    async fn progress(&self, upload: Upload<'_>) -> Result<Progress, FileError> {
        let attachment = upload.attachment;
        if self.files.lock().contains_key(&attachment.id) {
            return Ok(Progress::complete(attachment));
        }
        let parts = self.parts.lock();
        let there = parts.get(&attachment.id).map_or_else(Vec::new, |parts| parts.keys().copied().collect());
        Ok(Progress { complete: false, there })
    }

    fn to_put(&self, upload: Upload<'_>, part: &AttachmentPart, now: Timestamp) -> SignedRequest {
        FileGrant::to_put(upload.attachment.id, *part, now).request(&self.key)
    }

    async fn complete(&self, upload: Upload<'_>) -> Result<(), FileError> {
        let attachment = upload.attachment;
        if self.files.lock().contains_key(&attachment.id) {
            return Ok(());
        }
        let mut all = self.parts.lock();
        let parts = all.get(&attachment.id).ok_or(FileError::Incomplete)?;
        if parts.len() != attachment.parts.len() {
            return Err(FileError::Incomplete);
        }
        let whole: Vec<u8> = parts.values().flatten().copied().collect();
        all.remove(&attachment.id);
        if <[u8; 32]>::from(Sha256::digest(&whole)) != attachment.sha256 {
            return Err(FileError::WrongHash);
        }
        self.files.lock().insert(attachment.id, whole.into());
        Ok(())
    }

    async fn found(&self, attachment: &Attachment) -> Result<Found, FileError> {
        Ok(match self.files.lock().get(&attachment.id) {
            None => Found::Missing,
            Some(bytes) if u64::try_from(bytes.len()) != Ok(attachment.bytes) => Found::WrongLength,
            Some(_) => Found::Whole,
        })
    }

    fn to_get(&self, id: AttachmentId, bytes: u64, now: Timestamp) -> SignedRequest {
        FileGrant::to_get(id, bytes, now).request(&self.key)
    }

    async fn remove(&self, id: AttachmentId) -> Result<(), FileError> {
        self.parts.lock().remove(&id);
        self.files.lock().remove(&id);
        Ok(())
    }

    async fn list(&self, after: Option<AttachmentId>, limit: usize) -> Result<Listed, FileError> {
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let mut ids = BTreeSet::new();
        ids.extend(self.parts.lock().range(range).map(|(id, _)| *id).take(limit));
        ids.extend(self.files.lock().range(range).map(|(id, _)| *id).take(limit));
        let stored: Vec<_> = ids.into_iter().take(limit).map(|id| Stored { id, upload: None }).collect();
        let next = stored.last().map(|last| last.id).filter(|_| stored.len() >= limit);
        Ok(Listed { stored, next })
    }

    fn here(&self) -> Option<&dyn FilesHere> {
        Some(self)
    }
}

#[async_trait]
impl FilesHere for MemoryFiles {
    fn key(&self) -> &GrantKey {
        &self.key
    }

    async fn put_part(
        &self,
        id: AttachmentId,
        part: AttachmentPart,
        mut body: ByteStream,
    ) -> Result<(), FileError> {
        let (mut arriving, mut bytes) = (Arriving::new(&part), BytesMut::new());
        while let Some(piece) = body.next().await {
            let piece = piece.map_err(FileError::Body)?;
            arriving.take(&piece)?;
            bytes.extend_from_slice(&piece);
        }
        arriving.finish(&part)?;
        self.parts.lock().entry(id).or_default().insert(part.number, bytes.freeze());
        Ok(())
    }

    async fn read(&self, id: AttachmentId, range: Range<u64>) -> Result<Option<ByteStream>, FileError> {
        let Some(bytes) = self.files.lock().get(&id).cloned() else { return Ok(None) };
        let at = |at: u64| usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
        let (from, to) = (at(range.start), at(range.end));
        let piece = bytes.slice(from.min(to)..to);
        Ok(Some(futures_util::stream::once(async move { Ok(piece) }).boxed()))
    }
}
