//! What was put aside: messages of a log that the server lost, and came back without.

use dunlin_model::{ChatId, Seq, Timestamp};

use super::page::Group;
use super::reader::Reader;
use super::{Item, PAGE_ITEMS_MAX};
use crate::chats::StoredMessage;
use crate::reading::{Order, Rows, beginning_with, each_row};
use crate::rows;

/// Rows read at a time.
const PIECE_ROWS: usize = 64;

impl Reader<'_> {
    pub(super) fn set_aside(&self, before: Option<(Timestamp, Seq)>, limit: usize) -> Vec<Item> {
        let limit = limit.clamp(1, PAGE_ITEMS_MAX);
        let (from, mut until) = beginning_with(&rows::of_chat(rows::LOST, self.chat()));
        if let Some((time, seq)) = before {
            until = rows::lost(self.chat(), time, seq);
        }
        let mut items = Vec::new();
        each_row(self.rows, (from, until), Order::Descending, PIECE_ROWS, |_, value| {
            items.extend(rows::decode(&value).and_then(|lost| self.lost_item(lost)));
            items.len() < limit
        });
        items
    }

    /// As it was shown. Whatever was said of it is told from what stands at its place now by its digest.
    fn lost_item(&self, lost: StoredMessage) -> Option<Item> {
        let seq = lost.seq;
        let group = Group { message: Some(lost), ..self.group(seq) };
        let mut item = self.item_of(&group)?;
        if let Item::Message(message) = &mut item {
            // Nobody has it any more whom this device could name, and nothing can be said of it.
            (message.status, message.reference, message.is_being_deleted) = (None, None, false);
        }
        Some(item)
    }
}

/// What the server has lost of a chat, and this device has kept: at most `limit` items (and no more than
/// [`PAGE_ITEMS_MAX`]) that stood before `before`, or of all. Newest first; fewer than asked for means that there are
/// no more. Their places may be taken by something else by now. What this device had said itself is here as well,
/// whether it was said again or not; of edits and reactions there is only what they made of such messages.
pub fn set_aside(rows: &dyn Rows, chat: ChatId, before: Option<(Timestamp, Seq)>, limit: usize) -> Vec<Item> {
    Reader::open(rows, chat).map_or_else(Vec::new, |reader| reader.set_aside(before, limit))
}
