//! The two messages that make up nearly all traffic, written in protobuf without building the generated
//! types: no copy of the body, no text for ids on the heap. A test holds them equal, byte for byte, to what
//! the generated code writes.

use std::fmt::Write as _;

use dunlin_model::ids::ID_TEXT_CHARS;
use dunlin_model::{AttachmentId, Body, ChatId, Event, Seq, Timestamp};
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::convert::events::gone_to_wire;

/// Bytes of a field with an id: key, length, text. The tags used here fit one byte.
const ID_FIELD_BYTES: usize = 2 + ID_TEXT_CHARS;

mod server_frame {
    pub(super) const REPLY: u32 = 1;
    pub(super) const NEW_MESSAGE: u32 = 3;
}

mod reply {
    pub(super) const ID: u32 = 1;
    pub(super) const ACCEPTED: u32 = 4;
}

mod accepted {
    pub(super) const CHAT_ID: u32 = 1;
    pub(super) const SEQ: u32 = 2;
    pub(super) const TIME_MS: u32 = 3;
    pub(super) const REPEATED: u32 = 4;
}

mod new_message {
    pub(super) const CHAT_ID: u32 = 1;
    pub(super) const SEQ: u32 = 2;
    pub(super) const TIME_MS: u32 = 3;
    pub(super) const SENDER_ID: u32 = 4;
    pub(super) const SENDER_DEVICE: u32 = 5;
    pub(super) const CLIENT_SEQ: u32 = 6;
    pub(super) const TEXT: u32 = 7;
    pub(super) const OPAQUE: u32 = 8;
    pub(super) const GONE: u32 = 9;
    pub(super) const REPLY_TO: u32 = 10;
    pub(super) const ATTACHMENT_IDS: u32 = 11;
}

/// Appends the reply that a command was accepted.
pub(crate) fn accepted(
    id: u64,
    chat: ChatId,
    seq: Seq,
    time: Option<Timestamp>,
    repeated: bool,
    out: &mut Vec<u8>,
) {
    let time_ms = time.map_or(0, |time| time.0);
    let inner = ID_FIELD_BYTES + number_bytes(seq.0) + number_bytes(time_ms) + number_bytes(repeated.into());
    let outer = number_bytes(id) + nested_bytes(inner);
    out.reserve(nested_bytes(outer));
    begin(server_frame::REPLY, outer, out);
    number(reply::ID, id, out);
    begin(reply::ACCEPTED, inner, out);
    identifier(accepted::CHAT_ID, &chat, out);
    number(accepted::SEQ, seq.0, out);
    number(accepted::TIME_MS, time_ms, out);
    number(accepted::REPEATED, repeated.into(), out);
}

/// Appends the push of a message.
pub(crate) fn new_message(
    chat: ChatId,
    event: &Event,
    body: &Body,
    reply_to: Option<Seq>,
    attachments: &[AttachmentId],
    out: &mut Vec<u8>,
) {
    let reply_to = reply_to.map_or(0, |seq| seq.0);
    let body_bytes = match body {
        // The default value is written too where it says which of the alternatives holds.
        Body::Gone(_) => 2,
        Body::Text(_) | Body::Opaque(_) => nested_bytes(body.len()),
    };
    let inner = 2 * ID_FIELD_BYTES
        + number_bytes(event.seq.0)
        + number_bytes(event.time.0)
        + number_bytes(event.sender.number.0.into())
        + number_bytes(event.client_seq.0)
        + body_bytes
        + number_bytes(reply_to)
        + attachments.len() * ID_FIELD_BYTES;
    out.reserve(nested_bytes(inner));
    begin(server_frame::NEW_MESSAGE, inner, out);
    identifier(new_message::CHAT_ID, &chat, out);
    number(new_message::SEQ, event.seq.0, out);
    number(new_message::TIME_MS, event.time.0, out);
    identifier(new_message::SENDER_ID, &event.sender.user, out);
    number(new_message::SENDER_DEVICE, event.sender.number.0.into(), out);
    number(new_message::CLIENT_SEQ, event.client_seq.0, out);
    match body {
        Body::Text(text) => bytes(new_message::TEXT, text.as_bytes(), out),
        Body::Opaque(opaque) => bytes(new_message::OPAQUE, opaque, out),
        Body::Gone(why) => {
            encode_key(new_message::GONE, WireType::Varint, out);
            encode_varint(i32::from(gone_to_wire(*why)).unsigned_abs().into(), out);
        }
    }
    number(new_message::REPLY_TO, reply_to, out);
    for attachment in attachments {
        identifier(new_message::ATTACHMENT_IDS, attachment, out);
    }
}

