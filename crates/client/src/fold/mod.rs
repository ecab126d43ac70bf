//! The second half of a step: what needs rows that the core does not hold.
//!
//! Edits and reactions go where they belong, deletions take with them what hangs on a message, and the search index
//! follows; all of it ends up in the batch of the step. It depends on nothing but the rows and the work that the
//! first half left, so that it can be done again. One piece of work reads and writes a bounded number of rows, but
//! for a deletion, which removes at most an edit and a reaction for each member.

mod change;
mod index;
mod rebuild;
mod remove;

use dunlin_model::{ChatId, Seq, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::Batch;
use crate::chats::StoredMessage;
use crate::content::{ContentDigest, Edit, Mention, Reaction};
use crate::effects::{Change, Effects};
use crate::reading::{Pending, Rows};
use crate::rows;
pub(crate) use rebuild::Rebuild;

/// What the first half of a step leaves to be done.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    /// A message was stored whose words can be found.
    Index { chat: ChatId, seq: Seq, by: UserId, time: Timestamp, text: String },
    /// A message is to be edited.
    Edit { chat: ChatId, at: Seq, by: UserId, time: Timestamp, edit: Edit },
    /// Somebody reacts to a message, or takes it back.
    React { chat: ChatId, at: Seq, by: UserId, reaction: Reaction },
    /// A message was deleted for everyone.
    Delete { chat: ChatId, target: Seq },
    /// A message was deleted for this user, or has disappeared.
    Remove { chat: ChatId, seq: Seq },
    /// A message was put aside: what hangs on it goes too, with the message of this time where that is kept.
    SetAsideParts { chat: ChatId, seq: Seq, kept: Option<Timestamp> },
    /// Words of removed messages are to leave the index.
    Compact,
    /// The index is being made anew, unless that is done.
    Rebuild,
}

/// The newest edit of a message by one user; it counts when that is its author.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredEdit {
    /// Where it came.
    pub(crate) seq: Seq,
    pub(crate) time: Timestamp,
    /// Of the message that is meant.
    pub(crate) digest: ContentDigest,
    pub(crate) text: String,
    pub(crate) mentions: Vec<Mention>,
}

/// The reaction of one user to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredReaction {
    /// Where it came.
    pub(crate) seq: Seq,
    /// Of the message that is meant.
    pub(crate) digest: ContentDigest,
    pub(crate) emoji: String,
}

/// The first half of a step: effects that are not complete. Nothing of it may be carried out before
/// [`Unfinished::finish`].
#[derive(Debug, Clone)]
#[must_use]
pub struct Unfinished {
    now: Timestamp,
    effects: Effects,
    work: Vec<Work>,
}

impl Unfinished {
    pub(crate) const fn new(now: Timestamp, effects: Effects, work: Vec<Work>) -> Self {
        Self { now, effects, work }
    }

    /// Whether there is nothing to read and nothing to write.
    pub fn is_idle(&self) -> bool {
        self.work.is_empty() && self.effects.persist.is_empty()
    }

    /// Completes the effects from the rows of the vault as they were before the step. Depends on nothing else and
    /// changes nothing, so it may be done again on a clone when rows turn out to be missing.
    pub fn finish(self, rows: &dyn Rows) -> Effects {
        let Self { now, mut effects, work } = self;
        let Effects { persist, changes, wake_at, .. } = &mut effects;
        let mut fold = Fold { pending: Pending { rows, batch: persist }, changes, has_index: true };
        if work.iter().any(|work| matches!(work, Work::Rebuild)) {
            fold.has_index = !fold.is_clearing();
        }
        for work in work {
            if fold.carry_out(work) {
                let next = now + rebuild::PAUSE;
                *wake_at = Some(wake_at.map_or(next, |at| at.min(next)));
            }
        }
        effects
    }
}

struct Fold<'a> {
    pending: Pending<'a>,
    changes: &'a mut Vec<Change>,
    /// Whether there is a search index to be changed, and not half of one that goes.
    has_index: bool,
}

impl Fold<'_> {
    /// Whether more is left of it for the next step.
    fn carry_out(&mut self, work: Work) -> bool {
        match work {
            Work::Index { chat, seq, by, time, text } => self.index_new(chat, seq, by, time, &text),
            Work::Edit { chat, at, by, time, edit } => self.edit(chat, at, by, time, edit),
            Work::React { chat, at, by, reaction } => self.react(chat, at, by, reaction),
            Work::Delete { chat, target } => self.delete(chat, target),
            Work::Remove { chat, seq } => self.remove(chat, seq),
            Work::SetAsideParts { chat, seq, kept } => self.set_aside_parts(chat, seq, kept),
            Work::Compact => self.compact(),
            Work::Rebuild => return self.rebuild(),
        }
        false
    }

    fn message(&self, chat: ChatId, seq: Seq) -> Option<StoredMessage> {
        self.read(&rows::message(chat, seq))
    }

    fn read<T: serde::de::DeserializeOwned>(&self, key: &[u8]) -> Option<T> {
        self.pending.get(key).and_then(|value| rows::decode(&value))
    }

    fn batch(&mut self) -> &mut Batch {
        self.pending.batch
    }

    /// Tells once that a message looks different now.
    fn changed(&mut self, chat: ChatId, seq: Seq) {
        let change = Change::MessageChanged { chat, seq };
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }
}
