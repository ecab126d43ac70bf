//! Chats and events as JSON, spelt as in the proto3 JSON of `proto/dunlin/v1/chat.proto`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dunlin_delivery::Accepted;
use dunlin_model::view::{self, SkipReason, Skipped};
use dunlin_model::{Body, ChatId, Event, EventKind, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::keys;

// `tt` rather than `literal`: derive macros do not read a literal that went through a macro.
macro_rules! spelt {
    ($(#[$doc:meta])* $name:ident = $model:path { $($variant:ident = $text:tt),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
        pub(super) enum $name {
            $(#[serde(rename = $text)] $variant),*
        }

        impl From<$model> for $name {
            fn from(model: $model) -> Self {
                match model { $(<$model>::$variant => Self::$variant),* }
            }
        }

        impl From<$name> for $model {
            fn from(spelt: $name) -> Self {
                match spelt { $($name::$variant => Self::$variant),* }
            }
        }
    };
}

spelt! {
    /// Who may post, and how many may be there.
    ChatKind = dunlin_model::ChatKind {
        Direct = "CHAT_KIND_DIRECT",
        Group = "CHAT_KIND_GROUP",
        Channel = "CHAT_KIND_CHANNEL",
    }
}
spelt! {
    /// Whether bodies are readable to the server.
    Encryption = dunlin_model::Encryption { None = "ENCRYPTION_NONE", Mls = "ENCRYPTION_MLS" }
}
spelt! {
    /// What a member may do.
    Role = dunlin_model::Role { Member = "ROLE_MEMBER", Admin = "ROLE_ADMIN", Owner = "ROLE_OWNER" }
}
spelt! {
    /// Why a body is gone.
    BodyGone = dunlin_model::BodyGone { Deleted = "BODY_GONE_DELETED", Expired = "BODY_GONE_EXPIRED" }
}
spelt! {
    /// How far a message has got.
    Status = view::Status { Sent = "STATUS_SENT", Delivered = "STATUS_DELIVERED", Seen = "STATUS_SEEN" }
}

/// The command was accepted and is durable.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Accepted)]
pub(super) struct AcceptedBody {
    chat_id: String,
    /// The event's place in the chat's log.
    seq: u64,
    /// When; 0 in the answer to a retry.
    time_ms: u64,
    /// Whether it had been accepted before.
    repeated: bool,
}

impl From<Accepted> for AcceptedBody {
    fn from(accepted: Accepted) -> Self {
        Self {
            chat_id: accepted.chat.to_string(),
            seq: accepted.seq.0,
            time_ms: accepted.time.map_or(0, |time| time.0),
            repeated: accepted.repeated,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Member {
    user_id: String,
    role: Role,
    online: bool,
    /// The member's delivered receipt.
    delivered: u64,
    /// The member's seen receipt.
    seen: u64,
}

/// A chat, as the device that asks sees it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatDetails {
    chat_id: String,
    kind: ChatKind,
    encryption: Encryption,
    /// Empty for direct and encrypted chats.
    name: String,
    description: String,
    picture: String,
    created_ms: u64,
    /// The newest seq the reader may read.
    head: u64,
    /// How far the asking device has got.
    received: u64,
    /// How far the asking user has seen, on whichever device.
    seen: u64,
    /// The asking user's; missing for former members.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<Role>,
    member_count: u32,
    /// In the answer for one chat, and for direct chats; else empty.
    members: Vec<Member>,
    deleted: bool,
    has_invite_link: bool,
}

impl From<view::ChatDetails> for ChatDetails {
    fn from(details: view::ChatDetails) -> Self {
        let member = |member: view::MemberView| Member {
            user_id: member.user.to_string(),
            role: member.role.into(),
            online: member.online,
            delivered: member.delivered.0,
            seen: member.seen.0,
        };
        Self {
            chat_id: details.chat.to_string(),
            kind: details.kind.into(),
            encryption: details.encryption.into(),
            name: details.name,
            description: details.description,
            picture: details.picture,
            created_ms: details.created.0,
            head: details.head.0,
            received: details.received.0,
            seen: details.seen.0,
            role: details.role.map(Into::into),
            member_count: details.member_count,
            members: details.members.into_iter().map(member).collect(),
            deleted: details.deleted,
            has_invite_link: details.has_invite_link,
        }
    }
}

/// A page of the past.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct HistoryPage {
    chat_id: String,
    /// Ascending, without what the reader deleted for themselves.
    entries: Vec<LogEntry>,
    /// Ranges of the page that are missing, and why.
    skipped: Vec<SkippedRange>,
    /// `before` of the next page; 0 when this page reaches the start.
    next_before: u64,
}

impl HistoryPage {
    pub(super) fn new(chat: ChatId, page: view::HistoryPage) -> Self {
        Self {
            chat_id: chat.to_string(),
            entries: page.events.into_iter().map(|event| LogEntry::new(chat, event)).collect(),
            skipped: page.skipped.into_iter().map(|range| SkippedRange::new(chat, range)).collect(),
            next_before: page.next_before.map_or(0, |seq| seq.0),
        }
    }
}

/// A range of the log that the reader does not get, both ends included.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Skipped)]
struct SkippedRange {
    chat_id: String,
    from: u64,
    to: u64,
    reason: SkipReasonText,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SkipReason)]
enum SkipReasonText {
    #[serde(rename = "SKIP_REASON_NOT_ENTITLED")]
    NotEntitled,
    #[serde(rename = "SKIP_REASON_EXPIRED")]
    Expired,
    #[serde(rename = "SKIP_REASON_HIDDEN")]
    Hidden,
}

impl SkippedRange {
    fn new(chat: ChatId, Skipped { from, to, reason }: Skipped) -> Self {
        let reason = match reason {
            SkipReason::NotEntitled => SkipReasonText::NotEntitled,
            SkipReason::Expired => SkipReasonText::Expired,
            SkipReason::Hidden => SkipReasonText::Hidden,
        };
        Self { chat_id: chat.to_string(), from: from.0, to: to.0, reason }
    }
}

/// An event of the log.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum LogEntry {
    Message(NewMessage),
    Update(ChatUpdate),
}

/// A message. Of `text`, `opaque` and `gone` there is exactly one.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct NewMessage {
    #[serde(flatten)]
    place: Place,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    opaque: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gone: Option<BodyGone>,
    /// The seq answered; 0 for none.
    reply_to: u64,
    attachment_ids: Vec<String>,
}

/// Where an event stands, and whose it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct Place {
    chat_id: String,
    seq: u64,
    time_ms: u64,
    sender_id: String,
    sender_device: u32,
    client_seq: u64,
}

