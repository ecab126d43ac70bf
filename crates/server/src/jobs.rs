//! What runs beside the way of a message: retention, removing parts of handshakes that nobody needs, and forgetting
//! one-time codes.

use std::sync::Arc;
use std::time::Duration;

use dunlin_delivery::{Delivery, DeliveryError};
use dunlin_model::{AttachmentId, Clock, Timestamp};
use dunlin_store::retention::{self, RetentionPolicy};
use dunlin_store::{Store, StoreError};

use crate::config::RetentionSection;

/// Chats whose bodies or events go in one step.
const CHATS_PER_STEP: usize = 64;
/// Blobs looked at in each run; the next one goes on where it ended.
const BLOBS_PER_RUN: usize = 256;
/// Attachments removed, or looked at, in one step.
const ATTACHMENTS_PER_STEP: usize = 64;
/// Steps over attachments in each run.
const ATTACHMENT_STEPS_PER_RUN: usize = 64;
/// Between two looks at all attachments that somebody has fetched. It reads who has fetched each, and each goes with the
/// last report of them: only those are left of whose recipients one left meanwhile.
const FETCHED_INTERVAL: Duration = Duration::from_secs(3_600);
/// Files looked at in each run for whether anybody knows them; the next one goes on where it ended. A page of an object
/// store's list.
const FILES_PER_RUN: usize = 1_000;
/// Challenges forgotten in one write.
const CHALLENGES_PER_STEP: usize = 256;
/// How long a challenge is kept after it expired: the limits per hour and day are counted on it.
const CHALLENGES_KEPT: Duration = Duration::from_secs(24 * 3_600);
/// Pause between two steps while there is more to do, so that people's writes come first.
const STEP_PAUSE: Duration = Duration::from_millis(20);

/// Runs for as long as the server does; dropping it stops it between two steps, and the next run resumes.
pub(crate) async fn run(
    store: Arc<dyn Store>,
    delivery: Arc<Delivery>,
    clock: Arc<dyn Clock>,
    section: RetentionSection,
    attachments_kept: Duration,
) {
    let policy = section.policy();
    let mut after = None;
    let mut attachments = AttachmentsReached::default();
    let mut interval = tokio::time::interval(Duration::from_secs(section.interval_seconds.max(1)));
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if let Err(error) = expire(&*store, &*clock, &policy).await {
            tracing::warn!(%error, "expired messages were not removed; trying again later");
        }
        // Not longer than events are there that name them.
        match delivery.remove_unneeded_blobs(after, BLOBS_PER_RUN, policy.events.max(policy.bodies)).await {
            Ok(swept) => after = swept.next,
            Err(error) => {
                tracing::warn!(%error, "parts of handshakes were not removed; trying again later");
            }
        }
        remove_attachments(&delivery, &mut attachments, attachments_kept, clock.monotonic()).await;
        if let Err(error) = forget_challenges(&*store, clock.now() - CHALLENGES_KEPT).await {
            tracing::warn!(%error, "old one-time codes were not forgotten; trying again later");
        }
    }
}

async fn expire(store: &dyn Store, clock: &dyn Clock, policy: &RetentionPolicy) -> Result<(), StoreError> {
    loop {
        let done = retention::step(store, clock.now(), policy, CHATS_PER_STEP).await?;
        if !done.more {
            return Ok(());
        }
        tracing::debug!(emptied = done.emptied.len(), removed = done.removed.len(), "chats expired in part");
        tokio::time::sleep(STEP_PAUSE).await;
    }
}

/// Where the next run goes on; after a start, from the oldest.
#[derive(Default)]
struct AttachmentsReached {
    old: Option<AttachmentId>,
    fetched: Option<AttachmentId>,
    /// When those that were fetched are looked at from the first again.
    fetched_due: Duration,
    stored: Option<AttachmentId>,
}

/// Each for itself: what cannot be done of one holds up no other.
async fn remove_attachments(
    delivery: &Delivery,
    reached: &mut AttachmentsReached,
    kept: Duration,
    now: Duration,
) {
    if let Err(error) = remove_old(delivery, &mut reached.old, kept).await {
        tracing::warn!(%error, "old attachments were not removed; trying again later");
    }
    if now >= reached.fetched_due {
        match remove_fetched(delivery, &mut reached.fetched).await {
            Ok(()) if reached.fetched.is_none() => reached.fetched_due = now + FETCHED_INTERVAL,
            Ok(()) => {}
            Err(error) => {
                tracing::warn!(%error, "attachments that were fetched were not removed; trying again later");
            }
        }
    }
    match delivery.remove_orphaned_files(reached.stored, FILES_PER_RUN, kept).await {
        Ok(swept) => reached.stored = swept.next,
        Err(error) => tracing::warn!(%error, "files that nobody knows were not removed; trying again later"),
    }
}

async fn remove_old(
    delivery: &Delivery,
    reached: &mut Option<AttachmentId>,
    kept: Duration,
) -> Result<(), DeliveryError> {
    for _ in 0..ATTACHMENT_STEPS_PER_RUN {
        let swept = delivery.remove_old_attachments(*reached, ATTACHMENTS_PER_STEP, kept).await?;
        *reached = swept.reached;
        if !swept.more {
            break;
        }
        tokio::time::sleep(STEP_PAUSE).await;
    }
    Ok(())
}

async fn remove_fetched(
    delivery: &Delivery,
    reached: &mut Option<AttachmentId>,
) -> Result<(), DeliveryError> {
    for _ in 0..ATTACHMENT_STEPS_PER_RUN {
        let swept = delivery.remove_fetched_attachments(*reached, ATTACHMENTS_PER_STEP).await?;
        *reached = swept.next;
        if swept.next.is_none() {
            break;
        }
        tokio::time::sleep(STEP_PAUSE).await;
    }
    Ok(())
}

async fn forget_challenges(store: &dyn Store, before: Timestamp) -> Result<(), StoreError> {
    while store.forget_challenges(before, CHALLENGES_PER_STEP).await? > 0 {
        tokio::time::sleep(STEP_PAUSE).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
