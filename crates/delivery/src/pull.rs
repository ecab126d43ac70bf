//! From the log to a device: in order from its cursor, while its window is open, naming what is skipped.

use std::sync::Arc;

use bytes::Bytes;
use dunlin_model::view::{Receipt, SkipReason, Skipped, UserPresence};
use dunlin_model::{ChatId, DeviceNumber, Seq, Suite, UserId};
use dunlin_store::StoreError;

use crate::DeliveryError;
use crate::chat::{Chat, LogEntry, READ_BYTES_MAX};
use crate::feed::{Feed, Follow};
use crate::session::Left;

/// Events of one chat pulled before the next chat has its turn.
const TURN_EVENTS_MAX: u32 = 32;

/// Something to push to the device.
#[derive(Debug, Clone)]
pub enum Push {
    /// An event of a log.
    Event {
        /// The chat.
        chat: ChatId,
        /// The event.
        entry: Arc<LogEntry>,
    },
    /// A range of a log that the device does not get.
    Skipped {
        /// The chat.
        chat: ChatId,
        /// The range.
        range: Skipped,
    },
    /// Every chat was delivered up to its head; once after each `resume`.
    CaughtUp,
    /// A member's receipts rose.
    Status {
        /// The chat.
        chat: ChatId,
        /// The receipts.
        receipt: Receipt,
    },
    /// Someone came or went.
    Presence(UserPresence),
    /// Someone is typing, or stopped.
    Typing {
        /// The chat.
        chat: ChatId,
        /// Who.
        user: UserId,
        /// Whether.
        typing: bool,
    },
    /// Few key packages of the device are left.
    KeyPackagesLow {
        /// Of this suite.
        suite: Suite,
        /// So many.
        left: u32,
    },
    /// Another device of the user relayed something.
    Relayed {
        /// Which.
        device: DeviceNumber,
        /// What.
        payload: Bytes,
    },
    /// The user deleted a message for themselves on another device.
    Hidden {
        /// The chat.
        chat: ChatId,
        /// The message.
        seq: Seq,
    },
}

/// How much one pull may take.
#[derive(Debug, Clone, Copy)]
pub struct PullBudget {
    /// Log events.
    pub events: u32,
}

enum Step {
    /// Nothing more in this chat now.
    Done,
    /// A range the device does not get.
    Skip(Skipped),
    /// Read this range.
    Read(Seq, Seq),
}

impl Feed {
    /// Puts into `out` what the device may have now, and gives whether there is more to pull at once.
    ///
    /// What is in `out` counts as sent. Not cancel safe: run it to its end.
    ///
    /// # Errors
    /// `Store` when the log cannot be read; what could be read is in `out`, and the rest stays to be pulled.
    pub async fn pull(&mut self, budget: PullBudget, out: &mut Vec<Push>) -> Result<bool, DeliveryError> {
        let left = self.session.take();
        self.take_left(left, out).await?;
        if !self.started {
            return Ok(false);
        }
        let window = self.delivery.config().window_events;
        let mut budget = budget.events;
        while budget > 0 && self.in_flight < window {
            if self.ready.is_empty() {
                let Some(chat) = self.behind.front().map(|behind| behind.chat) else { break };
                self.follow(chat).await?;
                self.behind.retain(|behind| behind.chat != chat); // Also when it is not theirs to follow.
                self.make_ready(chat);
                continue;
            }
            let Some(id) = self.ready.pop_front() else { break };
            let Some(mut follow) = self.follows.remove(&id) else { continue };
            follow.is_ready = false;
            let allowed = budget.min(window - self.in_flight).min(TURN_EVENTS_MAX);
            let before = follow.waiting;
            let pulled = follow.pull(self, allowed, out).await;
            let events = follow.waiting - before;
            self.in_flight += events;
            budget -= events.min(budget);
            self.follows.insert(id, follow);
            match pulled {
                Ok(true) => self.make_ready(id),
                Ok(false) => {}
                Err(error) => {
                    self.make_ready(id);
                    return Err(error.into());
                }
            }
        }
        let drained = self.ready.is_empty() && self.behind.is_empty();
        if drained && self.owes_caught_up {
            self.owes_caught_up = false;
            out.push(Push::CaughtUp);
        }
        Ok(!drained && self.in_flight < window)
    }

