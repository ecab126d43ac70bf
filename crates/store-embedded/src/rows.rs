//! The values of rows: a format byte, then postcard of the model's types, or fixed numbers.
//!
//! A change of format takes the next format byte and keeps reading the old one; `tests/fixtures` holds rows
//! of every format that was ever written.

use dunlin_model::account::Version;
use dunlin_model::chat::ChatState;
use dunlin_model::{ChatId, Event, InboxMark, Progress, Seq};
use dunlin_store::StoreError;
use fjall::Slice;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::format_1::{EventOfFormat1, StateOfFormat1};

/// The value of a row.
pub(crate) type Row = Slice;

/// The first byte of every row, but for the next.
const FORMAT_1: u8 = 1;
/// The first byte of events and snapshots, since they tell of keys.
const FORMAT_2: u8 = 2;
/// Bytes of a row that most events fit into.
const EVENT_BYTES_USUAL: usize = 320;

/// A row with this value in it.
pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Row, StoreError> {
    encode_as(FORMAT_1, value)
}

/// A row with this event in it.
pub(crate) fn encode_event(event: &Event) -> Result<Row, StoreError> {
    encode_as(FORMAT_2, event)
}

/// A row with this snapshot in it.
pub(crate) fn encode_snapshot(state: &ChatState) -> Result<Row, StoreError> {
    encode_as(FORMAT_2, state)
}

fn encode_as<T: Serialize>(format: u8, value: &T) -> Result<Row, StoreError> {
    let mut bytes = Vec::with_capacity(EVENT_BYTES_USUAL);
    bytes.push(format);
    postcard::to_extend(value, bytes).map(Row::from).map_err(|error| {
        // Only a type that cannot be serialized at all gets here, never a value.
        StoreError::Damaged(format!("a row could not be encoded: {error}"))
    })
}

/// The value in a row.
pub(crate) fn decode<T: DeserializeOwned>(row: &[u8]) -> Result<T, StoreError> {
    match row.split_first() {
        Some((&FORMAT_1, value)) => from_bytes(value),
        Some((format, _)) => Err(StoreError::Damaged(format!("a row has the unknown format {format}"))),
        None => Err(StoreError::Damaged("a row is empty".to_owned())),
    }
}

/// The event in a row.
pub(crate) fn decode_event(row: &[u8]) -> Result<Event, StoreError> {
    match row.split_first() {
        Some((&FORMAT_2, value)) => from_bytes(value),
        _ => decode::<EventOfFormat1>(row).map(Into::into),
    }
}

/// The snapshot in a row.
pub(crate) fn decode_snapshot(row: &[u8]) -> Result<ChatState, StoreError> {
    match row.split_first() {
        Some((&FORMAT_2, value)) => from_bytes(value),
        _ => decode::<StateOfFormat1>(row).map(Into::into),
    }
}

fn from_bytes<T: DeserializeOwned>(value: &[u8]) -> Result<T, StoreError> {
    postcard::from_bytes(value)
        .map_err(|error| StoreError::Damaged(format!("a row cannot be decoded: {error}")))
}

/// Bytes of the value in a row.
pub(crate) fn value_bytes(row: &Row) -> usize {
    row.len().saturating_sub(1)
}

/// The version in a row that holds a `Versioned`, which comes first in it; 0 when there is no row.
pub(crate) fn version(row: Option<&Row>) -> Result<Version, StoreError> {
    row.map_or(Ok(Version::default()), |row| first(row))
}

/// The head in a row that holds a `ChatState`, where it follows the id.
pub(crate) fn snapshot_head(row: &[u8]) -> Result<Seq, StoreError> {
    first::<(ChatId, Seq)>(row).map(|(_, head)| head)
}

/// What the value in a row begins with, without decoding the rest.
fn first<T: DeserializeOwned>(row: &[u8]) -> Result<T, StoreError> {
    match row.split_first() {
        Some((&(FORMAT_1 | FORMAT_2), value)) => postcard::take_from_bytes(value)
            .map(|(first, _)| first)
            .map_err(|error| StoreError::Damaged(format!("a row cannot be decoded: {error}"))),
        Some(_) | None => Err(StoreError::Damaged("a row has an unknown format".to_owned())),
    }
}

/// A row of numbers only, each of eight bytes.
pub(crate) fn numbers<const N: usize>(values: [u64; N]) -> Row {
    let mut bytes = Vec::with_capacity(1 + 8 * N);
    bytes.push(FORMAT_1);
    for value in values {
        bytes.extend_from_slice(&value.to_le_bytes());
    }
    Row::from(bytes)
}

/// The numbers in a row made by [`numbers`].
pub(crate) fn read_numbers<const N: usize>(row: &[u8]) -> Result<[u64; N], StoreError> {
    let wrong = || StoreError::Damaged(format!("a row should hold {N} numbers"));
    let (&FORMAT_1, bytes) = row.split_first().ok_or_else(wrong)? else { return Err(wrong()) };
    let (chunks, rest) = bytes.as_chunks::<8>();
    if chunks.len() != N || !rest.is_empty() {
        return Err(wrong());
    }
    let mut values = [0; N];
    for (value, chunk) in values.iter_mut().zip(chunks) {
        *value = u64::from_le_bytes(*chunk);
    }
    Ok(values)
}

pub(crate) fn progress(progress: Progress) -> Row {
    numbers([progress.start.0, progress.received.0, progress.seen.0])
}

pub(crate) fn read_progress(row: &[u8]) -> Result<Progress, StoreError> {
    let [start, received, seen] = read_numbers(row)?;
    Ok(Progress { start: Seq(start), received: Seq(received), seen: Seq(seen) })
}

pub(crate) fn mark(mark: InboxMark) -> Row {
    numbers([mark.head.0, u64::from(mark.closed)])
}

pub(crate) fn read_mark(row: &[u8]) -> Result<InboxMark, StoreError> {
    let [head, closed] = read_numbers(row)?;
    Ok(InboxMark { head: Seq(head), closed: closed != 0 })
}
