//! What the app shows, in the shapes of `web/src/core/api.ts`.

mod body;
mod chats;
mod happening;

use dunlin_client::Distrust;
use dunlin_client::query::{self, MessageStatus};
use dunlin_model::{ChatId, DeviceId, Role, Seq, UserId};
use dunlin_wire::Failure;
use serde::{Deserialize, Serialize};

pub(crate) use body::MentionView;
use body::{Body, PreviewView};
pub(crate) use chats::{Details, Summary};
use happening::Happening;

use crate::plain::{Text, millis};

/// A device.
#[derive(Debug, Serialize)]
pub(crate) struct Device {
    user: Text<UserId>,
    number: u32,
}

impl From<DeviceId> for Device {
    fn from(device: DeviceId) -> Self {
        Self { user: Text(device.user), number: device.number.0 }
    }
}

/// Where a message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Place {
    At(Seq),
    Waiting(u64),
}

impl From<query::Place> for Place {
    fn from(place: query::Place) -> Self {
        match place {
            query::Place::At(seq) => Self::At(seq),
            query::Place::Waiting(number) => Self::Waiting(number),
        }
    }
}

/// A refusal, by the server or here.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailureView {
    pub(crate) code: String,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retry_after: Option<u64>,
}

impl From<&Failure> for FailureView {
    fn from(failure: &Failure) -> Self {
        let retry_after = failure.retry_after.and_then(|after| u64::try_from(after.as_millis()).ok());
        Self { code: failure.code.as_str().to_owned(), message: failure.message.clone(), retry_after }
    }
}

pub(crate) fn status(status: MessageStatus) -> &'static str {
    match status {
        MessageStatus::Waiting => "waiting",
        MessageStatus::Sent => "sent",
        MessageStatus::Delivered => "delivered",
        MessageStatus::Seen => "seen",
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Admin => "admin",
        Role::Owner => "owner",
    }
}

/// Why a chat is distrusted; the app has the sentences.
fn distrust(why: Distrust) -> &'static str {
    match why {
        Distrust::NotAttested => "notAttested",
        Distrust::NotAllowed => "notAllowed",
        Distrust::Intruder => "intruder",
        Distrust::HandshakeNotAllowed => "handshakeNotAllowed",
        Distrust::Repeated => "repeated",
    }
}

/// What stands in a chat.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub(crate) enum Item {
    Message(Box<Message>),
    Event(Line),
    Notice(Line),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Message {
    place: Place,
    sender: Device,
    time: f64,
    body: Body,
    reply_to: Option<Reply>,
    edited: Option<Edited>,
    reactions: Vec<Reaction>,
    status: Option<&'static str>,
    disappears: Option<Disappears>,
    is_being_deleted: bool,
}

#[derive(Debug, Serialize)]
struct Reply {
    seq: Seq,
    sender: Option<Device>,
    preview: PreviewView,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Edited {
    time: f64,
    original: String,
    is_waiting: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Reaction {
    emoji: String,
    users: Vec<Text<UserId>>,
    is_own: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Disappears {
    after_seconds: u64,
    at: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Line {
    seq: Seq,
    time: f64,
    sender: Option<Device>,
    what: Happening,
}

impl From<query::MessageView> for Message {
    fn from(view: query::MessageView) -> Self {
        let reactions = view.reactions.into_iter().map(|reaction| Reaction {
            emoji: reaction.emoji,
            users: reaction.users.into_iter().map(Text).collect(),
            is_own: reaction.is_own,
        });
        Self {
            place: view.place.into(),
            sender: view.sender.into(),
            time: millis(view.time),
            body: view.body.into(),
            reply_to: view.reply_to.map(|reply| Reply {
                seq: reply.seq,
                sender: reply.sender.map(Device::from),
                preview: reply.preview.into(),
            }),
            edited: view.edited.map(|edited| Edited {
                time: millis(edited.time),
                original: edited.original,
                is_waiting: edited.is_waiting,
            }),
            reactions: reactions.collect(),
            status: view.status.map(status),
            disappears: view.disappears.map(|disappears| Disappears {
                after_seconds: disappears.after.as_secs(),
                at: disappears.at.map(millis),
            }),
            is_being_deleted: view.is_being_deleted,
        }
    }
}

impl Item {
    /// `None` for what people are not shown.
    pub(crate) fn of(item: query::Item) -> Option<Self> {
        Some(match item {
            query::Item::Message(message) => Self::Message(Box::new((*message).into())),
            query::Item::Event(event) => Self::Event(Line {
                seq: event.seq,
                time: millis(event.time),
                sender: Some(event.sender.into()),
                what: Happening::of_event(event.what)?,
            }),
            query::Item::Notice(notice) => Self::Notice(Line {
                seq: notice.after,
                time: millis(notice.time),
                sender: None,
                what: Happening::of_notice(&notice.notice),
            }),
        })
    }
}

/// A page of a chat.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page {
    items: Vec<Item>,
    next_before: Option<Seq>,
}

impl From<query::Page> for Page {
    fn from(page: query::Page) -> Self {
        Self { items: page.items.into_iter().filter_map(Item::of).collect(), next_before: page.next_before }
    }
}

/// A message that was found.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    chat: Text<ChatId>,
    message: Item,
}

impl From<query::Found> for Found {
    fn from(found: query::Found) -> Self {
        Self { chat: Text(found.chat), message: Item::Message(Box::new(found.message.into())) }
    }
}

/// Who has a message.
#[derive(Debug, Serialize)]
pub(crate) struct Info {
    message: Item,
    recipients: Vec<Recipient>,
}

#[derive(Debug, Serialize)]
struct Recipient {
    user: Text<UserId>,
    status: &'static str,
}

impl From<query::MessageInfo> for Info {
    fn from(info: query::MessageInfo) -> Self {
        let recipients = info.recipients.into_iter();
        let recipients =
            recipients.map(|(user, how_far)| Recipient { user: Text(user), status: status(how_far) });
        Self { message: Item::Message(Box::new(info.message.into())), recipients: recipients.collect() }
    }
}
