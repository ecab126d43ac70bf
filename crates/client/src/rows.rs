//! The rows of the core in the vault: their keys, and how their values are written (postcard).
//!
//! Everything but messages (`m/`) and the search index is read when the client opens.

use dunlin_model::{ChatId, DeviceId, Seq, Timestamp, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Key, Value};

pub(crate) const ACCOUNT: &[u8] = b"a";
pub(crate) const STATE: &[u8] = b"c/";
pub(crate) const MARKS: &[u8] = b"p/";
pub(crate) const OUTBOX: &[u8] = b"o/";
pub(crate) const ATTEMPT: &[u8] = b"f/";
pub(crate) const IDENTITY: &[u8] = b"i/";
/// The identity key of a user that the person compared and found right.
pub(crate) const VERIFIED: &[u8] = b"y/";
/// The counter of a sender in a chat.
pub(crate) const COUNTER: &[u8] = b"n/";
/// The receipts of a member in a chat.
pub(crate) const RECEIPT: &[u8] = b"v/";
pub(crate) const DRAFT: &[u8] = b"d/";
/// What an encrypted chat is about and looks like.
pub(crate) const ABOUT: &[u8] = b"b/";
/// What the person looks like.
pub(crate) const FACE: &[u8] = b"g";
/// What the other one of a chat was told of that.
pub(crate) const TOLD_FACE: &[u8] = b"g/";
/// Messages that the server does not know yet to be hidden.
pub(crate) const HIDE: &[u8] = b"h/";
/// Messages that will disappear.
pub(crate) const TIMER: &[u8] = b"t/";
/// What this device is to tell the user's others.
pub(crate) const OWN: &[u8] = b"u";
/// How far the search index is being made anew.
pub(crate) const REBUILD: &[u8] = b"w";
/// How many segments of the search index may hold words of removed messages.
pub(crate) const STALE: &[u8] = b"z";
/// Rows of messages begin so; the core never reads them to open.
pub const MESSAGE: &[u8] = b"m/";
/// Rows of messages that a server lost begin so; they are not read to open.
pub const LOST: &[u8] = b"l/";
/// Rows of the keys begin so.
pub(crate) const KEYS: &[u8] = b"k/";

pub(crate) fn of_chat(prefix: &[u8], chat: ChatId) -> Key {
    [prefix, chat.as_bytes()].concat()
}

pub(crate) fn entry(chat: ChatId, place: u64) -> Key {
    [OUTBOX, chat.as_bytes(), &place.to_be_bytes()].concat()
}

pub(crate) fn message(chat: ChatId, seq: Seq) -> Key {
    of_place(MESSAGE, chat, seq)
}

/// What belongs to a message and stands right behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The message itself.
    Message,
    /// The newest edit by this user.
    Edit(UserId),
    /// A notice, which counts up in a chat.
    Notice,
    /// The reaction of this user.
    Reaction(UserId),
}

pub(crate) fn edit(chat: ChatId, seq: Seq, by: UserId) -> Key {
    [&message(chat, seq), &b"e"[..], by.as_bytes()].concat()
}

pub(crate) fn notice(chat: ChatId, after: Seq, number: u64) -> Key {
    [&message(chat, after), &b"n"[..], &number.to_be_bytes()].concat()
}

pub(crate) fn reaction(chat: ChatId, seq: Seq, by: UserId) -> Key {
    [&message(chat, seq), &b"r"[..], by.as_bytes()].concat()
}

/// What a key below `m/` is of.
pub(crate) fn part(key: &[u8]) -> Option<(ChatId, Seq, Part)> {
    let (chat, rest) = key.strip_prefix(MESSAGE)?.split_at_checked(16)?;
    let (seq, rest) = rest.split_first_chunk::<8>()?;
    Some((ChatId::try_from(chat).ok()?, Seq(u64::from_be_bytes(*seq)), part_named(rest)?))
}

fn part_named(name: &[u8]) -> Option<Part> {
    Some(match name.split_first() {
        None => Part::Message,
        Some((b'e', user)) => Part::Edit(UserId::try_from(user).ok()?),
        Some((b'r', user)) => Part::Reaction(UserId::try_from(user).ok()?),
        Some((b'n', _)) => Part::Notice,
        Some(_) => return None,
    })
}

/// What a row of a lost message is of it.
pub(crate) fn lost_part(key: &[u8]) -> Option<Part> {
    part_named(key.get(LOST.len() + 32..)?)
}

pub(crate) fn counter(chat: ChatId, device: DeviceId) -> Key {
    [COUNTER, chat.as_bytes(), device.user.as_bytes(), &device.number.0.to_be_bytes()].concat()
}

pub(crate) fn receipt(chat: ChatId, user: UserId) -> Key {
    [RECEIPT, chat.as_bytes(), user.as_bytes()].concat()
}

/// A row of one place in a chat, under a prefix of its own.
pub(crate) fn of_place(prefix: &[u8], chat: ChatId, seq: Seq) -> Key {
    [prefix, chat.as_bytes(), &seq.0.to_be_bytes()].concat()
}

/// The chat and the place of such a row.
pub(crate) fn place_of(prefix: &[u8], key: &[u8]) -> Option<(ChatId, Seq)> {
    let (chat, seq) = key.strip_prefix(prefix)?.split_at_checked(16)?;
    Some((ChatId::try_from(chat).ok()?, Seq(u64::from_be_bytes(seq.try_into().ok()?))))
}

/// The user of a row below a prefix and a chat, and what follows.
pub(crate) fn user_of<'a>(prefix: &[u8], key: &'a [u8]) -> Option<(ChatId, UserId, &'a [u8])> {
    let (chat, rest) = key.strip_prefix(prefix)?.split_at_checked(16)?;
    let (user, rest) = rest.split_at_checked(16)?;
    Some((ChatId::try_from(chat).ok()?, UserId::try_from(user).ok()?, rest))
}

/// What stood in a log that was lost; what belonged to it stands behind it as it did. Its place may be taken by something
/// else by now.
pub(crate) fn lost(chat: ChatId, time: Timestamp, seq: Seq) -> Key {
    [LOST, chat.as_bytes(), &time.0.to_be_bytes(), &seq.0.to_be_bytes()].concat()
}

pub(crate) fn of_user(prefix: &[u8], user: UserId) -> Key {
    [prefix, user.as_bytes()].concat()
}

/// Writes a row.
pub(crate) fn encode<T: Serialize>(row: &T) -> Value {
    postcard::to_stdvec(row).expect("our rows hold nothing that postcard cannot write")
}

/// Reads a row; `None` when it is not what was written.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}
