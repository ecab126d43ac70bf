//! What lies above the chats for a moment and takes the keys.

use dunlin_model::Seq;

use crate::chat::composer::Composer;
use crate::chat::keys::Context;
use crate::chat::view::Found;

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
}

impl Overlay {
    /// Where keys belong.
    pub(super) const fn context(&self) -> Context {
        match self {
            Self::Help { .. } => Context::Help,
            Self::Switch { .. } | Self::Search { .. } => Context::Pick,
            Self::React { .. } => Context::React,
            Self::Delete { .. } => Context::Delete,
        }
    }

    /// What is typed there.
    pub(super) const fn field(&mut self) -> Option<&mut Composer> {
        match self {
            Self::Switch { field, .. } | Self::Search { field, .. } | Self::React { field, .. } => {
                Some(field)
            }
            Self::Help { .. } | Self::Delete { .. } => None,
        }
    }
}
