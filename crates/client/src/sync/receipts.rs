//! How far people have got: others with what was said, and this user on their other devices.

use dunlin_model::view::{ChatDetails, Receipt};
use dunlin_model::{ChatId, Seq};
use dunlin_wire::Command;

use crate::effects::Change;
use crate::session::Request;
use crate::step::Client;

impl Client {
    pub(crate) fn receipt_came(&mut self, id: ChatId, receipt: Receipt) {
        if receipt.user == self.account.user() {
            // Another device of this user showed it.
            self.seen(id, receipt.seen);
            return;
        }
        let Some(chat) = self.chats.get_mut(&id) else { return };
        if chat.progress.raise(receipt.user, receipt.delivered, receipt.seen) {
            let (delivered, seen) = chat.progress.receipt(receipt.user);
            let receipt = Receipt { delivered, seen, ..receipt };
            self.effects.changes.push(Change::Receipt { chat: id, receipt });
        }
    }

    /// Everything up to `seq` was shown to the person; whether that is news.
    pub(crate) fn seen(&mut self, id: ChatId, seq: Seq) -> bool {
        let Some(chat) = self.chats.get_mut(&id) else { return false };
        if !chat.mark_seen(seq) {
            return false;
        }
        let seen = chat.marks.seen;
        self.start_timers(id, seen);
        self.effects.changes.push(Change::ChatChanged { chat: id });
        true
    }

    /// Asks how far everyone has got.
    pub(crate) fn ask_receipts(&mut self, id: ChatId) {
        if self.chats.get(&id).is_some_and(|chat| chat.state.exists()) {
            self.ask(Request::Receipts(id), Command::GetChat { chat: id });
        }
    }

    pub(crate) fn receipts_answered(&mut self, id: ChatId, details: &ChatDetails) {
        for member in &details.members {
            let (delivered, seen) = (member.delivered, member.seen);
            self.receipt_came(id, Receipt { user: member.user, delivered, seen });
        }
    }
}
