//! Messages that disappear: some time after they were read on this device, of which each has its own count.
//!
//! One row for each such message, kept in memory too. Times are this device's; what runs out while it is off is
//! removed when it is on again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use dunlin_model::{ChatId, Seq, Timestamp};
use serde::{Deserialize, Serialize};

use crate::fold::Work;
use crate::step::Client;
use crate::{Batch, rows};

/// Messages that disappear in one step; more follow at once.
const DISAPPEAR_PER_STEP_MAX: usize = 256;

/// A message's timer, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Timer {
    /// From reading on.
    pub(crate) seconds: u32,
    /// When it ends, once it runs.
    pub(crate) ends: Option<Timestamp>,
}

/// The timers of all messages.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    of: BTreeMap<(ChatId, Seq), Timer>,
    unread: BTreeSet<(ChatId, Seq)>,
    due: BTreeSet<(Timestamp, ChatId, Seq)>,
}

impl Timers {
    pub(crate) fn load(&mut self, key: &[u8], value: &[u8]) {
        if let (Some((chat, seq)), Some(timer)) = (rows::place_of(rows::TIMER, key), rows::decode(value)) {
            self.insert(chat, seq, timer);
        }
    }

    fn insert(&mut self, chat: ChatId, seq: Seq, timer: Timer) {
        self.of.insert((chat, seq), timer);
        match timer.ends {
            Some(ends) => drop(self.due.insert((ends, chat, seq))),
            None => drop(self.unread.insert((chat, seq))),
        }
    }

    fn set(&mut self, chat: ChatId, seq: Seq, timer: Timer, batch: &mut Batch) {
        self.insert(chat, seq, timer);
        batch.put(rows::of_place(rows::TIMER, chat, seq), rows::encode(&timer));
    }

    /// Forgets the timer of a message that is gone.
    pub(crate) fn remove(&mut self, chat: ChatId, seq: Seq, batch: &mut Batch) {
        let Some(timer) = self.of.remove(&(chat, seq)) else { return };
        self.unread.remove(&(chat, seq));
        if let Some(ends) = timer.ends {
            self.due.remove(&(ends, chat, seq));
        }
        batch.delete(rows::of_place(rows::TIMER, chat, seq));
    }

    /// When the next message disappears.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.due.first().map(|(ends, ..)| *ends)
    }
}

impl Client {
    /// A message came that disappears so many seconds after it is read, or after now where it was read.
    pub(crate) fn set_timer(&mut self, id: ChatId, seq: Seq, seconds: u32, is_read: bool) {
        let ends = is_read.then(|| self.now + Duration::from_secs(seconds.into()));
        self.timers.set(id, seq, Timer { seconds, ends }, &mut self.effects.persist);
    }

    /// Starts the timers of what was read: everything up to `seen`.
    pub(crate) fn start_timers(&mut self, id: ChatId, seen: Seq) {
        let read: Vec<(ChatId, Seq)> =
            self.timers.unread.range((id, Seq::ZERO)..=(id, seen)).copied().collect();
        for (id, seq) in read {
            self.timers.unread.remove(&(id, seq));
            if let Some(timer) = self.timers.of.get(&(id, seq)).copied() {
                self.set_timer(id, seq, timer.seconds, true);
            }
        }
    }

    /// Removes what has run out.
    pub(crate) fn let_disappear(&mut self) {
        for _ in 0..DISAPPEAR_PER_STEP_MAX {
            let Some((_, id, seq)) = self.timers.due.first().copied().filter(|(ends, ..)| *ends <= self.now)
            else {
                return;
            };
            self.timers.remove(id, seq, &mut self.effects.persist);
            self.forget_unread(id, seq);
            self.work.push(Work::Remove { chat: id, seq });
        }
    }

    /// A message that is gone is not one to be read.
    pub(crate) fn forget_unread(&mut self, id: ChatId, seq: Seq) {
        let Some(chat) = self.chats.get_mut(&id) else { return };
        if let Ok(index) = chat.marks.unread.binary_search(&seq) {
            chat.marks.unread.remove(index);
            chat.marks_changed = true;
        }
    }
}
