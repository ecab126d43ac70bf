//! Logs as sorted maps.

use std::collections::BTreeMap;

use async_trait::async_trait;
use dunlin_model::chat::ChatState;
use dunlin_model::{Body, BodyGone, ChatId, Event, EventKind, Seq, Timestamp};

use super::{MemoryStore, Operation};
use crate::{Appended, Chats, ExpiringChat, StoreError};

pub(super) type Logs = BTreeMap<ChatId, Log>;

#[derive(Debug, Default)]
pub(super) struct Log {
    events: BTreeMap<Seq, Event>,
    // Kept beside the events, since it outlives them.
    head: Seq,
    floor: Seq,
    snapshot: Option<ChatState>,
}

impl Log {
    fn append(&mut self, event: &Event) -> Appended {
        if event.seq != self.head.next() {
            return Appended::Taken;
        }
        self.events.insert(event.seq, event.clone());
        self.head = event.seq;
        Appended::Written
    }

    fn read(&self, from: Seq, to: Seq, count_max: usize, bytes_max: usize) -> Vec<Event> {
        if from > to {
            return Vec::new();
        }
        let mut bytes = 0;
        let mut read = Vec::new();
        for event in self.events.range(from..=to).map(|(_, event)| event).take(count_max) {
            bytes += encoded_bytes(event);
            if bytes > bytes_max && !read.is_empty() {
                break;
            }
            read.push(event.clone());
        }
        read
    }

    fn snapshot_head(&self) -> Seq {
        self.snapshot.as_ref().map_or(Seq::ZERO, |state| state.head)
    }

    /// The last event before the first that is not older than `before`. Times are for people and may go
    /// back, so that an older one may come later; it waits.
    fn older_up_to(&self, before: Timestamp) -> Option<Seq> {
        self.events.values().take_while(|event| event.time < before).last().map(|event| event.seq)
    }

    fn has_body_up_to(&self, up_to: Seq) -> bool {
        self.events.range(..=up_to).any(|(_, event)| {
            matches!(&event.kind, EventKind::Message { body, .. } if !matches!(body, Body::Gone(_)))
        })
    }

    fn raise_floor(&mut self, floor: Seq) -> Seq {
        self.floor = self.floor.max(floor.min(self.snapshot_head()));
        self.events = self.events.split_off(&self.floor.next());
        self.floor
    }
}

fn encoded_bytes(event: &Event) -> usize {
    postcard::to_stdvec(event).map_or(0, |bytes| bytes.len())
}

#[async_trait]
impl Chats for MemoryStore {
    async fn append(&self, chat: ChatId, event: &Event) -> Result<Appended, StoreError> {
        self.write(Operation::Append, |tables| tables.logs.entry(chat).or_default().append(event))
    }

    async fn read(
        &self,
        chat: ChatId,
        from: Seq,
        to: Seq,
        count_max: usize,
        bytes_max: usize,
    ) -> Result<Vec<Event>, StoreError> {
        self.read(Operation::ReadChats, |tables| {
            tables.logs.get(&chat).map_or_else(Vec::new, |log| log.read(from, to, count_max, bytes_max))
        })
    }

    async fn heads(&self, chats: &[ChatId]) -> Result<Vec<Seq>, StoreError> {
        self.read(Operation::ReadChats, |tables| {
            chats.iter().map(|chat| tables.logs.get(chat).map_or(Seq::ZERO, |log| log.head)).collect()
        })
    }

    async fn snapshot(&self, chat: ChatId) -> Result<Option<ChatState>, StoreError> {
        self.read(Operation::ReadChats, |tables| tables.logs.get(&chat).and_then(|log| log.snapshot.clone()))
    }

    async fn save_snapshot(&self, state: &ChatState) -> Result<(), StoreError> {
        self.write(Operation::SaveSnapshot, |tables| {
            let log = tables.logs.entry(state.id).or_default();
            if log.snapshot_head() <= state.head {
                log.snapshot = Some(state.clone());
            }
        })
    }

    async fn empty_body(&self, chat: ChatId, seq: Seq, why: BodyGone) -> Result<(), StoreError> {
        self.write(Operation::EmptyBody, |tables| {
            if let Some(event) = tables.logs.get_mut(&chat).and_then(|log| log.events.get_mut(&seq)) {
                event.empty_body(why);
            }
        })
    }

    async fn expiring_bodies(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExpiringChat>, StoreError> {
        self.read(Operation::ReadChats, |tables| {
            let expiring = tables.logs.iter().filter_map(|(chat, log)| {
                let up_to = log.older_up_to(before)?;
                log.has_body_up_to(up_to).then_some(ExpiringChat { chat: *chat, up_to })
            });
            expiring.take(limit).collect()
        })
    }

    async fn expire_bodies(&self, chat: ChatId, up_to: Seq) -> Result<(), StoreError> {
        self.write(Operation::Retire, |tables| {
            if let Some(log) = tables.logs.get_mut(&chat) {
                for (_, event) in log.events.range_mut(..=up_to) {
                    event.empty_body(BodyGone::Expired);
                }
            }
        })
    }

    async fn removable_events(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<ExpiringChat>, StoreError> {
        self.read(Operation::ReadChats, |tables| {
            let removable = tables.logs.iter().filter_map(|(chat, log)| {
                Some(ExpiringChat { chat: *chat, up_to: log.older_up_to(before)? })
            });
            removable.take(limit).collect()
        })
    }

    async fn floor(&self, chat: ChatId) -> Result<Seq, StoreError> {
        self.read(Operation::ReadChats, |tables| tables.logs.get(&chat).map_or(Seq::ZERO, |log| log.floor))
    }

    async fn raise_floor(&self, chat: ChatId, floor: Seq) -> Result<Seq, StoreError> {
        self.write(Operation::Retire, |tables| {
            tables.logs.get_mut(&chat).map_or(Seq::ZERO, |log| log.raise_floor(floor))
        })
    }
}
