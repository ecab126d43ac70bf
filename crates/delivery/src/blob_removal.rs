//! Removing parts of handshakes from blob storage that nobody needs any more (DESIGN.md, section 4).
//!
//! A part is needed while a device may come to the event that names it, and the newest GroupInfo always, since members
//! enter by it. All of that is asked of the log and the cursors when it is looked at: nothing is kept of it, and a run
//! that died is simply done again.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use dunlin_blobs::{BlobHash, Holder};
use dunlin_model::{ChatId, DeviceId, Event, Seq, Timestamp, UserId};

use crate::blob_addresses::{named, parts};
use crate::chat::Chat;
use crate::{Delivery, DeliveryError};

/// How long after its address was last given out a blob stays in any case: until then it may be put, and named.
pub const BLOBS_KEPT_MIN: Duration = Duration::from_secs(24 * 60 * 60);
/// Events read at a time, looking for the one that names a blob.
const PAGE_EVENTS: usize = 256;
/// Bytes of events read at a time.
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// Events looked at for the one that names a blob: so many are hardly accepted while it is put.
const EVENTS_LOOKED_AT_MAX: u64 = 4_096;

/// What a step of the removal did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobsSwept {
    /// Blobs removed.
    pub removed: u64,
    /// Where the next step goes on; nothing when all were looked at.
    pub next: Option<BlobHash>,
}

/// How far the devices of the users of one chat have got.
type Cursors = HashMap<UserId, Vec<Cursor>>;

struct Cursor {
    created: Timestamp,
    at: Seq,
}

/// What is read once for each chat of a step.
#[derive(Default)]
struct Read {
    progress: HashMap<ChatId, HashMap<DeviceId, Seq>>,
    cursors: HashMap<ChatId, Cursors>,
}

impl Delivery {
    /// Looks at the next `limit` blobs after `after`, and removes those that no device needs and those named by events
    /// accepted more than `kept` ago. A chat that cannot be read keeps its blobs. Cancel safe; may be repeated, also on
    /// several servers at once.
    ///
    /// # Errors
    /// `Blobs`; what was removed before stays so.
    pub async fn remove_unneeded_blobs(
        &self,
        after: Option<BlobHash>,
        limit: usize,
        kept: Duration,
    ) -> Result<BlobsSwept, DeliveryError> {
        let hashes = self.blobs.list(after, limit).await?;
        let mut swept =
            BlobsSwept { removed: 0, next: hashes.last().copied().filter(|_| hashes.len() >= limit) };
        let mut read = Read::default();
        for hash in hashes {
            for holder in self.blobs.holders(hash).await? {
                match self.is_needed(hash, &holder, kept, &mut read).await {
                    Ok(true) => {}
                    Ok(false) => swept.removed += u64::from(self.blobs.let_go(hash, holder).await?),
                    Err(error) => {
                        tracing::warn!(chat = %holder.chat, %error, "a chat keeps its blobs for now")
                    }
                }
            }
        }
        self.metrics.blobs_removed.add(swept.removed);
        Ok(swept)
    }

    async fn is_needed(
        &self,
        hash: BlobHash,
        holder: &Holder,
        kept: Duration,
        read: &mut Read,
    ) -> Result<bool, DeliveryError> {
        let now = self.clock.now();
        if holder.held + BLOBS_KEPT_MIN > now {
            return Ok(true);
        }
        let chat = self.current_chat(holder.chat).await?;
        let newest = |info: &_| named(info, hash).is_some();
        if chat.look(|state| state.keys.group_info.as_ref().is_some_and(newest)) {
            return Ok(true);
        }
        let Some(event) = self.event_naming(&chat, hash, holder.after).await? else {
            // Nobody named it in time, or the event is gone. Where too much was said to be sure, time tells.
            let is_sure = chat.head().0 <= holder.after.0.saturating_add(EVENTS_LOOKED_AT_MAX);
            return Ok(!is_sure && holder.held + kept > now);
        };
        if event.time + kept <= now {
            return Ok(false);
        }
        self.is_awaited(&chat, &event, read).await
    }

    /// The event that names a blob, which was accepted after another.
    async fn event_naming(
        &self,
        chat: &Chat,
        hash: BlobHash,
        after: Seq,
    ) -> Result<Option<Arc<Event>>, DeliveryError> {
        let last = Seq(after.0.saturating_add(EVENTS_LOOKED_AT_MAX)).min(chat.head());
        let mut from = after.next().max(self.store.floor(chat.id).await?.next());
        while from <= last {
            let (entries, _) = chat.read(&*self.store, from, last, PAGE_EVENTS, PAGE_BYTES).await?;
            let names = |event: &Event| {
                parts(&event.kind).into_iter().flatten().any(|part| named(part, hash).is_some())
            };
            if let Some(entry) = entries.iter().find(|entry| names(&entry.event)) {
                return Ok(Some(Arc::clone(&entry.event)));
            }
            let Some(entry) = entries.last() else { return Ok(None) };
            from = entry.event.seq.next();
        }
        Ok(None)
    }

    /// Whether a device has yet to come to the event: one of somebody who may read it, that was there before it.
    async fn is_awaited(&self, chat: &Chat, event: &Event, read: &mut Read) -> Result<bool, DeliveryError> {
        let readers: Vec<UserId> = chat.look(|state| {
            state.memberships.keys().copied().filter(|user| state.may_read(*user, event.seq)).collect()
        });
        for user in readers {
            let cursors = self.cursors_of(chat.id, user, read).await?;
            if cursors.iter().any(|cursor| cursor.at < event.seq && cursor.created <= event.time) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn cursors_of<'a>(
        &self,
        chat: ChatId,
        user: UserId,
        read: &'a mut Read,
    ) -> Result<&'a [Cursor], DeliveryError> {
        if let Entry::Vacant(unread) = read.progress.entry(chat) {
            let progress = self.store.chat_progress(chat).await?.into_iter();
            let at = progress.map(|(device, progress)| (device, progress.received.max(progress.start)));
            unread.insert(at.collect());
        }
        let progress = read.progress.get(&chat);
        let unread = match read.cursors.entry(chat).or_default().entry(user) {
            Entry::Occupied(cursors) => return Ok(cursors.into_mut().as_slice()),
            Entry::Vacant(unread) => unread,
        };
        let at = |device| progress.and_then(|all| all.get(&device)).copied().unwrap_or_default();
        let devices = self.store.devices(user).await?.into_iter().map(|read| read.value);
        let in_force = devices.filter(|device| device.revoked.is_none());
        let cursors = in_force.map(|device| Cursor { created: device.created, at: at(device.id) });
        Ok(unread.insert(cursors.collect()).as_slice())
    }
}
