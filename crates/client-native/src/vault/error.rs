//! Why a vault cannot be opened, read or written. No content, no keys of encryption, no whole row keys.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::unlock::UnlockError;

/// How much of a row's key an error shows.
const KEY_PREFIX_BYTES_MAX: usize = 4;

/// The beginning of a row's key, enough to tell which kind of row it was.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPrefix(Vec<u8>);

impl KeyPrefix {
    pub(super) fn of(key: &[u8]) -> Self {
        Self(key.iter().take(KEY_PREFIX_BYTES_MAX).copied().collect())
    }
}

impl fmt::Display for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

impl fmt::Debug for KeyPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why the vault did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is nothing to open.
    #[error("there is no vault in {}", dir.display())]
    Missing {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// There is a vault already, which is not overwritten.
    #[error("there is a vault in {} already; open it, or choose another directory", dir.display())]
    Exists {
        /// Where it was to be created.
        dir: PathBuf,
    },
    /// Files of an earlier vault lie where a new one is to be created.
    #[error("{} belongs to an earlier vault whose main file is missing; restore that file, or move this one away", path.display())]
    InTheWay {
        /// The file that is in the way.
        path: PathBuf,
    },
    /// Another process, or another part of this one, has it open.
    #[error("the vault is in use by another Dunlin process; close it and try again")]
    InUse,
    /// Somebody else has opened the vault since, although this process never let go of it.
    #[error(
        "another process has taken over this vault, nothing was written; close this one and open it again"
    )]
    NotOwner,
    /// The file is not a vault, or its beginning is damaged.
    #[error("{} is not a Dunlin vault, or is damaged; it was left as it is. Move it away or restore it from a backup", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer version of Dunlin wrote it.
    #[error(
        "the vault has format {found}, this version knows {known}; install a newer Dunlin. Nothing was changed"
    )]
    Newer {
        /// The format it has.
        found: i64,
        /// The newest format that is understood here.
        known: i64,
    },
    /// The file is damaged.
    #[error(
        "the vault is damaged ({what}); restore it from a backup, or move it away and link this device anew"
    )]
    Corrupt {
        /// What does not hold.
        what: &'static str,
    },
    /// A value was changed, moved from another key, or sealed under another vault's key.
    #[error(
        "a value in the vault is damaged (its key begins with {prefix}); restore the vault from a backup, or move it away and link this device anew"
    )]
    DamagedRow {
        /// The beginning of the row's key.
        prefix: KeyPrefix,
    },
    /// More than the vault takes.
    #[error(
        "a {what} of {bytes} bytes is too large for the vault, which takes {bytes_max}; nothing was written"
    )]
    TooLarge {
        /// What is too large: key, value or batch.
        what: &'static str,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        bytes_max: usize,
    },
    /// An earlier batch failed, so nobody knows what is durable.
    #[error("an earlier write to the vault failed; close it and open it again")]
    Stopped,
    /// The key could not be had.
    #[error(transparent)]
    Unlock(#[from] UnlockError),
    /// The file system refused.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("the vault cannot {doing}: {source}")]
    Database {
        /// What was tried.
        doing: &'static str,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl VaultError {
    /// For `map_err` on what the file system says.
    pub(super) fn io(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { doing, source }
    }

    /// For `map_err` on what SQLite says.
    pub(super) fn database(doing: &'static str) -> impl FnOnce(rusqlite::Error) -> Self {
        move |source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::Corrupt { what: "the database's structure" }
            }
            _ => Self::Database { doing, source },
        }
    }
}
