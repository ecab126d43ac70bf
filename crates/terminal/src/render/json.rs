//! What stands in a chat, for scripts; the shapes are in docs/terminal.md.

use dunlin_client::chats::StubReason;
use dunlin_client::content::PictureChange;
use dunlin_client::notice::Notice;
use dunlin_client::query::{BodyView, Happened, MessageStatus, MessageView};
use dunlin_model::{ChatId, DeviceId, EventKind, Seq, Timestamp, UserId};
use serde_json::{Value, json};

use super::message::text_of;
use super::{kind_name, role_name};
use crate::session::Session;

impl Session {
    /// Adds where something stands, and whose it is. What waits in the outbox has no number.
    pub(super) fn placed(
        &self,
        mut value: Value,
        chat: ChatId,
        place: Option<Seq>,
        sender: DeviceId,
        time: Timestamp,
    ) -> Value {
        value["chat"] = json!(chat.to_string());
        value["chatName"] = json!(self.chat_name(chat));
        value["timeMs"] = json!(time.0);
        value["sender"] = json!(sender.user.to_string());
        value["senderName"] = json!(self.plain_name(sender.user));
        value["device"] = json!(sender.number.0);
        if let Some(seq) = place {
            value["seq"] = json!(seq.0);
            let stored = self.device.message(chat, seq);
            value["clientSeq"] = json!(stored.map(|stored| stored.client_seq.0));
        }
        value
    }

    pub(super) fn message_json(&self, message: &MessageView) -> Value {
        let mut value = json!({"type": "message"});
        match &message.body {
            BodyView::Text(_) => {}
            BodyView::Files(files) => {
                let file = |file: &dunlin_client::content::Attachment| json!({"name": file.file_name, "bytes": file.size_bytes, "mediaType": file.media_type});
                value["files"] = files.attachments.iter().map(file).collect();
            }
            BodyView::Deleted => value["gone"] = json!("deleted"),
            BodyView::Expired => value["gone"] = json!("expired"),
            BodyView::Stub(reason) => value["unreadable"] = json!(stub_name(*reason)),
            BodyView::Unknown { kind } => value["unknownKind"] = json!(kind),
        }
        if let Some(text) = text_of(&message.body) {
            value["text"] = json!(text);
        }
        if let Some(reply) = &message.reply_to {
            value["replyTo"] = json!(reply.seq.0);
        }
        if let Some(edited) = &message.edited {
            value["editedMs"] = json!(edited.time.0);
        }
        if !message.reactions.is_empty() {
            let reaction = |(emoji, user): (&str, &UserId)| {
                let mut value = self.user_json(*user);
                value["emoji"] = json!(emoji);
                value
            };
            let each = message
                .reactions
                .iter()
                .flat_map(|reaction| reaction.users.iter().map(|user| (reaction.emoji.as_str(), user)));
            value["reactions"] = each.map(reaction).collect();
        }
        if let Some(status) = message.status {
            value["status"] = json!(status_name(status));
        }
        value
    }

    pub(super) fn event_json(&self, what: &Happened) -> Value {
        match what {
            Happened::Event(kind) => self.kind_json(kind),
            Happened::Timer { seconds } => json!({"type": "disappearingTimer", "seconds": seconds}),
            Happened::Metadata(metadata) => json!({
                "type": "updated", "name": metadata.name, "description": metadata.description,
                "picture": metadata.picture.as_ref().map(|change| match change {
                    PictureChange::Set(file) => file.file_name.clone(),
                    PictureChange::Removed => String::new(),
                }),
            }),
        }
    }