/// Bytes of a number's field; a zero is not written.
fn number_bytes(value: u64) -> usize {
    if value == 0 { 0 } else { 1 + encoded_len_varint(value) }
}

/// Bytes of a field with content of this length.
fn nested_bytes(length: usize) -> usize {
    1 + encoded_len_varint(length as u64) + length
}

fn begin(tag: u32, length: usize, out: &mut Vec<u8>) {
    encode_key(tag, WireType::LengthDelimited, out);
    encode_varint(length as u64, out);
}

fn number(tag: u32, value: u64, out: &mut Vec<u8>) {
    if value != 0 {
        encode_key(tag, WireType::Varint, out);
        encode_varint(value, out);
    }
}

fn bytes(tag: u32, content: &[u8], out: &mut Vec<u8>) {
    begin(tag, content.len(), out);
    out.extend_from_slice(content);
}

fn identifier(tag: u32, id: &dyn std::fmt::Display, out: &mut Vec<u8>) {
    begin(tag, ID_TEXT_CHARS, out);
    let written = write!(Text(out), "{id}");
    debug_assert!(written.is_ok(), "a vector takes every write");
}

struct Text<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dunlin_model::{BodyGone, ClientSeq, DeviceId, DeviceNumber, EventKind, UserId};
    use prost::Message;

    use super::*;
    use crate::convert::pushes;
    use crate::{Format, Outcome, ServerFrame, encode_server};

    fn assert_equal_to_generated(frame: &ServerFrame) {
        let mut written = vec![0xAA];
        encode_server(Format::Proto, frame, &mut written);
        assert_eq!(&written[1..], pushes::to_wire(frame).encode_to_vec(), "{frame:?}");
    }

    const NUMBERS: [u64; 7] = [0, 1, 127, 128, 300, 1 << 35, u64::MAX];

    #[test]
    fn accepted_is_written_as_the_generated_code_writes_it() {
        let chat = ChatId::from_bytes([0x5A; 16]);
        for number in NUMBERS {
            for time in [None, Some(Timestamp(1)), Some(Timestamp(u64::MAX))] {
                for repeated in [false, true] {
                    let outcome = Outcome::Accepted { chat, seq: Seq(number), time, repeated };
                    assert_equal_to_generated(&ServerFrame::Reply { id: number, outcome });
                }
            }
        }
    }

    #[test]
    fn messages_are_written_as_the_generated_code_writes_them() {
        let bodies = [0, 1, 127, 128, 20_000].map(|length| Body::Text("x".repeat(length)));
        let opaque = [0, 127, 128, 70_000].map(|length| Body::Opaque(vec![0xFE; length].into()));
        let gone = [BodyGone::Deleted, BodyGone::Expired].map(Body::Gone);
        for body in bodies.into_iter().chain(opaque).chain(gone) {
            for (index, number) in NUMBERS.into_iter().enumerate() {
                let event = Event {
                    seq: Seq(number),
                    time: Timestamp(number / 3),
                    sender: DeviceId {
                        user: UserId::from_bytes([0xC3; 16]),
                        number: DeviceNumber(u32::try_from(number).unwrap_or(u32::MAX)),
                    },
                    client_seq: ClientSeq(number / 2),
                    kind: EventKind::Message {
                        body: body.clone(),
                        reply_to: (number > 0).then_some(Seq(number)),
                        attachments: vec![AttachmentId::from_bytes([7; 16]); index],
                    },
                    attestation: None,
                };
                let chat = ChatId::from_bytes([0x11; 16]);
                assert_equal_to_generated(&ServerFrame::Event { chat, event: Arc::new(event) });
            }
        }
    }
}
