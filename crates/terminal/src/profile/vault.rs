//! The vault of a device, and what opens it.

use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use dunlin_client_native::SystemRandomness;
use dunlin_client_native::vault::{Passphrase, Unlock, UnlockKind, Vault, VaultError};

use super::DeviceFiles;
use crate::failure::{Failure, Result};
use crate::output::Output;

const VAULT: &str = "vault";
const KEY_FILE: &str = "vault.key";
/// Holds the passphrase, for scripts and services.
const PASSPHRASE_VARIABLE: &str = "DUNLIN_PASSPHRASE";

/// What a new vault is to be opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnlockChoice {
    /// The keyring of the operating system
    Keyring,
    /// A key in a file beside the vault
    File,
    /// A passphrase, asked for each time, or taken from `DUNLIN_PASSPHRASE`
    Passphrase,
}

/// Opens vaults, asking a person once at most.
#[derive(Debug, Default)]
pub(crate) struct Unlocking {
    typed: Option<Passphrase>,
}

impl Unlocking {
    /// What opens the vault of `files`. Fails where there is none.
    async fn unlock(&mut self, files: &DeviceFiles, out: &mut Output) -> Result<Unlock> {
        match Vault::unlock_kind(&files.vault_dir()).map_err(|error| vault_failure(&error))? {
            None => Err(lost()),
            Some(UnlockKind::Keyring) => Ok(Unlock::os_keyring()),
            Some(UnlockKind::KeyFile) => Ok(Unlock::KeyFile(files.key_file())),
            Some(UnlockKind::Passphrase) => Ok(Unlock::passphrase(self.passphrase(out, false).await?)),
        }
    }

    /// Opens the vault of `files`; `None` while another process owns it.
    pub(crate) async fn open(&mut self, files: &DeviceFiles, out: &mut Output) -> Result<Option<Vault>> {
        let unlock = self.unlock(files, out).await?;
        match Vault::open(&files.vault_dir(), &unlock, Arc::new(SystemRandomness)) {
            Ok(vault) => Ok(Some(vault)),
            Err(VaultError::InUse) => Ok(None),
            Err(VaultError::Missing { .. }) => Err(lost()),
            Err(error) => Err(vault_failure(&error)),
        }
    }

    /// Makes the vault of a new device.
    pub(crate) async fn create(
        &mut self,
        files: &DeviceFiles,
        choice: Option<UnlockChoice>,
        out: &mut Output,
    ) -> Result<Vault> {
        let has_passphrase = std::env::var_os(PASSPHRASE_VARIABLE).is_some();
        let unlock = match choice {
            Some(UnlockChoice::Keyring) => Unlock::os_keyring(),
            Some(UnlockChoice::File) => Unlock::KeyFile(files.key_file()),
            Some(UnlockChoice::Passphrase) => Unlock::passphrase(self.passphrase(out, true).await?),
            None if has_passphrase => Unlock::passphrase(self.passphrase(out, true).await?),
            None => Unlock::without_passphrase(files.key_file()),
        };
        Vault::create(&files.vault_dir(), &unlock, Arc::new(SystemRandomness))
            .map_err(|error| vault_failure(&error))
    }

    async fn passphrase(&mut self, out: &mut Output, is_new: bool) -> Result<Passphrase> {
        if let Some(typed) = &self.typed {
            return Ok(typed.clone());
        }
        let text = match std::env::var(PASSPHRASE_VARIABLE) {
            Ok(text) => text,
            Err(_) => {
                let instead = format!("Set {PASSPHRASE_VARIABLE} where nobody can be asked.");
                let text = out.ask_secret("Passphrase of this device", &instead).await?;
                if is_new && out.ask_secret("Once more", &instead).await? != text {
                    return Err(Failure::Failed("The two are not the same. Try again.".into()));
                }
                text
            }
        };
        Ok(self.typed.insert(Passphrase::new(text)).clone())
    }
}

impl DeviceFiles {
    pub(super) fn vault_dir(&self) -> PathBuf {
        self.dir().join(VAULT)
    }

    fn key_file(&self) -> PathBuf {
        self.dir().join(KEY_FILE)
    }
}

/// There is a login and no vault.
fn lost() -> Failure {
    Failure::NotLoggedIn(
        "The vault of this device is gone, and with it the keys to your chats. Log in again with 'dunlin login': \
         another device of yours can let this one in with 'dunlin link'. If you have no other, 'dunlin login \
         --new-identity' begins anew, and those you write with are told so. What only this device had stored \
         cannot be read again."
            .into(),
    )
}

/// What is wrong with a vault, with what to do.
fn vault_failure(error: &VaultError) -> Failure {
    let mut text = error.to_string();
    if let Some(first) = text.get(..1) {
        let upper = first.to_uppercase();
        text.replace_range(..1, &upper);
    }
    Failure::Failed(format!("{text}."))
}
