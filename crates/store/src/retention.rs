//! The job that lets old bodies and events go (DESIGN.md, section 1, expiry), on any store.
//!
//! It goes in small steps, so that it never holds up the rest, and keeps no state: what is left to do is read
//! from the store, so that a step that died is simply done again. An event goes only after a snapshot that
//! contains it is durable.

use std::time::Duration;

use dunlin_model::chat::ChatState;
use dunlin_model::{ChatId, Seq, Timestamp};

use crate::{ExpiringChat, Store, StoreError};

/// How long bodies are kept, unless configured otherwise.
pub const BODIES_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long events are kept, unless configured otherwise.
pub const EVENTS_KEPT: Duration = Duration::from_secs(60 * 24 * 60 * 60);
/// Events applied to a snapshot in one read.
const PAGE_EVENTS: usize = 1_000;
/// Bytes of events in one read.
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// What is kept for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionPolicy {
    /// How long bodies are kept.
    pub bodies: Duration,
    /// How long events are kept; never shorter than bodies.
    pub events: Duration,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        Self { bodies: BODIES_KEPT, events: EVENTS_KEPT }
    }
}

/// What one step did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RetentionStep {
    /// Chats whose bodies were emptied, and how far.
    pub emptied: Vec<ExpiringChat>,
    /// Chats whose floor rose, and how far.
    pub removed: Vec<ExpiringChat>,
    /// Whether anything was done, so that another step may find more.
    pub more: bool,
}

/// Lets go of what is older than `policy` allows at `now`, in at most `limit` chats of each sort.
///
/// A chat that is damaged is passed over, so that it does not keep all others from expiring. Dropping the
/// future, or a crash, leaves work for the next step and nothing else.
///
/// # Errors
/// The first error of the store, what was done until then staying done; `Damaged` only when there was nothing
/// else to do.
pub async fn step(
    store: &dyn Store,
    now: Timestamp,
    policy: &RetentionPolicy,
    limit: usize,
) -> Result<RetentionStep, StoreError> {
    let mut done = RetentionStep::default();
    let mut damage = None;
    for old in store.expiring_bodies(now - policy.bodies, limit).await? {
        if unless_damaged(store.expire_bodies(old.chat, old.up_to).await, &mut damage)?.is_some() {
            done.emptied.push(old);
        }
    }
    for old in store.removable_events(now - policy.events.max(policy.bodies), limit).await? {
        if let Some(Some(floor)) = unless_damaged(remove(store, old).await, &mut damage)? {
            done.removed.push(ExpiringChat { chat: old.chat, up_to: floor });
        }
    }
    done.more = !done.emptied.is_empty() || !done.removed.is_empty();
    match damage {
        Some(damage) if !done.more => Err(damage),
        _ => Ok(done),
    }
}

fn unless_damaged<T>(
    answer: Result<T, StoreError>,
    damage: &mut Option<StoreError>,
) -> Result<Option<T>, StoreError> {
    match answer {
        Ok(done) => Ok(Some(done)),
        Err(error @ StoreError::Damaged(_)) => {
            damage.get_or_insert(error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// Removes what is old in one chat, and tells its floor when it rose.
async fn remove(store: &dyn Store, old: ExpiringChat) -> Result<Option<Seq>, StoreError> {
    let before = store.floor(old.chat).await?;
    // Snapshot, then floor: the other way round a crash would lose what only the log knew.
    bring_snapshot_to(store, old.chat, old.up_to).await?;
    let floor = store.raise_floor(old.chat, old.up_to).await?;
    Ok((floor > before).then_some(floor))
}

/// Makes sure that a snapshot at or above `up_to` is durable.
async fn bring_snapshot_to(store: &dyn Store, chat: ChatId, up_to: Seq) -> Result<(), StoreError> {
    let mut state = store.snapshot(chat).await?.unwrap_or_else(|| ChatState::before_creation(chat));
    if state.head >= up_to {
        return Ok(());
    }
    while state.head < up_to {
        let from = state.head.next();
        let events = store.read(chat, from, up_to, PAGE_EVENTS, PAGE_BYTES).await?;
        for event in &events {
            if event.seq != state.head.next() {
                return Err(StoreError::Damaged(format!("an event is missing before {}", event.seq)));
            }
            state.apply(event);
        }
        if events.is_empty() {
            return Err(StoreError::Damaged(format!("an event is missing at {from}")));
        }
    }
    store.save_snapshot(&state).await
}
