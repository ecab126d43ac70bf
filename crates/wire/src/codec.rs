//! Bytes to frames and back, in both formats.

use std::fmt::Display;

use dunlin_model::{ChatId, ErrorCode, Event, EventKind};
use prost::Message;
use serde::Serialize;

use crate::convert::{commands, events, pushes};
use crate::proto::server_frame::Content;
use crate::{ClientFrame, Failure, Format, Outcome, ServerFrame, Undecodable, frame_id, hot, proto};

/// Reads what a client sent. Fields that are not known are ignored in [`Format::Proto`], so that newer
/// clients can talk to older servers, and refused by name in [`Format::Json`], where they are typing errors.
///
/// # Errors
/// When the bytes are not a frame, or a field is not as it must be. The request's id is reported wherever
/// it can be read, though the rest cannot.
pub fn decode_client(format: Format, bytes: &[u8]) -> Result<ClientFrame, Undecodable> {
    let frame = match format {
        Format::Proto => {
            proto::ClientFrame::decode(bytes).map_err(|error| malformed(frame_id::in_proto(bytes), &error))?
        }
        Format::Json => serde_json::from_slice::<proto::ClientFrame>(bytes)
            .map_err(|error| malformed(frame_id::in_json(bytes), &error))?,
    };
    let id = frame.id;
    let fail = |code, message: String| Undecodable { id, failure: Failure::new(code, message) };
    let command = frame.command.ok_or_else(|| {
        fail(ErrorCode::Malformed, "The frame has no command, or none that this server knows.".to_owned())
    })?;
    let name = commands::name(&command);
    if id == 0 && !commands::needs_no_id(&command) {
        return Err(fail(ErrorCode::InvalidArgument, format!("{name} needs an id above 0.")));
    }
    match commands::from_wire(command) {
        Ok(command) => Ok(ClientFrame { id, command }),
        Err(invalid) => Err(Undecodable { id, failure: invalid.into_failure(name) }),
    }
}

/// Appends what a client sends to `out`.
///
/// A command that no client may send (see [`crate::Command::Submit`]) becomes a frame without command,
/// which servers refuse.
pub fn encode_client(format: Format, frame: &ClientFrame, out: &mut Vec<u8>) {
    let command = commands::to_wire(&frame.command);
    debug_assert!(command.is_some(), "the wire has no form for {:?}", frame.command);
    write(format, &proto::ClientFrame { id: frame.id, command }, out);
}

/// Reads what a server sent. A push that is not known, from a newer server, is an error that the client
/// should pass over; an error code that is not known reads as `internal`, with the server's advice.
///
/// # Errors
/// When the bytes are not a frame, or a field is not as it must be; with the id when it was a reply.
pub fn decode_server(format: Format, bytes: &[u8]) -> Result<ServerFrame, Undecodable> {
    let frame = match format {
        Format::Proto => proto::ServerFrame::decode(bytes).map_err(|error| malformed(0, &error))?,
        Format::Json => {
            serde_json::from_slice::<proto::ServerFrame>(bytes).map_err(|error| malformed(0, &error))?
        }
    };
    let content = frame.content.ok_or_else(|| Undecodable {
        id: 0,
        failure: Failure::new(
            ErrorCode::Malformed,
            "The frame is empty, or of a kind that is not known here.",
        ),
    })?;
    let id = if let Content::Reply(reply) = &content { reply.id } else { 0 };
    let name = pushes::name(&content);
    pushes::from_wire(content).map_err(|invalid| Undecodable { id, failure: invalid.into_failure(name) })
}

/// Appends what a server sends to `out`.
pub fn encode_server(format: Format, frame: &ServerFrame, out: &mut Vec<u8>) {
    match (format, frame) {
        (_, ServerFrame::Event { chat, event }) => encode_event(format, *chat, event, out),
        (
            Format::Proto,
            ServerFrame::Reply { id, outcome: Outcome::Accepted { chat, seq, time, repeated } },
        ) => {
            hot::accepted(*id, *chat, *seq, *time, *repeated, out);
        }
        _ => write(format, &pushes::to_wire(frame), out),
    }
}

/// Appends the push of `event` (`newMessage` or `chatUpdate`) to `out`.
pub fn encode_event(format: Format, chat: ChatId, event: &Event, out: &mut Vec<u8>) {
    if let (Format::Proto, EventKind::Message { body, reply_to, attachments }) = (format, &event.kind) {
        hot::new_message(chat, event, body, *reply_to, attachments, out);
    } else {
        let content = pushes::event_content(events::to_wire(chat, event));
        write(format, &proto::ServerFrame { content: Some(content) }, out);
    }
}

fn write<T: Message + Serialize>(format: Format, message: &T, out: &mut Vec<u8>) {
    match format {
        Format::Proto => {
            let room = message.encode(out);
            debug_assert!(room.is_ok(), "a vector has room");
        }
        Format::Json => {
            let written = serde_json::to_writer(out, message);
            debug_assert!(
                written.is_ok(),
                "generated types have string keys, and a vector takes every write"
            );
        }
    }
}

fn malformed(id: u64, error: &dyn Display) -> Undecodable {
    Undecodable {
        id,
        failure: Failure::new(ErrorCode::Malformed, format!("The frame cannot be decoded: {error}.")),
    }
}
