//! What is shown, free of how it is stored: chats, and what stands in them.

use dunlin_model::{ChatId, IdentityKey, Seq, Timestamp, UserId};

/// What a chat is, for its mark in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChatSort {
    /// With one person.
    Direct(UserId),
    /// Everyone posts.
    Group,
    /// Few post.
    Channel,
}

/// A chat in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChatView {
    /// The chat.
    pub(super) chat: ChatId,
    /// What it is called here.
    pub(super) name: String,
    /// Its kind.
    pub(super) sort: ChatSort,
    /// How many are in it.
    pub(super) members: usize,
    /// Messages that were not shown yet.
    pub(super) unread: usize,
    /// Everything up to here was shown.
    pub(super) seen: Seq,
    /// The newest place that this device holds.
    pub(super) newest: Seq,
    /// When something was last said, for the order of the list.
    pub(super) active: Timestamp,
    /// Commands that the server has not accepted yet.
    pub(super) waiting: usize,
    /// What was typed and not sent.
    pub(super) draft: String,
    /// Whether the person may delete messages of others.
    pub(super) moderates: bool,
    /// Why nothing can be said here.
    pub(super) closed: Option<String>,
}

/// Where something stands in a chat. What waits comes after everything that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// In the log: an event, with zero, or a notice that stands behind it.
    In(Seq, u32),
    /// In the outbox, under this number.
    Waiting(u64),
}

impl Place {
    /// The event at `seq`.
    pub(super) const fn at(seq: Seq) -> Self {
        Self::In(seq, 0)
    }

    /// Its place in the log.
    pub(super) const fn seq(self) -> Option<Seq> {
        match self {
            Self::In(seq, _) => Some(seq),
            Self::Waiting(_) => None,
        }
    }
}

/// Something in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Where.
    pub(super) place: Place,
    /// When.
    pub(super) time: Timestamp,
    /// What.
    pub(super) what: What,
}

impl Entry {
    /// The message, if it is one.
    pub(super) fn message(&self) -> Option<&Message> {
        match &self.what {
            What::Message(message) => Some(message),
            What::Notice { .. } => None,
        }
    }
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// Somebody said something.
    Message(Box<Message>),
    /// Something happened.
    Notice {
        /// A sentence.
        text: String,
        /// Whether it deserves attention.
        alarming: bool,
    },
}

/// A message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Who.
    pub(super) sender: UserId,
    /// What they are called here.
    pub(super) name: String,
    /// Whether the person wrote it, on whatever device.
    pub(super) mine: bool,
    /// What it says.
    pub(super) body: Body,
    /// What it answers.
    pub(super) quote: Option<Quote>,
    /// Whether it says something else than at first.
    pub(super) edited: bool,
    /// What people put on it, in the order of first use.
    pub(super) reactions: Vec<Reactions>,
    /// How far it has got; `None` for messages of others.
    pub(super) tick: Option<Tick>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body {
    /// Words.
    Text(String),
    /// What is shown in the place of words: a file, something deleted, something that cannot be read.
    Aside(String),
}

impl Body {
    /// The words.
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Text(text) | Self::Aside(text) => text,
        }
    }
}

/// The message that another answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Quote {
    /// Who wrote it.
    pub(super) name: String,
    /// What it says.
    pub(super) text: String,
}

/// One emoji on a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reactions {
    /// Which.
    pub(super) emoji: String,
    /// How many people.
    pub(super) count: usize,
    /// Whether the person is one of them.
    pub(super) mine: bool,
}

/// How far a message has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tick {
    /// It waits on this device.
    Waiting,
    /// The server keeps it.
    Sent,
    /// Every recipient's device has it.
    Delivered,
    /// Every recipient saw it.
    Seen,
}

impl Tick {
    /// The mark beside the message.
    pub(super) const fn mark(self) -> &'static str {
        match self {
            Self::Waiting => "…",
            Self::Sent => "✓",
            Self::Delivered => "✓✓",
            Self::Seen => "✔✔",
        }
    }
}

/// Whether someone is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    /// Now.
    Online,
    /// Was, at this time.
    LastSeen(Timestamp),
    /// They do not say.
    Unknown,
}

/// A part of a chat, oldest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Page {
    /// The chat.
    pub(super) chat: ChatId,
    /// What stands there.
    pub(super) entries: Vec<Entry>,
    /// Whether there is more before it.
    pub(super) has_older: bool,
    /// Whether there is more after it.
    pub(super) has_newer: bool,
    /// How far the chat had got when this was read.
    pub(super) newest: Seq,
}

/// Which part of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// The last place; `None`: up to the newest and what waits.
    pub(super) end: Option<Seq>,
    /// How many entries.
    pub(super) count: usize,
}

/// Somebody's keys, as two people compare them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keys {
    /// What the digits follow from.
    pub(super) identity: IdentityKey,
    /// Sixty digits, in two rows.
    pub(super) number: [String; 2],
    /// Whether it was noted that they are theirs.
    pub(super) verified: bool,
}

/// Who has a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Info {
    /// Its place.
    pub(super) seq: Seq,
    /// Who wrote it.
    pub(super) name: String,
    /// When.
    pub(super) time: Timestamp,
    /// What it says.
    pub(super) text: String,
    /// Everyone who may read it but its author, and how far it has got with them: the furthest first.
    pub(super) recipients: Vec<(String, Tick)>,
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// The chat.
    pub(super) chat: ChatId,
    /// What it is called.
    pub(super) chat_name: String,
    /// The place.
    pub(super) seq: Seq,
    /// When.
    pub(super) time: Timestamp,
    /// Who.
    pub(super) name: String,
    /// What.
    pub(super) text: String,
}
