//! What was put aside: messages of a log that the server lost, and came back without.

use dunlin_model::{ChatId, Seq, Timestamp};

use super::page::Group;
use super::reader::Reader;
use super::{Item, PAGE_ITEMS_MAX};
use crate::reading::{Order, Rows, beginning_with, each_row};
use crate::rows::{self, Part};

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
        // What belongs to a message stands behind it, so it comes first.
        let mut group = Group::default();
        each_row(self.rows, (from, until), Order::Descending, PIECE_ROWS, |key, value| {
            let Some(part) = rows::lost_part(&key) else { return true };
            group.take(part, &value);
            if part == Part::Message {
                items.extend(self.lost_item(std::mem::take(&mut group)));
            }
            items.len() < limit
        });
        items
    }

    /// As it was shown.
    fn lost_item(&self, group: Group) -> Option<Item> {
        let seq = group.message.as_ref()?.seq;
        let mut item = self.item_of(&Group { seq, ..group })?;
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
