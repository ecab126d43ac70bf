//! One chat, as this device holds it.

mod all;
mod message;
mod progress;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use dunlin_model::chat::ChatState;
use dunlin_model::view::{InviteCode, Skipped};
use dunlin_model::{ChatId, ChatKind, ClientSeq, DeviceId, Encryption, Event, Role, Seq, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::content::Attachment;
use crate::duty::Duty;
use crate::effects::Distrust;
use crate::outbox::{Attempt, Entry};
use crate::sync::{Held, Restored};

pub(crate) use all::Chats;
pub use message::{Shown, StoredMessage, StubReason};
pub(crate) use progress::Progress;

/// Unread messages of one chat that are counted one by one.
pub const UNREAD_MAX: usize = 1_000;

/// What changes with almost every event: kept apart from the state so that a message writes a small row.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Marks {
    /// Everything up to here was processed.
    pub cursor: Seq,
    /// The state up to here is what the server said, not what was read in the log.
    pub base: Seq,
    /// Whether the state has to be asked for, since a part of the log was skipped.
    pub needs_base: bool,
    /// Everything up to here was shown to the person.
    pub seen: Seq,
    /// Messages of others after `seen`, ascending, at most [`UNREAD_MAX`].
    pub unread: VecDeque<Seq>,
    /// Whether a part of the log was skipped, so that counters are not known from the start.
    pub skipped: bool,
    /// How many messages of this device the chat has accepted.
    pub accepted: u64,
    /// The name of an encrypted chat, which is content.
    pub title: Option<String>,
    /// Seconds that messages of this device stay after they were read; zero: for ever.
    pub timer: u32,
    /// When something was last said here.
    pub active: Timestamp,
    /// How many notices stand in the chat.
    pub notices: u64,
    /// Why nothing is sent here any more.
    pub distrusted: Option<Distrust>,
    /// Messages encrypted since this device last brought fresh keys.
    pub since_update: u32,
    /// When it did.
    pub updated: Timestamp,
    /// The newest number of a signed change, of each device that made one.
    pub signed: BTreeMap<DeviceId, ClientSeq>,
    /// The last invite link that this device made.
    pub invite: Option<InviteCode>,
    /// Whose the event at the cursor is, its number, and when it was accepted.
    pub last: Option<(DeviceId, ClientSeq, Timestamp)>,
    /// While it is being found out what a server that came back from a backup has lost.
    pub restored: Option<Restored>,
    /// Meanwhile: who was here before. What was said is said again to nobody else.
    pub said_to: Option<BTreeSet<UserId>>,
}

/// What an encrypted chat is about and looks like.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// May be empty.
    pub description: String,
    /// A reference to the picture, with its thumbnail.
    pub picture: Option<Box<Attachment>>,
}

/// What came from the server and waits for its turn.
#[derive(Debug, Clone)]
pub(crate) enum Incoming {
    Event(Arc<Event>),
    Skipped(Skipped),
}

/// A chat.
#[derive(Debug)]
pub struct Chat {
    /// What its log makes of it, up to the cursor (or the base, where that is further).
    pub state: ChatState,
    /// How far this device has got, and more that is small.
    pub marks: Marks,
    /// What was typed and not sent.
    pub draft: String,
    /// What an encrypted chat is about and looks like, which is content.
    pub about: About,
    pub(crate) progress: Progress,
    pub(crate) outbox: VecDeque<Entry>,
    pub(crate) attempt: Option<Attempt>,
    pub(crate) waiting: VecDeque<Incoming>,
    pub(crate) base_asked: bool,
    pub(crate) duty: Option<Duty>,
    /// No attempt is made before, unless the log goes on.
    pub(crate) hold_until: Option<Timestamp>,
    /// How often in a row the server said that the log goes on behind this place, of which this device has not heard.
    pub(crate) behind: Option<(Seq, u32)>,
    /// When a duty that nobody waits for is carried out.
    pub(crate) duty_at: Option<Timestamp>,
    /// Whether this device itself caused the duty that is due.
    pub(crate) eager: bool,
    /// What waits in the outbox up to here waits for somebody else, and the person was told.
    pub(crate) waits_to: Option<u64>,
    /// Users whose key packages were asked for since they came in, and when that was.
    pub(crate) tried: BTreeMap<UserId, Seq>,
    /// The group cannot be entered from outside.
    pub(crate) broken: bool,
    pub(crate) acknowledged: Seq,
    pub(crate) marks_changed: bool,
    pub(crate) state_changed: bool,
    pub(crate) blobs_asked: BTreeSet<[u8; 32]>,
    /// What is stored behind the cursor, of a log that may be lost.
    pub(crate) held: Option<Held>,
    /// After which place it is being read.
    pub(crate) held_asked: Option<Seq>,
}

