//! What a chat does next, asked whenever something changed.

use std::time::Duration;

use dunlin_model::{ChatId, DeviceId, ErrorCode, StartReason};

use super::Need;
use crate::outbox::Wish;
use crate::step::Client;

/// How long a new member's device waits to be let in before it enters by itself, and how much that varies.
const ENTRY_PATIENCE: Duration = Duration::from_secs(5);
/// How long removals and additions of others wait while nobody writes, and how much that varies.
const COMMIT_PATIENCE: Duration = Duration::from_secs(30);

impl Client {
    /// Takes the chat's next step, if it can take one now.
    pub(crate) fn advance(&mut self, id: ChatId) {
        let now = self.now;
        let Some(chat) = self.chats.get_mut(&id) else { return };
        if self.session.is_none() {
            return;
        }
        if chat.hold_until.is_some_and(|until| now < until) {
            return;
        }
        chat.hold_until = None;
        if let Some(restored) = chat.marks.restored {
            self.restoring(id, restored);
            return;
        }
        if chat.marks.needs_base {
            self.ask_base(id);
            return;
        }
        if !chat.waiting.is_empty() {
            self.drain_held(id);
            return;
        }
        if !self.is_caught_up() || self.chats.get(&id).is_none_or(|chat| chat.marks.distrusted.is_some()) {
            return;
        }
        if self.chats.get(&id).is_some_and(|chat| chat.attempt.is_some()) {
            self.send_attempt(id);
            return;
        }
        if self.settle_head(id) || self.care_for_keys(id) || self.waits_for_reader(id) {
            return;
        }
        self.attempt_head(id);
        self.send_attempt(id);
    }

    /// Goes on with what waited for a blob, say, after a pause.
    pub(crate) fn drain_held(&mut self, id: ChatId) {
        let before = self.chats.get(&id).map(|chat| chat.marks.cursor);
        self.drain(id);
        if before == self.chats.get(&id).map(|chat| chat.marks.cursor) {
            self.touched.remove(&id); // Nothing changed: it would be asked for ever.
        }
    }

    /// Whether the head of the outbox needs no sending, for it cannot be sent or has happened.
    fn settle_head(&mut self, id: ChatId) -> bool {
        let Some(chat) = self.chats.get(&id) else { return true };
        let Some(head) = chat.outbox.front() else { return false };
        let (place, seq) = (head.place, chat.state.head);
        let creates = matches!(head.wish, Wish::Create(_));
        let is_member = chat.state.role(self.account.user()).is_some();
        if matches!(head.wish, Wish::Join(_)) {
            if is_member && let Some(token) = self.drop_entry(id, place) {
                self.effects.changes.push(crate::Change::Accepted { token, chat: id, seq });
            }
            return is_member;
        }
        let has_suite = matches!(head.wish, Wish::Suite(suite) if chat.state.keys.suite == Some(suite));
        match (creates, chat.state.exists()) {
            (false, true) if is_member && has_suite => {
                if let Some(token) = self.drop_entry(id, place) {
                    self.effects.changes.push(crate::Change::Accepted { token, chat: id, seq });
                }
                true
            }
            (true, true) => {
                if let Some(token) = self.drop_entry(id, place) {
                    self.effects.changes.push(crate::Change::Accepted { token, chat: id, seq });
                }
                true
            }
            (false, false) => {
                self.refuse_all(id, ErrorCode::NotFound, "There is no such chat.");
                true
            }
            (false, true) if !is_member => {
                self.refuse_all(id, ErrorCode::NotAMember, "You are not a member of this chat.");
                true
            }
            _ => false,
        }
    }

    /// Sees to the chat's keys. Whether the head of the outbox has to wait.
    fn care_for_keys(&mut self, id: ChatId) -> bool {
        let own = self.account.user();
        let now = self.now;
        let Some(chat) = self.chats.get(&id) else { return true };
        if !chat.is_encrypted() || !chat.state.exists() || chat.state.role(own).is_none() {
            return false;
        }
        if chat.duty.is_some() {
            return true;
        }
        // The server's word for the state was ahead of the log: what this device holds leads there, or is of no use, as the events in between tell.
        if chat.marks.cursor < chat.marks.base {
            return true;
        }
        let wants_to_send = matches!(chat.outbox.front(), Some(head) if matches!(head.wish, Wish::Content(_) | Wish::Suite(_)));
        let is_due = chat.eager || chat.duty_at.is_some_and(|at| at <= now);
        let need = self.need(id);
        // Others add people, not a further device of somebody who is in: there is nothing to wait for.
        let is_due = is_due
            || (need == Some(Need::Enter) && chat.duty_at.is_none() && self.is_in_by_another_device(id));
        let is_revoked = chat.state.keys.revoked.contains(&self.account.device());
        if wants_to_send && is_revoked {
            self.refuse_all(id, ErrorCode::DeviceRevoked, "This device was revoked.");
            return true;
        }
        match need {
            Some(need) if wants_to_send || (is_due && need != Need::Update) => {
                self.carry_out(id, &need);
                true
            }
            Some(Need::Update | Need::Start(StartReason::First)) => false,
            Some(need) => {
                self.carry_out_later(id, &need);
                false
            }
            None => {
                if let Some(chat) = self.chats.get_mut(&id) {
                    chat.eager = false;
                    chat.duty_at = None;
                }
                false
            }
        }
    }

    fn carry_out_later(&mut self, id: ChatId, need: &Need) {
        let patience = if *need == Need::Enter { ENTRY_PATIENCE } else { COMMIT_PATIENCE };
        let at = self.now + patience + self.jitter(patience);
        if let Some(chat) = self.chats.get_mut(&id) {
            chat.duty_at.get_or_insert(at);
        }
    }

    fn is_in_by_another_device(&self, id: ChatId) -> bool {
        let me = self.account.device();
        let is_other = |device: &DeviceId| device.user == me.user && *device != me;
        self.chats.get(&id).is_some_and(|chat| chat.state.keys.devices.keys().any(is_other))
    }

    fn carry_out(&mut self, id: ChatId, need: &Need) {
        if let Some(chat) = self.chats.get_mut(&id) {
            chat.duty_at = None;
        }
        match need {
            Need::Start(StartReason::First | StartReason::SuiteChange) => self.claim_to_start(id),
            // The others enter by themselves: their key packages were used for the group before.
            Need::Start(reason) => self.start_group(id, *reason, &[]),
            Need::Enter => self.ask_group_info(id),
            Need::Commit => self.claim_to_commit(id),
            Need::Update => self.commit_keys(id, &[], true),
        }
    }

    /// A time below `most`, different for every device.
    pub(crate) fn jitter(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.generator.below(most))
    }
}
