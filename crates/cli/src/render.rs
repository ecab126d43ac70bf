//! What stands in a chat, as sentences and as JSON.

mod content;

use dunlin_client::chats::{Shown, StoredMessage, StubReason};
use dunlin_model::{Body, BodyGone, ChatId, ChatKind, EventKind, Role, UserId};
use serde_json::{Value, json};

use crate::output::Output;
use crate::plain;
use crate::session::Session;

impl Session {
    /// What stands at a place as a line: number, time, who, what.
    pub(crate) fn line(&self, chat: ChatId, message: &StoredMessage, out: &Output) -> String {
        let time = out.time(message.time, self.now());
        let who = self.name(message.sender.user);
        let start = format!("#{} {time}", message.seq);
        match &message.shown {
            Shown::Content(_) => match message.envelope(chat) {
                Some(envelope) => self.content_line(&start, &who, &envelope.content),
                None => format!("{start} {who}: {}", stub_text(StubReason::Broken)),
            },
            Shown::Gone(why) => format!("{start} {who}: {}", gone_text(*why)),
            Shown::Stub(reason) => format!("{start} {who}: {}", stub_text(*reason)),
            Shown::Event(kind) => match kind.as_ref() {
                EventKind::Message { body, reply_to, .. } => {
                    let answer = reply_to.map(|seq| format!(" (answering #{seq})")).unwrap_or_default();
                    format!("{start} {who}{answer}: {}", plain::message(body_text(body)))
                }
                kind => format!("{start} * {who} {}", self.change_text(kind)),
            },
        }
    }

    /// What happened to a chat, to be put behind who did it.
    pub(crate) fn change_text(&self, kind: &EventKind) -> String {
        match kind {
            EventKind::Message { .. } => String::new(),
            EventKind::Created { kind: ChatKind::Direct, .. } => "started the chat".into(),
            EventKind::Created { name, members, .. } => {
                format!("created '{}' with {} members", plain::name(name), members.len())
            }
            EventKind::MessageDeleted { target } => format!("deleted #{target}"),
            EventKind::Updated { name, description, picture } => {
                let parts = [
                    name.as_ref().map(|name| format!("renamed the group to '{}'", plain::name(name))),
                    description.as_ref().map(|_| "changed the description".to_owned()),
                    picture.as_ref().map(|_| "changed the picture".to_owned()),
                ];
                parts.into_iter().flatten().collect::<Vec<_>>().join(" and ")
            }
            EventKind::MembersAdded { users } => format!("added {}", self.names(users)),
            EventKind::Joined => "joined by invite link".into(),
            EventKind::Left { new_owner: None } => "left".into(),
            EventKind::Left { new_owner: Some(user) } => {
                format!("left; {} owns the chat now", self.name(*user))
            }
            EventKind::MembersRemoved { users } => format!("removed {}", self.names(users)),
            EventKind::MembersBanned { users } => format!("banned {}", self.names(users)),
            EventKind::MembersUnbanned { users } => format!("let {} come back", self.names(users)),
            EventKind::RoleChanged { user, role } => {
                format!("made {} {}", self.name(*user), role_name(*role))
            }
            EventKind::InviteChanged { secret_hash: Some(_) } => "made a new invite link".into(),
            EventKind::InviteChanged { secret_hash: None } => "withdrew the invite link".into(),
            EventKind::ChatDeleted => "deleted the chat".into(),
            EventKind::GroupStarted(_) => "made new keys for the chat".into(),
            EventKind::Committed(_) => "changed the chat's keys".into(),
            EventKind::DeviceRevoked { device } => {
                format!("has device {} no longer", device.number.0)
            }
        }
    }

    fn names(&self, users: &[UserId]) -> String {
        users.iter().map(|user| self.name(*user)).collect::<Vec<_>>().join(", ")
    }

    /// What stands at a place, for scripts; the shapes are in docs/terminal.md.
    pub(crate) fn json(&self, chat: ChatId, message: &StoredMessage) -> Value {
        let mut value = match &message.shown {
            Shown::Content(_) => match message.envelope(chat) {
                Some(envelope) => self.content_json(&envelope.content),
                None => json!({"type": "message", "unreadable": stub_name(StubReason::Broken)}),
            },
            Shown::Gone(why) => json!({"type": "message", "gone": gone_name(*why)}),
            Shown::Stub(reason) => json!({"type": "message", "unreadable": stub_name(*reason)}),
            Shown::Event(kind) => self.kind_json(kind),
        };
        value["chat"] = json!(chat.to_string());
        value["chatName"] = json!(self.chat_name(chat));
        value["seq"] = json!(message.seq.0);
        value["timeMs"] = json!(message.time.0);
        value["sender"] = json!(message.sender.user.to_string());
        value["senderName"] = json!(self.plain_name(message.sender.user));
        value["device"] = json!(message.sender.number.0);
        value["clientSeq"] = json!(message.client_seq.0);
        value
    }

    fn kind_json(&self, kind: &EventKind) -> Value {
        match kind {
            EventKind::Message { body, reply_to, attachments } => {
                let mut value = json!({"type": "message"});
                let (field, content) = match body {
                    Body::Text(text) => ("text", json!(text)),
                    Body::Opaque(bytes) => ("opaqueBytes", json!(bytes.len())),
                    Body::Gone(why) => ("gone", json!(gone_name(*why))),
                };
                value[field] = content;
                if let Some(seq) = reply_to {
                    value["replyTo"] = json!(seq.0);
                }
                if !attachments.is_empty() {
                    value["attachments"] = attachments.iter().map(ToString::to_string).collect();
                }
                value
            }
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

fn body_text(body: &Body) -> &str {
    match body {
        Body::Text(text) => text,
        Body::Opaque(_) => "(not readable with this program)",
        Body::Gone(why) => gone_text(*why),
    }
}

const fn gone_name(why: BodyGone) -> &'static str {
    match why {
        BodyGone::Deleted => "deleted",
        BodyGone::Expired => "expired",
    }
}

const fn gone_text(why: BodyGone) -> &'static str {
    match why {
        BodyGone::Deleted => "(deleted)",
        BodyGone::Expired => "(expired)",
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
    }
}

const fn stub_text(reason: StubReason) -> &'static str {
    match reason {
        StubReason::BeforeEntry => "(cannot be read: it was sent before this device had the chat's keys)",
        StubReason::TooOld => "(cannot be read: it came so late that its keys are deleted)",
        StubReason::Broken => "(cannot be read: it is damaged)",
        StubReason::Misplaced => "(not shown: the server put it where it was not written for)",
        StubReason::Replayed => "(not shown: the server delivered it a second time)",
        StubReason::Forgotten => "(cannot be read: this device sent it and lost what it said)",
    }
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
