//! The search index, in the batch of the step that changes what can be found.

use dunlin_model::{ChatId, Seq, Timestamp, UserId};

use super::{Fold, StoredEdit};
use crate::content::Content;
use crate::effects::Change;
use crate::reading::Rows;
use crate::search::{self, Damaged};
use crate::{Batch, rows};

impl Fold<'_> {
    /// A message came. Its edit may be there before it, when it was read later than that.
    pub(super) fn index_new(&mut self, chat: ChatId, seq: Seq, by: UserId, time: Timestamp, text: &str) {
        let edit: Option<StoredEdit> = self.read(&rows::edit(chat, seq, by));
        match edit.and_then(|edit| self.edited(chat, seq, edit)) {
            Some(content) => self.index_again(chat, seq, &content),
            None => self.index(chat, seq, time, text),
        }
    }

    /// What a message says with the edit, where that means it.
    pub(super) fn edited(&self, chat: ChatId, seq: Seq, edit: StoredEdit) -> Option<Content> {
        let message = self.message(chat, seq).filter(|message| message.digest() == Some(edit.digest))?;
        Some(message.envelope(chat)?.content.rewritten(edit.text, edit.mentions))
    }

    /// A message that is stored already has other words.
    pub(super) fn index_again(&mut self, chat: ChatId, seq: Seq, content: &Content) {
        let time = self.message(chat, seq).map(|message| message.time);
        if let (Some(time), Some(text)) = (time, content.searchable()) {
            self.index(chat, seq, time, &text);
        }
    }

    fn index(&mut self, chat: ChatId, seq: Seq, sent: Timestamp, text: &str) {
        let message = search::Message { chat, seq, sent };
        self.search(|rows, batch| search::add(rows, batch, &message, text));
    }

    pub(super) fn unindex(&mut self, chat: ChatId, seq: Seq) {
        self.search(|rows, batch| search::remove(rows, batch, chat, seq));
    }

    pub(super) fn compact(&mut self) {
        self.search(|rows, batch| search::compact(rows, batch).map(drop));
    }

    /// Changes the index. A damaged one is left as it is: the messages are there, and it can be made anew of them.
    fn search(&mut self, change: impl FnOnce(&dyn Rows, &mut Batch) -> Result<(), Damaged>) {
        if !self.has_index {
            return;
        }
        let mut batch = Batch::default();
        match change(&self.pending, &mut batch) {
            Ok(()) => self.batch().append(batch),
            Err(Damaged { .. }) => {
                if !self.changes.contains(&Change::SearchDamaged) {
                    self.changes.push(Change::SearchDamaged);
                }
            }
        }
    }
}