    /// A notice for scripts.
    pub(crate) fn notice_json(&self, notice: &Notice) -> Value {
        let mut value = match notice {
            Notice::IdentityChanged { user, was_verified } => {
                let mut value = self.user_json(*user);
                value["type"] = json!("identityChanged");
                value["wasVerified"] = json!(was_verified);
                value
            }
            Notice::Distrusted(_) => json!({"type": "distrusted"}),
            Notice::CommitFailed { author } => self.about_device("commitFailed", *author),
            Notice::Gap { sender, missing } => {
                let mut value = self.about_device("gap", *sender);
                value["missing"] = json!(missing);
                value
            }
            Notice::Restored => json!({"type": "restored"}),
            Notice::Missing { from, to } => json!({"type": "skipped", "from": from.0, "to": to.0}),
        };
        value["sentence"] = json!(notice.sentence(&|user| self.plain_name(user)));
        value
    }

    fn about_device(&self, kind: &str, device: DeviceId) -> Value {
        let mut value = self.user_json(device.user);
        value["type"] = json!(kind);
        value["device"] = json!(device.number.0);
        value
    }

    fn kind_json(&self, kind: &EventKind) -> Value {
        match kind {
            // A message is an item of its own.
            EventKind::Message { .. } => json!({"type": "message"}),
            EventKind::Created { kind, name, description, members, .. } => json!({
                "type": "created",
                "kind": kind_name(*kind),
                "name": name,
                "description": description,
                "members": members.iter().map(|(user, role)| {
                    let mut member = self.user_json(*user);
                    member["role"] = json!(role_name(*role));
                    member
                }).collect::<Vec<_>>(),
            }),
            EventKind::MessageDeleted { target } => json!({"type": "messageDeleted", "target": target.0}),
            EventKind::Updated { name, description, picture } => {
                json!({"type": "updated", "name": name, "description": description, "picture": picture})
            }
            EventKind::MembersAdded { users } => self.users_json("membersAdded", users),
            EventKind::Joined => json!({"type": "joined"}),
            EventKind::Left { new_owner } => {
                json!({"type": "left", "newOwner": new_owner.map(|user| user.to_string())})
            }
            EventKind::MembersRemoved { users } => self.users_json("membersRemoved", users),
            EventKind::MembersBanned { users } => self.users_json("membersBanned", users),
            EventKind::MembersUnbanned { users } => self.users_json("membersUnbanned", users),
            EventKind::RoleChanged { user, role } => {
                let mut value = self.user_json(*user);
                value["type"] = json!("roleChanged");
                value["role"] = json!(role_name(*role));
                value
            }
            EventKind::InviteChanged { secret_hash } => {
                json!({"type": "inviteChanged", "link": secret_hash.is_some()})
            }
            EventKind::ChatDeleted => json!({"type": "chatDeleted"}),
            EventKind::GroupStarted(start) => {
                json!({"type": "groupStarted", "epoch": start.epoch.to_string()})
            }
            EventKind::Committed(commit) => {
                json!({"type": "keysChanged", "ended": commit.epoch.to_string()})
            }
            EventKind::DeviceRevoked { device } => {
                json!({"type": "deviceRevoked", "device": device.number.0})
            }
        }
    }

    fn users_json(&self, kind: &str, users: &[UserId]) -> Value {
        json!({"type": kind, "users": users.iter().map(|user| self.user_json(*user)).collect::<Vec<_>>()})
    }

    /// A user for scripts.
    pub(crate) fn user_json(&self, user: UserId) -> Value {
        json!({"user": user.to_string(), "name": self.plain_name(user)})
    }
}

const fn stub_name(reason: StubReason) -> &'static str {
    match reason {
        StubReason::BeforeEntry => "beforeEntry",
        StubReason::TooOld => "tooOld",
        StubReason::Broken => "broken",
        StubReason::Misplaced => "misplaced",
        StubReason::Replayed => "replayed",
        StubReason::Forgotten => "forgotten",
        StubReason::NotAllowed => "notAllowed",
    }
}

pub(super) const fn status_name(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Waiting => "waiting",
        MessageStatus::Sent => "sent",
        MessageStatus::Delivered => "delivered",
        MessageStatus::Seen => "seen",
    }
}
