//! What this device wants of chats, in order, until it is accepted or refused for good.
//!
//! An *entry* is what the person wants. An *attempt* is one numbered command made of it, or of a duty of the keys: it
//! is persisted before it is sent and sent again, byte for byte, until its fate is known. After a refusal that a
//! newer state of the chat may lift, the entry gets a new attempt with a new number, and the old one is never
//! sent again. One attempt at a time is under way in a chat.

mod answer;
mod attempt;
mod enqueue;
mod send;
mod waits;

use std::fmt;

use bytes::Bytes;
use dunlin_model::chat::ChatState;
use dunlin_model::view::{INVITE_SECRET_BYTES, InviteCode};
use dunlin_model::{Body, ChatCommand, ChatId, ClientSeq, DeviceId, Epoch, Seq, Suite, Timestamp};
use dunlin_wire::{ClientFrame, Command, Format, decode_client, encode_client};
use serde::{Deserialize, Serialize};

use crate::content::{Content, Envelope, Expected, Text};
use crate::session::ANSWER_PATIENCE;

pub use waits::WaitReason;

/// What the person wants of a chat.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// Ascending in the order in which it was wanted.
    pub(crate) place: u64,
    /// Of the person's command.
    pub(crate) token: u64,
    pub(crate) wish: Wish,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Wish {
    /// Content, sealed under number zero; sealed again under its number when it is sent.
    Content(Vec<u8>),
    /// A command, as a frame under number one.
    Command(Vec<u8>),
    /// The creation of the chat, as a frame under the number from which the chat's id follows.
    Create(Vec<u8>),
    /// The invite link is made with this secret, or withdrawn.
    Invite(Option<InviteSecret>),
    /// Joins by this link.
    Join(InviteCode),
    /// The chat's group gets this suite; made of handshakes, not of an attempt of its own.
    Suite(Suite),
}

impl Wish {
    /// What a message says, or what is said to its files; nothing of whatever is none. What an edit said is not of them: the
    /// message stands as it was.
    pub(crate) fn words(&self, chat: ChatId, sender: DeviceId) -> Option<String> {
        match self {
            Self::Content(sealed) => {
                let expected = Expected { chat, sender, client_seq: ClientSeq(0) };
                match Envelope::open(sealed, &expected).ok()?.content {
                    Content::Text(Text { text, .. }) => Some(text),
                    Content::Files(files) => Some(files.caption.text).filter(|text| !text.is_empty()),
                    _ => None,
                }
            }
            Self::Command(frame) => match read(frame)? {
                Command::Submit { command: ChatCommand::Send { body: Body::Text(text), .. }, .. } => {
                    Some(text)
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// The secret of an invite link: whether the chat is encrypted shows when it comes to its turn.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct InviteSecret(pub(crate) [u8; INVITE_SECRET_BYTES]);

impl InviteSecret {
    pub(crate) fn code(self, state: &ChatState) -> InviteCode {
        InviteCode { chat: state.id, secret: self.0, encryption: state.encryption }
    }
}

impl fmt::Debug for InviteSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteSecret")
    }
}

/// A numbered command whose fate is not known.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Attempt {
    pub(crate) number: ClientSeq,
    /// The entry that it is made of; a handshake otherwise.
    pub(crate) place: Option<u64>,
    /// What is sent.
    frame: Vec<u8>,
    /// What an encrypted message says, since a sender cannot decrypt its own.
    pub(crate) plaintext: Vec<u8>,
    /// Blobs that must be durable before it is sent.
    blobs: Vec<Bytes>,
    /// Whether a part of the log passed unseen in which its event may have stood.
    pub(crate) may_have_passed: bool,
    #[serde(skip)]
    pub(crate) progress: Progress,
    /// The chat's head when it was made, on this connection.
    #[serde(skip)]
    pub(crate) head: Seq,
    /// When it was sent, on this connection.
    #[serde(skip)]
    pub(crate) sent: Timestamp,
}

/// How far an attempt has got on this connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Progress {
    #[default]
    Unsent,
    Storing,
    Sent,
    Accepted,
}

/// Commands are kept in the form in which they travel.
pub(crate) fn write(command: Command) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_client(Format::Proto, &ClientFrame { id: 1, command }, &mut bytes);
    bytes
}

pub(crate) fn read(bytes: &[u8]) -> Option<Command> {
    decode_client(Format::Proto, bytes).ok().map(|frame| frame.command)
}

impl Attempt {
    pub(crate) fn new(number: ClientSeq, place: Option<u64>, command: Command, plaintext: Vec<u8>) -> Self {
        let frame = write(command);
        let (progress, head) = (Progress::Unsent, Seq::ZERO);
        let sent = Timestamp::default();
        let blobs = Vec::new();
        Self { number, place, frame, plaintext, blobs, may_have_passed: false, progress, head, sent }
    }

    pub(crate) fn with_blobs(self, blobs: Vec<Bytes>) -> Self {
        Self { blobs, ..self }
    }

    pub(crate) fn is_handshake(&self) -> bool {
        self.place.is_none()
    }

    /// From now on it is of an epoch that no group has: where it was accepted before, the server says so, and it is not
    /// accepted any more. That its own epoch has the same name as one of the log's does not make it readable. Messages of
    /// chats without encryption stay as they are. False for whatever is no message: that would be done to another log.
    fn only_ask(&mut self) -> bool {
        let Some(Command::Submit { chat, client_seq, mut command, attestation }) = read(&self.frame) else {
            return false;
        };
        let ChatCommand::Send { epoch, .. } = &mut command else { return false };
        if let Some(epoch) = epoch {
            *epoch = Epoch::default();
            self.frame = write(Command::Submit { chat, client_seq, command, attestation });
        }
        true
    }

    /// Whether it starts a generation of the chat's group.
    pub(crate) fn starts_group(&self) -> bool {
        let is_start =
            |command| matches!(command, Command::Submit { command: ChatCommand::StartGroup(_), .. });
        self.is_handshake() && read(&self.frame).is_some_and(is_start)
    }

    /// By when it was refused, or has become an event.
    pub(crate) fn patience_ends(&self) -> Option<Timestamp> {
        matches!(self.progress, Progress::Sent | Progress::Accepted).then(|| self.sent + ANSWER_PATIENCE)
    }

    pub(crate) fn forget_connection(&mut self) {
        self.progress = Progress::Unsent;
    }
}

/// The chat of a request about an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AttemptId {
    pub(crate) chat: ChatId,
    pub(crate) number: ClientSeq,
}
