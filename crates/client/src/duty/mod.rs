//! What the keys of a chat ask of its devices, carried out by whoever wants to send first (DESIGN.md, section 4).
//!
//! Before a message: a group is started where there is none, this device enters where it has no leaf, removals and
//! additions that wait are committed. Who changed the roster does so at once, the others after a while, at
//! times that differ, so that the keys follow where nobody writes. Fresh keys of this device go with a
//! commit after [`UPDATE_MESSAGES`] messages or [`UPDATE_INTERVAL`], when it next sends.

mod advance;
mod claim;
mod enter;
mod submit;

use std::time::Duration;

use dunlin_model::mls::HYBRID_DEVICES_MAX;
use dunlin_model::{ChatId, DeviceId, Epoch, Payload, Seq, StartReason, Suite, UserId};

use crate::chats::Chat;
use crate::outbox::Wish;
use crate::step::Client;

/// Messages of this device after which it brings fresh keys (post-compromise security).
pub const UPDATE_MESSAGES: u32 = 100;
/// Time after which it does.
pub const UPDATE_INTERVAL: Duration = Duration::from_hours(7 * 24);

/// What has to be done about a chat's keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Need {
    Start(StartReason),
    Enter,
    /// Removals and additions wait.
    Commit,
    /// Only fresh keys.
    Update,
}

/// A duty that waits for answers. Given up when the epoch changes, or the connection.
#[derive(Debug, Clone)]
pub(crate) struct Duty {
    /// Of the chat when it began.
    pub(crate) epoch: Epoch,
    pub(crate) step: DutyStep,
}

#[derive(Debug, Clone)]
pub(crate) enum DutyStep {
    /// Key packages are being claimed.
    Claiming {
        /// Begins a group; commits otherwise.
        starts: bool,
        suite: Suite,
        /// Still to be asked for: the event that let the users in, and the users.
        left: Vec<(Seq, Vec<UserId>)>,
        packages: Vec<(DeviceId, bytes::Bytes)>,
    },
    /// The group info is asked for.
    AskingInfo,
    /// The group info is being fetched.
    FetchingInfo(Payload),
}

impl Client {
    /// What has to be done before this device sends.
    pub(crate) fn need(&self, id: ChatId) -> Option<Need> {
        let chat = self.chats.get(&id)?;
        let keys = &chat.state.keys;
        let me = self.account.device();
        if keys.revoked.contains(&me) {
            return None; // There is nothing it may do.
        }
        if keys.epoch.generation == 0 {
            return Some(Need::Start(StartReason::First));
        }
        if chat.broken {
            return Some(Need::Start(StartReason::Broken));
        }
        if let Some(wanted) = chat.wanted_suite()
            && keys.suite != Some(wanted)
        {
            return Some(Need::Start(StartReason::SuiteChange));
        }
        let removals = keys.waiting_removals(&chat.state.members).len();
        if removals == keys.devices.len() {
            return Some(Need::Start(StartReason::NobodyLeft));
        }
        if !self.has_place(id) {
            return Some(Need::Enter);
        }
        if removals > 0 || !chat.users_to_add().is_empty() {
            return Some(Need::Commit);
        }
        let is_old = self.now.since(chat.marks.updated) >= UPDATE_INTERVAL;
        let due = chat.marks.since_update >= UPDATE_MESSAGES || (chat.marks.since_update > 0 && is_old);
        due.then_some(Need::Update)
    }
}

impl Chat {
    /// Members without a device in the group whom nobody here has tried to add, with the event that their key packages are
    /// claimed for: the one that let them in, or, of those whom the group began without, its beginning. What was
    /// claimed when they came in may have been used for a group before this one.
    pub(crate) fn users_to_add(&self) -> Vec<(Seq, UserId)> {
        let keys = &self.state.keys;
        let in_group = |user: &UserId| keys.devices.keys().any(|device| device.user == *user);
        // No earlier than the group's beginning; later where all who began it have entered anew since.
        let began = keys.devices.values().min().copied().unwrap_or(Seq::ZERO);
        let mut users: Vec<(Seq, UserId)> = self
            .state
            .members
            .keys()
            .filter_map(|user| Some((self.state.since(*user)?, *user)))
            // Who was there before the base enters from outside, where nobody added them.
            .filter(|(since, _)| *since > self.marks.base)
            .map(|(since, user)| (since.max(began), user))
            .filter(|(change, user)| self.tried.get(user) != Some(change) && !in_group(user))
            .collect();
        users.sort_unstable();
        users
    }

    /// The suite that a new generation is wanted for.
    pub(crate) fn wanted_suite(&self) -> Option<Suite> {
        self.outbox
            .front()
            .and_then(|head| if let Wish::Suite(suite) = head.wish { Some(suite) } else { None })
    }

    /// All members, for another generation: with the event that began the epoch before it, since the key packages
    /// that were claimed when they came in are used up.
    pub(crate) fn all_users(&self) -> Vec<(Seq, UserId)> {
        let change = self.state.keys.changed.max(self.marks.base).max(Seq::FIRST);
        self.state.members.keys().map(|user| (change, *user)).collect()
    }

    /// The suite that a first group begins with.
    pub(crate) fn first_suite(&self) -> Suite {
        if self.state.members.len() < HYBRID_DEVICES_MAX { Suite::HYBRID } else { Suite::CLASSIC }
    }
}
