//! Writing: a batch, whole or not at all.

use dunlin_client::Batch;
use rusqlite::{Transaction, TransactionBehavior};

use super::Vault;
use super::error::VaultError;

/// No key is longer.
pub const KEY_BYTES_MAX: usize = 1_024;
/// No value is longer.
pub const VALUE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The keys and values of a batch are not longer together.
pub const BATCH_BYTES_MAX: usize = 256 * 1024 * 1024;

impl Vault {
    /// Writes the batch: all of it is on the disk when this returns. An empty one only checks that this is still the
    /// owner. It blocks on the disk; call it from a blocking thread.
    ///
    /// # Errors
    /// [`VaultError::TooLarge`] and [`VaultError::NotOwner`] wrote nothing. After any other failure the batch may or
    /// may not turn out to be durable, and the vault takes no more ([`VaultError::Stopped`]) until it is opened again.
    pub fn commit(&mut self, batch: &Batch) -> Result<(), VaultError> {
        check_sizes(batch)?;
        if self.stopped {
            return Err(VaultError::Stopped);
        }
        let written = self.write(batch);
        self.stopped = !matches!(written, Ok(()) | Err(VaultError::NotOwner));
        written
    }

    fn write(&mut self, batch: &Batch) -> Result<(), VaultError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(VaultError::database("begin to write"))?;
        // Inside the transaction: nobody can become the owner between this and the commit.
        self.owner.check(&transaction)?;
        {
            let mut put = prepare(
                &transaction,
                "INSERT INTO entry (key, sealed) VALUES (?1, ?2)
                 ON CONFLICT (key) DO UPDATE SET sealed = excluded.sealed",
            )?;
            let mut delete = prepare(&transaction, "DELETE FROM entry WHERE key = ?1")?;
            for (key, value) in batch.iter() {
                match value {
                    Some(value) => {
                        let sealed = self.sealer.seal_row(key, value, &*self.randomness);
                        put.execute((key, sealed)).map_err(VaultError::database("write a row"))?;
                    }
                    None => {
                        delete.execute((key,)).map_err(VaultError::database("delete a row"))?;
                    }
                }
            }
        }
        transaction.commit().map_err(VaultError::database("make a batch durable"))
    }
}

fn prepare<'a>(
    transaction: &'a Transaction<'_>,
    sql: &'static str,
) -> Result<rusqlite::CachedStatement<'a>, VaultError> {
    transaction.prepare_cached(sql).map_err(VaultError::database("prepare to write"))
}

fn check_sizes(batch: &Batch) -> Result<(), VaultError> {
    let mut batch_bytes = 0_usize;
    for (key, value) in batch.iter() {
        let value_bytes = value.map_or(0, <[u8]>::len);
        check("key", key.len(), KEY_BYTES_MAX)?;
        check("value", value_bytes, VALUE_BYTES_MAX)?;
        batch_bytes = batch_bytes.saturating_add(key.len()).saturating_add(value_bytes);
    }
    check("batch", batch_bytes, BATCH_BYTES_MAX)
}

fn check(what: &'static str, bytes: usize, bytes_max: usize) -> Result<(), VaultError> {
    if bytes > bytes_max { Err(VaultError::TooLarge { what, bytes, bytes_max }) } else { Ok(()) }
}
