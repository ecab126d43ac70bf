//! What happened to a chat.

use dunlin_client::content::{ChatMetadata, PictureChange};
use dunlin_client::notice::Notice;
use dunlin_client::query::Happened;
use dunlin_model::{EventKind, Seq, StartReason, UserId};
use serde::Serialize;

use super::{Device, distrust, role};
use crate::plain::Text;

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Happening {
    Created,
    DeletedChat,
    Added { users: Vec<Text<UserId>> },
    Removed { users: Vec<Text<UserId>> },
    Banned { users: Vec<Text<UserId>> },
    Unbanned { users: Vec<Text<UserId>> },
    Joined,
    Left,
    Role { user: Text<UserId>, role: &'static str },
    Title { text: String },
    Description { text: String },
    Picture,
    Timer { seconds: u32 },
    Invite { on: bool },
    Keys { what: &'static str },
    IdentityChanged { user: Text<UserId>, was_verified: bool },
    Gap { sender: Device, missing: u64 },
    Missing { from: Seq, to: Seq },
    CommitFailed { author: Device },
    Restored,
    Distrusted { why: &'static str },
}

fn texts(users: Vec<UserId>) -> Vec<Text<UserId>> {
    users.into_iter().map(Text).collect()
}

impl Happening {
    pub(super) fn of_event(happened: Happened) -> Option<Self> {
        match happened {
            Happened::Event(kind) => Self::of_kind(*kind),
            Happened::Timer { seconds } => Some(Self::Timer { seconds }),
            Happened::Metadata(metadata) => Self::of_metadata(*metadata),
        }
    }

    fn of_metadata(metadata: ChatMetadata) -> Option<Self> {
        match metadata {
            ChatMetadata { name: Some(text), .. } => Some(Self::Title { text }),
            ChatMetadata { description: Some(text), .. } => Some(Self::Description { text }),
            ChatMetadata { picture: Some(PictureChange::Set(_) | PictureChange::Removed), .. } => {
                Some(Self::Picture)
            }
            _ => None,
        }
    }

    fn of_kind(kind: EventKind) -> Option<Self> {
        Some(match kind {
            EventKind::Created { .. } => Self::Created,
            EventKind::Updated { name: Some(text), .. } => Self::Title { text },
            EventKind::Updated { description: Some(text), .. } => Self::Description { text },
            EventKind::Updated { picture: Some(_), .. } => Self::Picture,
            EventKind::MembersAdded { users } => Self::Added { users: texts(users) },
            EventKind::MembersRemoved { users } => Self::Removed { users: texts(users) },
            EventKind::MembersBanned { users } => Self::Banned { users: texts(users) },
            EventKind::MembersUnbanned { users } => Self::Unbanned { users: texts(users) },
            EventKind::Joined => Self::Joined,
            EventKind::Left { .. } => Self::Left,
            EventKind::RoleChanged { user, role: new } => Self::Role { user: Text(user), role: role(new) },
            EventKind::InviteChanged { secret_hash } => Self::Invite { on: secret_hash.is_some() },
            EventKind::ChatDeleted => Self::DeletedChat,
            EventKind::GroupStarted(start) => match start.reason {
                StartReason::SuiteChange => Self::Keys { what: "changedSuite" },
                _ => Self::Keys { what: "started" },
            },
            EventKind::DeviceRevoked { .. } => Self::Keys { what: "deviceRevoked" },
            // Keys change all the time, and the rest is shown where it belongs.
            EventKind::Committed(_)
            | EventKind::Message { .. }
            | EventKind::MessageDeleted { .. }
            | EventKind::Updated { .. } => return None,
        })
    }

    pub(super) fn of_notice(notice: &Notice) -> Self {
        match *notice {
            Notice::IdentityChanged { user, was_verified } => {
                Self::IdentityChanged { user: Text(user), was_verified }
            }
            Notice::CommitFailed { author } => Self::CommitFailed { author: author.into() },
            Notice::Gap { sender, missing } => Self::Gap { sender: sender.into(), missing },
            Notice::Missing { from, to } => Self::Missing { from, to },
            Notice::Restored => Self::Restored,
            Notice::Distrusted(why) => Self::Distrusted { why: distrust(why) },
        }
    }
}
