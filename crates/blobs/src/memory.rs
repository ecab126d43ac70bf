//! The reference implementation: a map behind a lock, gone with the process. For tests.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use async_trait::async_trait;
use bytes::Bytes;
use dunlin_model::ChatId;
use parking_lot::Mutex;

use crate::{BlobError, BlobHash, Blobs, Holder};

/// Blobs in memory.
#[derive(Debug)]
pub struct MemoryBlobs {
    bytes_max: usize,
    blobs: Mutex<HashMap<BlobHash, Bytes>>,
    holders: Mutex<BTreeMap<(BlobHash, ChatId), Holder>>,
}

impl MemoryBlobs {
    /// No blobs, of at most so many bytes each.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, blobs: Mutex::default(), holders: Mutex::default() }
    }
}

#[async_trait]
impl Blobs for MemoryBlobs {
    fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    async fn put(&self, hash: BlobHash, bytes: Bytes) -> Result<(), BlobError> {
        if bytes.len() > self.bytes_max {
            return Err(BlobError::TooLarge { limit: self.bytes_max });
        }
        if BlobHash::of(&bytes) != hash {
            return Err(BlobError::WrongHash);
        }
        self.blobs.lock().insert(hash, bytes);
        Ok(())
    }

    async fn get(&self, hash: BlobHash) -> Result<Option<Bytes>, BlobError> {
        Ok(self.blobs.lock().get(&hash).cloned())
    }

    async fn size(&self, hash: BlobHash) -> Result<Option<u64>, BlobError> {
        Ok(self.blobs.lock().get(&hash).and_then(|bytes| u64::try_from(bytes.len()).ok()))
    }

    async fn hold(&self, hash: BlobHash, holder: Holder) -> Result<(), BlobError> {
        let mut holders = self.holders.lock();
        let held = holders.entry((hash, holder.chat)).or_insert(holder);
        *held = held.merge(holder);
        Ok(())
    }

    async fn holders(&self, hash: BlobHash) -> Result<Vec<Holder>, BlobError> {
        let holders = self.holders.lock();
        Ok(holders.iter().filter(|((of, _), _)| *of == hash).map(|(_, holder)| *holder).collect())
    }

    async fn list(&self, after: Option<BlobHash>, limit: usize) -> Result<Vec<BlobHash>, BlobError> {
        let mut all: BTreeSet<BlobHash> = self.blobs.lock().keys().copied().collect();
        all.extend(self.holders.lock().keys().map(|(hash, _)| *hash));
        Ok(all.into_iter().filter(|hash| after.is_none_or(|after| *hash > after)).take(limit).collect())
    }

    async fn let_go(&self, hash: BlobHash, holder: Holder) -> Result<bool, BlobError> {
        let mut holders = self.holders.lock();
        let place = (hash, holder.chat);
        if holders.get(&place).is_some_and(|now| now.held != holder.held) {
            return Ok(false);
        }
        holders.remove(&place);
        if holders.keys().any(|(of, _)| *of == hash) {
            return Ok(false);
        }
        Ok(self.blobs.lock().remove(&hash).is_some())
    }
}
