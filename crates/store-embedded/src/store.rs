//! The store itself: the queue before the writer, and reads beside it.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use dunlin_model::{Clock, Randomness};
use dunlin_store::StoreError;
use tokio::sync::{mpsc, oneshot, watch};

use crate::config::EmbeddedConfig;
use crate::engine::Engine;
use crate::marks::MarksCache;
use crate::opening::{self, OpenError};
use crate::operation::{Operation, Reply};
use crate::stats::{StoreStats, add};
use crate::writer::Writer;

/// A store in a directory of this machine. Dropping it writes what waits, then closes.
pub struct EmbeddedStore {
    pub(crate) engine: Engine,
    pub(crate) marks: Arc<MarksCache>,
    stats: Arc<StoreStats>,
    queue: mpsc::Sender<Operation>,
    queue_wait_max: Duration,
    failure: watch::Receiver<Option<String>>,
    writer: Option<JoinHandle<()>>,
    /// Last, so that the directory is free only when everything else is closed.
    _lock: File,
}

impl EmbeddedStore {
    /// Opens the store in `folder`, or makes one there. Blocks: call it before serving, or on a blocking thread.
    ///
    /// # Errors
    /// See [`OpenError`]; above all when acknowledged writes are gone.
    pub fn open(
        folder: &Path,
        config: &EmbeddedConfig,
        clock: Arc<dyn Clock>,
        randomness: &dyn Randomness,
    ) -> Result<Self, OpenError> {
        let opened = opening::open(folder, config, &*clock, randomness)?;
        let (queue, waiting) = mpsc::channel(config.waiting_writes_max.max(1));
        let (failure, failed) = watch::channel(None);
        let marks = Arc::new(MarksCache::new(config.chats_cached_max));
        let stats = Arc::new(StoreStats::default());
        let writer = Writer {
            engine: opened.engine.clone(),
            marks: Arc::clone(&marks),
            stats: Arc::clone(&stats),
            clock,
            watermark: opened.watermark,
            number: opened.number,
            failure,
        };
        let writer = writer
            .start(waiting, config)
            .map_err(|source| OpenError::Io { path: folder.to_owned(), source })?;
        Ok(Self {
            engine: opened.engine,
            marks,
            stats,
            queue,
            queue_wait_max: config.queue_wait_max,
            failure: failed,
            writer: Some(writer),
            _lock: opened.lock,
        })
    }

    /// Waits until the store cannot write any more, and says why. Then the server should stop: what the disk
    /// holds is only known after a restart. May be dropped at any time.
    pub async fn failed(&self) -> String {
        let mut failure = self.failure.clone();
        let reason = match failure.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone(),
            Err(_) => None,
        };
        reason.unwrap_or_else(|| "the writer of the embedded store has ended".to_owned())
    }

    /// What the writer did so far.
    pub fn stats(&self) -> &StoreStats {
        &self.stats
    }

    /// Writes that wait for the writer now.
    pub fn waiting_writes(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Bytes on disk, when they can be told.
    pub fn disk_bytes(&self) -> Option<u64> {
        self.engine.disk_bytes()
    }

    /// Hands a write to the writer and waits for the commit. When the returned future is dropped before the
    /// write has a place in the queue nothing is written; afterwards it is written all the same.
    pub(crate) async fn submit<T>(
        &self,
        operation: impl FnOnce(Reply<T>) -> Operation,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        match self.queue.try_send(operation(reply)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(operation)) => {
                match tokio::time::timeout(self.queue_wait_max, self.queue.send(operation)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => return Err(self.closed()),
                    Err(_) => {
                        add(&self.stats.refused, 1);
                        return Err(StoreError::Unavailable("too many writes wait".to_owned()));
                    }
                }
            }
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(self.closed()),
        }
        answer.await.unwrap_or_else(|_| Err(StoreError::Uncertain("the writer ended".to_owned())))
    }

    fn closed(&self) -> StoreError {
        let reason = self.failure.borrow().clone();
        StoreError::Unavailable(reason.unwrap_or_else(|| "the store is closed".to_owned()))
    }

    /// Reads on a thread that may block, for scans and for what is likely on disk.
    pub(crate) async fn aside<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Engine) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let engine = self.engine.clone();
        tokio::task::spawn_blocking(move || read(&engine))
            .await
            .unwrap_or_else(|error| Err(StoreError::Unavailable(format!("a read was given up: {error}"))))
    }
}

impl Drop for EmbeddedStore {
    fn drop(&mut self) {
        // The writer ends when the last sender is gone.
        let (nothing, _) = mpsc::channel(1);
        drop(std::mem::replace(&mut self.queue, nothing));
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}
