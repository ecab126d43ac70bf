//! Messages of a chat on their way to the store, each decided on the one before it.
//!
//! A message changes nothing that the next message's decision looks at but head, time and the number its
//! device used. So messages need not wait for each other's fsync: they are handed to the store in order, and
//! put-if-absent refuses all that follow one that failed. Whatever else happens in a chat waits until nothing
//! is under way.

use std::collections::VecDeque;
use std::sync::Arc;

use dunlin_model::{ClientSeq, DeviceId, Event, Seq, Timestamp};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::chat::Chat;

/// Messages of one chat that may be under way.
const UNDER_WAY_MAX: usize = 64;

/// What is under way in a chat.
#[derive(Default)]
pub(crate) struct Pipeline {
    events: Mutex<VecDeque<UnderWay>>,
    drained: Notify,
}

struct UnderWay {
    event: Arc<Event>,
    written: bool,
}

/// An event's place in the pipeline. Dropping it takes the event out, so that a task that dies holds nobody
/// up.
pub(crate) struct Reserved<'a> {
    chat: &'a Chat,
    pub(crate) event: Arc<Event>,
}

impl Pipeline {
    /// Waits until nothing is under way. Cancel safe.
    pub(crate) async fn drained(&self) {
        loop {
            let drained = self.drained.notified();
            if self.events.lock().is_empty() {
                return;
            }
            drained.await;
        }
    }

    /// The newest event under way: its place and time.
    pub(crate) fn newest(&self) -> Option<(Seq, Timestamp)> {
        self.events.lock().back().map(|newest| (newest.event.seq, newest.event.time))
    }

    /// Whether a message with this number can be decided on what is under way: there is room, the device used
    /// only smaller numbers there, and all of it is messages, since whatever else there is may forbid this one.
    pub(crate) fn admits(&self, device: DeviceId, number: ClientSeq) -> bool {
        let events = self.events.lock();
        let admits = |other: &UnderWay| {
            other.event.is_message() && (other.event.sender != device || other.event.client_seq < number)
        };
        events.len() < UNDER_WAY_MAX && events.iter().all(admits)
    }

    /// Notes an event that is about to be handed to the store.
    pub(crate) fn reserve<'a>(&self, chat: &'a Chat, event: Event) -> Reserved<'a> {
        let event = Arc::new(event);
        self.events.lock().push_back(UnderWay { event: Arc::clone(&event), written: false });
        Reserved { chat, event }
    }
}

impl Reserved<'_> {
    /// The store has written it: it is applied as soon as those before it are.
    pub(crate) fn written(self) {
        let mut events = self.chat.pipeline.events.lock();
        if let Some(own) = events.iter_mut().find(|other| other.event.seq == self.event.seq) {
            own.written = true;
        }
        while events.front().is_some_and(|first| first.written) {
            if let Some(first) = events.pop_front() {
                self.chat.apply(first.event);
            }
        }
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let mut events = self.chat.pipeline.events.lock();
        events.retain(|other| other.written || other.event.seq != self.event.seq);
        // Those behind a gap are never reached in order: the log has them, and says so when it is read.
        while events.front().is_some_and(|first| first.written) {
            if let Some(first) = events.pop_front() {
                self.chat.apply(first.event);
            }
        }
        if events.is_empty() {
            self.chat.pipeline.drained.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use dunlin_model::{Body, ChatId, DeviceNumber, EventKind, UserId};
    use dunlin_store::memory::MemoryStore;

    use super::*;

    fn event(seq: u64, kind: EventKind) -> Event {
        let sender = DeviceId { user: UserId::from_bytes([1; 16]), number: DeviceNumber(1) };
        let (seq, client_seq) = (Seq(seq), ClientSeq(seq));
        Event { seq, time: Timestamp(1), sender, client_seq, kind, attestation: None }
    }

    #[tokio::test]
    async fn a_message_joins_messages_under_way_but_not_a_change_that_may_forbid_it() {
        let chat = Chat::load(ChatId::from_bytes([2; 16]), &MemoryStore::new(0)).await.unwrap();
        let other = DeviceId { user: UserId::from_bytes([3; 16]), number: DeviceNumber(1) };
        let text = Body::Text("hello".to_owned());
        let message = EventKind::Message { body: text, reply_to: None, attachments: Vec::new() };
        let under_way = chat.pipeline.reserve(&chat, event(1, message));
        assert!(chat.pipeline.admits(other, ClientSeq(1)));
        drop(under_way);
        let removal = EventKind::MembersRemoved { users: vec![other.user] };
        let under_way = chat.pipeline.reserve(&chat, event(1, removal));
        assert!(!chat.pipeline.admits(other, ClientSeq(1)), "its sender may be out by then");
        drop(under_way);
        assert!(chat.pipeline.admits(other, ClientSeq(1)));
    }
}
