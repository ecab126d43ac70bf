//! The reference implementation: a map behind a lock, gone with the process. For tests.

use std::collections::HashMap;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;

use crate::{BlobError, BlobHash, Blobs};

/// Blobs in memory.
#[derive(Debug)]
pub struct MemoryBlobs {
    bytes_max: usize,
    blobs: Mutex<HashMap<BlobHash, Bytes>>,
}

impl MemoryBlobs {
    /// No blobs, of at most so many bytes each.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, blobs: Mutex::default() }
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
}