/// A change of the chat: exactly one of the fields after `clientSeq`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ChatUpdate {
    #[serde(flatten)]
    place: Place,
    #[serde(flatten)]
    change: Change,
    /// On changes of an encrypted chat's roster.
    #[serde(skip_serializing_if = "Option::is_none")]
    attestation: Option<keys::Attestation>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum Change {
    Created {
        kind: ChatKind,
        encryption: Encryption,
        name: String,
        description: String,
        members: Vec<Member>,
    },
    Updated {
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        picture: Option<String>,
    },
    #[serde(rename_all = "camelCase")]
    Added {
        user_ids: Vec<String>,
    },
    #[serde(rename_all = "camelCase")]
    Removed {
        user_ids: Vec<String>,
    },
    #[serde(rename_all = "camelCase")]
    Banned {
        user_ids: Vec<String>,
    },
    #[serde(rename_all = "camelCase")]
    Unbanned {
        user_ids: Vec<String>,
    },
    Joined {},
    #[serde(rename_all = "camelCase")]
    Left {
        /// Who owns the chat now, when the owner left; else empty.
        new_owner_id: String,
    },
    #[serde(rename_all = "camelCase")]
    RoleChanged {
        user_id: String,
        role: Role,
    },
    #[serde(rename_all = "camelCase")]
    InviteChanged {
        /// SHA-256 of the link's secret in base64; empty when withdrawn.
        secret_hash: String,
    },
    MessageDeleted {
        seq: u64,
    },
    ChatDeleted {},
    GroupStarted(Box<keys::GroupStart>),
    Committed(Box<keys::Commit>),
    DeviceRevoked {
        /// As USER/NUMBER.
        device: String,
    },
}

