//! A message, or another event, as it is kept and shown.

use dunlin_model::{BodyGone, ChatId, ClientSeq, DeviceId, EventKind, Seq, Timestamp};
use serde::{Deserialize, Serialize};

use crate::content::{self, ContentDigest, Envelope, Expected};
use crate::rows;

/// An event of a chat, decrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredMessage {
    /// Its place.
    pub seq: Seq,
    /// When the server accepted it.
    pub time: Timestamp,
    /// Who caused it.
    pub sender: DeviceId,
    /// The sender's number for it.
    pub client_seq: ClientSeq,
    /// What it is.
    pub shown: Shown,
}

/// What is shown at a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Shown {
    /// The padded plaintext of an encrypted message: see [`StoredMessage::envelope`].
    Content(Vec<u8>),
    /// An event that the server can read: a change of the chat, a message of a chat without encryption.
    Event(Box<EventKind>),
    /// The body was removed.
    Gone(BodyGone),
    /// It can never be read here.
    Stub(StubReason),
    /// An edit of another message, or a reaction to it, which stands there.
    Folded {
        /// That message.
        into: Seq,
    },
    /// Nothing is: it was deleted for this user alone, it has disappeared, or it said nothing new.
    Nothing,
}

/// Why a message can never be read on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum StubReason {
    /// It was sent before this device had the chat's keys.
    #[error("It was sent before this device had the keys of the chat.")]
    BeforeEntry,
    /// Its keys are deleted.
    #[error("It came so late that its keys are deleted.")]
    TooOld,
    /// It is damaged, or was made for somebody else.
    #[error("It is damaged, or was not made for this device.")]
    Broken,
    /// It was written for another chat, by another device or under another number: the server moved it.
    #[error("It was written for another place: the server moved it.")]
    Misplaced,
    /// It was delivered before: the server replays it.
    #[error("The server delivered it a second time.")]
    Replayed,
    /// This device wrote it and no longer knows what.
    #[error("This device sent it and no longer knows what it said.")]
    Forgotten,
    /// It changes the chat, and its author had no right to.
    #[error("It was to change the chat, and its author has no right to.")]
    NotAllowed,
}

impl StoredMessage {
    /// Reads a row of messages, or of lost ones (`LOST_MESSAGES_PREFIX`); `None` when it is none.
    pub fn read(row: &[u8]) -> Option<Self> {
        rows::decode(row)
    }

    /// Whether somebody wrote it: it is no change of the chat, and its body is there.
    pub(crate) fn says_something(&self) -> bool {
        match &self.shown {
            Shown::Content(_) => true,
            Shown::Event(kind) => matches!(**kind, EventKind::Message { .. }),
            _ => false,
        }
    }

    /// What an encrypted message says; `None` when it is no such message.
    pub fn envelope(&self, chat: ChatId) -> Option<Envelope> {
        let Shown::Content(padded) = &self.shown else { return None };
        let expected = Expected { chat, sender: self.sender, client_seq: self.client_seq };
        Envelope::open(padded, &expected).ok()
    }

    /// What replies and reactions name an encrypted message by.
    pub fn digest(&self) -> Option<ContentDigest> {
        match &self.shown {
            Shown::Content(padded) => Some(content::digest(padded)),
            _ => None,
        }
    }
}
