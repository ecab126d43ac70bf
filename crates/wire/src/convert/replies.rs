//! The answers to requests.

use std::time::Duration;

use dunlin_model::view::{HistoryPage, MessageStatusView, Status, UserPresence};
use dunlin_model::{ChatId, ErrorCode, Event, Retry, Seq, Timestamp};

use super::attachments;
use super::chats::{details_from_wire, details_to_wire, skipped_from_wire, skipped_to_wire};
use super::events::{self, WireEvent};
use super::field::{Invalid, optional_seq, parse, parse_optional, seq_or_zero, text_or_empty};
use super::keys;
use super::pushes::{last_seen_from_wire, last_seen_to_wire};
use crate::proto::log_entry::Entry;
use crate::proto::reply::Outcome as Wire;
use crate::{Failure, Outcome, proto};

pub(crate) fn to_wire(id: u64, outcome: &Outcome) -> proto::Reply {
    let outcome = match outcome {
        Outcome::Failed(failure) => Wire::Error(failure_to_wire(failure)),
        Outcome::Done => Wire::Done(proto::Done {}),
        Outcome::Accepted { chat, seq, time, repeated } => Wire::Accepted(proto::Accepted {
            chat_id: chat.to_string(),
            seq: seq.0,
            time_ms: time.map_or(0, |time| time.0),
            repeated: *repeated,
        }),
        Outcome::History { chat, page } => Wire::History(page_to_wire(*chat, page)),
        Outcome::MessageStatus { chat, status } => Wire::MessageStatus(proto::MessageStatusResult {
            chat_id: chat.to_string(),
            seq: status.seq.0,
            status: status_to_wire(status.status).into(),
            recipients: status
                .recipients
                .iter()
                .map(|(user, status)| proto::RecipientStatus {
                    user_id: user.to_string(),
                    status: status_to_wire(*status).into(),
                })
                .collect(),
        }),
        Outcome::Presence(users) => Wire::Presence(proto::PresenceResult {
            users: users
                .iter()
                .map(|presence| proto::UserPresence {
                    user_id: presence.user.to_string(),
                    online: presence.online,
                    last_seen_ms: last_seen_to_wire(presence.last_seen),
                })
                .collect(),
        }),
        Outcome::Chats { chats, next_after } => Wire::Chats(proto::ChatList {
            chats: chats.iter().map(details_to_wire).collect(),
            next_after: text_or_empty(next_after.as_ref()),
        }),
        Outcome::Chat(details) => Wire::Chat(details_to_wire(details)),
        Outcome::InviteLink { chat, seq, code } => Wire::InviteLink(proto::InviteLink {
            chat_id: chat.to_string(),
            seq: seq.0,
            code: text_or_empty(code.as_ref()),
        }),
        Outcome::Devices(certificates) => Wire::Devices(proto::DeviceList {
            certificates: certificates.iter().map(keys::certificate_to_wire).collect(),
        }),
        Outcome::KeyPackageCount { suite, left } => {
            Wire::KeyPackageCount(proto::KeyPackageCount { suite: keys::suite_to_wire(*suite), left: *left })
        }
        Outcome::KeyPackages(packages) => Wire::KeyPackages(proto::KeyPackages {
            packages: packages
                .iter()
                .map(|(device, package)| proto::KeyPackage {
                    device: device.to_string(),
                    package: package.clone(),
                })
                .collect(),
        }),
        Outcome::GroupInfo { chat, epoch, suite, group_info } => Wire::GroupInfo(proto::GroupInfo {
            chat_id: chat.to_string(),
            epoch: Some(keys::epoch_to_wire(*epoch)),
            suite: keys::suite_to_wire(*suite),
            group_info: Some(keys::payload_to_wire(group_info)),
        }),
        Outcome::Relayed { reached } => Wire::RelayResult(proto::RelayResult { reached: *reached }),
        Outcome::AttachmentUpload { id, complete, there, uploads } => {
            Wire::AttachmentUpload(proto::AttachmentUpload {
                attachment_id: id.to_string(),
                complete: *complete,
                parts_there: there.clone(),
                uploads: uploads.iter().map(attachments::upload_to_wire).collect(),
            })
        }
        Outcome::Attachment { bytes, request } => Wire::Attachment(proto::AttachmentSource {
            size: *bytes,
            request: Some(attachments::request_to_wire(request)),
        }),
    };
    proto::Reply { id, outcome: Some(outcome) }
}

