//! Changing how a vault is unlocked: the data key stays, its wrapping is replaced.

use rusqlite::TransactionBehavior;

use super::error::VaultError;
use super::unlock::Unlock;
use super::wrapping::Wrapping;
use super::{Vault, schema};

impl Vault {
    /// From now on `unlock` opens the vault and what opened it before does not: another passphrase, or another kind.
    ///
    /// Rows are not written again. A copy of the file from before can still be opened with what opened it then.
    /// The former entry in the keyring is removed; a former key file is left, since other vaults may use it.
    ///
    /// # Errors
    /// When there is no new key to be had, or as for [`Vault::commit`]. What opened the vault before still does then.
    pub fn change_unlock(&mut self, unlock: &Unlock) -> Result<(), VaultError> {
        const DOING: &str = "change how it is unlocked";
        if self.stopped {
            return Err(VaultError::Stopped);
        }
        let wrapping = Wrapping::new(unlock, &self.data_key, &self.id, &*self.randomness)?;
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(VaultError::database(DOING))?;
        self.owner.check(&transaction)?;
        schema::write_wrapping(&transaction, &wrapping)?;
        transaction.commit().map_err(VaultError::database(DOING))?;
        // The former wrapping is not to stay in the write-ahead log.
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(VaultError::database(DOING))?;
        let former = std::mem::replace(&mut self.keyring_entry, unlock.keyring_entry(&wrapping.salt));
        if let Some(entry) = former {
            // Only now: until the commit it was what opens the vault. An entry that stays opens nothing any more.
            if let Err(error) = entry.forget() {
                tracing::warn!(%error, "the vault's former entry stays in the keyring");
            }
        }
        Ok(())
    }
}