impl Chat {
    pub(crate) fn new(state: ChatState, marks: Marks) -> Self {
        let acknowledged = marks.cursor;
        Self {
            state,
            marks,
            draft: String::new(),
            about: About::default(),
            progress: Progress::default(),
            outbox: VecDeque::new(),
            attempt: None,
            waiting: VecDeque::new(),
            base_asked: false,
            duty: None,
            hold_until: None,
            behind: None,
            duty_at: None,
            eager: false,
            waits_to: None,
            tried: BTreeMap::new(),
            broken: false,
            acknowledged,
            marks_changed: false,
            state_changed: false,
            blobs_asked: BTreeSet::new(),
            held: None,
            held_asked: None,
        }
    }

    pub(crate) fn before_creation(id: ChatId) -> Self {
        Self::new(ChatState::before_creation(id), Marks::default())
    }

    /// Whether nothing of it was read yet: a device that was linked later does not begin at its start.
    pub(crate) fn begins_unknown(&self) -> bool {
        self.marks.cursor == Seq::ZERO && !self.state.exists()
    }

    /// Whether `user` may say how long messages stay: whoever is in a direct chat, elsewhere those who manage it.
    pub(crate) fn may_set_timer(&self, user: UserId) -> bool {
        self.state.kind == ChatKind::Direct || self.state.role(user) >= Some(Role::Admin)
    }

    /// Whether `user` may say what the encrypted chat is called and looks like.
    pub(crate) fn may_describe(&self, user: UserId) -> bool {
        self.state.kind != ChatKind::Direct && self.state.role(user) >= Some(Role::Admin)
    }

    /// Whether its bodies are encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.state.encryption == Encryption::Mls
    }

    /// How many messages of others were not shown yet; [`UNREAD_MAX`] stands for that many or more.
    pub fn unread(&self) -> usize {
        self.marks.unread.len()
    }

    /// How far a member has received and seen, as far as this device was told.
    pub fn receipt(&self, user: UserId) -> (Seq, Seq) {
        self.progress.receipt(user)
    }

    /// How many commands wait to be accepted.
    pub fn waiting_to_send(&self) -> usize {
        self.outbox.len()
    }

    /// The number of the command that was given last, of those that wait.
    pub fn last_waiting(&self) -> Option<u64> {
        self.outbox.back().map(|entry| entry.place)
    }

    /// Whether something that came was not processed yet, since a part of it has to be fetched first.
    pub fn is_behind(&self) -> bool {
        self.marks.needs_base || !self.waiting.is_empty()
    }

    /// Whether something of this device is on its way to the server, or is due at once: a command, or the change of
    /// the keys that follows from one. While nothing is sent for want of trust, nothing is due, and neither is what waits
    /// for somebody else (`Change::Waits`).
    pub fn is_busy(&self) -> bool {
        let is_sending =
            self.outbox.back().is_some_and(|last| self.waits_to.is_none_or(|to| last.place > to));
        let is_due = self.eager || self.duty.is_some() || self.attempt.is_some() || is_sending;
        is_due && self.marks.distrusted.is_none()
    }

    /// The chat's invite link, where this device made it.
    pub fn invite(&self) -> Option<InviteCode> {
        self.marks.invite.clone().filter(|code| self.state.invite == Some(code.verifier()))
    }

    /// Whether `device` is the first of the owner's devices that can read the chat.
    pub(crate) fn is_first_of_owner(&self, device: DeviceId) -> bool {
        let owns = |device: &&DeviceId| self.state.role(device.user) == Some(Role::Owner);
        self.state.keys.devices.keys().find(owns) == Some(&device)
    }

    pub(crate) fn mark_seen(&mut self, seq: Seq) -> bool {
        let seq = seq.min(self.marks.cursor);
        if seq <= self.marks.seen {
            return false;
        }
        self.marks.seen = seq;
        self.marks.unread.retain(|unread| *unread > seq);
        self.marks_changed = true;
        true
    }

    pub(crate) fn forget_connection(&mut self) {
        self.waiting.clear();
        self.blobs_asked.clear();
        self.base_asked = false;
        self.duty = None;
        self.acknowledged = self.marks.cursor;
        if self.waits_to.take().is_some() {
            // Meanwhile they may have a device that can be added.
            self.tried.clear();
        }
        if let Some(attempt) = &mut self.attempt {
            attempt.forget_connection();
        }
    }
}

/// Whether a chat is the one in which `own` user's devices tell each other what concerns nobody else: an encrypted
/// channel without a name that nobody else was ever in.
pub(crate) fn is_of_own_devices(state: &ChatState, marks: &Marks, own: UserId) -> bool {
    state.exists()
        && state.kind == ChatKind::Channel
        && state.encryption == Encryption::Mls
        && marks.title.is_none()
        && state.memberships.keys().eq([&own])
}
