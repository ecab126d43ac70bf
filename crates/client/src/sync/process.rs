//! One event, at its place in the log.

use dunlin_model::{Body, ChatId, Encryption, ErrorCode, Event, EventKind};
use dunlin_wire::Failure;

use super::said::Kept;
use crate::chats::{Shown, StoredMessage, UNREAD_MAX, is_of_own_devices};
use crate::effects::Change;
use crate::fold::Work;
use crate::outbox::Wish;
use crate::rows;
use crate::step::Client;

use super::restore::of_event;

impl Client {
    /// Verifies, decrypts, applies and stores the event that follows the cursor.
    pub(crate) fn process(&mut self, id: ChatId, event: &Event) {
        let me = self.account.device();
        let chat = self.chat_mut(id);
        // What the server said of the state includes this event: there is nothing to check it against.
        let is_told = event.seq <= chat.marks.base;
        let was_member = chat.state.role(me.user).is_some();
        let is_encrypted = match &event.kind {
            EventKind::Created { encryption, .. } => *encryption == Encryption::Mls,
            _ => chat.is_encrypted(),
        };
        if is_encrypted
            && event.kind.is_attested()
            && !is_told
            && let Err(why) = self.verify(id, event)
        {
            self.distrust(id, why);
        }
        let held = self.take_held(id, event);
        let kept = match &event.kind {
            EventKind::Message { .. } if held.is_some() => {
                held.as_ref().and_then(|held| self.take_passed_over(id, event, held))
            }
            EventKind::Message { body, .. } if is_encrypted => Some(self.read(id, event, body)),
            EventKind::Message { body, .. } => Some(self.read_plain(id, event, body)),
            EventKind::GroupStarted(start) => {
                self.group_started(id, event, start, is_told);
                None
            }
            EventKind::Committed(commit) => {
                self.committed(id, event, commit, is_told);
                None
            }
            EventKind::MessageDeleted { target } => {
                self.delete_message(id, *target);
                None
            }
            kind => Some(Kept::aside(Shown::Event(Box::new(kind.clone())))),
        };
        let is_said = kept.as_ref().map_or_else(
            || held.as_ref().is_some_and(|held| super::restore::is_said(id, held)),
            |kept| kept.is_said,
        );
        self.apply(id, event, is_told, is_said);
        self.settle_own(id, event);
        if !is_told {
            self.say_again(id, event);
            self.greet_devices(id, event);
            self.doubt_face_for(id, event);
        }
        let is_member = self.chats.get(&id).is_some_and(|chat| chat.state.role(me.user).is_some());
        if was_member && !is_member {
            // The keys stay: who is let in again before anyone has committed the removal still has its leaf.
            self.refuse_all(id, ErrorCode::NotAMember, "You are not a member of this chat any more.");
        }
        if let Some(kept) = kept {
            self.store(id, event, kept.shown);
        }
    }

    /// What was only kept when the log had gone past it, and has come back with it, is acted on like any other.
    fn take_passed_over(&mut self, id: ChatId, event: &Event, held: &StoredMessage) -> Option<Kept> {
        if held.time == event.time {
            return None;
        }
        let Shown::Content(padded) = &held.shown else { return None };
        let envelope = held.envelope(id)?;
        Some(self.take_in(id, event, padded.clone(), envelope))
    }

    /// A message of a chat without encryption.
    fn read_plain(&mut self, id: ChatId, event: &Event, body: &Body) -> Kept {
        match body {
            Body::Gone(why) => return Kept::aside(Shown::Gone(*why)),
            Body::Text(text) => {
                let (seq, by, time) = (event.seq, event.sender.user, event.time);
                self.work.push(Work::Index { chat: id, seq, by, time, text: text.clone() });
            }
            Body::Opaque(_) => {}
        }
        Kept::said(Shown::Event(Box::new(event.kind.clone())))
    }

