//! What the server says to an attempt.

use std::time::Duration;

use dunlin_model::{ErrorCode, Retry, Seq};
use dunlin_wire::{Failure, Outcome};

use super::{AttemptId, Progress};
use crate::effects::Change;
use crate::step::{Client, HANDSHAKE_RETRY_AFTER, RETRY_AFTER};

impl Client {
    /// The one answer to an attempt. That it was accepted is acted on when the event comes in the log.
    pub(crate) fn attempt_answered(&mut self, AttemptId { chat: id, number }: AttemptId, outcome: Outcome) {
        let Some(chat) = self.chats.get_mut(&id) else { return };
        let (existed, head) = (chat.state.exists(), chat.state.head);
        // The event may have come first, or another attempt may have taken its place.
        let Some(attempt) = chat.attempt.as_mut().filter(|attempt| attempt.number == number) else { return };
        let (is_handshake, place) = (attempt.is_handshake(), attempt.place);
        match outcome {
            Outcome::Failed(failure) if failure.retry != Retry::Never => {
                attempt.progress = Progress::Unsent;
                self.hold(id, failure.retry_after.unwrap_or(RETRY_AFTER));
            }
            Outcome::Failed(failure) if waits_for_the_log(&failure) => {
                let went_on = head > attempt.head;
                self.keys.discard_pending(id);
                self.drop_attempt(id);
                // What it did not know may have come meanwhile; else it waits for it.
                if !went_on {
                    self.hold(id, RETRY_AFTER);
                }
            }
            Outcome::Failed(failure) if is_handshake => {
                self.keys.discard_pending(id);
                self.drop_attempt(id);
                self.hold(id, HANDSHAKE_RETRY_AFTER);
                self.effects.changes.push(Change::Refused { token: 0, chat: id, why: failure });
            }
            Outcome::Failed(failure) => {
                self.drop_attempt(id);
                if let Some(token) = place.and_then(|place| self.drop_entry(id, place)) {
                    self.effects.changes.push(Change::Refused { token, chat: id, why: failure });
                }
            }
            // A direct chat that the other one had created: whoever created it, it is there.
            Outcome::Accepted { seq: Seq::FIRST, .. } if existed => self.entry_done(id, Seq::FIRST),
            _ => attempt.progress = Progress::Accepted,
        }
    }

    /// The attempt, made of an entry, stands in the log at `seq`.
    pub(crate) fn entry_done(&mut self, id: dunlin_model::ChatId, seq: Seq) {
        let place = self.drop_attempt(id).and_then(|attempt| attempt.place);
        if let Some(token) = place.and_then(|place| self.drop_entry(id, place)) {
            self.effects.changes.push(Change::Accepted { token, chat: id, seq });
        }
    }

    /// Takes an entry back, unless it is on its way.
    pub(crate) fn cancel(&mut self, id: dunlin_model::ChatId, place: u64) {
        let Some(chat) = self.chats.get(&id) else { return };
        let is_under_way = chat.attempt.as_ref().is_some_and(|attempt| attempt.place == Some(place));
        // What follows the creation of a chat needs it.
        let creates = chat
            .outbox
            .iter()
            .any(|entry| entry.place == place && matches!(entry.wish, super::Wish::Create(_)));
        if !is_under_way && !creates && self.drop_entry(id, place).is_some() {
            self.effects.changes.push(Change::ChatChanged { chat: id });
        }
    }

    /// Makes no attempt in the chat for a while, unless its log goes on.
    pub(crate) fn hold(&mut self, id: dunlin_model::ChatId, wait: Duration) {
        if let Some(chat) = self.chats.get_mut(&id) {
            chat.hold_until = Some(self.now + wait);
        }
    }
}

/// Whether the chat went on since the attempt was made: once this device has caught up, it tries anew.
const fn waits_for_the_log(failure: &Failure) -> bool {
    matches!(
        failure.code,
        ErrorCode::StaleEpoch | ErrorCode::NotInGroup | ErrorCode::RemovalWaits | ErrorCode::Conflict
    )
}
