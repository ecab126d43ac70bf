//! Messages that are deleted: for everyone by the log, or for this user alone.
//!
//! Hiding is no event, so what the server was not told of yet is kept until it answers.

use dunlin_model::{ChatId, Retry, Seq};
use dunlin_wire::{Command, Outcome};

use crate::fold::Work;
use crate::rows;
use crate::session::Request;
use crate::step::Client;

/// Messages that the server is told of at a time.
const HIDES_ASKED_MAX: usize = 16;

impl Client {
    /// Somebody deleted it for everyone. That they may is the server's word, which could also hold it back.
    pub(crate) fn delete_message(&mut self, id: ChatId, target: Seq) {
        self.forget_message(id, target);
        self.work.push(Work::Delete { chat: id, target });
    }

    /// This user deleted it for themselves, here or elsewhere.
    pub(crate) fn hide_message(&mut self, id: ChatId, seq: Seq) {
        if self.chats.get(&id).is_some_and(|chat| seq <= chat.marks.cursor) {
            self.forget_message(id, seq);
            self.work.push(Work::Remove { chat: id, seq });
        }
    }

    fn forget_message(&mut self, id: ChatId, seq: Seq) {
        self.timers.remove(id, seq, &mut self.effects.persist);
        self.forget_unread(id, seq);
        self.note_stale();
    }

    /// The person wants it hidden.
    pub(crate) fn hide(&mut self, id: ChatId, seq: Seq) {
        let is_there = self.chats.get(&id).is_some_and(|chat| seq > Seq::ZERO && seq <= chat.marks.cursor);
        if !is_there {
            return;
        }
        self.effects.persist.put(rows::of_place(rows::HIDE, id, seq), Vec::new());
        self.hides.insert((id, seq), false);
        self.note_hidden(id, seq);
        self.hide_message(id, seq);
        self.ask_to_hide();
    }

    /// Tells the server of what it was not told, a few at a time.
    pub(crate) fn ask_to_hide(&mut self) {
        if self.session.is_none() {
            return;
        }
        let asked = self.hides.values().filter(|asked| **asked).count();
        let next: Vec<(ChatId, Seq)> = self
            .hides
            .iter_mut()
            .filter(|(_, asked)| !**asked)
            .take(HIDES_ASKED_MAX.saturating_sub(asked))
            .map(|(place, asked)| {
                *asked = true;
                *place
            })
            .collect();
        for (chat, seq) in next {
            self.ask(Request::Hide(chat, seq), Command::HideMessage { chat, seq });
        }
    }

    /// The server knows it, or will never want to.
    pub(crate) fn hide_answered(&mut self, id: ChatId, seq: Seq, outcome: &Outcome) {
        if matches!(outcome, Outcome::Failed(failure) if failure.retry != Retry::Never) {
            return; // The next connection asks again.
        }
        self.hides.remove(&(id, seq));
        self.effects.persist.delete(rows::of_place(rows::HIDE, id, seq));
        self.ask_to_hide();
    }
}
