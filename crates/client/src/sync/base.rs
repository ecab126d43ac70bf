//! Where to begin when the log cannot be read from its start: the server's word for the state at the head.
//!
//! A false one is noticed at the next change of the roster, which is signed over the roster that precedes it.

use dunlin_model::chat::ChatState;
use dunlin_model::view::ChatDetails;
use dunlin_model::{ChatId, Seq};
use dunlin_wire::{Command, Outcome};

use crate::chats::Chat;
use crate::effects::Change;
use crate::session::Request;
use crate::step::{Client, RETRY_AFTER};

impl Client {
    pub(crate) fn ask_base(&mut self, id: ChatId) {
        let Some(chat) = self.chats.get_mut(&id) else { return };
        if !chat.base_asked && self.session.is_some() {
            chat.base_asked = true;
            self.ask(Request::Base(id), Command::GetChat { chat: id });
        }
    }

    pub(crate) fn base_answered(&mut self, id: ChatId, outcome: Outcome) {
        let Some(chat) = self.chats.get_mut(&id) else { return };
        chat.base_asked = false;
        let Outcome::Chat(details) = outcome else {
            self.hold(id, RETRY_AFTER);
            return;
        };
        // An answer from before what was pushed meanwhile would be of the past.
        if !chat.marks.needs_base || details.head < chat.marks.cursor {
            self.touched.insert(id);
            return;
        }
        chat.marks.needs_base = false;
        chat.marks_changed = true;
        if chat.begins_unknown() {
            chat.marks.cursor = details.received;
            chat.acknowledged = details.received;
            if details.received == Seq::ZERO {
                // It is read from its start, and what came first was lost on the way.
                self.drain(id);
                return;
            }
            chat.marks.skipped = true;
        }
        chat.marks.base = details.head;
        chat.state = ChatState::from_details(&details);
        chat.state_changed = true;
        self.effects.changes.push(Change::ChatChanged { chat: id });
        self.receipts_answered(id, &details);
        self.drain(id);
    }

    /// The chats that were there before this device.
    pub(crate) fn listed(&mut self, chats: Vec<ChatDetails>, next_after: Option<ChatId>) {
        for details in chats {
            let (id, received) = (details.chat, details.received);
            // All of it will be pushed, or some of it came already. One that this person only wrote to is not known by that.
            let is_known = |chat: &Chat| {
                chat.marks.cursor > Seq::ZERO || chat.state.exists() || !chat.waiting.is_empty()
            };
            if received == Seq::ZERO || self.chats.get(&id).is_some_and(is_known) {
                continue;
            }
            let chat = self.chat_mut(id);
            chat.marks.cursor = received;
            chat.acknowledged = received;
            chat.marks.needs_base = true;
            chat.marks.skipped = true;
            chat.marks_changed = true;
            self.ask_base(id);
        }
        if next_after.is_some() {
            self.ask(Request::List, Command::ListChats { after: next_after, limit: None });
        } else {
            self.account.listed = true;
            self.account_changed = true;
        }
    }
}