pub(crate) fn from_wire(reply: proto::Reply) -> Result<(u64, Outcome), Invalid> {
    let outcome = reply.outcome.ok_or_else(|| Invalid::new("outcome", "is missing, or not known here"))?;
    let outcome = match outcome {
        Wire::Error(error) => Outcome::Failed(failure_from_wire(error)?),
        Wire::Done(_) => Outcome::Done,
        Wire::Accepted(accepted) => Outcome::Accepted {
            chat: parse("chatId", &accepted.chat_id)?,
            seq: Seq(accepted.seq),
            time: (accepted.time_ms > 0).then_some(Timestamp(accepted.time_ms)),
            repeated: accepted.repeated,
        },
        Wire::History(page) => {
            let (chat, page) = page_from_wire(page)?;
            Outcome::History { chat, page }
        }
        Wire::MessageStatus(result) => Outcome::MessageStatus {
            chat: parse("chatId", &result.chat_id)?,
            status: MessageStatusView {
                seq: Seq(result.seq),
                status: status_from_wire(result.status)?,
                recipients: result
                    .recipients
                    .iter()
                    .map(|one| Ok((parse("recipients.userId", &one.user_id)?, status_from_wire(one.status)?)))
                    .collect::<Result<_, Invalid>>()?,
            },
        },
        Wire::Presence(result) => Outcome::Presence(
            result
                .users
                .iter()
                .map(|one| {
                    Ok(UserPresence {
                        user: parse("users.userId", &one.user_id)?,
                        online: one.online,
                        last_seen: last_seen_from_wire(one.last_seen_ms),
                    })
                })
                .collect::<Result<_, Invalid>>()?,
        ),
        Wire::Chats(list) => Outcome::Chats {
            chats: list.chats.into_iter().map(details_from_wire).collect::<Result<_, _>>()?,
            next_after: parse_optional("nextAfter", &list.next_after)?,
        },
        Wire::Chat(details) => Outcome::Chat(details_from_wire(details)?),
        Wire::InviteLink(link) => Outcome::InviteLink {
            chat: parse("chatId", &link.chat_id)?,
            seq: Seq(link.seq),
            code: parse_optional("code", &link.code)?,
        },
        // One forged certificate must not keep the others from being known.
        Wire::Devices(list) => Outcome::Devices(
            list.certificates
                .iter()
                .filter_map(|bytes| dunlin_model::DeviceCertificate::decode(bytes).ok())
                .collect(),
        ),
        Wire::KeyPackageCount(count) => {
            Outcome::KeyPackageCount { suite: keys::suite_from_wire(count.suite)?, left: count.left }
        }
        Wire::KeyPackages(list) => Outcome::KeyPackages(
            list.packages
                .into_iter()
                .map(|one| Ok((keys::device("packages.device", &one.device)?, one.package)))
                .collect::<Result<_, Invalid>>()?,
        ),
        Wire::GroupInfo(info) => Outcome::GroupInfo {
            chat: parse("chatId", &info.chat_id)?,
            epoch: keys::epoch_from_wire(info.epoch)?,
            suite: keys::suite_from_wire(info.suite)?,
            group_info: keys::payload_from_wire("groupInfo", info.group_info)?,
        },
        Wire::RelayResult(result) => Outcome::Relayed { reached: result.reached },
        Wire::AttachmentUpload(upload) => attachments::upload_from_wire(upload)?,
        Wire::Attachment(source) => Outcome::Attachment {
            bytes: source.size,
            request: attachments::request_from_wire(source.request)?,
        },
    };
    Ok((reply.id, outcome))
}

