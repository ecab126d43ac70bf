//! The private side of a connected device: where it stands in the chats that move.
//!
//! One task owns a feed: it alone pulls, and it alone takes the device's acknowledgements.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use dunlin_model::chat::Memberships;
use dunlin_model::{ChatId, DeviceId, Progress, Seq, UserId};
use dunlin_store::StoreError;

use crate::chat::Chat;
use crate::session::Session;
use crate::{Delivery, DeliveryError};

/// Rows of the inbox, or positions, read at a time.
const INBOX_PAGE_ROWS: usize = 512;
/// Chats without a row in the inbox that a device's word is taken on.
const STATED_WITHOUT_ROW_MAX: usize = 64;
/// Positions that a device may state before it resumes.
const STATED_MAX: usize = 20_000;
/// How long a chat without anything new is remembered.
const FOLLOW_IDLE: Duration = Duration::from_secs(60);

/// How far a device says it has got in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResumeAt {
    /// The chat.
    pub chat: ChatId,
    /// Everything up to here is stored on the device.
    pub received: Seq,
    /// Everything up to here was shown.
    pub seen: Seq,
}

/// A connected device. Dropping it disconnects the device, as far as delivery knows.
pub struct Feed {
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) session: Arc<Session>,
    pub(crate) follows: HashMap<ChatId, Follow>,
    /// Chats in which there is, or may be, something to pull; each at most once.
    pub(crate) ready: VecDeque<ChatId>,
    /// What the device said of where it stands, until it resumes.
    pub(crate) stated: HashMap<ChatId, ResumeAt>,
    /// Chats that are behind but were not looked at yet: read from the inbox at `resume`.
    pub(crate) behind: VecDeque<Behind>,
    /// Pushed events that wait for `received`.
    pub(crate) in_flight: u32,
    /// Users whose presence is followed.
    pub(crate) watched: Vec<UserId>,
    pub(crate) started: bool,
    pub(crate) owes_caught_up: bool,
}

/// A chat in which there is something, as the inbox says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behind {
    pub(crate) chat: ChatId,
    pub(crate) cursor: Seq,
    pub(crate) head: Seq,
}

/// Where the device stands in one chat.
pub(crate) struct Follow {
    pub(crate) chat: Arc<Chat>,
    /// Everything up to here was pushed or skipped.
    pub(crate) sent: Seq,
    /// Everything up to here was acknowledged.
    pub(crate) received: Seq,
    pub(crate) seen: Seq,
    /// Events pushed above `received`.
    pub(crate) waiting: u32,
    /// What the user may read, as of `roster`.
    pub(crate) memberships: Memberships,
    pub(crate) roster: Seq,
    pub(crate) is_ready: bool,
    pub(crate) used: Duration,
}

impl Delivery {
    /// Connects a device: registered here and confirmed by the relay before anything is read, so that what
    /// comes meanwhile is either in the inbox or wakes the session.
    ///
    /// # Errors
    /// `Store` when the relay does not confirm.
    pub async fn connect(self: &Arc<Self>, device: DeviceId) -> Result<Feed, DeliveryError> {
        let session = Arc::new(Session::new(device));
        let first = self.registry.add(&session);
        let feed = Feed {
            delivery: Arc::clone(self),
            session,
            follows: HashMap::new(),
            ready: VecDeque::new(),
            behind: VecDeque::new(),
            stated: HashMap::new(),
            in_flight: 0,
            watched: Vec::new(),
            started: false,
            owes_caught_up: false,
        };
        self.relay
            .subscribe(self.server, device.user)
            .await
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        if first {
            self.came(device.user);
        }
        Ok(feed)
    }
}

impl Feed {
    /// The shared side, through which others reach the device.
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// The device.
    pub fn device(&self) -> DeviceId {
        self.session.device()
    }

    /// Keeps the device's own word on where it stands for the next [`Feed::resume`].
    ///
    /// # Errors
    /// `TooMany`; then nothing of what was stated is kept.
    pub fn state(&mut self, positions: &[ResumeAt]) -> Result<(), DeliveryError> {
        self.stated.extend(positions.iter().map(|at| (at.chat, *at)));
        if self.stated.len() > STATED_MAX {
            self.stated = HashMap::new();
            return Err(DeliveryError::TooMany { what: "positions", limit: STATED_MAX });
        }
        Ok(())
    }

