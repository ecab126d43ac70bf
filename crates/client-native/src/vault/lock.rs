//! One owner: the lock that keeps others out, and the number that notices when it did not.

use std::fs::{File, TryLockError};
use std::path::Path;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::error::VaultError;
use super::files;

/// The lock of the vault's directory, held until it is dropped or the process ends.
pub(super) struct OwnerLock(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

impl OwnerLock {
    /// Takes the lock, without waiting.
    pub(super) fn take(dir: &Path) -> Result<Self, VaultError> {
        let file = files::private_file()
            .create(true)
            .truncate(false)
            .open(dir.join(files::LOCK))
            .map_err(VaultError::io("open the vault's lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(VaultError::InUse),
            Err(TryLockError::Error(error)) => Err(VaultError::io("lock the vault")(error)),
        }
    }
}

/// Which opening of the vault this is. A lock can get lost (network file systems, a deleted lock file); then the
/// number in the file is larger than the one remembered here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnerNumber(i64);

impl OwnerNumber {
    /// Becomes the owner: every earlier one is refused from now on.
    pub(super) fn raise(connection: &mut Connection) -> Result<Self, VaultError> {
        const DOING: &str = "note its new owner";
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(VaultError::database(DOING))?;
        let number = transaction
            .query_row("UPDATE vault SET owner = owner + 1 RETURNING owner", [], |row| row.get(0))
            .map_err(VaultError::database(DOING))?;
        transaction.commit().map_err(VaultError::database(DOING))?;
        Ok(Self(number))
    }

    /// Refuses when somebody became the owner since. Call it inside the transaction that writes.
    pub(super) fn check(self, transaction: &Connection) -> Result<(), VaultError> {
        let owner: Option<i64> = transaction
            .prepare_cached("SELECT owner FROM vault")
            .and_then(|mut select| select.query_row([], |row| row.get(0)).optional())
            .map_err(VaultError::database("read its owner"))?;
        if owner == Some(self.0) { Ok(()) } else { Err(VaultError::NotOwner) }
    }
}
