//! The key-value engine underneath: fjall, one keyspace, every batch synced before it can be read.
//!
//! fjall writes a batch to its journal, syncs it (`PersistMode::SyncData`), and only then applies it to the
//! memtable that reads see. So what a read returns is durable (I9) without holding readers back; a failed
//! sync poisons fjall, and the batch never becomes visible. A reader may see a batch half applied: rows that
//! others point to are staged first.

use std::path::Path;

use dunlin_store::StoreError;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::config::{ENGINE_THREADS, JOURNALS_BYTES_MAX, MEMTABLE_BYTES};
use crate::keys::Key;
use crate::rows::Row;

const KEYSPACE: &str = "rows";

/// An open database.
#[derive(Clone)]
pub(crate) struct Engine {
    database: Database,
    rows: Keyspace,
    #[cfg(test)]
    pub(crate) faults: std::sync::Arc<crate::faults::Faults>,
}

impl Engine {
    pub(crate) fn open(path: &Path, cache_bytes: u64) -> Result<Self, fjall::Error> {
        let database = Database::builder(path)
            .cache_size(cache_bytes)
            .max_journaling_size(JOURNALS_BYTES_MAX)
            .worker_threads(ENGINE_THREADS)
            .open()?;
        let rows = database
            .keyspace(KEYSPACE, || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES))?;
        Ok(Self {
            database,
            rows,
            #[cfg(test)]
            faults: std::sync::Arc::default(),
        })
    }

    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Row>, StoreError> {
        self.rows.get(key).map_err(|error| read_error(&error))
    }

    /// Rows from `from` to `to`, both included, ascending.
    pub(crate) fn range(
        &self,
        from: Key,
        to: Key,
    ) -> impl DoubleEndedIterator<Item = Result<(Key, Row), StoreError>> + use<> {
        self.rows.range(from..=to).map(|row| row.into_inner().map_err(|error| read_error(&error)))
    }

    /// Writes all of this, synced, or fails; after a failure nothing can be written any more.
    pub(crate) fn commit(&self, changes: Vec<(Key, Option<Row>)>) -> Result<(), String> {
        #[cfg(test)]
        self.faults.before_commit()?;
        let mut batch = fjall::OwnedWriteBatch::with_capacity(self.database.clone(), changes.len())
            .durability(Some(PersistMode::SyncData));
        for (key, row) in changes {
            match row {
                Some(row) => batch.insert(&self.rows, key, row),
                None => batch.remove(&self.rows, key),
            }
        }
        batch.commit().map_err(|error| error.to_string())
    }

    /// Sends the rows in memory on their way to a table.
    pub(crate) fn rotate(&self) -> Result<(), String> {
        self.rows.rotate_memtable().map(|_| ()).map_err(|error| error.to_string())
    }

    /// Bytes on disk.
    pub(crate) fn disk_bytes(&self) -> Option<u64> {
        self.database.disk_space().ok()
    }
}

fn read_error(error: &fjall::Error) -> StoreError {
    match error {
        fjall::Error::Io(_) | fjall::Error::Poisoned => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Damaged(error.to_string()),
    }
}
