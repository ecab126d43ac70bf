//! The logs of chats, their snapshots and their expiry.

use async_trait::async_trait;
use dunlin_model::chat::ChatState;
use dunlin_model::{BodyGone, ChatId, Event, Seq, Timestamp};

use crate::StoreError;

/// What became of an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// The event stands in the log, durably.
    Written,
    /// The place is not the one after the head: somebody else was first. Read, decide, append again.
    Taken,
}

/// A chat in which something is old enough to expire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpiringChat {
    /// The chat.
    pub chat: ChatId,
    /// Every event up to here is older than the time asked for.
    pub up_to: Seq,
}

/// Logs that grow by put-if-absent. Events of a chat stand at 1, 2, 3 … up to its head, without gaps; those
/// at or below its floor may have been removed.
#[async_trait]
pub trait Chats: Send + Sync {
    /// Writes `event` at `event.seq`, on condition that this is the place after the head.
    ///
    /// # Errors
    /// `Unavailable` when it was certainly not written; `Uncertain` when it may have been: the event carries
    /// device and number, so reading the place tells.
    async fn append(&self, chat: ChatId, event: &Event) -> Result<Appended, StoreError>;

    /// Events from `from` to `to`, both included, ascending; fewer when the log is shorter, when events were
    /// removed, or when `count_max` or (after the first) `bytes_max` of encoded size are reached.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn read(
        &self,
        chat: ChatId,
        from: Seq,
        to: Seq,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Event>, StoreError>;

    /// The heads of these chats, in the same order; zero for a chat without events. A head survives the
    /// removal of all events.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn heads(&self, chats: &[ChatId]) -> Result<Vec<Seq>, StoreError>;

    /// The newest snapshot saved.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn snapshot(&self, chat: ChatId) -> Result<Option<ChatState>, StoreError>;

    /// Saves a snapshot, unless one with a higher head is there. Snapshots never expire.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn save_snapshot(&self, state: &ChatState) -> Result<(), StoreError>;

    /// Empties the body of the message at `seq`; nothing happens when there is none. May be repeated.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn empty_body(&self, chat: ChatId, seq: Seq, why: BodyGone) -> Result<(), StoreError>;

    /// Chats with bodies of events accepted before `before` that were not emptied yet, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn expiring_bodies(&self, before: Timestamp, limit: usize)
    -> Result<Vec<ExpiringChat>, StoreError>;

    /// Empties all bodies up to `up_to` as expired. May be repeated, and is resumed after a crash.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn expire_bodies(&self, chat: ChatId, up_to: Seq) -> Result<(), StoreError>;

    /// Chats with events accepted before `before` above their floor, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn removable_events(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExpiringChat>, StoreError>;

    /// The floor: events at or below it may be gone.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn floor(&self, chat: ChatId) -> Result<Seq, StoreError>;

    /// Raises the floor to `floor`, but never past the snapshot's head, and removes the events at or below
    /// it. Returns the floor in force.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn raise_floor(&self, chat: ChatId, floor: Seq) -> Result<Seq, StoreError>;
}
