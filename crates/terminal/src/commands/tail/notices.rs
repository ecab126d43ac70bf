//! What happens beside the messages: people who come and go, and what a person should be wary of.

use dunlin_client::Change;
use dunlin_model::ChatId;
use serde_json::{Value, json};

use super::Following;
use crate::failure::Result;
use crate::session::Session;

impl Following<'_> {
    /// Tells scripts of what passes by. People see these where they look for them: in `status` and `presence`.
    pub(super) async fn tell_of(&mut self, change: &Change) -> Result {
        let is_sign = matches!(change, Change::Receipt { .. } | Change::Typing { .. } | Change::Presence(_));
        if is_sign && self.out.is_json() { self.tell(change).await } else { Ok(()) }
    }

    /// Tells what a person should know.
    pub(super) async fn tell_notices(&mut self) -> Result {
        for change in self.session.feed.take_notices() {
            self.tell(&change).await?;
        }
        Ok(())
    }

    async fn tell(&mut self, change: &Change) -> Result {
        if chat_of(change).is_some_and(|chat| self.only.is_some_and(|only| only != chat)) {
            return Ok(());
        }
        if self.out.is_json() {
            let Some(value) = self.session.change_json(change) else { return Ok(()) };
            return self.out.line(&value.to_string()).await;
        }
        let Some(text) = self.session.change_line(change) else { return Ok(()) };
        let place = chat_of(change).map(|chat| self.place(chat)).unwrap_or_default();
        self.out.line(&format!("{place}! {text}")).await
    }
}

impl Session {
    /// What a person should know of a change at once; `None` for what is shown where it is looked for.
    pub(crate) fn change_line(&self, change: &Change) -> Option<String> {
        match change {
            Change::Noticed { notice, .. } => Some(self.notice_text(notice)),
            Change::Refused { why, .. } => {
                Some(format!("Something that was kept from earlier has been refused: {}", why.message))
            }
            Change::CertificateRefused { why } => Some(format!(
                "The server does not take this device's certificate, so nobody can write to it: {} Log in again with \
                 'dunlin login'.",
                why.message
            )),
            _ => None,
        }
    }

    /// A change for scripts.
    fn change_json(&self, change: &Change) -> Option<Value> {
        let mut value = match change {
            Change::Receipt { receipt, .. } => {
                let mut value = self.user_json(receipt.user);
                value["type"] = json!("receipt");
                value["delivered"] = json!(receipt.delivered.0);
                value["seen"] = json!(receipt.seen.0);
                value
            }
            Change::Typing { user, typing, .. } => {
                let mut value = self.user_json(*user);
                value["type"] = json!("typing");
                value["typing"] = json!(typing);
                value
            }
            Change::Presence(presence) => {
                let mut value = self.presence_json(presence);
                value["type"] = json!("presence");
                value
            }
            Change::Noticed { after, notice, .. } => {
                let mut value = self.notice_json(notice);
                value["after"] = json!(after.0);
                value
            }
            Change::Refused { why, .. } | Change::CertificateRefused { why } => {
                json!({"type": "refused", "code": why.code.as_str(), "message": why.message})
            }
            _ => return None,
        };
        if let Some(chat) = chat_of(change) {
            value["chat"] = json!(chat.to_string());
            value["chatName"] = json!(self.chat_name(chat));
        }
        Some(value)
    }
}

fn chat_of(change: &Change) -> Option<ChatId> {
    match change {
        Change::Receipt { chat, .. }
        | Change::Typing { chat, .. }
        | Change::Noticed { chat, .. }
        | Change::Refused { chat, .. } => Some(*chat),
        _ => None,
    }
}
