//! What stands in a chat, as sentences and as JSON.

mod event;
mod json;
mod message;

use dunlin_client::chats::{Shown, StoredMessage};
use dunlin_client::query::{EventView, Happened, Item, Place};
use dunlin_model::{ChatId, ChatKind, Role, Seq, UserId};
use serde_json::Value;

use crate::output::Output;
use crate::session::Session;

impl Session {
    /// What stands at a place of a log, as it arrived: an edit or a reaction is a line of its own. `None` where there is
    /// nothing to show.
    pub(crate) fn arrived(&self, chat: ChatId, stored: &StoredMessage, out: &Output) -> Option<String> {
        match &stored.shown {
            Shown::Nothing => None,
            Shown::Folded { into } => self.change_of_message(chat, *into, stored, out),
            Shown::Event(kind) if matches!(**kind, dunlin_model::EventKind::MessageDeleted { .. }) => {
                let (seq, sender, time) = (stored.seq, stored.sender, stored.time);
                let what = Happened::Event(kind.clone());
                Some(self.item(chat, &Item::Event(EventView { seq, sender, time, what }), out))
            }
            _ => Some(self.item(chat, &self.device.view(chat, stored.seq)?, out)),
        }
    }

    /// What stands in a chat, as it is now: a line, or JSON as in docs/terminal.md.
    pub(crate) fn item(&self, chat: ChatId, item: &Item, out: &Output) -> String {
        if out.is_json() {
            return self.item_json(chat, item).to_string();
        }
        match item {
            Item::Message(message) => self.message_line(message, out),
            Item::Event(event) => self.event_line(event, out),
            Item::Notice(notice) => {
                format!("{} ! {}", out.time(notice.time, self.now()), self.notice_text(&notice.notice))
            }
        }
    }

    /// What `item` is for scripts, and where it stands.
    fn item_json(&self, chat: ChatId, item: &Item) -> Value {
        match item {
            Item::Message(message) => {
                let place = match message.place {
                    Place::At(seq) => Some(seq),
                    Place::Waiting(_) => None,
                };
                self.placed(self.message_json(message), chat, place, message.sender, message.time)
            }
            Item::Event(event) => {
                self.placed(self.event_json(&event.what), chat, Some(event.seq), event.sender, event.time)
            }
            Item::Notice(notice) => {
                let mut value = self.notice_json(&notice.notice);
                value["chat"] = serde_json::json!(chat.to_string());
                value["chatName"] = serde_json::json!(self.chat_name(chat));
                value["after"] = serde_json::json!(notice.after.0);
                value["timeMs"] = serde_json::json!(notice.time.0);
                value
            }
        }
    }
}

/// Everyone whom an item names.
pub(crate) fn users_of(item: &Item) -> Vec<UserId> {
    match item {
        Item::Message(message) => {
            let reactions = message.reactions.iter().flat_map(|reaction| reaction.users.iter().copied());
            std::iter::once(message.sender.user).chain(reactions).collect()
        }
        Item::Event(event) => event::users_of(event),
        Item::Notice(_) => Vec::new(),
    }
}

fn start(place: Option<Seq>, time: &str) -> String {
    place.map_or_else(|| format!("(waiting) {time}"), |seq| format!("#{seq} {time}"))
}

/// A role as it is shown.
pub(crate) const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Admin => "admin",
        Role::Owner => "owner",
    }
}

/// A chat's kind as it is shown.
pub(crate) const fn kind_name(kind: ChatKind) -> &'static str {
    match kind {
        ChatKind::Direct => "direct",
        ChatKind::Group => "group",
        ChatKind::Channel => "channel",
    }
}