    async fn take_left(&mut self, left: Left, out: &mut Vec<Push>) -> Result<(), DeliveryError> {
        out.extend(left.receipts.into_iter().map(|(chat, receipt)| Push::Status { chat, receipt }));
        out.extend(left.presences.into_iter().map(Push::Presence));
        out.extend(left.typing.into_iter().map(|(chat, user, typing)| Push::Typing { chat, user, typing }));
        out.extend(left.hidden.into_iter().map(|(chat, seq)| Push::Hidden { chat, seq }));
        out.extend(left.keys_low.into_iter().map(|(suite, left)| Push::KeyPackagesLow { suite, left }));
        out.extend(left.relayed.into_iter().map(|(device, payload)| Push::Relayed { device, payload }));
        if !self.started {
            return Ok(()); // `resume` will read the inbox.
        }
        let mut failed = None;
        for chat in left.dirty {
            if let Err(error) = self.follow(chat.id).await {
                self.session.mark(&chat);
                self.session.ring();
                failed = Some(error);
                break;
            }
            self.make_ready(chat.id);
        }
        if left.reread_inbox || failed.is_some() {
            // The rest of a list that was cut short is found in the inbox.
            if let Err(error) = self.resume(&[]).await {
                self.session.mark_all();
                return Err(error);
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

impl Follow {
    /// Pulls at most `allowed` events; gives whether there is more.
    async fn pull(&mut self, feed: &Feed, allowed: u32, out: &mut Vec<Push>) -> Result<bool, StoreError> {
        let delivery = &feed.delivery;
        let chat = Arc::clone(&self.chat);
        self.used = delivery.clock.monotonic();
        if chat.is_behind() {
            chat.catch_up(&*delivery.store).await?;
        }
        let mut left = allowed;
        while left > 0 {
            match self.step(feed) {
                Step::Done => return Ok(false),
                Step::Skip(range) => self.skip(feed, range, out),
                Step::Read(from, to) => {
                    let count = usize::try_from(left).unwrap_or(usize::MAX);
                    let (entries, from_store) =
                        chat.read(&*delivery.store, from, to, count, READ_BYTES_MAX).await?;
                    delivery.metrics.pulled_from_store.add(u64::from(from_store));
                    left -= self.push(feed, &chat, from..=to, entries, left, out);
                }
            }
        }
        Ok(chat.head() > self.sent)
    }

    /// Pushes `entries`, naming the ranges between them that expired; gives how many.
    fn push(
        &mut self,
        feed: &Feed,
        chat: &Chat,
        range: std::ops::RangeInclusive<Seq>,
        entries: Vec<Arc<LogEntry>>,
        at_most: u32,
        out: &mut Vec<Push>,
    ) -> u32 {
        let mut pushed = 0;
        if entries.is_empty() {
            // The log has a head but nothing here: it was removed.
            let skipped = Skipped { from: *range.start(), to: *range.end(), reason: SkipReason::Expired };
            self.skip(feed, skipped, out);
        }
        for entry in entries {
            if pushed == at_most {
                break;
            }
            let (next, seq) = (self.sent.next(), entry.event.seq);
            if seq > next {
                self.skip(feed, Skipped { from: next, to: seq.previous(), reason: SkipReason::Expired }, out);
            }
            self.sent = seq;
            self.waiting += 1;
            pushed += 1;
            out.push(Push::Event { chat: chat.id, entry });
        }
        feed.delivery.metrics.pulled.add(u64::from(pushed));
        pushed
    }

    fn skip(&mut self, feed: &Feed, range: Skipped, out: &mut Vec<Push>) {
        self.sent = range.to;
        feed.delivery.metrics.skipped.add(1);
        out.push(Push::Skipped { chat: self.chat.id, range });
    }

    /// What comes after `sent`, by what the user may read.
    fn step(&mut self, feed: &Feed) -> Step {
        let user = feed.device().user;
        let head = self.chat.look(|state| {
            if state.roster_changed != self.roster {
                self.roster = state.roster_changed;
                self.memberships = state.memberships_of(user);
            }
            state.head
        });
        let next = self.sent.next();
        if next > head {
            return Step::Done;
        }
        match self.memberships.next_covered(next) {
            // A former member has nothing to come; should they return, the range is named then.
            None => Step::Done,
            Some(first) if first > next => {
                Step::Skip(Skipped { from: next, to: first.previous(), reason: SkipReason::NotEntitled })
            }
            Some(_) => {
                let stay = self.memberships.stays().iter().find(|stay| stay.to.is_none_or(|to| next <= to));
                Step::Read(next, stay.and_then(|stay| stay.to).map_or(head, |to| to.min(head)))
            }
        }
    }
}
