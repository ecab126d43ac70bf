//! Chats.

use data_encoding::HEXLOWER;
use dunlin_client::content::Attachment;
use dunlin_client::query;
use dunlin_model::{ChatId, ChatKind, Encryption, Seq, UserId};
use serde::Serialize;

use super::body::PreviewView;
use super::{Device, Place, distrust, role, status};
use crate::plain::{Text, millis};

/// A chat in the list.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Summary {
    chat: Text<ChatId>,
    kind: &'static str,
    encrypted: bool,
    title: String,
    peer: Option<Text<UserId>>,
    /// Which picture it has; what it looks like is asked for by itself.
    picture: Option<String>,
    is_member: bool,
    members: usize,
    unread: usize,
    draft: String,
    waiting: usize,
    distrusted: Option<&'static str>,
    last: Option<Last>,
    active: f64,
    pinned: bool,
    muted: bool,
    archived: bool,
}

#[derive(Debug, Serialize)]
struct Last {
    place: Place,
    sender: Device,
    time: f64,
    preview: PreviewView,
    status: Option<&'static str>,
}

impl Summary {
    /// `flags` are what this device keeps of the chat: one letter each.
    pub(crate) fn of(view: query::ChatSummary, picture: Option<&Attachment>, flags: &[u8]) -> Self {
        let has = |flag: u8| flags.contains(&flag);
        Self {
            chat: Text(view.chat),
            kind: match view.kind {
                ChatKind::Direct => "direct",
                ChatKind::Group => "group",
                ChatKind::Channel => "channel",
            },
            encrypted: view.encryption == Encryption::Mls,
            title: view.title,
            peer: view.peer.map(Text),
            picture: picture.map(|picture| HEXLOWER.encode(&picture.digest.0)),
            is_member: view.is_member,
            members: view.members,
            unread: view.unread,
            draft: view.draft,
            waiting: view.waiting,
            distrusted: view.distrusted.map(distrust),
            last: view.last.map(|last| Last {
                place: last.place.into(),
                sender: last.sender.into(),
                time: millis(last.time),
                preview: last.preview.into(),
                status: last.status.map(status),
            }),
            active: millis(view.active),
            pinned: has(b'p'),
            muted: has(b'm'),
            archived: has(b'a'),
        }
    }
}

/// A chat by itself.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Details {
    #[serde(flatten)]
    summary: Summary,
    description: String,
    timer_seconds: Option<u64>,
    roles: Vec<Member>,
    banned: Vec<Text<UserId>>,
    seen: Seq,
    my_role: Option<&'static str>,
    invite_code: Option<String>,
}

#[derive(Debug, Serialize)]
struct Member {
    user: Text<UserId>,
    role: &'static str,
}

impl Details {
    pub(crate) fn of(
        view: query::ChatView,
        picture: Option<&Attachment>,
        flags: &[u8],
        me: UserId,
        invite: Option<String>,
    ) -> Self {
        let own = view.members.iter().find(|(user, _)| *user == me).map(|(_, own)| role(*own));
        let members = view.members.into_iter();
        Self {
            summary: Summary::of(view.summary, picture, flags),
            description: view.description,
            timer_seconds: view.timer.map(|timer| timer.as_secs()),
            roles: members.map(|(user, its)| Member { user: Text(user), role: role(its) }).collect(),
            banned: view.banned.into_iter().map(Text).collect(),
            seen: view.seen,
            my_role: own,
            invite_code: invite,
        }
    }
}
