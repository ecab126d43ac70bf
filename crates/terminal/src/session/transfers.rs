//! Uploads that were begun, so that a command that was stopped half-way can be given again and goes on.

use std::path::Path;
use std::time::Duration;

use dunlin_client::content::{FileDigest, FileKey};
use dunlin_client_native::device::DeviceError;
use dunlin_client_native::files::Begun;
use dunlin_model::{AttachmentId, ChatId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Session;

/// The row of the vault that holds them.
const TRANSFERS: &str = "transfers";
/// How many are kept; the oldest is forgotten first.
const TRANSFERS_MAX: usize = 64;
/// How long the server keeps what is not sent, but for an hour to send it in.
const KEPT: Duration = Duration::from_secs(23 * 3_600);

/// Uploads that were begun, oldest first.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Transfers(Vec<Transfer>);

/// One upload. It is for one chat: what was sent in one cannot be sent in another.
#[derive(Debug, Serialize, Deserialize)]
struct Transfer {
    chat: ChatId,
    path: String,
    begun: Timestamp,
    id: AttachmentId,
    key: [u8; 32],
    digest: [u8; 32],
}

impl Transfer {
    fn is_of(&self, chat: ChatId, path: &str) -> bool {
        self.chat == chat && self.path == path
    }
}

impl Transfers {
    fn find(&self, chat: ChatId, path: &str, now: Timestamp) -> Option<Begun> {
        let transfer = self.0.iter().rev().find(|transfer| transfer.is_of(chat, path))?;
        let (id, key, digest) = (transfer.id, FileKey(transfer.key), FileDigest(transfer.digest));
        (transfer.begun + KEPT > now).then_some(Begun { id, key, digest })
    }

    fn note(&mut self, chat: ChatId, path: String, begun: Begun, now: Timestamp) {
        self.0.retain(|transfer| !transfer.is_of(chat, &path) && transfer.begun + KEPT > now);
        let surplus = (self.0.len() + 1).saturating_sub(TRANSFERS_MAX);
        self.0.drain(..surplus);
        let Begun { id, key, digest } = begun;
        self.0.push(Transfer { chat, path, begun: now, id, key: key.0, digest: digest.0 });
    }
}

/// A file by one name, from wherever the command is given.
fn name_of(path: &Path) -> String {
    path.canonicalize().unwrap_or_else(|_| path.to_owned()).to_string_lossy().into_owned()
}

impl Session {
    /// What an earlier command began of this file for this chat.
    pub(crate) fn begun_transfer(&self, chat: ChatId, path: &Path) -> Option<Begun> {
        self.transfers.borrow().find(chat, &name_of(path), self.now())
    }

    /// Keeps what is needed to go on with an upload. Durable when this returns.
    pub(crate) async fn note_transfer(
        &self,
        chat: ChatId,
        path: &Path,
        begun: Begun,
    ) -> Result<(), DeviceError> {
        self.transfers.borrow_mut().note(chat, name_of(path), begun, self.now());
        self.keep_transfers().await
    }

    /// Forgets uploads whose message is sent.
    pub(crate) async fn forget_transfers<'a>(
        &self,
        chat: ChatId,
        paths: impl Iterator<Item = &'a Path>,
    ) -> Result<(), DeviceError> {
        let names: Vec<String> = paths.map(name_of).collect();
        let before = self.transfers.borrow().0.len();
        self.transfers.borrow_mut().0.retain(|transfer| !names.iter().any(|name| transfer.is_of(chat, name)));
        if self.transfers.borrow().0.len() == before {
            return Ok(());
        }
        self.keep_transfers().await
    }

    async fn keep_transfers(&self) -> Result<(), DeviceError> {
        let row = serde_json::to_vec(&*self.transfers.borrow()).expect("ids, text and numbers");
        self.device.keep(TRANSFERS, row).await
    }

    /// What the vault holds of them.
    pub(super) fn kept_transfers(
        device: &dunlin_client_native::device::Device,
    ) -> Result<Transfers, DeviceError> {
        let row = device.kept(TRANSFERS)?;
        Ok(row.and_then(|row| serde_json::from_slice(&row).ok()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn chat(n: u8) -> ChatId {
        ChatId::from_bytes([n; 16])
    }

    fn begun(n: u8) -> Begun {
        let digest = FileDigest([n; 32]);
        Begun { id: AttachmentId::from_bytes([n; 16]), key: FileKey([n; 32]), digest }
    }

    #[test]
    fn what_was_begun_is_found_for_its_file_and_chat_for_a_day() {
        let mut transfers = Transfers::default();
        transfers.note(chat(1), "/film.mp4".into(), begun(1), NOW);
        let read: Transfers = serde_json::from_slice(&serde_json::to_vec(&transfers).unwrap()).unwrap();
        assert_eq!(read.find(chat(1), "/film.mp4", NOW), Some(begun(1)));
        assert_eq!(read.find(chat(2), "/film.mp4", NOW), None, "of another chat");
        assert_eq!(read.find(chat(1), "/other.mp4", NOW), None);
        assert_eq!(read.find(chat(1), "/film.mp4", NOW + KEPT), None);
        transfers.note(chat(1), "/film.mp4".into(), begun(2), NOW);
        assert_eq!(transfers.find(chat(1), "/film.mp4", NOW), Some(begun(2)));
        assert_eq!(transfers.0.len(), 1);
    }

    #[test]
    fn so_many_are_kept() {
        let mut transfers = Transfers::default();
        for n in 0..=TRANSFERS_MAX {
            transfers.note(chat(1), n.to_string(), begun(1), NOW);
        }
        assert_eq!(transfers.0.len(), TRANSFERS_MAX);
        assert_eq!(transfers.find(chat(1), "0", NOW), None);
        assert!(transfers.find(chat(1), "1", NOW).is_some());
    }
}
