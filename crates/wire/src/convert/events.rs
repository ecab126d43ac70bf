//! Events of the log: `newMessage` and `chatUpdate`.

use dunlin_model::{
    Body, BodyGone, ChatId, ClientSeq, DeviceId, DeviceNumber, Event, EventKind, Seq, Timestamp,
};

use super::chats::{
    encryption_from_wire, encryption_to_wire, kind_from_wire, kind_to_wire, role_from_wire, role_to_wire,
};
use super::field::{
    Invalid, optional_seq, parse, parse_all, parse_optional, seq_or_zero, text_or_empty, texts, users,
};
use super::keys;
use crate::proto;
use proto::chat_update::{self as update, Change};
use proto::new_message::Body as WireBody;

/// An event as one of its two messages.
#[expect(clippy::large_enum_variant, reason = "made, encoded and dropped at once: a box would cost more")]
pub(crate) enum WireEvent {
    Message(proto::NewMessage),
    Update(proto::ChatUpdate),
}

/// The message that shows `event`.
pub(crate) fn to_wire(chat: ChatId, event: &Event) -> WireEvent {
    match &event.kind {
        EventKind::Message { body, reply_to, attachments } => WireEvent::Message(proto::NewMessage {
            chat_id: chat.to_string(),
            seq: event.seq.0,
            time_ms: event.time.0,
            sender_id: event.sender.user.to_string(),
            sender_device: event.sender.number.0,
            client_seq: event.client_seq.0,
            body: Some(match body {
                Body::Text(text) => WireBody::Text(text.clone()),
                Body::Opaque(bytes) => WireBody::Opaque(bytes.clone()),
                Body::Gone(why) => WireBody::Gone(gone_to_wire(*why).into()),
            }),
            reply_to: seq_or_zero(*reply_to),
            attachment_ids: texts(attachments),
        }),
        change => WireEvent::Update(proto::ChatUpdate {
            chat_id: chat.to_string(),
            seq: event.seq.0,
            time_ms: event.time.0,
            sender_id: event.sender.user.to_string(),
            sender_device: event.sender.number.0,
            client_seq: event.client_seq.0,
            change: change_to_wire(change),
            attestation: keys::attestation_to_wire(event.attestation.as_deref()),
        }),
    }
}

pub(crate) const fn gone_to_wire(why: BodyGone) -> proto::BodyGone {
    match why {
        BodyGone::Deleted => proto::BodyGone::Deleted,
        BodyGone::Expired => proto::BodyGone::Expired,
    }
}

/// `None` for messages, which are not changes.
fn change_to_wire(kind: &EventKind) -> Option<Change> {
    let user_list = |users: &[dunlin_model::UserId]| update::UserList { user_ids: texts(users) };
    Some(match kind {
        EventKind::Message { .. } => return None,
        EventKind::Created { kind, encryption, name, description, members } => {
            Change::Created(update::Created {
                kind: kind_to_wire(*kind).into(),
                encryption: encryption_to_wire(*encryption).into(),
                name: name.clone(),
                description: description.clone(),
                members: members
                    .iter()
                    .map(|(user, role)| proto::Member {
                        user_id: user.to_string(),
                        role: role_to_wire(*role).into(),
                        ..proto::Member::default()
                    })
                    .collect(),
            })
        }
        EventKind::MessageDeleted { target } => {
            Change::MessageDeleted(update::MessageDeleted { seq: target.0 })
        }
        EventKind::Updated { name, description, picture } => Change::Updated(update::Updated {
            name: name.clone(),
            description: description.clone(),
            picture: picture.clone(),
        }),
        EventKind::MembersAdded { users } => Change::Added(user_list(users)),
        EventKind::Joined => Change::Joined(update::Joined {}),
        EventKind::Left { new_owner } => {
            Change::Left(update::Left { new_owner_id: text_or_empty(new_owner.as_ref()) })
        }
        EventKind::MembersRemoved { users } => Change::Removed(user_list(users)),
        EventKind::MembersBanned { users } => Change::Banned(user_list(users)),
        EventKind::MembersUnbanned { users } => Change::Unbanned(user_list(users)),
        EventKind::RoleChanged { user, role } => Change::RoleChanged(update::RoleChanged {
            user_id: user.to_string(),
            role: role_to_wire(*role).into(),
        }),
        EventKind::InviteChanged { secret_hash } => Change::InviteChanged(update::InviteChanged {
            secret_hash: secret_hash.map(|hash| hash.to_vec()).unwrap_or_default().into(),
        }),
        EventKind::ChatDeleted => Change::ChatDeleted(update::ChatDeleted {}),
        EventKind::GroupStarted(start) => Change::GroupStarted(keys::start_to_wire(start)),
        EventKind::Committed(commit) => Change::Committed(keys::commit_to_wire(commit)),
        EventKind::DeviceRevoked { device } => {
            Change::DeviceRevoked(update::DeviceRevoked { device: device.to_string() })
        }
    })
}

