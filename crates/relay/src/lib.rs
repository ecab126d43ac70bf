//! Wakes between servers.
//!
//! A server subscribes for the users who are connected to it; whoever accepts an event publishes to that
//! event's recipients. What travels here is only a hint: it may be lost, doubled or late, and nothing that
//! must be true depends on it (DESIGN.md, section 3). A subscription that broke is reported as [`Lost`], and
//! the server then looks at the store for those users.
//!
//! Deliberately absent: storage, acknowledgements, and an order between servers.

mod error;
mod in_process;

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use dunlin_model::{ChatId, DeviceId, DeviceNumber, Event, Progress, Seq, Suite, Timestamp, UserId};

pub use error::RelayError;
pub use in_process::{Fate, HELD_MAX, InProcessRelay};

/// One server of the fleet. Drawn anew at each start, so that nothing meant for a predecessor reaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub u64);

/// A hint that there is something to read.
#[derive(Debug, Clone)]
pub struct Wake {
    /// In which chat.
    pub chat: ChatId,
    /// Up to where, at least.
    pub head: Seq,
    /// The event at `head` when it is small, to warm the other side's cache.
    pub event: Option<Arc<Event>>,
}

/// What passes between servers and is kept nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// Someone started or stopped typing.
    Typing {
        /// Where.
        chat: ChatId,
        /// Who.
        user: UserId,
        /// Whether they type.
        typing: bool,
    },
    /// Someone came or went.
    Presence {
        /// Who.
        user: UserId,
        /// Whether they are connected.
        online: bool,
        /// When they were last there.
        last_seen: Option<Timestamp>,
    },
    /// Someone deleted a message for themselves; for their other devices.
    Hidden {
        /// Who.
        user: UserId,
        /// Where.
        chat: ChatId,
        /// Which message.
        seq: Seq,
    },
    /// A device was revoked: its sessions end.
    Revoked {
        /// Which.
        device: DeviceId,
    },
    /// Few key packages of a device are left.
    KeyPackagesLow {
        /// Which device.
        device: DeviceId,
        /// Of which suite.
        suite: Suite,
        /// How many.
        left: u32,
    },
    /// A device says something to others of its user.
    Relayed {
        /// Which device.
        from: DeviceId,
        /// To which; `None` for all others.
        to: Option<DeviceNumber>,
        /// What, 8 KiB at most.
        payload: Bytes,
    },
    /// A device got further.
    Receipt {
        /// Where.
        chat: ChatId,
        /// Which device.
        device: DeviceId,
        /// How far.
        progress: Progress,
    },
}

/// Whose wakes may have been missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lost {
    /// Anyone's.
    All,
    /// Those of these users.
    Users(Vec<UserId>),
}

/// The receiving end, in each server. Called from whichever thread brings the news: it must not block.
pub trait WakeSink: Send + Sync {
    /// There is something to read for `users`, all of whom this server subscribed for.
    fn wake(&self, users: &[UserId], wake: &Wake);

    /// Something happened that `users` are to be told.
    fn signal(&self, users: &[UserId], signal: &Signal);

    /// Subscriptions broke and are in place again; what came in between is missing.
    fn lost(&self, lost: Lost);
}

/// Publish and subscribe between servers, by user.
#[async_trait]
pub trait Relay: Send + Sync + 'static {
    /// Joins as `server`; what is for it goes to `sink`. The relay does not keep the sink alive.
    async fn attach(&self, server: ServerId, sink: Weak<dyn WakeSink>) -> Result<(), RelayError>;

    /// Asks for what is published to `user`. When it returns, the subscription is in force: everything
    /// published from then on arrives, unless it is lost. May be repeated.
    ///
    /// # Errors
    /// `Unavailable`, `NotAttached`.
    async fn subscribe(&self, server: ServerId, user: UserId) -> Result<(), RelayError>;

    /// Ends a subscription. What is under way may still arrive. May be repeated.
    async fn unsubscribe(&self, server: ServerId, user: UserId) -> Result<(), RelayError>;

    /// Wakes `users` on every other server that subscribed for them. Never blocks; a hint.
    fn publish(&self, from: ServerId, users: &[UserId], wake: Wake);

    /// Tells `users` on every other server that subscribed for them. Never blocks; a hint.
    fn publish_signal(&self, from: ServerId, users: &[UserId], signal: Signal);
}