    /// Takes the device's own word on where it stands, reads the inbox, and lets delivery begin. May be
    /// called again; may be dropped, and is then to be called again.
    ///
    /// # Errors
    /// `Store` when the inbox cannot be read.
    pub async fn resume(&mut self, positions: &[ResumeAt]) -> Result<(), DeliveryError> {
        let delivery = Arc::clone(&self.delivery);
        let device = self.device();
        let mut stated = std::mem::take(&mut self.stated);
        stated.extend(positions.iter().map(|at| (at.chat, *at)));
        let mut after = None;
        loop {
            let rows = delivery.store.inbox(device.user, after, INBOX_PAGE_ROWS).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.chat);
            let chats: Vec<ChatId> = rows.iter().map(|row| row.chat).collect();
            let heads = delivery.store.heads(&chats).await?;
            let pending: Vec<Progress> =
                chats.iter().map(|chat| delivery.receipts.pending(*chat, device)).collect();
            let stored = delivery.store.device_progress(device, &chats).await?;
            let known = stored.into_iter().zip(pending).map(|(stored, pending)| stored.merge(pending));
            for ((row, log_head), known) in rows.iter().zip(heads).zip(known) {
                let mut progress = known;
                if let Some(at) = stated.remove(&row.chat) {
                    progress = self.restate(at, known, log_head).await;
                }
                self.start_at(row.chat, progress, if row.mark.closed { row.mark.head } else { log_head });
            }
            if rows.len() < INBOX_PAGE_ROWS {
                break;
            }
        }
        self.restate_without_rows(stated.into_values().take(STATED_WITHOUT_ROW_MAX).collect()).await?;
        self.ask_for_key_packages().await?;
        self.started = true;
        self.owes_caught_up = true;
        self.session.ring();
        Ok(())
    }

    /// Takes the device's word on one chat. It is bounded by what there is in the log, and not by the inbox: a
    /// crash may have come between an event that let the user in, which the device has, and the row.
    async fn restate(&self, at: ResumeAt, known: Progress, log_head: Seq) -> Progress {
        let (received, seen) = (at.received.min(log_head), at.seen.min(log_head));
        let progress = known.merge(Progress { start: Seq::ZERO, received, seen });
        if progress != known {
            self.delivery.put_receipt(at.chat, self.device(), progress).await;
        }
        progress
    }

    /// Takes the device's word on chats that have no row in the inbox yet.
    async fn restate_without_rows(&self, stated: Vec<ResumeAt>) -> Result<(), DeliveryError> {
        if stated.is_empty() {
            return Ok(());
        }
        let chats: Vec<ChatId> = stated.iter().map(|at| at.chat).collect();
        let heads = self.delivery.store.heads(&chats).await?;
        for (at, head) in stated.into_iter().zip(heads) {
            if head == Seq::ZERO {
                continue;
            }
            let chat = self.delivery.chat(at.chat).await?;
            let user = self.device().user;
            if chat.look(|state| state.memberships.contains_key(&user)) {
                self.restate(at, Progress::default(), head).await;
            }
        }
        Ok(())
    }

    fn start_at(&mut self, chat: ChatId, progress: Progress, head: Seq) {
        match self.follows.get_mut(&chat) {
            Some(follow) => {
                follow.chat.hint(head);
                let acknowledged = follow.received.max(progress.cursor());
                follow.sent = follow.sent.max(acknowledged);
                follow.seen = follow.seen.max(progress.seen);
                self.in_flight -= follow.acknowledge(acknowledged);
                self.make_ready(chat);
            }
            None if progress.cursor() < head && !self.behind.iter().any(|known| known.chat == chat) => {
                self.behind.push_back(Behind { chat, cursor: progress.cursor(), head });
            }
            None => {}
        }
    }

    /// All of `chat` up to `seq` is stored on the device. Bounded by what was sent to it; gives what counted.
    /// Returns when the register is queued; cancel safe.
    ///
    /// # Errors
    /// `Store` when the chat cannot be read.
    pub async fn received(&mut self, chat: ChatId, seq: Seq) -> Result<Seq, DeliveryError> {
        let delivery = Arc::clone(&self.delivery);
        delivery.metrics.receipts.add(1);
        // A chat that is not followed any more was acknowledged in full.
        let Some(follow) = self.follows.get_mut(&chat) else { return Ok(Seq::ZERO) };
        let seq = seq.min(follow.sent);
        if seq <= follow.received {
            return Ok(follow.received);
        }
        self.in_flight -= follow.acknowledge(seq);
        let progress = Progress { start: Seq::ZERO, received: seq, seen: Seq::ZERO };
        delivery.put_receipt(chat, self.device(), progress).await;
        Ok(seq)
    }

    /// All of `chat` up to `seq` was shown to the person. Bounded by what was sent; implies `received`.
    /// Gives what counted. Cancel safe.
    ///
    /// # Errors
    /// `Store` when the chat cannot be read.
    pub async fn seen(&mut self, chat: ChatId, seq: Seq) -> Result<Seq, DeliveryError> {
        let delivery = Arc::clone(&self.delivery);
        delivery.metrics.receipts.add(1);
        self.follow(chat).await?;
        let device = self.device();
        let Some(follow) = self.follows.get_mut(&chat) else { return Ok(Seq::ZERO) };
        let seq = seq.min(follow.sent);
        if seq <= follow.seen {
            return Ok(follow.seen);
        }
        follow.seen = seq;
        let received = follow.received.max(seq);
        self.in_flight -= follow.acknowledge(received);
        delivery.put_receipt(chat, device, Progress { start: Seq::ZERO, received, seen: seq }).await;
        Ok(seq)
    }

    /// Remembers where the device stands in `chat`, if the user is or was a member.
    pub(crate) async fn follow(&mut self, id: ChatId) -> Result<(), StoreError> {
        if self.follows.contains_key(&id) {
            return Ok(());
        }
        let chat = self.delivery.chat(id).await?;
        let behind = self.behind.iter().find(|behind| behind.chat == id).copied();
        // This server may have the chat in memory from a time when nobody here listened for its wakes.
        chat.hint(behind.map_or(Seq::ZERO, |behind| behind.head));
        let device = self.device();
        // What is on its way is looked at first: it leaves that list only when it can be read in the store.
        let pending = self.delivery.receipts.pending(id, device);
        let stored = self.delivery.store.device_progress(device, &[id]).await?;
        let progress = stored.first().copied().unwrap_or_default().merge(pending);
        let cursor = progress.cursor().max(behind.map_or(Seq::ZERO, |behind| behind.cursor));
        let (memberships, roster) =
            chat.look(|state| (state.memberships_of(device.user), state.roster_changed));
        if memberships.stays().is_empty() {
            return Ok(());
        }
        let follow = Follow {
            chat,
            sent: cursor,
            received: cursor,
            seen: progress.seen,
            waiting: 0,
            memberships,
            roster,
            is_ready: false,
            used: self.delivery.clock.monotonic(),
        };
        self.follows.insert(id, follow);
        self.behind.retain(|behind| behind.chat != id);
        Ok(())
    }

    pub(crate) fn make_ready(&mut self, chat: ChatId) {
        if let Some(follow) = self.follows.get_mut(&chat)
            && !follow.is_ready
        {
            follow.is_ready = true;
            self.ready.push_back(chat);
        }
    }

    /// The slow look at everything (I7), to be called every half minute or so: chats whose head moved without
    /// a wake become ready, chats without anything new for a while are forgotten. Gives whether to pull.
    pub fn recheck(&mut self) -> bool {
        let now = self.delivery.clock.monotonic();
        let mut moved = Vec::new();
        self.follows.retain(|id, follow| {
            if follow.chat.head() > follow.sent || follow.chat.is_behind() {
                moved.push(*id);
                return true;
            }
            follow.received < follow.sent || follow.is_ready || now.saturating_sub(follow.used) < FOLLOW_IDLE
        });
        if self.follows.is_empty() {
            self.follows.shrink_to_fit();
            self.ready.shrink_to_fit();
            self.behind.shrink_to_fit();
        }
        for id in &moved {
            self.make_ready(*id);
        }
        !moved.is_empty()
    }

    /// Events that wait for `received`.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }
}

impl Follow {
    /// Notes that everything up to `seq` was acknowledged; gives how many events that takes out of the window.
    fn acknowledge(&mut self, seq: Seq) -> u32 {
        self.received = self.received.max(seq);
        let above = u32::try_from(self.sent.0.saturating_sub(self.received.0)).unwrap_or(u32::MAX);
        let still = self.waiting.min(above);
        let freed = self.waiting - still;
        self.waiting = still;
        freed
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.unfollow_presence();
        let user = self.session.device().user;
        if self.delivery.registry.remove(&self.session) {
            self.delivery.went(user);
            let delivery = Arc::clone(&self.delivery);
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                runtime.spawn(async move {
                    if !delivery.registry.is_connected(user)
                        && let Err(error) = delivery.relay.unsubscribe(delivery.server, user).await
                    {
                        tracing::debug!(%error, "a subscription stays until the relay forgets it");
                    }
                });
            }
        }
    }
}
