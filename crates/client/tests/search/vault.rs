//! A vault in memory that counts what is read and written.

use std::cell::Cell;
use std::collections::BTreeMap;

use dunlin_client::search::{self, Message, Query, Rows};
use dunlin_client::{Batch, Key, Order, Value};
use dunlin_model::{ChatId, Seq, Timestamp};

pub(crate) const LAKE: ChatId = ChatId::from_bytes([1; 16]);
pub(crate) const HILL: ChatId = ChatId::from_bytes([2; 16]);

/// A message of `chat`, sent `at` some time.
pub(crate) const fn message(chat: ChatId, seq: u64, at: u64) -> Message {
    Message { chat, seq: Seq(seq), sent: Timestamp(at) }
}

#[derive(Default)]
pub(crate) struct Vault {
    pub(crate) rows: BTreeMap<Key, Value>,
    pub(crate) read: Cell<usize>,
    pub(crate) written_rows: usize,
    pub(crate) written_bytes: usize,
}

impl Rows for Vault {
    fn get(&self, key: &[u8]) -> Option<Value> {
        self.read.set(self.read.get() + 1);
        self.rows.get(key).cloned()
    }

    fn scan(&self, from: &[u8], until: &[u8], order: Order, limit: usize) -> Vec<(Key, Value)> {
        let rows = self.rows.scan(from, until, order, limit);
        self.read.set(self.read.get() + rows.len());
        rows
    }
}

impl Vault {
    pub(crate) fn write(&mut self, batch: Batch) {
        for (key, value) in batch {
            self.written_rows += 1;
            self.written_bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            match value {
                Some(value) => drop(self.rows.insert(key, value)),
                None => drop(self.rows.remove(&key)),
            }
        }
    }

    pub(crate) fn add(&mut self, message: Message, text: &str) {
        let mut batch = Batch::default();
        search::add(self, &mut batch, &message, text).unwrap();
        self.write(batch);
    }

    pub(crate) fn remove(&mut self, chat: ChatId, seq: u64) {
        let mut batch = Batch::default();
        search::remove(self, &mut batch, chat, Seq(seq)).unwrap();
        self.write(batch);
    }

    /// How many times there was something to do.
    pub(crate) fn compact(&mut self) -> usize {
        for times in 0.. {
            let mut batch = Batch::default();
            let was_needed = search::compact(self, &mut batch).unwrap();
            self.write(batch);
            if !was_needed {
                return times;
            }
        }
        unreachable!("the loop has no end of its own")
    }

    pub(crate) fn find(&self, text: &str) -> Vec<Message> {
        search::find(self, &Query { text, chat: None, limit: 100 }).unwrap()
    }

    /// The places of the hits, for tests with one chat.
    pub(crate) fn seqs(&self, text: &str) -> Vec<u64> {
        self.find(text).iter().map(|hit| hit.seq.0).collect()
    }

    /// Whether the bytes occur in any row.
    pub(crate) fn holds(&self, bytes: &[u8]) -> bool {
        self.rows.values().any(|value| value.windows(bytes.len()).any(|window| window == bytes))
    }
}
