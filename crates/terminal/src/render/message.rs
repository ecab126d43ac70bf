//! Messages as lines.

use dunlin_client::chats::StoredMessage;
use dunlin_client::content::{Attachment, Files};
use dunlin_client::query::{BodyView, Item, MessageView, Place};
use dunlin_model::{ChatId, Seq};
use serde_json::json;

use super::start;
use crate::commands::size;
use crate::output::Output;
use crate::plain;
use crate::session::Session;

impl Session {
    pub(super) fn message_line(&self, message: &MessageView, out: &Output) -> String {
        let place = match message.place {
            Place::At(seq) => Some(seq),
            Place::Waiting(_) => None,
        };
        let start = start(place, &out.time(message.time, self.now()));
        let who = self.name(message.sender.user);
        let answering = message.reply_to.as_ref();
        let answering = answering.map(|reply| format!(" (answering #{})", reply.seq)).unwrap_or_default();
        let edited = if message.edited.is_some() { " (edited)" } else { "" };
        let reactions: Vec<String> = message
            .reactions
            .iter()
            .map(|reaction| {
                let names: Vec<String> = reaction.users.iter().map(|user| self.name(*user)).collect();
                format!("{} {}", plain::name(&reaction.emoji), names.join(", "))
            })
            .collect();
        let reactions =
            if reactions.is_empty() { String::new() } else { format!("  [{}]", reactions.join("; ")) };
        format!("{start} {who}{answering}: {}{edited}{reactions}", body_text(&message.body))
    }

    /// An edit of the message `into`, or a reaction to it, on its arrival. The message as it is now tells what it was:
    /// what was changed again since is shown where that arrived.
    pub(super) fn change_of_message(
        &self,
        chat: ChatId,
        into: Seq,
        stored: &StoredMessage,
        out: &Output,
    ) -> Option<String> {
        let Item::Message(message) = self.device.view(chat, into)? else { return None };
        let user = stored.sender.user;
        let is_edit = message
            .edited
            .as_ref()
            .is_some_and(|edited| edited.time == stored.time && message.sender.user == user);
        let emoji = message.reactions.iter().find(|reaction| reaction.users.contains(&user));
        let emoji = emoji.map(|reaction| reaction.emoji.as_str());
        if out.is_json() {
            let value = if is_edit {
                json!({"type": "edit", "target": into.0, "text": text_of(&message.body)})
            } else {
                json!({"type": "reaction", "target": into.0, "emoji": emoji})
            };
            let place = Some(stored.seq);
            return Some(self.placed(value, chat, place, stored.sender, stored.time).to_string());
        }
        let start = start(Some(stored.seq), &out.time(stored.time, self.now()));
        let who = self.name(user);
        Some(match emoji {
            _ if is_edit => format!("{start} * {who} changed #{into} to: {}", body_text(&message.body)),
            Some(emoji) => format!("{start} * {who} put {} on #{into}", plain::name(emoji)),
            None => format!("{start} * {who} has nothing on #{into} any more"),
        })
    }
}

pub(super) fn text_of(body: &BodyView) -> Option<&str> {
    match body {
        BodyView::Text(text) => Some(&text.text),
        BodyView::Files(files) => Some(&files.caption.text),
        BodyView::Deleted | BodyView::Expired | BodyView::Stub(_) | BodyView::Unknown { .. } => None,
    }
}

fn body_text(body: &BodyView) -> String {
    match body {
        BodyView::Text(text) => plain::message(&text.text),
        BodyView::Files(files) => {
            let text = format!("{} {}", files_text(files), plain::message(&files.caption.text));
            text.trim_end().to_owned()
        }
        BodyView::Deleted => "(deleted)".into(),
        BodyView::Expired => "(expired)".into(),
        BodyView::Stub(reason) => format!("(not readable: {reason})"),
        BodyView::Unknown { .. } => "(of a kind that only a newer version of this program shows)".into(),
    }
}

fn files_text(files: &Files) -> String {
    let said = |file: &Attachment| format!("{}, {}", plain::name(&file.file_name), size(file.size_bytes));
    let files: Vec<String> = files.attachments.iter().map(said).collect();
    format!("({}; 'dunlin save' saves it)", files.join("; "))
}
