//! What a server sends: replies, events of the log, and the other pushes.

use std::sync::Arc;
use std::time::Duration;

use dunlin_model::view::{Receipt, UserPresence};
use dunlin_model::{DeviceId, DeviceNumber, Seq, Timestamp};

use super::chats::{skipped_from_wire, skipped_to_wire};
use super::events::{self, WireEvent};
use super::field::{Invalid, parse};
use super::keys;
use super::replies;
use crate::proto::server_frame::Content;
use crate::{ServerFrame, Welcome, proto};

pub(crate) fn to_wire(frame: &ServerFrame) -> proto::ServerFrame {
    let content = match frame {
        ServerFrame::Reply { id, outcome } => Content::Reply(replies::to_wire(*id, outcome)),
        ServerFrame::Welcome(welcome) => Content::Welcome(welcome_to_wire(welcome)),
        ServerFrame::Event { chat, event } => event_content(events::to_wire(*chat, event)),
        ServerFrame::Skipped { chat, range } => Content::Skipped(skipped_to_wire(*chat, range)),
        ServerFrame::CaughtUp => Content::CaughtUp(proto::CaughtUp {}),
        ServerFrame::StatusUpdate { chat, receipt } => Content::StatusUpdate(proto::StatusUpdate {
            chat_id: chat.to_string(),
            user_id: receipt.user.to_string(),
            delivered: receipt.delivered.0,
            seen: receipt.seen.0,
        }),
        ServerFrame::PresenceUpdate(presence) => Content::PresenceUpdate(proto::PresenceUpdate {
            user_id: presence.user.to_string(),
            online: presence.online,
            last_seen_ms: last_seen_to_wire(presence.last_seen),
        }),
        ServerFrame::Typing { chat, user, typing } => Content::Typing(proto::Typing {
            chat_id: chat.to_string(),
            user_id: user.to_string(),
            typing: *typing,
        }),
        ServerFrame::MessageHidden { chat, seq } => {
            Content::MessageHidden(proto::MessageHidden { chat_id: chat.to_string(), seq: seq.0 })
        }
        ServerFrame::KeyPackagesLow { suite, left } => {
            Content::KeyPackagesLow(proto::KeyPackagesLow { suite: keys::suite_to_wire(*suite), left: *left })
        }
        ServerFrame::Relayed { device, payload } => {
            Content::Relayed(proto::Relayed { device: device.0, payload: payload.clone() })
        }
        ServerFrame::Draining { reconnect_after } => {
            Content::Draining(proto::Draining { reconnect_after_ms: replies::milliseconds(*reconnect_after) })
        }
    };
    proto::ServerFrame { content: Some(content) }
}

/// The content of the frame that pushes an event.
pub(crate) fn event_content(event: WireEvent) -> Content {
    match event {
        WireEvent::Message(message) => Content::NewMessage(message),
        WireEvent::Update(update) => Content::ChatUpdate(update),
    }
}

pub(crate) fn from_wire(content: Content) -> Result<ServerFrame, Invalid> {
    Ok(match content {
        Content::Reply(reply) => {
            let (id, outcome) = replies::from_wire(reply)?;
            ServerFrame::Reply { id, outcome }
        }
        Content::Welcome(welcome) => ServerFrame::Welcome(welcome_from_wire(welcome)?),
        Content::NewMessage(message) => {
            let (chat, event) = events::message_from_wire(message)?;
            ServerFrame::Event { chat, event: Arc::new(event) }
        }
        Content::ChatUpdate(update) => {
            let (chat, event) = events::update_from_wire(update)?;
            ServerFrame::Event { chat, event: Arc::new(event) }
        }
        Content::Skipped(skipped) => {
            let (chat, range) = skipped_from_wire(&skipped)?;
            ServerFrame::Skipped { chat, range }
        }
        Content::CaughtUp(_) => ServerFrame::CaughtUp,
        Content::KeyPackagesLow(low) => {
            ServerFrame::KeyPackagesLow { suite: keys::suite_from_wire(low.suite)?, left: low.left }
        }
        Content::Relayed(relayed) => {
            ServerFrame::Relayed { device: DeviceNumber(relayed.device), payload: relayed.payload }
        }
        Content::StatusUpdate(update) => ServerFrame::StatusUpdate {
            chat: parse("chatId", &update.chat_id)?,
            receipt: Receipt {
                user: parse("userId", &update.user_id)?,
                delivered: Seq(update.delivered),
                seen: Seq(update.seen),
            },
        },
        Content::PresenceUpdate(update) => ServerFrame::PresenceUpdate(UserPresence {
            user: parse("userId", &update.user_id)?,
            online: update.online,
            last_seen: last_seen_from_wire(update.last_seen_ms),
        }),
        Content::Typing(typing) => ServerFrame::Typing {
            chat: parse("chatId", &typing.chat_id)?,
            user: parse("userId", &typing.user_id)?,
            typing: typing.typing,
        },
        Content::MessageHidden(hidden) => {
            ServerFrame::MessageHidden { chat: parse("chatId", &hidden.chat_id)?, seq: Seq(hidden.seq) }
        }
        Content::Draining(draining) => {
            ServerFrame::Draining { reconnect_after: Duration::from_millis(draining.reconnect_after_ms) }
        }
    })
}

/// The name of the content, as JSON has it.
pub(crate) const fn name(content: &Content) -> &'static str {
    match content {
        Content::Reply(_) => "reply",
        Content::Welcome(_) => "welcome",
        Content::NewMessage(_) => "newMessage",
        Content::ChatUpdate(_) => "chatUpdate",
        Content::Skipped(_) => "skipped",
        Content::StatusUpdate(_) => "statusUpdate",
        Content::PresenceUpdate(_) => "presenceUpdate",
        Content::Typing(_) => "typing",
        Content::MessageHidden(_) => "messageHidden",
        Content::Draining(_) => "draining",
        Content::CaughtUp(_) => "caughtUp",
        Content::KeyPackagesLow(_) => "keyPackagesLow",
        Content::Relayed(_) => "relayed",
    }
}

pub(super) fn last_seen_to_wire(last_seen: Option<Timestamp>) -> u64 {
    last_seen.map_or(0, |time| time.0)
}

pub(super) fn last_seen_from_wire(ms: u64) -> Option<Timestamp> {
    (ms > 0).then_some(Timestamp(ms))
}

fn welcome_to_wire(welcome: &Welcome) -> proto::Welcome {
    proto::Welcome {
        user_id: welcome.device.user.to_string(),
        device: welcome.device.number.0,
        server_time_ms: welcome.server_time.0,
        incarnation: welcome.incarnation.clone(),
        heartbeat_ms: u32::try_from(welcome.heartbeat.as_millis()).unwrap_or(u32::MAX),
        frame_bytes_max: welcome.frame_bytes_max,
        window_events: welcome.window_events,
        requests_in_flight_max: welcome.requests_in_flight_max,
    }
}

fn welcome_from_wire(welcome: proto::Welcome) -> Result<Welcome, Invalid> {
    Ok(Welcome {
        device: DeviceId { user: parse("userId", &welcome.user_id)?, number: DeviceNumber(welcome.device) },
        server_time: Timestamp(welcome.server_time_ms),
        incarnation: welcome.incarnation,
        heartbeat: Duration::from_millis(welcome.heartbeat_ms.into()),
        frame_bytes_max: welcome.frame_bytes_max,
        window_events: welcome.window_events,
        requests_in_flight_max: welcome.requests_in_flight_max,
    })
}
