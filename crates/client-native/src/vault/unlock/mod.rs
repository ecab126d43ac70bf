//! Where the key comes from that unwraps the data key.

mod error;
mod key_file;
mod keyring;
mod passphrase;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use dunlin_model::Randomness;

pub use self::error::UnlockError;
pub use self::keyring::{Keyring, KeyringError, OsKeyring};
pub use self::passphrase::{KdfCost, Passphrase};

pub(super) use self::keyring::KeyringEntry;

use super::seal::SecretKey;
use super::wrapping::Salt;

/// What a vault is unlocked with.
///
/// A *passphrase* protects against everyone who gets the files, as far as it is hard to guess. The *keyring* of the
/// operating system protects while the person is logged out, and against copies of the files alone. A *key file*
/// protects only where the vault is copied without it: against backups that leave it out, other users of the machine,
/// and disks it does not lie on. Against whoever reads both it protects nothing. None of them protects against a
/// program that runs as the same person while the vault is open.
#[derive(Clone)]
pub enum Unlock {
    /// What a person types, through argon2id (RFC 9106).
    Passphrase {
        /// The passphrase.
        passphrase: Passphrase,
        /// How hard guessing is made. Counts when the vault is created or changed; opening takes what is stored.
        cost: KdfCost,
    },
    /// A random key in a keyring.
    Keyring(Arc<dyn Keyring>),
    /// A random key in a file that only its owner may read. Made together with the vault if it is missing.
    KeyFile(PathBuf),
}

/// The ways of unlocking a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnlockKind {
    /// [`Unlock::Passphrase`]
    Passphrase,
    /// [`Unlock::Keyring`]
    Keyring,
    /// [`Unlock::KeyFile`]
    KeyFile,
}

impl Unlock {
    /// With a passphrase, at the usual cost.
    pub fn passphrase(passphrase: Passphrase) -> Self {
        Self::Passphrase { passphrase, cost: KdfCost::default() }
    }

    /// With the keyring of the operating system.
    pub fn os_keyring() -> Self {
        Self::Keyring(Arc::new(OsKeyring))
    }

    /// For a new vault without a passphrase: the keyring of the operating system if one answers, otherwise `key_file`.
    /// For an existing vault ask [`Vault::unlock_kind`](super::Vault::unlock_kind).
    pub fn without_passphrase(key_file: PathBuf) -> Self {
        if OsKeyring.is_reachable() { Self::os_keyring() } else { Self::KeyFile(key_file) }
    }

    /// Which way this is.
    pub fn kind(&self) -> UnlockKind {
        match self {
            Self::Passphrase { .. } => UnlockKind::Passphrase,
            Self::Keyring(_) => UnlockKind::Keyring,
            Self::KeyFile(_) => UnlockKind::KeyFile,
        }
    }

    pub(super) fn cost(&self) -> KdfCost {
        match self {
            Self::Passphrase { cost, .. } => *cost,
            Self::Keyring(_) | Self::KeyFile(_) => KdfCost { memory_kib: 0, passes: 0, lanes: 0 },
        }
    }

    /// The key for a new wrapping.
    pub(super) fn make_key(
        &self,
        salt: &Salt,
        randomness: &dyn Randomness,
    ) -> Result<SecretKey, UnlockError> {
        match self {
            Self::Passphrase { passphrase, cost } => passphrase.derive_new(salt, *cost),
            Self::Keyring(keyring) => KeyringEntry::new(keyring, salt).make(randomness),
            Self::KeyFile(path) => key_file::read_or_make(path, randomness),
        }
    }

    /// The key of a wrapping that exists.
    pub(super) fn find_key(&self, salt: &Salt, cost: KdfCost) -> Result<SecretKey, UnlockError> {
        match self {
            Self::Passphrase { passphrase, .. } => passphrase.derive(salt, cost),
            Self::Keyring(keyring) => KeyringEntry::new(keyring, salt).read(),
            Self::KeyFile(path) => key_file::read(path),
        }
    }

    /// What it means that the key does not fit.
    pub(super) fn wrong_key(&self) -> UnlockError {
        match self {
            Self::Passphrase { .. } => UnlockError::WrongPassphrase,
            Self::Keyring(_) => UnlockError::WrongKeyringEntry,
            Self::KeyFile(path) => UnlockError::WrongKeyFile { path: path.clone() },
        }
    }

    pub(super) fn keyring_entry(&self, salt: &Salt) -> Option<KeyringEntry> {
        match self {
            Self::Keyring(keyring) => Some(KeyringEntry::new(keyring, salt)),
            Self::Passphrase { .. } | Self::KeyFile(_) => None,
        }
    }
}

impl fmt::Debug for Unlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Which way is no secret, what it holds is.
        write!(f, "Unlock::{:?}", self.kind())
    }
}

impl UnlockKind {
    /// The number in the file.
    pub(super) fn code(self) -> i64 {
        match self {
            Self::Passphrase => 1,
            Self::Keyring => 2,
            Self::KeyFile => 3,
        }
    }

    pub(super) fn from_code(code: i64) -> Option<Self> {
        [Self::Passphrase, Self::Keyring, Self::KeyFile].into_iter().find(|kind| kind.code() == code)
    }
}

impl fmt::Display for UnlockKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passphrase => "a passphrase",
            Self::Keyring => "the keyring",
            Self::KeyFile => "a key file",
        })
    }
}
