//! Edits and reactions, at the message that they belong to.
//!
//! One that means a message that was never read here (a stub, or from before this device) is kept where it belongs,
//! and counts as soon as the message is known: whoever shows a message compares author and digest.

use dunlin_model::{ChatId, Seq, Timestamp, UserId};

use super::{Fold, StoredEdit, StoredReaction};
use crate::chats::Shown;
use crate::content::{Content, Edit, Reaction, Reference};
use crate::rows;

/// What stands at the place that an edit or a reaction means.
enum Target {
    /// A message that can be changed.
    Known(Box<Content>, UserId),
    /// A message that was never read here.
    Unread,
    /// Nothing that could be changed: deleted, no message, or another one than the author saw.
    Other,
}

impl Fold<'_> {
    pub(super) fn edit(&mut self, chat: ChatId, at: Seq, by: UserId, time: Timestamp, edit: Edit) {
        let Edit { target, text, mentions } = edit;
        let known = match self.target(chat, at, &target) {
            Target::Known(content, author) if author == by => Some(content),
            Target::Unread => None,
            Target::Known(..) | Target::Other => return,
        };
        if text.is_empty() && matches!(known.as_deref(), Some(Content::Text(_))) {
            return; // Only what stands below files may be empty.
        }
        let kept = StoredEdit { seq: at, time, digest: target.digest, text, mentions };
        self.batch().put(rows::edit(chat, target.seq, by), rows::encode(&kept));
        if let Some(content) = known {
            self.index_again(chat, target.seq, &content.rewritten(kept.text, kept.mentions));
            self.changed(chat, target.seq);
        }
    }

    pub(super) fn react(&mut self, chat: ChatId, at: Seq, by: UserId, reaction: Reaction) {
        let Reaction { target, emoji, remove } = reaction;
        let is_known = match self.target(chat, at, &target) {
            Target::Known(..) => true,
            Target::Unread => false,
            Target::Other => return,
        };
        let key = rows::reaction(chat, target.seq, by);
        let before: Option<StoredReaction> = self.read(&key);
        if remove {
            if before.is_none_or(|before| before.emoji != emoji) {
                return;
            }
            self.batch().delete(key);
        } else {
            let kept = StoredReaction { seq: at, digest: target.digest, emoji };
            self.batch().put(key, rows::encode(&kept));
        }
        if is_known {
            self.changed(chat, target.seq);
        }
    }

    fn target(&self, chat: ChatId, at: Seq, target: &Reference) -> Target {
        if target.seq >= at {
            return Target::Other;
        }
        let Some(message) = self.message(chat, target.seq) else { return Target::Unread };
        match &message.shown {
            Shown::Content(_) => {}
            Shown::Stub(_) => return Target::Unread,
            Shown::Event(_) | Shown::Gone(_) | Shown::Folded { .. } | Shown::Nothing => return Target::Other,
        }
        match message.envelope(chat).map(|envelope| envelope.content) {
            Some(content @ (Content::Text(_) | Content::Files(_)))
                if message.digest() == Some(target.digest) =>
            {
                Target::Known(Box::new(content), message.sender.user)
            }
            _ => Target::Other,
        }
    }
}
