//! What queries answer: everything ready to be shown, in the words of the domain.

use std::time::Duration;

use dunlin_model::{ChatId, ChatKind, DeviceId, Encryption, EventKind, Role, Seq, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::chats::StubReason;
use crate::content::{Attachment, ChatMetadata, Files, Reference, Text};
use crate::effects::Distrust;
use crate::notice::Notice;
use crate::outbox::WaitReason;

/// A page of a chat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Newest first. A page from the end of the chat begins with what waits to be sent.
    pub items: Vec<Item>,
    /// Where the page before this one ends; `None` when nothing older is here.
    pub next_before: Option<Seq>,
}

/// What stands in a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Item {
    /// Somebody said something.
    Message(Box<MessageView>),
    /// Something happened to the chat.
    Event(EventView),
    /// The person has to know something about the chat.
    Notice(NoticeView),
}

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// In the log.
    At(Seq),
    /// In the outbox, under this number.
    Waiting(u64),
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageView {
    /// Where it is.
    pub place: Place,
    /// Who wrote it.
    pub sender: DeviceId,
    /// When the server accepted it, or when it was written, for what waits.
    pub time: Timestamp,
    /// What it says now.
    pub body: BodyView,
    /// What it answers.
    pub reply_to: Option<ReplyView>,
    /// Whether it said something else before.
    pub edited: Option<EditedView>,
    /// Oldest first.
    pub reactions: Vec<ReactionView>,
    /// How far an own message has got.
    pub status: Option<MessageStatus>,
    /// For whom it waits, when it does not wait for the server alone.
    pub waits: Option<WaitReason>,
    /// What replies, edits and reactions name it by; `None` where it cannot be named.
    pub reference: Option<Reference>,
    /// Whether it disappears.
    pub disappears: Option<Disappearing>,
    /// Its deletion for everyone waits to be sent.
    pub is_being_deleted: bool,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BodyView {
    /// Something written; `reply_to` is in the message.
    Text(Text),
    /// Files.
    Files(Files),
    /// It was deleted for everyone.
    Deleted,
    /// The server removed it before it came here.
    Expired,
    /// It cannot be read.
    Stub(StubReason),
    /// It is of a kind that this version does not know.
    Unknown {
        /// Its number in `content.proto`.
        kind: i32,
    },
}

/// How far a message of this user has got: as far as the recipient who is furthest behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MessageStatus {
    /// It waits to be sent.
    Waiting,
    /// The server has it.
    Sent,
    /// A device of the recipient has it.
    Delivered,
    /// The recipient was shown it.
    Seen,
}

/// What a message answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyView {
    /// Its place.
    pub seq: Seq,
    /// Who wrote it; `None` where it is not here.
    pub sender: Option<DeviceId>,
    /// Its beginning.
    pub preview: Preview,
}

/// The beginning of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Preview {
    /// At most `PREVIEW_CHARS_MAX` characters in one line.
    Text(String),
    /// Files without words.
    Files {
        /// How many.
        count: usize,
        /// The name of the first; may be empty.
        name: String,
    },
    /// It was deleted for everyone, or by the server.
    Deleted,
    /// It cannot be read, or not by this version.
    Unreadable,
    /// It is not here, or what is here is not what the author meant.
    NotHere,
}

/// An edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditedView {
    /// When the newest edit was accepted, or written.
    pub time: Timestamp,
    /// What it said first.
    pub original: String,
    /// The edit waits to be sent.
    pub is_waiting: bool,
}

/// An emoji on a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReactionView {
    /// One grapheme cluster.
    pub emoji: String,
    /// Whose it is, oldest first.
    pub users: Vec<UserId>,
    /// Whether this user is among them.
    pub is_own: bool,
}

/// The timer of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disappearing {
    /// From reading on.
    pub after: Duration,
    /// When, once it was read here.
    pub at: Option<Timestamp>,
}

/// Something that happened to a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// Its place.
    pub seq: Seq,
    /// Who did it.
    pub sender: DeviceId,
    /// When the server accepted it.
    pub time: Timestamp,
    /// What.
    pub what: Happened,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Happened {
    /// Something that the server can see.
    Event(Box<EventKind>),
    /// Messages stay so long from now on.
    Timer {
        /// Seconds; zero: for ever.
        seconds: u32,
    },
    /// An encrypted chat has another name, description or picture.
    Metadata(Box<ChatMetadata>),
}

/// A notice in its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeView {
    /// What it stands behind.
    pub after: Seq,
    /// When it arose, by this device's clock.
    pub time: Timestamp,
    /// What it says.
    pub notice: Notice,
}

/// A chat in the list of chats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatSummary {
    /// The chat.
    pub chat: ChatId,
    /// Its kind.
    pub kind: ChatKind,
    /// Whether the server can read it.
    pub encryption: Encryption,
    /// What it is called; empty for direct chats and those without a name.
    pub title: String,
    /// The other one of a direct chat.
    pub peer: Option<UserId>,
    /// Whether this user is a member now.
    pub is_member: bool,
    /// How many members there are.
    pub members: usize,
    /// Messages of others that were not shown; `chats::UNREAD_MAX` stands for that many or more.
    pub unread: usize,
    /// What was typed and not sent.
    pub draft: String,
    /// How many commands wait to be sent.
    pub waiting: usize,
    /// Why nothing is sent here any more.
    pub distrusted: Option<Distrust>,
    /// The newest message, unless too much else came since.
    pub last: Option<LastView>,
    /// When something was last said: the list is in this order.
    pub active: Timestamp,
}

/// The newest message of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastView {
    /// Where it is.
    pub place: Place,
    /// Who wrote it.
    pub sender: DeviceId,
    /// When.
    pub time: Timestamp,
    /// Its beginning.
    pub preview: Preview,
    /// How far it has got, when it is of this user.
    pub status: Option<MessageStatus>,
}

/// A chat by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatView {
    /// As in the list.
    pub summary: ChatSummary,
    /// What it is about; may be empty.
    pub description: String,
    /// Its picture, of an encrypted chat.
    pub picture: Option<Attachment>,
    /// How long messages stay after they were read; `None`: for ever.
    pub timer: Option<Duration>,
    /// Members and their roles.
    pub members: Vec<(UserId, Role)>,
    /// Who is banned: nobody lets them in before they are unbanned.
    pub banned: Vec<UserId>,
    /// Everything up to here was shown to the person.
    pub seen: Seq,
}

/// Who has a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageInfo {
    /// The message.
    pub message: MessageView,
    /// Everyone who may read it but its author, with how far it has got with them.
    pub recipients: Vec<(UserId, MessageStatus)>,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Where.
    pub chat: ChatId,
    /// What.
    pub message: MessageView,
}