/// Whole milliseconds; as many as fit.
pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn failure_to_wire(failure: &Failure) -> proto::Error {
    let retry = match failure.retry {
        Retry::Never => proto::Retry::Never,
        Retry::Later => proto::Retry::Later,
        Retry::AfterLogin => proto::Retry::AfterLogin,
    };
    proto::Error {
        code: failure.code.as_str().to_owned(),
        message: failure.message.clone(),
        retry: retry.into(),
        retry_after_ms: failure.retry_after.map_or(0, milliseconds),
    }
}

fn failure_from_wire(error: proto::Error) -> Result<Failure, Invalid> {
    let retry = match proto::Retry::try_from(error.retry) {
        Ok(proto::Retry::Never) => Retry::Never,
        Ok(proto::Retry::Later) => Retry::Later,
        Ok(proto::Retry::AfterLogin) => Retry::AfterLogin,
        Ok(proto::Retry::Unspecified) => return Err(Invalid::missing("error.retry")),
        Err(_) => return Err(Invalid::new("error.retry", "is not an advice")),
    };
    // A newer server may know more codes. Its advice on trying again holds all the same.
    let (code, message) = match ErrorCode::parse(&error.code) {
        Some(code) => (code, error.message),
        None => (ErrorCode::Internal, format!("{}: {}", error.code, error.message)),
    };
    let retry_after = (error.retry_after_ms > 0).then(|| Duration::from_millis(error.retry_after_ms));
    Ok(Failure { code, message, retry, retry_after })
}

fn page_to_wire(chat: ChatId, page: &HistoryPage) -> proto::HistoryPage {
    let entry = |event: &Event| match events::to_wire(chat, event) {
        WireEvent::Message(message) => Entry::Message(message),
        WireEvent::Update(update) => Entry::Update(update),
    };
    proto::HistoryPage {
        chat_id: chat.to_string(),
        entries: page.events.iter().map(|event| proto::LogEntry { entry: Some(entry(event)) }).collect(),
        skipped: page.skipped.iter().map(|range| skipped_to_wire(chat, range)).collect(),
        next_before: seq_or_zero(page.next_before),
    }
}

fn page_from_wire(page: proto::HistoryPage) -> Result<(ChatId, HistoryPage), Invalid> {
    let events = page
        .entries
        .into_iter()
        .map(|entry| match entry.entry {
            Some(Entry::Message(message)) => Ok(events::message_from_wire(message)?.1),
            Some(Entry::Update(update)) => Ok(events::update_from_wire(update)?.1),
            None => Err(Invalid::missing("entries.entry")),
        })
        .collect::<Result<_, _>>()?;
    let skipped = page
        .skipped
        .iter()
        .map(|range| skipped_from_wire(range).map(|(_, range)| range))
        .collect::<Result<_, _>>()?;
    let next_before = optional_seq(page.next_before);
    Ok((parse("chatId", &page.chat_id)?, HistoryPage { events, skipped, next_before }))
}

const fn status_to_wire(status: Status) -> proto::Status {
    match status {
        Status::Sent => proto::Status::Sent,
        Status::Delivered => proto::Status::Delivered,
        Status::Seen => proto::Status::Seen,
    }
}

fn status_from_wire(status: i32) -> Result<Status, Invalid> {
    match proto::Status::try_from(status) {
        Ok(proto::Status::Sent) => Ok(Status::Sent),
        Ok(proto::Status::Delivered) => Ok(Status::Delivered),
        Ok(proto::Status::Seen) => Ok(Status::Seen),
        Ok(proto::Status::Unspecified) => Err(Invalid::missing("status")),
        Err(_) => Err(Invalid::new("status", "is not a status")),
    }
}
