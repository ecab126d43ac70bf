//! Full-text search over the messages of a device, as an index in the vault that follows every change.
//!
//! New messages gather in a *tail*, one row each. Sixty-four of them become a *segment*: its terms in sorted blocks,
//! each with the places of its messages. Eight segments of one size are merged into one, up to 4,096 messages, so each
//! message is written four times in all. A search reads a few rows of each segment, newest first, and stops when
//! nothing newer can come. Keys hold numbers and chat ids, never anything made of text, so that none needs a hash.
//! The index can always be made anew from the messages: whoever changes how it is written changes `rows::PREFIX`.

mod add;
mod compact;
mod find;
mod remove;
mod rows;
mod segment;
mod terms;

use dunlin_model::{ChatId, Seq, Timestamp};

pub use crate::reading::Rows;
pub use add::add;
pub use compact::compact;
pub use find::find;
pub use remove::remove;
pub use rows::{PLACES_PREFIX, PREFIX};

/// Messages in the tail, each read by every search.
pub const TAIL_MESSAGES_MAX: u64 = 64;
/// Segments of one level that are merged into one of the next.
pub const SEGMENTS_PER_MERGE: usize = 8;
/// The level that is merged no further: 64 * 8 * 8 messages.
pub const LEVEL_MAX: u8 = 2;
/// Bytes of one term; what is longer is cut, in messages and in queries alike.
pub const TERM_BYTES_MAX: usize = 64;
/// Terms of one message; what follows in the text is not found.
pub const TERMS_PER_MESSAGE_MAX: usize = 8_192;
/// Terms of one query; more are ignored.
pub const TERMS_PER_QUERY_MAX: usize = 16;
/// Hits of one search.
pub const HITS_MAX: usize = 1_000;

/// A row of the index is not what was written, or missing: the index has to be made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The search index is damaged: {row} cannot be read.")]
pub struct Damaged {
    /// Which kind of row.
    pub row: &'static str,
}

/// A message, as the index knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Message {
    /// The chat.
    pub chat: ChatId,
    /// Its place.
    pub seq: Seq,
    /// What results are ordered by. A time far in the future stays on top, so callers bound the sender's clock by
    /// the server's.
    pub sent: Timestamp,
}

impl Message {
    /// Greater is shown first.
    fn recency(&self) -> (Timestamp, Seq, ChatId) {
        (self.sent, self.seq, self.chat)
    }
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    /// Words that must all be there, each whole or as the beginning of one.
    pub text: &'a str,
    /// Only here.
    pub chat: Option<ChatId>,
    /// How many hits, at most [`HITS_MAX`].
    pub limit: usize,
}
