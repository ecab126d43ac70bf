//! Reading what the core wrote and does not hold: messages.

use dunlin_model::{ChatId, Seq};

use crate::account::Account;
use crate::chats::StoredMessage;
use crate::rows;
use crate::search::Rows;

/// Whose rows these are; `None` where there is no account among them.
pub fn account(rows: &impl Rows) -> Option<Account> {
    rows.get(rows::ACCOUNT).and_then(|value| rows::decode(&value))
}

/// What stands at a place of a chat; `None` where nothing is stored.
pub fn message(rows: &impl Rows, chat: ChatId, seq: Seq) -> Option<StoredMessage> {
    rows.get(&rows::message(chat, seq)).and_then(|value| rows::decode(&value))
}
