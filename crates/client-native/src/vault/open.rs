//! Creating and opening.

use std::path::Path;
use std::sync::Arc;

use dunlin_model::Randomness;
use rusqlite::Connection;

use super::error::VaultError;
use super::lock::{OwnerLock, OwnerNumber};
use super::seal::{self, Sealer, SecretKey};
use super::unlock::{KeyringEntry, Unlock, UnlockKind};
use super::wrapping::Wrapping;
use super::{Vault, files, schema};

impl Vault {
    /// Makes a new vault in `dir`, a directory of its own that is made too when missing, and opens it.
    ///
    /// # Errors
    /// [`VaultError::Exists`], [`VaultError::InUse`], or when the key or the files cannot be made.
    pub fn create(dir: &Path, unlock: &Unlock, randomness: Arc<dyn Randomness>) -> Result<Self, VaultError> {
        files::private_dir(dir)?;
        let lock = OwnerLock::take(dir)?;
        if files::has_database(dir)? {
            return Err(VaultError::Exists { dir: dir.to_owned() });
        }
        Self::create_locked(dir, lock, unlock, randomness)
    }

    /// Opens the vault in `dir` and becomes its owner.
    ///
    /// # Errors
    /// [`VaultError::Missing`], [`VaultError::InUse`], when `unlock` does not open it, or when the file is foreign,
    /// newer or damaged. It is left as it is then.
    pub fn open(dir: &Path, unlock: &Unlock, randomness: Arc<dyn Randomness>) -> Result<Self, VaultError> {
        // Before the lock, which would leave its file in a directory that has no vault.
        if !files::has_database(dir)? {
            return Err(VaultError::Missing { dir: dir.to_owned() });
        }
        Self::open_locked(dir, OwnerLock::take(dir)?, unlock, randomness)
    }

    /// Opens the vault in `dir`, or makes one where there is none.
    ///
    /// # Errors
    /// As [`Vault::open`] and [`Vault::create`].
    pub fn open_or_create(
        dir: &Path,
        unlock: &Unlock,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, VaultError> {
        files::private_dir(dir)?;
        let lock = OwnerLock::take(dir)?;
        if files::has_database(dir)? {
            Self::open_locked(dir, lock, unlock, randomness)
        } else {
            Self::create_locked(dir, lock, unlock, randomness)
        }
    }

    /// What the vault in `dir` is unlocked with, so that a person can be asked for it; `None` where there is no vault.
    /// It may be in use meanwhile.
    ///
    /// # Errors
    /// When the file is foreign, newer or damaged, or cannot be read.
    pub fn unlock_kind(dir: &Path) -> Result<Option<UnlockKind>, VaultError> {
        if !files::has_database(dir)? {
            return Ok(None);
        }
        let connection = schema::connect(&dir.join(files::DATABASE))?;
        let (_, wrapping) = schema::read_wrapping(&connection)?;
        Ok(Some(wrapping.kind))
    }

    fn create_locked(
        dir: &Path,
        lock: OwnerLock,
        unlock: &Unlock,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, VaultError> {
        let unfinished = files::begin_new(dir)?;
        let mut id = schema::VaultId::default();
        randomness.fill(&mut id);
        let data_key = seal::random_key(&*randomness);
        let wrapping = Wrapping::new(unlock, &data_key, &id, &*randomness)?;
        schema::create(&unfinished, &id, &wrapping)?;
        files::finish_new(dir)?;
        let connection = schema::connect(&dir.join(files::DATABASE))?;
        Self::own(connection, lock, id, data_key, randomness, unlock.keyring_entry(&wrapping.salt))
    }

    fn open_locked(
        dir: &Path,
        lock: OwnerLock,
        unlock: &Unlock,
        randomness: Arc<dyn Randomness>,
    ) -> Result<Self, VaultError> {
        let connection = schema::connect(&dir.join(files::DATABASE))?;
        let (id, wrapping) = schema::read_wrapping(&connection)?;
        let data_key = wrapping.unwrap_key(unlock, &id)?;
        Self::own(connection, lock, id, data_key, randomness, unlock.keyring_entry(&wrapping.salt))
    }

    fn own(
        mut connection: Connection,
        lock: OwnerLock,
        id: schema::VaultId,
        data_key: SecretKey,
        randomness: Arc<dyn Randomness>,
        keyring_entry: Option<KeyringEntry>,
    ) -> Result<Self, VaultError> {
        schema::configure(&connection)?;
        // After unlocking: whoever cannot read the vault does not depose who can.
        let owner = OwnerNumber::raise(&mut connection)?;
        let sealer = Sealer::new(&data_key);
        Ok(Self {
            connection,
            sealer,
            data_key,
            id,
            owner,
            stopped: false,
            randomness,
            keyring_entry,
            _lock: lock,
        })
    }
}
