//! What one person keeps on this machine: who they are, and a vault for each device they were.
//!
//! Everything that people write, and whom they know, is in the vault. Beside it lie the login (which server, which
//! device), the tokens, and the socket by which other processes of the profile speak to the vault's owner.

mod credentials;
mod files;
mod vault;

use std::path::{Path, PathBuf};

use dunlin_model::DeviceId;

pub(crate) use credentials::{DeviceTokens, StoredLogin};
pub(crate) use files::sync_dir;
pub(crate) use vault::{UnlockChoice, Unlocking};

use crate::failure::{Failure, Result};
use files::make_private_dir;

/// A profile's directory.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    dir: PathBuf,
}

/// What belongs to one device; another login starts afresh.
#[derive(Debug, Clone)]
pub(crate) struct DeviceFiles {
    device: DeviceId,
    dir: PathBuf,
}

impl Profile {
    /// The profile called `name` under `home`, which is made if need be.
    pub(crate) fn open(home: Option<PathBuf>, name: &str) -> Result<Self> {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) {
            return Err(Failure::Usage("A profile's name has letters, digits, '-' and '_' only.".into()));
        }
        let home = match home {
            Some(home) => home,
            None => default_home()
                .ok_or_else(|| Failure::Usage("There is no home directory; name one with --home.".into()))?,
        };
        let dir = home.join("profiles").join(name);
        make_private_dir(&dir).map_err(|error| Failure::file(&dir, &error))?;
        Ok(Self { dir })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The files of `device`.
    pub(crate) fn device(&self, device: DeviceId) -> Result<DeviceFiles> {
        let dir = self.dir.join("devices").join(name_of(device));
        make_private_dir(&dir).map_err(|error| Failure::file(&dir, &error))?;
        Ok(DeviceFiles { device, dir })
    }

    /// Removes what was made for a device that came to nothing.
    pub(crate) fn forget_device(&self, device: DeviceId) {
        // What stays is of no use, and does no harm.
        let _ = std::fs::remove_dir_all(self.dir.join("devices").join(name_of(device)));
    }

    /// Where the owner of a device's vault listens. Directly in the profile, since a socket's path is short.
    pub(crate) fn socket(&self, device: DeviceId) -> PathBuf {
        self.dir.join(format!("owner-{}.sock", device.number.0))
    }

    /// The devices of `device`'s user that were logged in here before it, the newest first.
    pub(crate) fn devices_before(&self, device: DeviceId) -> Vec<DeviceFiles> {
        let mut before: Vec<DeviceFiles> = (1..device.number.0)
            .rev()
            .map(|number| DeviceId { number: dunlin_model::DeviceNumber(number), ..device })
            .map(|device| DeviceFiles { device, dir: self.dir.join("devices").join(name_of(device)) })
            .collect();
        before.retain(|files| files.vault_dir().is_dir());
        before
    }
}

impl DeviceFiles {
    /// The device.
    pub(crate) const fn device(&self) -> DeviceId {
        self.device
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn dir(&self) -> &Path {
        &self.dir
    }
}

fn name_of(device: DeviceId) -> String {
    format!("{}-{}", device.user, device.number.0)
}

/// Where profiles are unless told otherwise.
fn default_home() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = if cfg!(windows) { set("LOCALAPPDATA") } else { set("XDG_DATA_HOME") };
    data.or_else(|| Some(std::env::home_dir()?.join(".local").join("share"))).map(|data| data.join("dunlin"))
}
