//! What the server says to an attempt.

use std::time::Duration;

use dunlin_model::{ChatId, ErrorCode, Retry, Seq, Timestamp};
use dunlin_wire::{Failure, Outcome};

use super::{AttemptId, Entry, Progress, Wish};
use crate::chats::{Shown, StoredMessage};
use crate::effects::Change;
use crate::step::{Client, HANDSHAKE_RETRY_AFTER, RETRY_AFTER};

/// How often the server may say that the log went on, without a word of how, on a connection that is kept.
const UNHEARD_MAX: u32 = 2;
/// How often the wait after that doubles.
const UNHEARD_DOUBLINGS_MAX: u32 = 5;

impl Client {
    /// The one answer to an attempt. That it was accepted is acted on when the event comes in the log.
    pub(crate) fn attempt_answered(&mut self, AttemptId { chat: id, number }: AttemptId, outcome: Outcome) {
        let now = self.now;
        let Some(chat) = self.chats.get_mut(&id) else { return };
        let (existed, head, cursor) = (chat.state.exists(), chat.state.head, chat.marks.cursor);
        // The event may have come first, or another attempt may have taken its place.
        let Some(attempt) = chat.attempt.as_mut().filter(|attempt| attempt.number == number) else { return };
        let (is_handshake, place, went_on) = (attempt.is_handshake(), attempt.place, head > attempt.head);
        match outcome {
            Outcome::Failed(failure) if failure.retry != Retry::Never => {
                attempt.progress = Progress::Unsent;
                self.hold(id, failure.retry_after.unwrap_or(RETRY_AFTER));
            }
            // A handshake may have been refused for what came meanwhile: somebody it lets in has left, say.
            Outcome::Failed(failure)
                if waits_for_the_log(&failure) || (is_handshake && (went_on || is_out(&failure))) =>
            {
                self.keys.discard_pending(id);
                self.drop_attempt(id);
                // What it did not know may have come meanwhile; else it waits for it.
                if !went_on {
                    self.wait_for_the_log(id, head);
                }
            }
            Outcome::Failed(failure) if is_handshake => {
                self.keys.discard_pending(id);
                self.drop_attempt(id);
                let token = self.drop_suite_wish(id);
                if token.is_none() {
                    self.hold(id, HANDSHAKE_RETRY_AFTER);
                }
                let token = token.unwrap_or(0);
                self.effects.changes.push(Change::Refused { token, chat: id, why: failure, words: None });
            }
            Outcome::Failed(failure) => {
                self.drop_attempt(id);
                if is_out(&failure) && !went_on {
                    self.wait_for_the_log(id, head);
                }
                if let Some(place) = place {
                    self.refuse_entry(id, place, failure);
                }
            }
            // A direct chat that the other one had created: whoever created it, it is there.
            Outcome::Accepted { seq: Seq::FIRST, .. } if existed => self.entry_done(id, Seq::FIRST),
            // The log went on past it: its event was removed before it came for this device.
            Outcome::Accepted { seq, time, .. } if seq <= cursor => {
                self.passed_over(id, seq, time.unwrap_or(now));
            }
            _ => attempt.progress = Progress::Accepted,
        }
    }

    /// A change of the suite that was refused is not tried again; gives its token.
    fn drop_suite_wish(&mut self, id: ChatId) -> Option<u64> {
        let head = self.chats.get(&id)?.outbox.front()?;
        let place = matches!(head.wish, Wish::Suite(_)).then_some(head.place)?;
        self.drop_entry(id, place)
    }

    /// The attempt became an event that this device will not get. What it said is kept.
    fn passed_over(&mut self, id: ChatId, seq: Seq, time: Timestamp) {
        self.keys.discard_pending(id);
        let sender = self.account.device();
        let Some(chat) = self.chats.get_mut(&id) else { return };
        let Some(attempt) = &mut chat.attempt else { return };
        if !attempt.plaintext.is_empty() {
            chat.marks.accepted += 1;
            chat.marks_changed = true;
            let (plaintext, client_seq) = (std::mem::take(&mut attempt.plaintext), attempt.number);
            let is_face = self.says_face(id, &plaintext, client_seq);
            let shown = if is_face { Shown::Nothing } else { Shown::Content(plaintext) };
            let message = StoredMessage { seq, time, sender, client_seq, shown };
            self.keep(id, message);
        }
        self.entry_done(id, seq);
    }

    /// The attempt, made of an entry, stands in the log at `seq`.
    pub(crate) fn entry_done(&mut self, id: ChatId, seq: Seq) {
        let place = self.drop_attempt(id).and_then(|attempt| attempt.place);
        let Some(Entry { token, wish, .. }) = place.and_then(|place| self.take_entry(id, place)) else {
            return;
        };
        if let (Wish::Invite(secret), Some(chat)) = (wish, self.chats.get_mut(&id)) {
            let code = secret.map(|secret| secret.code(&chat.state));
            chat.marks.invite.clone_from(&code);
            chat.marks_changed = true;
            if let Some(code) = &code {
                self.note_invite(code);
            }
            self.effects.changes.extend(code.map(|code| Change::InviteMade { token, chat: id, code }));
        }
        self.effects.changes.push(Change::Accepted { token, chat: id, seq });
    }

    /// Takes an entry back, unless it is on its way.
    pub(crate) fn cancel(&mut self, id: ChatId, place: u64) {
        let Some(chat) = self.chats.get(&id) else { return };
        let is_under_way = chat.attempt.as_ref().is_some_and(|attempt| attempt.place == Some(place));
        // What follows the creation of a chat needs it.
        let creates =
            chat.outbox.iter().any(|entry| entry.place == place && matches!(entry.wish, Wish::Create(_)));
        if !is_under_way && !creates && self.drop_entry(id, place).is_some() {
            self.effects.changes.push(Change::ChatChanged { chat: id });
        }
    }

    /// Makes no attempt in the chat for a while, unless its log goes on.
    /// The log goes on behind `head`, and this device has not heard how. It is on its way, or got lost on a connection that
    /// lives on: then the next one brings it.
    pub(crate) fn wait_for_the_log(&mut self, id: ChatId, head: Seq) {
        let Some(chat) = self.chats.get_mut(&id) else { return };
        let before = chat.behind.filter(|(place, _)| *place == head).map_or(0, |(_, times)| times);
        chat.behind = Some((head, before + 1));
        if before + 1 >= UNHEARD_MAX {
            self.give_up_connection();
        }
        self.hold(id, RETRY_AFTER * 2_u32.pow(before.min(UNHEARD_DOUBLINGS_MAX)));
    }

    pub(crate) fn hold(&mut self, id: ChatId, wait: Duration) {
        if let Some(chat) = self.chats.get_mut(&id) {
            chat.hold_until = Some(self.now + wait);
        }
    }
}

/// Whether it follows from the log that this person can do nothing there any more.
const fn is_out(failure: &Failure) -> bool {
    matches!(failure.code, ErrorCode::NotAMember | ErrorCode::NotFound | ErrorCode::ChatDeleted)
}

/// Whether the chat went on since the attempt was made: once this device has caught up, it tries anew.
const fn waits_for_the_log(failure: &Failure) -> bool {
    matches!(
        failure.code,
        ErrorCode::StaleEpoch | ErrorCode::NotInGroup | ErrorCode::RemovalWaits | ErrorCode::Conflict
    )
}
