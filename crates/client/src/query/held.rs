//! What a device holds of a chat, a page at a time, to compare it with a log that came back from a backup.

use dunlin_model::{ChatId, Seq, UserId};

use super::{message, own};
use crate::chats::{Shown, StoredMessage};
use crate::fold::{StoredEdit, StoredReaction};
use crate::reading::{Order, Rows, beginning_with};
use crate::rows::{self, Part};
use crate::{Key, Value};

/// Rows of a page. As many again may come with them: what this device had said of messages before the page.
pub const HELD_ROWS_MAX: usize = 256;

/// The answer to `Want::LoadMessages`: the next rows of the chat's messages after `after`, with this user's edits of
/// messages and reactions to them that came in that range. Empty only where nothing stands after it.
pub fn held(rows: &dyn Rows, chat: ChatId, after: Seq) -> Vec<(Key, Value)> {
    let Some(own) = own(rows).map(|device| device.user) else { return Vec::new() };
    let (_, until) = beginning_with(&rows::of_chat(rows::MESSAGE, chat));
    let page = rows.scan(&rows::message(chat, after.next()), &until, Order::Ascending, HELD_ROWS_MAX);
    let mut beside = Vec::new();
    for (key, value) in &page {
        let Some((_, seq, Part::Message)) = rows::part(key) else { continue };
        let Some(stored) = rows::decode::<StoredMessage>(value) else { continue };
        if stored.sender.user == own {
            match stored.shown {
                Shown::Folded { into } => beside.extend(said_of(rows, chat, into, own)),
                // What belongs to the last one of the page may be on the next.
                Shown::Content(_) => beside.extend(said_of(rows, chat, seq, own)),
                _ => {}
            }
        }
    }
    page.into_iter().chain(beside).collect()
}

/// The user's edit of a message and their reaction to it, where they mean what stands there.
fn said_of(rows: &dyn Rows, chat: ChatId, target: Seq, own: UserId) -> Vec<(Key, Value)> {
    let digest = message(rows, chat, target).and_then(|message| message.digest());
    let edit = rows::edit(chat, target, own);
    let edit = rows.get(&edit).map(|value| (edit, value)).filter(|(_, value)| {
        rows::decode::<StoredEdit>(value).is_some_and(|edit| Some(edit.digest) == digest)
    });
    let reaction = rows::reaction(chat, target, own);
    let reaction = rows.get(&reaction).map(|value| (reaction, value)).filter(|(_, value)| {
        rows::decode::<StoredReaction>(value).is_some_and(|reaction| Some(reaction.digest) == digest)
    });
    edit.into_iter().chain(reaction).collect()
}