pub(crate) fn message_from_wire(message: proto::NewMessage) -> Result<(ChatId, Event), Invalid> {
    let body = match message.body {
        Some(WireBody::Text(text)) => Body::Text(text),
        Some(WireBody::Opaque(bytes)) => Body::Opaque(bytes),
        Some(WireBody::Gone(why)) => Body::Gone(match proto::BodyGone::try_from(why) {
            Ok(proto::BodyGone::Deleted) => BodyGone::Deleted,
            Ok(proto::BodyGone::Expired) => BodyGone::Expired,
            Ok(proto::BodyGone::Unspecified) => return Err(Invalid::missing("gone")),
            Err(_) => return Err(Invalid::new("gone", "is not a reason")),
        }),
        None => return Err(Invalid::new("body", "is required: text, opaque or gone")),
    };
    let event = Event {
        seq: Seq(message.seq),
        time: Timestamp(message.time_ms),
        sender: sender(&message.sender_id, message.sender_device)?,
        client_seq: ClientSeq(message.client_seq),
        kind: EventKind::Message {
            body,
            reply_to: optional_seq(message.reply_to),
            attachments: parse_all("attachmentIds", &message.attachment_ids)?,
        },
        attestation: None,
    };
    Ok((parse("chatId", &message.chat_id)?, event))
}

pub(crate) fn update_from_wire(update: proto::ChatUpdate) -> Result<(ChatId, Event), Invalid> {
    let change = update.change.ok_or_else(|| Invalid::new("change", "is missing, or not known here"))?;
    let event = Event {
        seq: Seq(update.seq),
        time: Timestamp(update.time_ms),
        sender: sender(&update.sender_id, update.sender_device)?,
        client_seq: ClientSeq(update.client_seq),
        kind: change_from_wire(change)?,
        attestation: keys::attestation_from_wire(update.attestation)?,
    };
    Ok((parse("chatId", &update.chat_id)?, event))
}

fn change_from_wire(change: Change) -> Result<EventKind, Invalid> {
    Ok(match change {
        Change::Created(created) => EventKind::Created {
            kind: kind_from_wire(created.kind)?,
            encryption: encryption_from_wire(created.encryption)?,
            name: created.name,
            description: created.description,
            members: created
                .members
                .iter()
                .map(|member| Ok((parse("members.userId", &member.user_id)?, role_from_wire(member.role)?)))
                .collect::<Result<_, Invalid>>()?,
        },
        Change::MessageDeleted(deleted) => EventKind::MessageDeleted { target: Seq(deleted.seq) },
        Change::Updated(update::Updated { name, description, picture }) => {
            EventKind::Updated { name, description, picture }
        }
        Change::Added(list) => EventKind::MembersAdded { users: users(&list.user_ids)? },
        Change::Joined(_) => EventKind::Joined,
        Change::Left(left) => {
            EventKind::Left { new_owner: parse_optional("newOwnerId", &left.new_owner_id)? }
        }
        Change::Removed(list) => EventKind::MembersRemoved { users: users(&list.user_ids)? },
        Change::Banned(list) => EventKind::MembersBanned { users: users(&list.user_ids)? },
        Change::Unbanned(list) => EventKind::MembersUnbanned { users: users(&list.user_ids)? },
        Change::RoleChanged(changed) => EventKind::RoleChanged {
            user: parse("userId", &changed.user_id)?,
            role: role_from_wire(changed.role)?,
        },
        Change::InviteChanged(changed) => EventKind::InviteChanged {
            secret_hash: match changed.secret_hash.as_ref() {
                [] => None,
                hash => Some(hash.try_into().map_err(|_| Invalid::new("secretHash", "is not 32 bytes"))?),
            },
        },
        Change::ChatDeleted(_) => EventKind::ChatDeleted,
        Change::GroupStarted(start) => EventKind::GroupStarted(keys::start_from_wire(Some(start))?),
        Change::Committed(commit) => EventKind::Committed(keys::commit_from_wire(Some(commit))?),
        Change::DeviceRevoked(revoked) => {
            EventKind::DeviceRevoked { device: keys::device("device", &revoked.device)? }
        }
    })
}

fn sender(user: &str, device: u32) -> Result<DeviceId, Invalid> {
    Ok(DeviceId { user: parse("senderId", user)?, number: DeviceNumber(device) })
}
