//! Events as sentences and as JSON.

use dunlin_model::{Body, BodyGone, ChatId, ChatKind, Event, EventKind, Role, Seq, UserId};
use serde_json::{Value, json};

use crate::app::App;
use crate::localtime;
use crate::plain;
use crate::profile::{Entry, SkipWord};

impl App {
    /// An entry as a line: number, time, who, what.
    pub(crate) fn entry_line(&self, entry: &Entry) -> Option<String> {
        match entry {
            Entry::Event(event) => Some(self.event_line(event)),
            Entry::Skipped { reason: SkipWord::Expired, from, to } => {
                Some(format!("{}: no longer kept by the server.", range(*from, *to)))
            }
            // From before the person's time; not theirs to miss.
            Entry::Skipped { .. } | Entry::Hidden(_) => None,
        }
    }

    fn event_line(&self, event: &Event) -> String {
        let time = localtime::short(event.time, self.now());
        let who = self.name(event.sender.user);
        match &event.kind {
            EventKind::Message { body, reply_to, .. } => {
                let answer = reply_to.map(|seq| format!(" (answering #{seq})")).unwrap_or_default();
                format!("#{} {time} {who}{answer}: {}", event.seq, plain::message(body_text(body)))
            }
            kind => format!("#{} {time} * {who} {}", event.seq, self.change_text(kind)),
        }
    }

    fn change_text(&self, kind: &EventKind) -> String {
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

    /// An entry for scripts; the shapes are in docs/terminal.md.
    pub(crate) fn entry_json(&self, chat: ChatId, entry: &Entry) -> Value {
        let mut value = match entry {
            Entry::Event(event) => self.event_json(event),
            Entry::Skipped { from, to, reason } => {
                json!({"type": "skipped", "from": from.0, "to": to.0, "reason": reason})
            }
            Entry::Hidden(seq) => json!({"type": "hidden", "seq": seq.0}),
        };
        if let Some(fields) = value.as_object_mut() {
            fields.insert("chat".into(), json!(chat.to_string()));
            fields.insert("chatName".into(), json!(self.chat_name(chat)));
        }
        value
    }

    fn event_json(&self, event: &Event) -> Value {
        let mut value = self.kind_json(&event.kind);
        if let Some(fields) = value.as_object_mut() {
            fields.insert("seq".into(), json!(event.seq.0));
            fields.insert("timeMs".into(), json!(event.time.0));
            fields.insert("sender".into(), json!(event.sender.user.to_string()));
            fields.insert("senderName".into(), json!(self.plain_name(event.sender.user)));
            fields.insert("device".into(), json!(event.sender.number.0));
            fields.insert("clientSeq".into(), json!(event.client_seq.0));
        }
        value
    }

    fn kind_json(&self, kind: &EventKind) -> Value {
        match kind {
            EventKind::Message { body, reply_to, attachments } => {
                let mut value = json!({"type": "message"});
                let (field, content) = match body {
                    Body::Text(text) => ("text", json!(text)),
                    Body::Opaque(bytes) => ("opaqueBytes", json!(bytes.len())),
                    Body::Gone(BodyGone::Deleted) => ("gone", json!("deleted")),
                    Body::Gone(BodyGone::Expired) => ("gone", json!("expired")),
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

    /// A user's name for scripts: never "you".
    pub(crate) fn plain_name(&self, user: UserId) -> String {
        let people = self.people.borrow();
        if user == self.me() && people.person(user).is_none_or(|person| person.name.is_empty()) {
            return self.login.address.clone();
        }
        people.name(user)
    }
}

fn body_text(body: &Body) -> &str {
    match body {
        Body::Text(text) => text,
        Body::Opaque(_) => "(not readable with this program)",
        Body::Gone(BodyGone::Deleted) => "(deleted)",
        Body::Gone(BodyGone::Expired) => "(expired)",
    }
}

fn range(from: Seq, to: Seq) -> String {
    if from == to { format!("#{from}") } else { format!("#{from} to #{to}") }
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