impl LogEntry {
    fn new(chat: ChatId, event: Event) -> Self {
        let place = Place {
            chat_id: chat.to_string(),
            seq: event.seq.0,
            time_ms: event.time.0,
            sender_id: event.sender.user.to_string(),
            sender_device: event.sender.number.0,
            client_seq: event.client_seq.0,
        };
        let change = match event.kind {
            EventKind::Message { body, reply_to, attachments } => {
                let (text, opaque, gone) = match body {
                    Body::Text(text) => (Some(text), None, None),
                    Body::Opaque(bytes) => (None, Some(STANDARD.encode(bytes)), None),
                    Body::Gone(gone) => (None, None, Some(gone.into())),
                };
                return Self::Message(NewMessage {
                    place,
                    text,
                    opaque,
                    gone,
                    reply_to: reply_to.map_or(0, |seq| seq.0),
                    attachment_ids: attachments.iter().map(ToString::to_string).collect(),
                });
            }
            EventKind::Created { kind, encryption, name, description, members } => Change::Created {
                kind: kind.into(),
                encryption: encryption.into(),
                name,
                description,
                members: members.into_iter().map(|(user, role)| new_member(user, role)).collect(),
            },
            EventKind::Updated { name, description, picture } => {
                Change::Updated { name, description, picture }
            }
            EventKind::MembersAdded { users } => Change::Added { user_ids: texts(&users) },
            EventKind::MembersRemoved { users } => Change::Removed { user_ids: texts(&users) },
            EventKind::MembersBanned { users } => Change::Banned { user_ids: texts(&users) },
            EventKind::MembersUnbanned { users } => Change::Unbanned { user_ids: texts(&users) },
            EventKind::Joined => Change::Joined {},
            EventKind::Left { new_owner } => {
                Change::Left { new_owner_id: new_owner.map(|user| user.to_string()).unwrap_or_default() }
            }
            EventKind::RoleChanged { user, role } => {
                Change::RoleChanged { user_id: user.to_string(), role: role.into() }
            }
            EventKind::InviteChanged { secret_hash } => Change::InviteChanged {
                secret_hash: secret_hash.map(|hash| STANDARD.encode(hash)).unwrap_or_default(),
            },
            EventKind::MessageDeleted { target } => Change::MessageDeleted { seq: target.0 },
            EventKind::ChatDeleted => Change::ChatDeleted {},
            EventKind::GroupStarted(start) => Change::GroupStarted(Box::new((*start).into())),
            EventKind::Committed(commit) => Change::Committed(Box::new((*commit).into())),
            EventKind::DeviceRevoked { device } => Change::DeviceRevoked { device: device.to_string() },
        };
        let attestation = event.attestation.map(|attestation| (*attestation).into());
        Self::Update(ChatUpdate { place, change, attestation })
    }
}

fn new_member(user: UserId, role: dunlin_model::Role) -> Member {
    Member { user_id: user.to_string(), role: role.into(), online: false, delivered: 0, seen: 0 }
}

fn texts(users: &[UserId]) -> Vec<String> {
    users.iter().map(ToString::to_string).collect()
}

/// How far a message has got (R7).
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageStatusResult {
    chat_id: String,
    seq: u64,
    /// The lowest of all recipients'.
    status: Status,
    recipients: Vec<RecipientStatus>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RecipientStatus {
    user_id: String,
    status: Status,
}

impl MessageStatusResult {
    pub(super) fn new(chat: ChatId, status: view::MessageStatusView) -> Self {
        let recipient = |(user, status): (UserId, view::Status)| RecipientStatus {
            user_id: user.to_string(),
            status: status.into(),
        };
        Self {
            chat_id: chat.to_string(),
            seq: status.seq.0,
            status: status.status.into(),
            recipients: status.recipients.into_iter().map(recipient).collect(),
        }
    }
}
