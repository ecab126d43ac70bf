//! What the server pushes, in its order.

use std::sync::Arc;

use bytes::Bytes;
use dunlin_model::view::{SkipReason, Skipped};
use dunlin_model::{ChatId, DeviceId, Event, EventKind, Payload, Seq};
use sha2::{Digest, Sha256};

use crate::chats::Incoming;
use crate::effects::{Change, Want};
use crate::notice::Notice;
use crate::rows;
use crate::step::{Client, RETRY_AFTER};

impl Client {
    pub(crate) fn event_came(&mut self, id: ChatId, event: Arc<Event>) {
        self.begin(id, event.seq);
        self.chat_mut(id).waiting.push_back(Incoming::Event(event));
        self.drain(id);
    }

    pub(crate) fn skipped_came(&mut self, id: ChatId, range: Skipped) {
        self.begin(id, range.from);
        self.chat_mut(id).waiting.push_back(Incoming::Skipped(range));
        self.drain(id);
    }

    /// A device that was linked later starts where the server says: where the first push stands is no sign of it, since
    /// one before may have been lost.
    fn begin(&mut self, id: ChatId, first: Seq) {
        let chat = self.chat_mut(id);
        if chat.begins_unknown() && chat.waiting.is_empty() && first > Seq::FIRST {
            chat.marks.needs_base = true;
        }
    }

    /// Processes what waits, as far as it goes.
    pub(crate) fn drain(&mut self, id: ChatId) {
        while self.next(id) {}
        self.touched.insert(id);
    }

    fn next(&mut self, id: ChatId) -> bool {
        let Some(chat) = self.chats.get_mut(&id) else { return false };
        let Some(front) = chat.waiting.front().cloned() else { return false };
        let (from, to) = match &front {
            Incoming::Event(event) => (event.seq, event.seq),
            Incoming::Skipped(range) => (range.from, range.to),
        };
        let cursor = chat.marks.cursor;
        if chat.marks.restored.is_some_and(|restored| !restored.rewound || chat.held.is_none()) {
            return false;
        }
        if to <= cursor {
            // The server does not know that it was received.
            chat.acknowledged = chat.acknowledged.min(from.previous());
            chat.waiting.pop_front();
            return true;
        }
        if chat.marks.needs_base && chat.begins_unknown() {
            self.ask_base(id);
            return false;
        }
        if from > cursor.next() {
            // Every range that is left out is announced (I3), so something got lost on the way.
            chat.waiting.clear();
            self.effects.wants.push(Want::Reconnect);
            return false;
        }
        if !self.knows_held(id, to) {
            // Of a range that is left out, what is known of it makes room for the rest.
            self.keep_held(id, to);
            return false;
        }
        let Some(chat) = self.chats.get_mut(&id) else { return false };
        match front {
            Incoming::Skipped(range) => {
                chat.waiting.pop_front();
                self.skip(id, range);
                true
            }
            Incoming::Event(event) => {
                // Who asked while they were no member was not told who is.
                let is_blind = chat.state.exists() && chat.state.members.is_empty();
                if chat.marks.skipped && is_blind && from > chat.marks.base {
                    chat.marks.needs_base = true;
                }
                if chat.marks.needs_base {
                    self.ask_base(id);
                    return false;
                }
                if !self.has_blobs(id, &event) {
                    return false;
                }
                if let Some(chat) = self.chats.get_mut(&id) {
                    chat.waiting.pop_front();
                }
                self.process(id, &event);
                true
            }
        }
    }

    fn skip(&mut self, id: ChatId, range: Skipped) {
        self.doubt_face(id);
        let Some(chat) = self.chats.get_mut(&id) else { return };
        chat.marks.cursor = range.to;
        chat.marks.last = None;
        chat.marks.skipped = true;
        chat.progress.forget_counters();
        chat.marks_changed = true;
        if range.reason != SkipReason::Hidden {
            // Commits may have been among it: then the keys turn out to be of another epoch, and are forgotten.
            chat.marks.needs_base = true;
        }
        if let Some(attempt) = chat.attempt.as_mut().filter(|_| range.reason == SkipReason::Expired) {
            attempt.may_have_passed = true;
            self.effects.persist.put(rows::of_chat(rows::ATTEMPT, id), rows::encode(attempt));
        }
        let (from, to) = (range.from, range.to);
        self.keep_held(id, to);
        self.effects.changes.push(Change::Missing { chat: id, from, to });
        if range.reason == SkipReason::Expired {
            self.note(id, to, Notice::Missing { from, to });
        }
    }

    /// Whether the blob that this device needs of the event is here; asks for it if not.
    fn has_blobs(&mut self, id: ChatId, event: &Event) -> bool {
        let me = self.account.device();
        let Some(hash) = needed(event, me).filter(|hash| !self.blobs.contains_key(hash)) else { return true };
        let Some(chat) = self.chats.get_mut(&id) else { return true };
        if chat.blobs_asked.insert(hash) {
            self.effects.wants.push(Want::FetchBlob { chat: id, seq: Some(event.seq), hash });
        }
        false
    }

    /// The bytes of a part of a handshake, which `has_blobs` made sure of.
    pub(crate) fn payload_bytes(&self, payload: &Payload) -> Option<Bytes> {
        match payload {
            Payload::Inline(bytes) => Some(bytes.clone()),
            Payload::Stored { hash, .. } => self.blobs.get(hash).cloned(),
        }
    }

    pub(crate) fn blob_fetched(&mut self, hash: [u8; 32], bytes: Option<Bytes>) {
        let asking: Vec<ChatId> = self
            .chats
            .iter_mut()
            .filter_map(|(id, chat)| chat.blobs_asked.remove(&hash).then_some(*id))
            .collect();
        let genuine = bytes.filter(|bytes| <[u8; 32]>::from(Sha256::digest(bytes)) == hash);
        let came = genuine.is_some();
        if let Some(bytes) = genuine {
            self.blobs.insert(hash, bytes);
        }
        for id in asking {
            if came {
                self.drain(id);
                self.enter_with_blob(id, hash);
            } else {
                self.give_up_blob(id, hash);
                self.hold(id, RETRY_AFTER);
            }
        }
        self.blobs.remove(&hash);
    }
}

/// The blob of a handshake that `me` looks into: the commit, or the Welcome that lets it in.
fn needed(event: &Event, me: DeviceId) -> Option<[u8; 32]> {
    let payload = match &event.kind {
        // Whoever is let in has no group that the commit could be applied to.
        EventKind::Committed(commit) if event.sender != me && commit.added.contains(&me) => {
            commit.welcome.as_ref()
        }
        EventKind::Committed(commit) if event.sender != me => Some(&commit.commit),
        EventKind::GroupStarted(start) if event.sender != me => {
            start.welcome.as_ref().filter(|_| start.devices.contains(&me))
        }
        _ => None,
    };
    let stored = |payload: &Payload| match payload {
        Payload::Stored { hash, .. } => Some(*hash),
        Payload::Inline(_) => None,
    };
    payload.and_then(stored)
}