    fn apply(&mut self, id: ChatId, event: &Event, is_told: bool, is_said: bool) {
        let me = self.account.device();
        let Some(chat) = self.chats.get_mut(&id) else { return };
        if event.attestation.is_some() {
            let newest = chat.marks.signed.entry(event.sender).or_default();
            *newest = (*newest).max(event.client_seq);
        }
        if !is_told {
            chat.state.apply(event);
            chat.state.numbers.clear(); // They are the server's business.
        }
        chat.state_changed |= !event.is_message();
        chat.marks.cursor = event.seq;
        chat.marks.last = Some(of_event(event));
        chat.marks_changed = true;
        chat.hold_until = None;
        let calls_for_keys = matches!(
            event.kind,
            EventKind::Created { .. }
                | EventKind::Joined
                | EventKind::MembersAdded { .. }
                | EventKind::MembersRemoved { .. }
                | EventKind::MembersBanned { .. }
        );
        chat.eager |= calls_for_keys && event.sender == me;
        let is_private = is_of_own_devices(&chat.state, &chat.marks, me.user);
        if is_said || (matches!(event.kind, EventKind::Created { .. }) && !is_private) {
            chat.marks.active = event.time;
        }
        if is_said && event.sender.user != me.user && event.seq > chat.marks.seen {
            chat.marks.unread.push_back(event.seq);
            if chat.marks.unread.len() > UNREAD_MAX {
                chat.marks.unread.pop_front();
            }
        }
    }

    /// What this device asked for has its answer, when the event is it.
    fn settle_own(&mut self, id: ChatId, event: &Event) {
        let Some(chat) = self.chats.get(&id) else { return };
        let is_own = event.sender == self.account.device()
            && chat.attempt.as_ref().is_some_and(|attempt| attempt.number == event.client_seq);
        // Two may start a direct chat at once; whoever was second has what they wanted.
        let is_started = matches!(event.kind, EventKind::Created { .. })
            && matches!(chat.outbox.front(), Some(entry) if matches!(entry.wish, Wish::Create(_)));
        if is_own || (is_started && chat.attempt.is_some()) {
            self.entry_done(id, event.seq);
        }
    }

    /// Whether the chat's attempt may have become an event that expired before it came for this device.
    pub(super) fn attempt_may_have_passed(&self, id: ChatId) -> bool {
        let attempt = self.chats.get(&id).and_then(|chat| chat.attempt.as_ref());
        attempt.is_some_and(|attempt| attempt.may_have_passed)
    }

    /// Drops the attempt though nobody said what became of it.
    fn give_up_attempt(&mut self, id: ChatId) {
        let attempt = self.drop_attempt(id);
        let may_have_passed =
            attempt.is_some_and(|attempt| attempt.may_have_passed && !attempt.plaintext.is_empty());
        if let Some(chat) = self.chats.get_mut(&id).filter(|_| may_have_passed) {
            // A number that is left out shows as a gap to others; one that is used twice would keep them from reading
            // what has it.
            chat.marks.accepted += 1;
            chat.marks_changed = true;
        }
    }

    /// Drops all that waits to be sent in a chat.
    pub(crate) fn refuse_all(&mut self, id: ChatId, code: ErrorCode, message: &str) {
        self.keys.discard_pending(id);
        self.give_up_attempt(id);
        while let Some(place) =
            self.chats.get(&id).and_then(|chat| chat.outbox.front()).map(|entry| entry.place)
        {
            self.refuse_entry(id, place, Failure::new(code, message));
        }
    }

    fn store(&mut self, id: ChatId, event: &Event, shown: Shown) {
        let message = StoredMessage {
            seq: event.seq,
            time: event.time,
            sender: event.sender,
            client_seq: event.client_seq,
            shown,
        };
        self.keep(id, message);
    }

    /// Writes and shows a message.
    pub(crate) fn keep(&mut self, id: ChatId, message: StoredMessage) {
        self.effects.persist.put(rows::message(id, message.seq), rows::encode(&message));
        if !matches!(message.shown, Shown::Folded { .. } | Shown::Nothing) && !self.is_own_chat(id) {
            if message.says_something() {
                self.typing_ended(id, message.sender.user);
            }
            self.effects.changes.push(Change::Message { chat: id, message: Box::new(message) });
        }
    }
}
