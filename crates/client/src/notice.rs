//! What a person is told within a chat about the chat itself, and in which words.
//!
//! A notice is stored behind the message that was the last one when it arose, so that it stands at its place, survives
//! a restart, and scrolls by like everything else.

use dunlin_model::{ChatId, DeviceId, Seq, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::effects::{Change, Distrust};
use crate::rows;
use crate::step::Client;

/// Something that a person has to know about a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// A member has another identity key than before.
    IdentityChanged {
        /// Who.
        user: UserId,
        /// Whether the key before was marked as verified; this one is not.
        was_verified: bool,
    },
    /// Nothing is sent in the chat any more.
    Distrusted(Distrust),
    /// The keys were changed in a way that this device cannot follow; it enters them anew.
    CommitFailed {
        /// Whose doing it was.
        author: DeviceId,
    },
    /// The server left out messages that their sender had counted.
    Gap {
        /// Whose.
        sender: DeviceId,
        /// How many.
        missing: u64,
    },
    /// A part of the chat is too old to be had.
    Missing {
        /// First place.
        from: Seq,
        /// Last place.
        to: Seq,
    },
    /// The server's data came back from a backup that lacks what was said after this place.
    Restored,
}

impl Notice {
    /// The sentence that people read; `name` says what a user is called.
    pub fn sentence(&self, name: &dyn Fn(UserId) -> String) -> String {
        match self {
            Self::IdentityChanged { user, was_verified } => {
                let who = name(*user);
                let then = if *was_verified {
                    "You had compared safety numbers: they are others now, so compare them again before you trust \
                     this chat."
                } else {
                    "Compare safety numbers to be sure that nobody stands between you."
                };
                format!(
                    "The identity key of {who} has changed: they have set up Dunlin anew, or somebody pretends to be them. {then}"
                )
            }
            Self::Distrusted(why) => format!(
                "Nothing is sent here any more, because {why}. The server, or somebody with power over it, does not \
                 keep the rules. Start a new chat with those you trust."
            ),
            Self::CommitFailed { author } => format!(
                "{} has changed the keys of this chat in a way that does not fit. This device gets new ones by \
                 itself; messages in between may be unreadable.",
                name(author.user)
            ),
            Self::Gap { sender, missing: 1 } => {
                format!("One message of {} is missing: the server did not deliver it.", name(sender.user))
            }
            Self::Gap { sender, missing } => {
                format!(
                    "{missing} messages of {} are missing: the server did not deliver them.",
                    name(sender.user)
                )
            }
            Self::Missing { .. } => {
                "Messages are missing here: they are so old that the server has removed them.".to_owned()
            }
            Self::Restored => "The server lost what was said here, and came back from a backup. What you had said is \
                               sent again, unless somebody is here now who was not then; the rest is set aside on \
                               this device."
                .to_owned(),
        }
    }
}

/// A notice as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredNotice {
    pub(crate) time: Timestamp,
    pub(crate) notice: Notice,
}

impl Client {
    /// Puts a notice behind what stands at `after`.
    pub(crate) fn note(&mut self, id: ChatId, after: Seq, notice: Notice) {
        let time = self.now;
        let Some(chat) = self.chats.get_mut(&id) else { return };
        chat.marks.notices += 1;
        chat.marks_changed = true;
        let stored = StoredNotice { time, notice: notice.clone() };
        self.effects.persist.put(rows::notice(id, after, chat.marks.notices), rows::encode(&stored));
        self.effects.changes.push(Change::Noticed { chat: id, after, notice });
    }

    /// Puts a notice at the end of what was processed of a chat.
    pub(crate) fn note_here(&mut self, id: ChatId, notice: Notice) {
        let cursor = self.chats.get(&id).map_or(Seq::ZERO, |chat| chat.marks.cursor);
        self.note(id, cursor, notice);
    }
}
