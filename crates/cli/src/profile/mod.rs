//! What one person keeps on this machine: who they are, what is not sent yet, what was received.
//!
//! Several processes may use a profile at once (one tails while another sends), so what must not be done
//! twice is done under a file lock. Files are replaced whole, by renaming, or only appended to.

mod chat_log;
mod credentials;
mod files;
mod outbox;
mod people;

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use dunlin_model::{ChatId, DeviceId, Seq};

pub(crate) use chat_log::{ChatLog, Entry, Gap, LogReader, SkipWord};
pub(crate) use credentials::{ProfileTokens, StoredLogin};
pub(crate) use outbox::Unsent;
pub(crate) use people::{ChatCard, People};

use crate::failure::{Failure, Result};
use files::{make_private_dir, replace};

/// How often a lock that another process holds is tried again.
const LOCK_TRIED_EVERY: Duration = Duration::from_millis(10);

/// A profile's directory.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    dir: PathBuf,
}

/// What belongs to the device that is logged in; another login starts afresh.
#[derive(Debug, Clone)]
pub(crate) struct DeviceFiles {
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
        let dir = self.dir.join("devices").join(format!("{}-{}", device.user, device.number.0));
        for part in ["outbox", "chats"] {
            let dir = dir.join(part);
            make_private_dir(&dir).map_err(|error| Failure::file(&dir, &error))?;
        }
        Ok(DeviceFiles { dir })
    }
}

impl DeviceFiles {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// The log of one chat.
    pub(crate) fn chat_log(&self, chat: ChatId) -> ChatLog {
        ChatLog::new(self.dir.join("chats").join(format!("{chat}.jsonl")))
    }

    /// Every chat there is a log of.
    pub(crate) fn chats(&self) -> Result<Vec<ChatId>> {
        let dir = self.dir.join("chats");
        let entries = fs::read_dir(&dir).map_err(|error| Failure::file(&dir, &error))?;
        let mut chats: Vec<ChatId> = entries
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_suffix(".jsonl")?.parse().ok())
            .collect();
        chats.sort_unstable();
        Ok(chats)
    }

    /// How far the chat was shown.
    pub(crate) fn seen(&self, chat: ChatId) -> Seq {
        let text = fs::read_to_string(self.seen_path(chat)).unwrap_or_default();
        Seq(text.trim().parse().unwrap_or_default())
    }

    /// Notes how far the chat was shown. Not synced: at worst something is shown again after a crash.
    pub(crate) fn set_seen(&self, chat: ChatId, seq: Seq) -> Result {
        let path = self.seen_path(chat);
        fs::write(&path, seq.to_string()).map_err(|error| Failure::file(&path, &error))
    }

    fn seen_path(&self, chat: ChatId) -> PathBuf {
        self.dir.join("chats").join(format!("{chat}.seen"))
    }

    /// Compares the server's incarnation with the one before. When the server's data came back from a backup,
    /// places in chats may mean other events than before: what was received is put aside.
    /// Gives whether that happened.
    pub(crate) fn meet_incarnation(&self, incarnation: &str) -> Result<bool> {
        let path = self.path("incarnation");
        let known = fs::read_to_string(&path).unwrap_or_default();
        if known == incarnation {
            return Ok(false);
        }
        let changed = !known.is_empty();
        if changed {
            let (chats, aside) = (self.dir.join("chats"), self.dir.join(format!("chats-of-{known}")));
            fs::rename(&chats, &aside).map_err(|error| Failure::file(&aside, &error))?;
            make_private_dir(&chats).map_err(|error| Failure::file(&chats, &error))?;
        }
        replace(&path, incarnation.as_bytes()).map_err(|error| Failure::file(&path, &error))?;
        Ok(changed)
    }
}

/// Where profiles are unless told otherwise.
fn default_home() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = if cfg!(windows) { set("LOCALAPPDATA") } else { set("XDG_DATA_HOME") };
    data.or_else(|| Some(std::env::home_dir()?.join(".local").join("share"))).map(|data| data.join("dunlin"))
}

/// A lock between processes; dropping it gives it back, as does the end of the process.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Waits for the lock, as long as it takes. For short sections: the holder does no network.
    pub(crate) fn take(path: &Path) -> Result<Self> {
        let file = Self::open(path)?;
        file.lock().map_err(|error| Failure::file(path, &error))?;
        Ok(Self { _file: file })
    }

    /// Waits for the lock without blocking the thread: the holder may be waiting for the server.
    pub(crate) async fn take_patiently(path: &Path) -> Result<Self> {
        let file = Self::open(path)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(fs::TryLockError::WouldBlock) => tokio::time::sleep(LOCK_TRIED_EVERY).await,
                Err(fs::TryLockError::Error(error)) => return Err(Failure::file(path, &error)),
            }
        }
    }

    fn open(path: &Path) -> Result<File> {
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(|error| Failure::file(path, &error))
    }
}
