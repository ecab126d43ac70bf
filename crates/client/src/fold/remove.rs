//! Messages that go, and what goes with them.

use dunlin_model::{BodyGone, ChatId, EventKind, Seq, Timestamp, UserId};

use super::{Fold, StoredEdit, StoredReaction};
use crate::chats::{Shown, StoredMessage};
use crate::reading::{Order, beginning_with, each_row};
use crate::rows::{self, Part};

/// Rows read at a time.
const PIECE_ROWS: usize = 256;

impl Fold<'_> {
    /// Deleted for everyone: its place says so, and nothing of it stays.
    pub(super) fn delete(&mut self, chat: ChatId, target: Seq) {
        match self.message(chat, target) {
            Some(StoredMessage { shown: Shown::Folded { into }, sender, .. }) => {
                self.unfold(chat, target, into, sender.user);
            }
            Some(message) if is_said(&message.shown) => {
                let shown = Shown::Gone(BodyGone::Deleted);
                self.empty(chat, target, &StoredMessage { shown, ..message });
            }
            Some(_) => {}
            None => self.set_aside_parts(chat, target, None),
        }
    }

    /// Gone from this device: not even its place shows.
    pub(super) fn remove(&mut self, chat: ChatId, seq: Seq) {
        match self.message(chat, seq) {
            Some(StoredMessage { shown: Shown::Nothing | Shown::Folded { .. }, .. }) => {}
            Some(message) => self.empty(chat, seq, &StoredMessage { shown: Shown::Nothing, ..message }),
            None => self.set_aside_parts(chat, seq, None),
        }
    }

    fn empty(&mut self, chat: ChatId, seq: Seq, left: &StoredMessage) {
        self.batch().put(rows::message(chat, seq), rows::encode(left));
        self.set_aside_parts(chat, seq, None);
        self.unindex(chat, seq);
        self.changed(chat, seq);
    }

    /// Drops edits and reactions, or puts them aside with the message of `kept`; notices are not the message's.
    pub(super) fn set_aside_parts(&mut self, chat: ChatId, seq: Seq, kept: Option<Timestamp>) {
        let mut parts = Vec::new();
        let message = rows::message(chat, seq);
        each_row(&self.pending, beginning_with(&message), Order::Ascending, PIECE_ROWS, |key, value| {
            if matches!(rows::part(&key), Some((_, _, Part::Edit(_) | Part::Reaction(_)))) {
                parts.push((key, value));
            }
            true
        });
        for (key, value) in parts {
            if let (Some(time), Some(name)) = (kept, key.strip_prefix(message.as_slice())) {
                self.batch().put([&rows::lost(chat, time, seq)[..], name].concat(), value);
            }
            self.batch().delete(key);
        }
    }

    /// An edit or a reaction was itself deleted: the message is as it was before.
    fn unfold(&mut self, chat: ChatId, at: Seq, into: Seq, by: UserId) {
        let edit = rows::edit(chat, into, by);
        if self.read::<StoredEdit>(&edit).is_some_and(|edit| edit.seq == at) {
            self.batch().delete(edit);
            let message = self.message(chat, into);
            if let Some(envelope) = message.and_then(|message| message.envelope(chat)) {
                self.index_again(chat, into, &envelope.content);
                self.changed(chat, into);
            }
        }
        let reaction = rows::reaction(chat, into, by);
        if self.read::<StoredReaction>(&reaction).is_some_and(|reaction| reaction.seq == at) {
            self.batch().delete(reaction);
            self.changed(chat, into);
        }
    }
}

/// Whether it is something that somebody said, and not an event.
fn is_said(shown: &Shown) -> bool {
    match shown {
        Shown::Content(_) | Shown::Stub(_) => true,
        Shown::Event(kind) => matches!(**kind, EventKind::Message { .. }),
        Shown::Gone(_) | Shown::Folded { .. } | Shown::Nothing => false,
    }
}
