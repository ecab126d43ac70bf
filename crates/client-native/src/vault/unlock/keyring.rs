//! A key in the operating system's keyring: Keychain, Credential Manager, or the Secret Service over D-Bus.
//!
//! Without D-Bus (a server, a container) there is no Secret Service. The kernel's own keyring would answer there, but
//! forgets at restart, and the vault would be lost with it: so it is not used.

use std::sync::Arc;

use data_encoding::HEXLOWER;
use dunlin_model::Randomness;
use zeroize::Zeroizing;

use super::UnlockError;
use crate::vault::seal::{self, SecretKey};
use crate::vault::wrapping::Salt;

/// What the entries of all vaults are filed under.
const SERVICE: &str = "dunlin vault";

/// The keyring did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("the keyring cannot be used ({reason}); unlock it, or use a passphrase or a key file instead")]
pub struct KeyringError {
    reason: String,
}

impl KeyringError {
    /// With what the keyring said.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// Keeps small secrets under names. Calls may block, and may show a dialogue to the person.
pub trait Keyring: Send + Sync + 'static {
    /// The secret of that name, if there is one.
    ///
    /// # Errors
    /// When the keyring cannot be reached.
    fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError>;
    /// Keeps `secret`, in place of what was there.
    ///
    /// # Errors
    /// When the keyring cannot be reached.
    fn write(&self, name: &str, secret: &[u8]) -> Result<(), KeyringError>;
    /// Removes the secret of that name, if there is one.
    ///
    /// # Errors
    /// When the keyring cannot be reached.
    fn forget(&self, name: &str) -> Result<(), KeyringError>;
}

/// The keyring of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsKeyring;

impl OsKeyring {
    /// Whether there is one. It may still be locked.
    pub fn is_reachable(self) -> bool {
        keyring::Entry::store_status().is_ok()
    }

    fn entry(name: &str) -> Result<keyring::Entry, KeyringError> {
        if let Err(error) = keyring::Entry::store_status() {
            return Err(reason(error));
        }
        keyring::Entry::new(SERVICE, name).map_err(|error| reason(&error))
    }
}

/// Says what is known to hold no secret.
fn reason(error: &keyring::Error) -> KeyringError {
    match error {
        keyring::Error::PlatformFailure(cause) | keyring::Error::NoStorageAccess(cause) => {
            KeyringError::new(cause.to_string())
        }
        keyring::Error::NoDefaultStore => KeyringError::new("there is none on this machine"),
        _ => KeyringError::new("it gave an unexpected answer"),
    }
}

impl Keyring for OsKeyring {
    fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
        match Self::entry(name)?.get_secret() {
            Ok(secret) => Ok(Some(Zeroizing::new(secret))),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(reason(&error)),
        }
    }

    fn write(&self, name: &str, secret: &[u8]) -> Result<(), KeyringError> {
        Self::entry(name)?.set_secret(secret).map_err(|error| reason(&error))
    }

    fn forget(&self, name: &str) -> Result<(), KeyringError> {
        match Self::entry(name)?.delete_credential() {
            Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(error) => Err(reason(&error)),
        }
    }
}

/// The entry of one wrapping. Each wrapping has its own, so that a new one never replaces what still opens the vault.
pub(in crate::vault) struct KeyringEntry {
    keyring: Arc<dyn Keyring>,
    name: String,
}

impl KeyringEntry {
    pub(super) fn new(keyring: &Arc<dyn Keyring>, salt: &Salt) -> Self {
        Self { keyring: Arc::clone(keyring), name: HEXLOWER.encode(salt) }
    }

    pub(super) fn make(&self, randomness: &dyn Randomness) -> Result<SecretKey, UnlockError> {
        let key = seal::random_key(randomness);
        self.keyring.write(&self.name, key.as_slice())?;
        Ok(key)
    }

    pub(super) fn read(&self) -> Result<SecretKey, UnlockError> {
        let secret = self.keyring.read(&self.name)?.ok_or(UnlockError::KeyringEntryMissing)?;
        secret.as_slice().try_into().map(Zeroizing::new).map_err(|_| UnlockError::WrongKeyringEntry)
    }

    pub(in crate::vault) fn forget(&self) -> Result<(), KeyringError> {
        self.keyring.forget(&self.name)
    }
}
