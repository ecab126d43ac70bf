//! The vault: ordered keys and sealed values in one SQLite file, written one atomic batch at a time.
//!
//! Values are encrypted under a random data key, which is itself stored wrapped by a key that a passphrase, the
//! keyring or a key file gives ([`Unlock`]). Keys of rows, lengths and times of writing stay readable. Whoever can
//! write the files can put back an older state of the file or of a single row, or delete rows, and that cannot be
//! noticed here. A vault has one owner: a file lock, and a number that is raised at each opening and compared in
//! each batch's transaction. Deliberately absent: async. Calls block on the disk, so make them from a blocking
//! thread. docs/security.md says what is protected from whom.

mod commit;
mod error;
mod files;
mod lock;
mod open;
mod range;
mod rewrap;
mod rows;
mod schema;
mod seal;
mod unlock;
mod wrapping;

use std::sync::Arc;

use dunlin_model::Randomness;
use rusqlite::Connection;

pub use self::commit::{BATCH_BYTES_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX};
pub use self::error::{KeyPrefix, VaultError};
pub use self::range::{Direction, KeyRange, Page};
pub use self::rows::{SCAN_BYTES_MAX, SCAN_ROWS_MAX};
pub use self::unlock::{
    KdfCost, Keyring, KeyringError, OsKeyring, Passphrase, Unlock, UnlockError, UnlockKind,
};

use self::lock::{OwnerLock, OwnerNumber};
use self::seal::{Sealer, SecretKey};
use self::unlock::KeyringEntry;

/// An open vault. It can be sent to another thread but not shared: one thread at a time reads or writes.
///
/// Dropping it closes the file and lets the next owner in.
pub struct Vault {
    // Fields are dropped in this order: the file is closed before the lock is let go.
    connection: Connection,
    sealer: Sealer,
    data_key: SecretKey,
    id: schema::VaultId,
    owner: OwnerNumber,
    /// A batch failed half-way: what is durable is unknown until the vault is opened again.
    stopped: bool,
    randomness: Arc<dyn Randomness>,
    keyring_entry: Option<KeyringEntry>,
    _lock: OwnerLock,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither keys nor content are for logs.
        f.debug_struct("Vault").field("owner", &self.owner).finish_non_exhaustive()
    }
}
