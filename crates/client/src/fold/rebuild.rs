//! Makes the search index anew from the messages, a piece in each step: first the old one goes, then the messages are
//! gone through. What comes meanwhile is met on the way or is there already.

use std::time::Duration;

use dunlin_model::{Body, ChatId, EventKind};
use serde::{Deserialize, Serialize};

use super::Fold;
use crate::Key;
use crate::chats::{Shown, StoredMessage};
use crate::reading::{Order, Rows, beginning_with};
use crate::rows::{self, Part};
use crate::search;

/// Rows of the old index that go in one step.
const CLEARED_PER_STEP_MAX: usize = 1_000;
/// Rows of messages that are gone through in one step.
const INDEXED_PER_STEP_MAX: usize = 256;
/// How long a device does other things in between.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// How far it has got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Rebuild {
    /// The old index is there yet, whole or not.
    Clearing,
    /// All messages before this key are in the new one.
    Indexing(Key),
}

impl Fold<'_> {
    pub(super) fn is_clearing(&self) -> bool {
        self.read(rows::REBUILD) == Some(Rebuild::Clearing)
    }

    /// Does a piece of it; whether more is left.
    pub(super) fn rebuild(&mut self) -> bool {
        let next = match self.read(rows::REBUILD) {
            None => return false,
            Some(Rebuild::Clearing) => Some(self.clear()),
            Some(Rebuild::Indexing(from)) => self.index_from(&from).map(Rebuild::Indexing),
        };
        match &next {
            Some(next) => self.batch().put(rows::REBUILD.to_vec(), rows::encode(next)),
            None => self.batch().delete(rows::REBUILD.to_vec()),
        }
        next.is_some()
    }

    fn clear(&mut self) -> Rebuild {
        let (from, until) = beginning_with(search::PREFIX);
        let old = self.pending.scan(&from, &until, Order::Ascending, CLEARED_PER_STEP_MAX);
        if old.is_empty() {
            return Rebuild::Indexing(rows::MESSAGE.to_vec());
        }
        for (key, _) in old {
            self.batch().delete(key);
        }
        Rebuild::Clearing
    }

    /// Where to go on; `None` at the end.
    fn index_from(&mut self, from: &[u8]) -> Option<Key> {
        let (_, until) = beginning_with(rows::MESSAGE);
        let messages = self.pending.scan(from, &until, Order::Ascending, INDEXED_PER_STEP_MAX);
        let last = messages.last().map(|(key, _)| [key.as_slice(), &[0]].concat())?;
        for (key, value) in messages {
            let Some((chat, seq, Part::Message)) = rows::part(&key) else { continue };
            let Some(message) = rows::decode::<StoredMessage>(&value) else { continue };
            if let Some(text) = words(chat, &message) {
                self.index_new(chat, seq, message.sender.user, message.time, &text);
            }
        }
        Some(last)
    }
}

fn words(chat: ChatId, message: &StoredMessage) -> Option<String> {
    match &message.shown {
        Shown::Content(_) => message.envelope(chat)?.content.searchable(),
        Shown::Event(kind) => match &**kind {
            EventKind::Message { body: Body::Text(text), .. } => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}
