//! The rows of the core in the vault: their keys, and how their values are written (postcard).
//!
//! Everything but messages (`m/`) and the search index is read when the client opens.

use dunlin_model::{ChatId, Seq, Timestamp, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Key, Value};

pub(crate) const ACCOUNT: &[u8] = b"a";
pub(crate) const STATE: &[u8] = b"c/";
pub(crate) const MARKS: &[u8] = b"p/";
pub(crate) const OUTBOX: &[u8] = b"o/";
pub(crate) const ATTEMPT: &[u8] = b"f/";
pub(crate) const IDENTITY: &[u8] = b"i/";
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
    [MESSAGE, chat.as_bytes(), &seq.0.to_be_bytes()].concat()
}

/// What stood in a log that was lost. Its place may be taken by something else by now.
pub(crate) fn lost(chat: ChatId, time: Timestamp, seq: Seq) -> Key {
    [LOST, chat.as_bytes(), &time.0.to_be_bytes(), &seq.0.to_be_bytes()].concat()
}

pub(crate) fn identity(user: UserId) -> Key {
    [IDENTITY, user.as_bytes()].concat()
}

/// Writes a row.
pub(crate) fn encode<T: Serialize>(row: &T) -> Value {
    postcard::to_stdvec(row).expect("our rows hold nothing that postcard cannot write")
}

/// Reads a row; `None` when it is not what was written.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    postcard::from_bytes(bytes).ok()
}
