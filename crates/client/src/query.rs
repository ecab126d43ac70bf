//! Reading what the core wrote and does not hold: messages.

use dunlin_model::{ChatId, Seq};

use crate::chats::StoredMessage;
use crate::rows;
use crate::search::Rows;

/// What stands at a place of a chat; `None` where nothing is stored.
pub fn message(rows: &impl Rows, chat: ChatId, seq: Seq) -> Option<StoredMessage> {
    rows.get(&rows::message(chat, seq)).and_then(|value| rows::decode(&value))
}
