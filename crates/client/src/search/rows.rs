//! The rows of the index: their keys, and how their values are written (postcard).

use dunlin_model::{ChatId, Seq, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Damaged, Rows};
use crate::batch::Key;
pub(super) use crate::reading::Pending;

/// Every key of the index begins so. The number is that of the format, folding included.
pub const PREFIX: &[u8] = b"search/1/";

/// Every key of the rows that say where a message is: small ones, in the order of each chat, that are asked for one by one
/// as messages come.
pub const PLACES_PREFIX: &[u8] = b"search/1/m";

/// The counter.
pub(super) fn counter_key() -> Key {
    key(b'c', &[])
}

/// The list of segments.
pub(super) fn segments_key() -> Key {
    key(b'l', &[])
}

/// Where a message is.
pub(super) fn message_key(chat: ChatId, seq: Seq) -> Key {
    [PLACES_PREFIX, chat.as_bytes(), &seq.0.to_be_bytes()].concat()
}

/// A message of the tail.
pub(super) fn tail_key(document: u64) -> Key {
    key(b't', &[&document.to_be_bytes()])
}

/// What the rows of a segment are.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part {
    /// Its chats, and the first term of each block.
    Head,
    /// Messages, [`SLOTS_PER_ROW`](super::segment::SLOTS_PER_ROW) in each row.
    Slots(u32),
    /// Terms and where they occur.
    Block(u32),
}

pub(super) fn segment_key(segment: &Segment, part: Part) -> Key {
    let (kind, number) = match part {
        Part::Head => (b'h', 0),
        Part::Slots(number) => (b's', number),
        Part::Block(number) => (b'b', number),
    };
    key(b's', &[&segment.first.to_be_bytes(), &[segment.level, kind], &number.to_be_bytes()])
}

fn key(kind: u8, parts: &[&[u8]]) -> Key {
    let mut key = PREFIX.to_vec();
    key.push(kind);
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// Messages are numbered as they are indexed: the *document* numbers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Counter {
    /// The first document of the tail.
    pub(super) tail_first: u64,
    /// The number of the next document.
    pub(super) next: u64,
}

/// Where a message is, and what it was when it was indexed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) document: u64,
    /// The beginning of SHA-256 over its time and terms.
    pub(super) fingerprint: [u8; 8],
}

/// A message of the tail, its terms in ascending order.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TailMessage {
    pub(super) chat: ChatId,
    pub(super) seq: Seq,
    pub(super) sent: Timestamp,
    pub(super) terms: Vec<String>,
}

/// An entry in the list of segments, which is in ascending order of documents.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Segment {
    /// Its first document.
    pub(super) first: u64,
    /// How many documents there were; those that were removed leave holes.
    pub(super) span: u32,
    pub(super) level: u8,
    /// The time of its newest message, or later.
    pub(super) newest: Timestamp,
    /// Messages that can be found.
    pub(super) live: u32,
    /// Messages that were removed, but whose terms are still there.
    pub(super) stale: u32,
}

impl Segment {
    pub(super) const fn contains(&self, document: u64) -> bool {
        document >= self.first && document - self.first < self.span as u64
    }
}

pub(super) fn decode<'a, T: Deserialize<'a>>(row: &'static str, value: &'a [u8]) -> Result<T, Damaged> {
    postcard::from_bytes(value).map_err(|_| Damaged { row })
}

/// A row that may be missing.
pub(super) fn read<T: DeserializeOwned>(
    rows: &dyn Rows,
    row: &'static str,
    key: &[u8],
) -> Result<Option<T>, Damaged> {
    rows.get(key).map(|value| decode(row, &value)).transpose()
}

impl Pending<'_> {
    pub(super) fn put<T: Serialize>(&mut self, key: Key, value: &T) {
        let value = postcard::to_stdvec(value).expect("our rows have only types that postcard writes");
        self.batch.put(key, value);
    }

    pub(super) fn delete(&mut self, key: Key) {
        self.batch.delete(key);
    }

    pub(super) fn counter(&self) -> Result<Counter, Damaged> {
        Ok(read(self, "the counter", &counter_key())?.unwrap_or_default())
    }

    pub(super) fn segments(&self) -> Result<Vec<Segment>, Damaged> {
        Ok(read(self, "the list of segments", &segments_key())?.unwrap_or_default())
    }
}
