//! Head, floor and expiry of chats, as far as they are durable, in a bounded cache.
//!
//! The writer decides put-if-absent on these, so a stale entry would overwrite an event. Whoever misses
//! therefore reads the engine while holding the shard's lock, and the writer publishes after its commit under
//! the same lock: a value read before the commit is replaced by what is published after it.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use dunlin_model::{ChatId, Seq};
use dunlin_store::StoreError;
use parking_lot::Mutex;

use crate::cache::Generations;
use crate::engine::Engine;
use crate::{keys, rows};

const SHARDS: usize = 64;

/// What the writer must know of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Marks {
    /// The newest event.
    pub(crate) head: Seq,
    /// Events up to here are removed.
    pub(crate) floor: Seq,
    /// Bodies up to here are emptied.
    pub(crate) emptied: Seq,
}

/// Shared by the writer and all readers.
pub(crate) struct MarksCache {
    shards: Vec<Mutex<Generations<ChatId, Marks>>>,
    hasher: RandomState,
}

impl MarksCache {
    pub(crate) fn new(chats_max: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::new(Generations::new(chats_max / SHARDS))).collect();
        Self { shards, hasher: RandomState::new() }
    }

    /// The marks of a chat, if they are in memory.
    pub(crate) fn peek(&self, chat: ChatId) -> Option<Marks> {
        self.shard(chat).and_then(|shard| shard.lock().get(&chat))
    }

    /// The marks of a chat, from the engine when they are not in memory.
    pub(crate) fn get(&self, engine: &Engine, chat: ChatId) -> Result<Marks, StoreError> {
        let Some(shard) = self.shard(chat) else { return load(engine, chat) };
        let mut shard = shard.lock();
        if let Some(marks) = shard.get(&chat) {
            return Ok(marks);
        }
        let marks = load(engine, chat)?;
        shard.put(chat, marks);
        Ok(marks)
    }

    /// Makes new marks known. Only the writer calls this, after its commit.
    pub(crate) fn publish(&self, chat: ChatId, marks: Marks) {
        if let Some(shard) = self.shard(chat) {
            shard.lock().put(chat, marks);
        }
    }

    fn shard(&self, chat: ChatId) -> Option<&Mutex<Generations<ChatId, Marks>>> {
        let index = usize::try_from(self.hasher.hash_one(chat) % SHARDS as u64).unwrap_or(0);
        self.shards.get(index)
    }
}

/// Reads the marks from their rows. The head of a chat whose events are all removed is its floor.
fn load(engine: &Engine, chat: ChatId) -> Result<Marks, StoreError> {
    let retention = match engine.get(&keys::retention(chat))? {
        Some(row) => Retention::read(&row)?,
        None => Retention::default(),
    };
    // From above the floor, never from the start of the log: what was removed there costs time to pass over.
    let newest =
        engine.range(keys::event(chat, retention.floor.next()), keys::event(chat, Seq(u64::MAX))).next_back();
    let head = match newest {
        Some(row) => keys::seq_of(&row?.0).unwrap_or(retention.floor),
        None => retention.floor,
    };
    Ok(Marks { head, floor: retention.floor, emptied: retention.emptied })
}

/// The row that keeps floor and expiry, and where the chat stands in the two time indexes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Retention {
    pub(crate) floor: Seq,
    pub(crate) emptied: Seq,
    /// Time in milliseconds of the oldest event above `emptied`: the index has the chat under it.
    pub(crate) oldest_body: Option<u64>,
    /// The same for the oldest event above `floor`.
    pub(crate) oldest_event: Option<u64>,
}

/// Stands for "no such event".
const NONE: u64 = u64::MAX;

impl Retention {
    pub(crate) fn read(row: &[u8]) -> Result<Self, StoreError> {
        let [floor, emptied, body, event] = rows::read_numbers(row)?;
        let time = |value: u64| (value != NONE).then_some(value);
        Ok(Self {
            floor: Seq(floor),
            emptied: Seq(emptied),
            oldest_body: time(body),
            oldest_event: time(event),
        })
    }

    pub(crate) fn row(self) -> rows::Row {
        rows::numbers([
            self.floor.0,
            self.emptied.0,
            self.oldest_body.unwrap_or(NONE),
            self.oldest_event.unwrap_or(NONE),
        ])
    }
}
