//! What stands in the file: one row about the vault, and the table of entries.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};

use super::error::VaultError;
use super::unlock::{KdfCost, UnlockKind};
use super::wrapping::{SALT_BYTES, Wrapping};

/// Marks the file as a vault of Dunlin (`DUNL`), in the header of the database.
const APPLICATION_ID: i64 = 0x4455_4e4c;
/// The format of the tables, of sealed values and of the wrapped key.
pub(super) const FORMAT: i64 = 1;
/// How long a former owner that is still writing is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A random name of the vault, bound to its wrapped key.
pub(super) type VaultId = [u8; 16];

/// A blob as a primary key is ordered by its bytes. `kdf_*` are zero unless a passphrase unlocks the vault.
const TABLES: &str = "
    CREATE TABLE vault (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        id BLOB NOT NULL,
        owner INTEGER NOT NULL,
        unlock_kind INTEGER NOT NULL,
        salt BLOB NOT NULL,
        kdf_memory_kib INTEGER NOT NULL,
        kdf_passes INTEGER NOT NULL,
        kdf_lanes INTEGER NOT NULL,
        wrapped_key BLOB NOT NULL
    ) STRICT;
    CREATE TABLE entry (key BLOB PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
";

/// Opens the database file, which must exist, and makes sure that it is a vault of a known format. Changes nothing.
pub(super) fn connect(path: &Path) -> Result<Connection, VaultError> {
    let connection = open_file(path)?;
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = number("application_id").map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => VaultError::Foreign { path: path.to_owned() },
        _ => VaultError::database("be read")(error),
    })?;
    if application != APPLICATION_ID {
        return Err(VaultError::Foreign { path: path.to_owned() });
    }
    match number("user_version").map_err(VaultError::database("tell its format"))? {
        FORMAT => Ok(connection),
        found if found > FORMAT => Err(VaultError::Newer { found, known: FORMAT }),
        _ => Err(VaultError::Corrupt { what: "its format number" }),
    }
}

/// Fills the empty file at `path`, in one transaction.
pub(super) fn create(path: &Path, id: &VaultId, wrapping: &Wrapping) -> Result<(), VaultError> {
    let mut connection = open_file(path)?;
    let doing = || VaultError::database("be created");
    let transaction = connection.transaction().map_err(doing())?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(doing())?;
    transaction.pragma_update(None, "user_version", FORMAT).map_err(doing())?;
    transaction.execute_batch(TABLES).map_err(doing())?;
    transaction
        .execute("INSERT INTO vault VALUES (1, ?1, 0, 0, x'', 0, 0, 0, x'')", params![id])
        .map_err(doing())?;
    write_wrapping(&transaction, wrapping)?;
    transaction.commit().map_err(doing())?;
    connection.close().map_err(|(_, error)| doing()(error))
}

/// Sets what holds as long as the vault is open.
pub(super) fn configure(connection: &Connection) -> Result<(), VaultError> {
    let doing = || VaultError::database("be set up");
    let journal: String =
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)).map_err(doing())?;
    if !journal.eq_ignore_ascii_case("wal") {
        return Err(VaultError::Corrupt {
            what: "its journal mode; is the file system able to share memory?",
        });
    }
    // A batch is on the disk when its commit returns; on macOS that takes fullfsync.
    connection.pragma_update(None, "synchronous", "FULL").map_err(doing())?;
    connection.pragma_update(None, "fullfsync", true).map_err(doing())?;
    connection.pragma_update(None, "checkpoint_fullfsync", true).map_err(doing())?;
    // What was deleted or replaced is overwritten with zeros: old ratchet keys are not to stay in free pages.
    connection.pragma_update(None, "secure_delete", true).map_err(doing())?;
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(doing())?;
    connection.pragma_update(None, "trusted_schema", false).map_err(doing())?;
    Ok(())
}

/// The vault's name and its wrapped key.
pub(super) fn read_wrapping(connection: &Connection) -> Result<(VaultId, Wrapping), VaultError> {
    const SELECT: &str =
        "SELECT id, unlock_kind, salt, kdf_memory_kib, kdf_passes, kdf_lanes, wrapped_key FROM vault";
    let (id, kind, salt, memory_kib, passes, lanes, sealed): (Vec<u8>, i64, Vec<u8>, u32, u32, u32, Vec<u8>) =
        connection
            .query_row(SELECT, [], |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                ))
            })
            .map_err(|error| match error {
                rusqlite::Error::SqliteFailure(..) => VaultError::database("read its wrapped key")(error),
                _ => VaultError::Corrupt { what: "its row about the key" },
            })?;
    let id = VaultId::try_from(id).map_err(|_| VaultError::Corrupt { what: "its name" })?;
    let kind = UnlockKind::from_code(kind).ok_or(VaultError::Corrupt { what: "its way of unlocking" })?;
    let salt = <[u8; SALT_BYTES]>::try_from(salt).map_err(|_| VaultError::Corrupt { what: "its salt" })?;
    let cost = KdfCost { memory_kib, passes, lanes };
    if kind == UnlockKind::Passphrase && !cost.is_within_limits() {
        return Err(VaultError::Corrupt { what: "the cost of its passphrase" });
    }
    Ok((id, Wrapping { kind, salt, cost, sealed }))
}

/// Writes how the data key is wrapped; part of the transaction that `connection` is in.
pub(super) fn write_wrapping(connection: &Connection, wrapping: &Wrapping) -> Result<(), VaultError> {
    const UPDATE: &str = "UPDATE vault SET unlock_kind = ?1, salt = ?2, kdf_memory_kib = ?3, kdf_passes = ?4,
        kdf_lanes = ?5, wrapped_key = ?6";
    let KdfCost { memory_kib, passes, lanes } = wrapping.cost;
    connection
        .execute(
            UPDATE,
            params![wrapping.kind.code(), wrapping.salt, memory_kib, passes, lanes, wrapping.sealed],
        )
        .map_err(VaultError::database("write its wrapped key"))?;
    Ok(())
}

fn open_file(path: &Path) -> Result<Connection, VaultError> {
    // Without CREATE: files are made by `files`, for their owner alone. Without URI: a path is a path.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(VaultError::database("be opened"))?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(VaultError::database("be opened"))?;
    Ok(connection)
}
