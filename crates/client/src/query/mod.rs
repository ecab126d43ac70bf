//! Reading what the core wrote: pages of chats, the list of chats, single messages, search.
//!
//! All of it follows from the rows of the vault and nothing else, so it can be asked from any thread and by any
//! process that has them. A driver whose storage is asynchronous notes what [`Rows`] was asked for and not there,
//! drops the result, loads that, and asks again; each question reads ranges that lie together.

mod aside;
mod chats;
mod held;
mod message;
mod page;
mod reader;
mod views;

use dunlin_model::{ChatId, DeviceId, Seq};

use crate::account::Account;
use crate::chats::StoredMessage;
use crate::content::Reference;
use crate::reading::Rows;
use crate::rows;
use crate::search::{self, Damaged};
use reader::Reader;

pub use aside::set_aside;
pub use chats::{chat, chats, summaries};
pub use held::{HELD_ROWS_MAX, held};
pub use views::{
    BodyView, ChatSummary, ChatView, Disappearing, EditedView, EventView, Found, Happened, Item, LastView,
    MessageInfo, MessageStatus, MessageView, NoticeView, Page, Place, Preview, ReactionView, ReplyView,
};

/// Items of one page.
pub const PAGE_ITEMS_MAX: usize = 500;
/// Characters of a preview.
pub const PREVIEW_CHARS_MAX: usize = 160;

/// Whose rows these are; `None` where there is no account among them.
pub fn account(rows: &dyn Rows) -> Option<Account> {
    rows.get(rows::ACCOUNT).and_then(|value| rows::decode(&value))
}

/// The device whose rows these are.
fn own(rows: &dyn Rows) -> Option<DeviceId> {
    rows.get(rows::ACCOUNT).and_then(|row| Account::device_of(&row))
}

/// What is stored at a place of a chat; `None` where nothing is.
pub fn message(rows: &dyn Rows, chat: ChatId, seq: Seq) -> Option<StoredMessage> {
    rows.get(&rows::message(chat, seq)).and_then(|value| rows::decode(&value))
}

/// What replies, edits and reactions name a message by. `None` where nothing is stored that can be named.
pub fn reference(rows: &dyn Rows, chat: ChatId, seq: Seq) -> Option<Reference> {
    let digest = message(rows, chat, seq)?.digest()?;
    Some(Reference { seq, digest })
}

/// A page of a chat: at most `limit` items (and no more than [`PAGE_ITEMS_MAX`]), notices not counted, of what
/// stands before `before`, or of the end of the chat. Newest first.
pub fn history(rows: &dyn Rows, chat: ChatId, before: Option<Seq>, limit: usize) -> Page {
    Reader::open(rows, chat).map_or_else(Page::default, |reader| reader.page(before, limit))
}

/// What stands at one place of a chat, as a page would show it. `None` where nothing does.
pub fn view(rows: &dyn Rows, chat: ChatId, seq: Seq) -> Option<Item> {
    Reader::open(rows, chat)?.item(seq)
}

/// Who has received and seen a message. `None` where there is none. See `Action::RefreshReceipts`.
pub fn info(rows: &dyn Rows, chat: ChatId, seq: Seq) -> Option<MessageInfo> {
    let reader = Reader::open(rows, chat)?;
    let Some(Item::Message(message)) = reader.item(seq) else { return None };
    let recipients = reader.recipients(seq, message.sender.user);
    Some(MessageInfo { message: *message, recipients })
}

/// The newest messages that have all words of the query, newest first.
///
/// # Errors
/// When the index is damaged.
pub fn find(rows: &dyn Rows, query: &search::Query<'_>) -> Result<Vec<Found>, Damaged> {
    let hits = search::find(rows, query)?;
    let mut reader: Option<Reader<'_>> = None;
    let mut found = Vec::with_capacity(hits.len());
    for hit in hits {
        if reader.as_ref().is_none_or(|reader| reader.chat() != hit.chat) {
            reader = Reader::open(rows, hit.chat);
        }
        let item = reader.as_ref().and_then(|reader| reader.item(hit.seq));
        if let Some(Item::Message(message)) = item {
            found.push(Found { chat: hit.chat, message: *message });
        }
    }
    Ok(found)
}
