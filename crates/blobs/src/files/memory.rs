//! The reference implementation: maps behind a lock, gone with the process. For tests.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use dunlin_model::{Attachment, AttachmentId, AttachmentPart};
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::{AttachmentFiles, ByteStream, FileError};

/// Files in memory.
#[derive(Debug, Default)]
pub struct MemoryFiles {
    parts: Mutex<HashMap<AttachmentId, BTreeMap<u32, Bytes>>>,
    files: Mutex<HashMap<AttachmentId, Bytes>>,
}

#[async_trait]
impl AttachmentFiles for MemoryFiles {
    async fn put_part(
        &self,
        id: AttachmentId,
        part: AttachmentPart,
        mut body: ByteStream,
    ) -> Result<(), FileError> {
        let mut bytes = BytesMut::new();
        while let Some(piece) = body.next().await {
            bytes.extend_from_slice(&piece.map_err(FileError::Body)?);
        }
        if u64::try_from(bytes.len()) != Ok(part.bytes) {
            return Err(FileError::WrongLength);
        }
        if <[u8; 32]>::from(Sha256::digest(&bytes)) != part.sha256 {
            return Err(FileError::WrongHash);
        }
        self.parts.lock().entry(id).or_default().insert(part.number, bytes.freeze());
        Ok(())
    }

    async fn parts(&self, attachment: &Attachment) -> Result<Vec<u32>, FileError> {
        if self.files.lock().contains_key(&attachment.id) {
            return Ok(attachment.parts().map(|part| part.number).collect());
        }
        let parts = self.parts.lock();
        Ok(parts.get(&attachment.id).map_or_else(Vec::new, |parts| parts.keys().copied().collect()))
    }

    async fn complete(&self, attachment: &Attachment) -> Result<(), FileError> {
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

    async fn size(&self, id: AttachmentId) -> Result<Option<u64>, FileError> {
        Ok(self.files.lock().get(&id).and_then(|bytes| u64::try_from(bytes.len()).ok()))
    }

    async fn read(&self, id: AttachmentId, range: Range<u64>) -> Result<Option<ByteStream>, FileError> {
        let Some(bytes) = self.files.lock().get(&id).cloned() else { return Ok(None) };
        let at = |at: u64| usize::try_from(at).map_or(bytes.len(), |at| at.min(bytes.len()));
        let (from, to) = (at(range.start), at(range.end));
        let piece = bytes.slice(from.min(to)..to);
        Ok(Some(futures_util::stream::once(async move { Ok(piece) }).boxed()))
    }

    async fn remove(&self, id: AttachmentId) -> Result<(), FileError> {
        self.parts.lock().remove(&id);
        self.files.lock().remove(&id);
        Ok(())
    }
}
