//! What lies above the chats for a moment and takes the keys.

use dunlin_model::{Seq, UserId};

use super::Starting;
use crate::chat::composer::Composer;
use crate::chat::keys::Context;
use crate::chat::view::{Found, Info, Keys};

/// Reactions with a key of their own.
pub(in crate::chat) const QUICK_REACTIONS: [&str; 6] = ["👍", "🧡", "😂", "😮", "😢", "🙏"];

/// Something above the chats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::chat) enum Overlay {
    /// All keys.
    Help {
        /// The first row that is shown.
        top: usize,
    },
    /// Chats by name.
    Switch {
        /// What was typed.
        field: Composer,
        /// Which of the matches.
        at: usize,
    },
    /// Messages by their words.
    Search {
        /// What was typed.
        field: Composer,
        /// What was found; `None` before the answer.
        found: Option<Vec<Found>>,
        /// Which of them.
        at: usize,
    },
    /// An emoji for a message.
    React {
        /// Which message.
        seq: Seq,
        /// What was typed.
        field: Composer,
        /// Which of the quick ones.
        at: usize,
    },
    /// For whom a message is deleted.
    Delete {
        /// Which message.
        seq: Seq,
        /// Whether everyone's is possible.
        everyone: bool,
    },
    /// A new chat.
    New(Starting),
    /// The keys of somebody.
    Verify {
        /// Whose.
        user: UserId,
        /// What they are called.
        name: String,
        /// Their keys; `None` while they are not known here.
        keys: Option<Keys>,
    },
    /// Who has a message.
    Info {
        /// What is known of it.
        info: Info,
        /// The first recipient that is shown.
        top: usize,
    },
}

impl Overlay {
    /// Where keys belong.
    pub(super) const fn context(&self) -> Context {
        match self {
            Self::Help { .. } => Context::Help,
            Self::Switch { .. } | Self::Search { .. } => Context::Pick,
            Self::React { .. } => Context::React,
            Self::Delete { .. } => Context::Delete,
            Self::New(_) => Context::New,
            Self::Verify { .. } => Context::Verify,
            Self::Info { .. } => Context::Info,
        }
    }

    /// What is typed there.
    pub(super) const fn field(&mut self) -> Option<&mut Composer> {
        match self {
            Self::Switch { field, .. } | Self::Search { field, .. } | Self::React { field, .. } => {
                Some(field)
            }
            Self::New(starting) => starting.field(),
            Self::Help { .. } | Self::Delete { .. } | Self::Verify { .. } | Self::Info { .. } => None,
        }
    }
}
