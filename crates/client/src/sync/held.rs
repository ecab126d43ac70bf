//! What a device holds of a chat whose log may be lost: read from the vault a page at a time, while the log is read
//! again, so that memory does not grow with what was lost.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_model::{ChatId, Seq, UserId};

use crate::chats::StoredMessage;
use crate::content::{Content, Edit, Reaction, Reference};
use crate::effects::Want;
use crate::fold::{StoredEdit, StoredReaction};
use crate::rows::{self, Part};
use crate::step::Client;
use crate::{Key, Value};

/// A page of what is held.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// What stands in the page and was not compared yet.
    pub(super) messages: BTreeMap<Seq, StoredMessage>,
    /// This user's edits and reactions that came in the page, by the message that they belong to.
    edits: BTreeMap<Seq, StoredEdit>,
    reactions: BTreeMap<Seq, StoredReaction>,
    /// Everything up to here was read from the vault.
    known_to: Seq,
    /// What turned out to be lost.
    pub(super) aside: BTreeSet<Seq>,
}

impl Held {
    /// The newest edit of an own message.
    pub(super) fn edit_of(&self, seq: Seq) -> Option<&StoredEdit> {
        self.edits.get(&seq)
    }

    /// What the own edit or reaction at `at` says of `target`, unless that was lost too, or a newer one says more.
    pub(super) fn said_at(&self, at: Seq, target: Seq) -> Option<Content> {
        if self.aside.contains(&target) {
            return None;
        }
        if let Some(edit) = self.edits.get(&target).filter(|edit| edit.seq == at) {
            let target = Reference { seq: target, digest: edit.digest };
            let (text, mentions) = (edit.text.clone(), edit.mentions.clone());
            return Some(Content::Edit(Edit { target, text, mentions }));
        }
        let reaction = self.reactions.get(&target).filter(|reaction| reaction.seq == at)?;
        let target = Reference { seq: target, digest: reaction.digest };
        Some(Content::Reaction(Reaction { target, emoji: reaction.emoji.clone(), remove: false }))
    }

    fn take(&mut self, key: &[u8], value: &[u8], own: UserId) {
        match rows::part(key) {
            Some((_, seq, Part::Message)) => {
                self.messages.extend(rows::decode(value).map(|message| (seq, message)));
            }
            Some((_, seq, Part::Edit(by))) if by == own => {
                self.edits.extend(rows::decode(value).map(|edit| (seq, edit)));
            }
            Some((_, seq, Part::Reaction(by))) if by == own => {
                self.reactions.extend(rows::decode(value).map(|reaction| (seq, reaction)));
            }
            _ => {}
        }
    }
}

impl Client {
    /// Whether it is known what is held up to `to`; asks for more if it is not. What is held before that, of a range
    /// that nobody will get any more, is given back to be put aside.
    pub(super) fn knows_held(&mut self, id: ChatId, to: Seq) -> bool {
        let Some(chat) = self.chats.get(&id) else { return true };
        let Some(restored) = chat.marks.restored else { return true };
        let known_to = chat.held.as_ref().map_or(Seq::ZERO, |held| held.known_to);
        if known_to >= to.min(restored.held_to) {
            return true;
        }
        self.ask_held(id, known_to);
        false
    }

    /// Asks for what is held after `after`.
    pub(super) fn ask_held(&mut self, id: ChatId, after: Seq) {
        let Some(chat) = self.chats.get_mut(&id) else { return };
        if chat.held_asked.replace(after) != Some(after) {
            self.effects.wants.push(Want::LoadMessages { chat: id, after });
        }
    }

    pub(crate) fn messages_loaded(&mut self, id: ChatId, after: Seq, loaded: &[(Key, Value)]) {
        let own = self.account.user();
        let Some(chat) = self.chats.get_mut(&id) else { return };
        let Some(restored) = chat.marks.restored else { return };
        // Of a question from before the log was gone back in once more.
        if chat.held_asked.take_if(|asked| *asked == after).is_none() {
            return;
        }
        let cursor = chat.marks.cursor;
        let held = chat.held.get_or_insert_default();
        held.edits.clear();
        held.reactions.clear();
        for (key, value) in loaded {
            held.take(key, value, own);
        }
        held.messages.retain(|seq, _| *seq > cursor && *seq <= restored.held_to);
        let last = loaded.iter().filter_map(|(key, _)| rows::part(key)).map(|(_, seq, _)| seq).max();
        held.known_to = last.unwrap_or(restored.held_to);
        self.drain(id);
    }
}
