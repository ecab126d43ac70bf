//! The writes that concern chats, decided against what a batch stands on.

use dunlin_model::{BodyGone, ChatId, InboxMark, Seq, Timestamp, UserId};
use dunlin_store::{Appended, ProgressRaise, StoreError};

use crate::config::EXPIRY_EVENTS_MAX;
use crate::keys;
use crate::operation::Step;
use crate::rows::{self, Row};
use crate::staging::Staging;

impl Staging<'_> {
    pub(crate) fn append(
        &mut self,
        chat: ChatId,
        seq: Seq,
        time: Timestamp,
        row: Row,
    ) -> Result<Appended, StoreError> {
        let mut marks = self.marks(chat)?;
        if seq != marks.head.next() {
            return Ok(Appended::Taken);
        }
        // The first event that can expire brings the chat into the time index; the others cost nothing.
        if marks.head == marks.emptied || marks.head == marks.floor {
            let old = self.retention(chat)?;
            let mut new = old;
            if marks.head == marks.emptied {
                new.oldest_body = Some(time.0);
            }
            if marks.head == marks.floor {
                new.oldest_event = Some(time.0);
            }
            self.set_retention(chat, old, new);
        }
        self.put(keys::event(chat, seq), row);
        marks.head = seq;
        self.set_marks(chat, marks);
        self.appended += 1;
        Ok(Appended::Written)
    }

    pub(crate) fn save_snapshot(&mut self, chat: ChatId, head: Seq, row: Row) -> Result<(), StoreError> {
        let key = keys::snapshot(chat);
        let newest = self.get(&key)?.map(|row| rows::snapshot_head(&row)).transpose()?;
        if newest.is_none_or(|newest| newest <= head) {
            self.put(key, row);
        }
        Ok(())
    }

    pub(crate) fn empty_body(&mut self, chat: ChatId, seq: Seq, why: BodyGone) -> Result<(), StoreError> {
        let Some(before) = self.event(chat, seq)? else { return Ok(()) };
        let mut after = before.clone();
        after.empty_body(why);
        if after != before {
            let row = rows::encode_event(&after)?;
            self.put(keys::event(chat, seq), row);
        }
        Ok(())
    }

    /// One bounded step, so that what waits behind it waits no longer than for a batch.
    pub(crate) fn expire_bodies(&mut self, chat: ChatId, up_to: Seq) -> Result<Step, StoreError> {
        let mut marks = self.marks(chat)?;
        let goal = up_to.min(marks.head);
        let to = goal.min(Seq(marks.emptied.0.saturating_add(EXPIRY_EVENTS_MAX)));
        if to <= marks.emptied {
            return Ok(Step { reached: marks.emptied, more: false });
        }
        let mut emptied = Vec::new();
        for seq in (marks.emptied.0 + 1..=to.0).map(Seq) {
            let Some(mut event) = self.event(chat, seq)? else { continue };
            if event.is_message() {
                event.empty_body(BodyGone::Expired);
                emptied.push((keys::event(chat, seq), rows::encode_event(&event)?));
            }
        }
        let old = self.retention(chat)?;
        let mut new = old;
        new.emptied = to;
        new.oldest_body = self.time_of(chat, to.next())?;
        for (key, row) in emptied {
            self.put(key, row);
        }
        self.set_retention(chat, old, new);
        marks.emptied = to;
        self.set_marks(chat, marks);
        Ok(Step { reached: to, more: to < goal })
    }

    /// One bounded step, like [`Self::expire_bodies`].
    pub(crate) fn raise_floor(&mut self, chat: ChatId, floor: Seq) -> Result<Step, StoreError> {
        let mut marks = self.marks(chat)?;
        let snapshot = self.get(&keys::snapshot(chat))?.map(|row| rows::snapshot_head(&row)).transpose()?;
        let goal = floor.min(snapshot.unwrap_or(Seq::ZERO)).min(marks.head);
        let to = goal.min(Seq(marks.floor.0.saturating_add(EXPIRY_EVENTS_MAX)));
        if to <= marks.floor {
            return Ok(Step { reached: marks.floor, more: false });
        }
        let old = self.retention(chat)?;
        let mut new = old;
        new.floor = to;
        new.oldest_event = self.time_of(chat, to.next())?;
        if new.emptied < to {
            new.emptied = to;
            new.oldest_body = new.oldest_event;
        }
        for seq in (marks.floor.0 + 1..=to.0).map(Seq) {
            self.remove(keys::event(chat, seq));
        }
        self.set_retention(chat, old, new);
        marks.floor = to;
        marks.emptied = new.emptied;
        self.set_marks(chat, marks);
        Ok(Step { reached: to, more: to < goal })
    }

    fn time_of(&self, chat: ChatId, seq: Seq) -> Result<Option<u64>, StoreError> {
        Ok(self.event(chat, seq)?.map(|event| event.time.0))
    }

    pub(crate) fn raise_progress(&mut self, raises: &[ProgressRaise]) -> Result<(), StoreError> {
        // All reads come before the first row is staged; the second round finds them in memory.
        for raise in raises {
            self.register(raise.chat, raise.device)?;
        }
        for raise in raises {
            let current = self.register(raise.chat, raise.device)?;
            let raised = current.merge(raise.progress);
            if raised != current {
                self.set_register(raise.chat, raise.device, raised);
            }
        }
        Ok(())
    }

    pub(crate) fn raise_inbox(
        &mut self,
        chat: ChatId,
        mark: InboxMark,
        users: &[UserId],
    ) -> Result<(), StoreError> {
        let mut raised = Vec::new();
        for user in users {
            let key = keys::inbox(*user, chat);
            let current = self.get(&key)?.map(|row| rows::read_mark(&row)).transpose()?;
            if current.is_none_or(|current| current < mark) {
                raised.push(key);
            }
        }
        let row = rows::mark(mark);
        for key in raised {
            self.put(key, row.clone());
        }
        Ok(())
    }

    pub(crate) fn raise_last_seen(&mut self, user: UserId, at: Timestamp) -> Result<(), StoreError> {
        let key = keys::last_seen(user);
        let current = self.get(&key)?.map(|row| rows::read_numbers::<1>(&row)).transpose()?;
        if current.is_none_or(|[current]| current < at.0) {
            self.put(key, rows::numbers([at.0]));
        }
        Ok(())
    }
}
