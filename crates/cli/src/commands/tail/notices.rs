//! What happens beside the messages: people who come and go, and what a person should be wary of.

use dunlin_client::Change;
use dunlin_model::{ChatId, DeviceId};
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
    /// What a person should know of a change at once; `None` for what is shown where it is looked for, and for ranges
    /// that are missing: most of them are from before the person's time, and not theirs to miss.
    pub(crate) fn change_line(&self, change: &Change) -> Option<String> {
        Some(match change {
            Change::IdentityChanged { user, .. } => format!(
                "The keys of {name} have changed: they use a new device, or somebody pretends to be them. Compare \
                 digits with 'dunlin verify'.",
                name = self.name(*user)
            ),
            Change::Distrusted { why, .. } => {
                format!("Nothing is sent in this chat any more: {why}.")
            }
            Change::CommitFailed { author, .. } => format!(
                "{} changed the keys of this chat in a way that does not work. This device takes new ones.",
                self.name(author.user)
            ),
            Change::Gap { sender, missing, .. } => format!(
                "{missing} of the messages that {} wrote did not arrive: the server has left them out.",
                self.name(sender.user)
            ),
            Change::Refused { token, why, .. } if *token != 0 => {
                format!("Something that was kept from earlier has been refused: {}", why.message)
            }
            _ => return None,
        })
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
            Change::IdentityChanged { user, .. } => {
                let mut value = self.user_json(*user);
                value["type"] = json!("identityChanged");
                value
            }
            Change::Distrusted { why, .. } => json!({"type": "distrusted", "why": why.to_string()}),
            Change::CommitFailed { author, .. } => self.about_device("commitFailed", *author),
            Change::Gap { sender, missing, .. } => {
                let mut value = self.about_device("gap", *sender);
                value["missing"] = json!(missing);
                value
            }
            Change::Missing { from, to, .. } => json!({"type": "skipped", "from": from.0, "to": to.0}),
            Change::Refused { token, why, .. } if *token != 0 => {
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

    fn about_device(&self, kind: &str, device: DeviceId) -> Value {
        let mut value = self.user_json(device.user);
        value["type"] = json!(kind);
        value["device"] = json!(device.number.0);
        value
    }
}

fn chat_of(change: &Change) -> Option<ChatId> {
    match change {
        Change::Receipt { chat, .. }
        | Change::Typing { chat, .. }
        | Change::Distrusted { chat, .. }
        | Change::CommitFailed { chat, .. }
        | Change::Gap { chat, .. }
        | Change::Missing { chat, .. }
        | Change::Refused { chat, .. } => Some(*chat),
        _ => None,
    }
}
