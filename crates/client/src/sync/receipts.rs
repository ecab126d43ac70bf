//! How far others have got.

use dunlin_model::ChatId;
use dunlin_model::view::Receipt;

use crate::effects::Change;
use crate::step::Client;

impl Client {
    pub(crate) fn receipt_came(&mut self, id: ChatId, receipt: Receipt) {
        let own = self.account.user();
        let Some(chat) = self.chats.get_mut(&id) else { return };
        if receipt.user == own {
            // Another device of this user showed it.
            if chat.mark_seen(receipt.seen) {
                self.effects.changes.push(Change::ChatChanged { chat: id });
            }
            return;
        }
        let (delivered, seen) = chat.marks.receipts.entry(receipt.user).or_default();
        let before = (*delivered, *seen);
        (*delivered, *seen) = (before.0.max(receipt.delivered), before.1.max(receipt.seen));
        if before != (*delivered, *seen) {
            chat.marks_changed = true;
            self.effects.changes.push(Change::Receipt { chat: id, receipt });
        }
    }
}
