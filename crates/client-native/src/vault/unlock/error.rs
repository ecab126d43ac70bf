//! Why there is no key.

use std::io;
use std::path::PathBuf;

use super::UnlockKind;
use super::keyring::KeyringError;

/// Why a vault cannot be unlocked.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// The vault is unlocked in another way.
    #[error("this vault is unlocked with {needed}, not with {given}")]
    WrongKind {
        /// What unlocks it.
        needed: UnlockKind,
        /// What was tried.
        given: UnlockKind,
    },
    /// Not the passphrase, or the wrapped key is damaged: these look the same.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// An empty passphrase protects nothing.
    #[error("the passphrase is empty; type one, or use a key file")]
    EmptyPassphrase,
    /// Cheaper than argon2 allows, or dearer than [`KdfCost`](super::KdfCost) allows.
    #[error("the passphrase cannot be hashed at this cost; see the limits of KdfCost")]
    Cost,
    /// The keyring did not answer.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The keyring holds nothing for this vault.
    #[error(
        "the keyring holds no key for this vault; was it made by another user or on another machine? Without that key it cannot be read"
    )]
    KeyringEntryMissing,
    /// The keyring holds something else for this vault.
    #[error("the key in the keyring does not open this vault; restore the keyring's entry from a backup")]
    WrongKeyringEntry,
    /// There is no key file.
    #[error("the key file {} is missing; put it back, without it the vault cannot be read", path.display())]
    KeyFileMissing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Others may read the key file.
    #[error("others can read the key file {}; run: chmod 600 on it", path.display())]
    KeyFileExposed {
        /// The file.
        path: PathBuf,
    },
    /// The file does not hold a key.
    #[error("{} is not a key file (64 hexadecimal digits); restore it from a backup", path.display())]
    KeyFileMalformed {
        /// The file.
        path: PathBuf,
    },
    /// It holds a key, but of another vault.
    #[error("the key file {} belongs to another vault", path.display())]
    WrongKeyFile {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("cannot use the key file {}: {source}", path.display())]
    KeyFileIo {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}
