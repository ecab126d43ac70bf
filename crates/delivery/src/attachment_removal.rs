//! Removing attachments that were never sent, or are older than is kept (R41), and what is in storage of those that
//! nobody knows of.

use std::time::Duration;

use dunlin_model::{Attachment, AttachmentId};

use crate::attachments::{UNSENT_KEPT, VOLUME_WINDOW, is_there};
use crate::{Delivery, DeliveryError};

/// How long after its time an attachment that was not sent is removed: whoever sent it at the last moment has long been
/// answered.
const UNSENT_MARGIN: Duration = Duration::from_secs(60 * 60);
/// When an attachment that was not sent is removed.
pub const UNSENT_REMOVED_AFTER: Duration = UNSENT_KEPT.saturating_add(UNSENT_MARGIN);

/// Whether an attachment that is removed counts for its owner's volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counted {
    /// As long as any other of its day.
    StillInItsDay,
    /// It never was anybody's, or its day is over.
    NoMore,
}

/// What one look at the attachments came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachmentsSwept {
    /// Attachments removed.
    pub removed: u64,
    /// The last that was looked at, to go on from: those before it are sent, or removed.
    pub reached: Option<AttachmentId>,
    /// Whether there is more to look at.
    pub more: bool,
}

/// What one look at the storage of attachments came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrphansSwept {
    /// Files and uploads removed.
    pub removed: u64,
    /// Where the next look goes on; nothing when all was looked at.
    pub next: Option<AttachmentId>,
}

impl Delivery {
    /// Removes up to `limit` attachments that are older than `kept`, the time that one may wait to be sent included,
    /// and, of up to `limit` that come after `after`, those that were not sent in time. One that cannot be removed stays
    /// for now, and holds up no other. Cancel safe; may be repeated.
    ///
    /// # Errors
    /// `Store`; what was removed before stays so.
    pub async fn remove_old_attachments(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
        kept: Duration,
    ) -> Result<AttachmentsSwept, DeliveryError> {
        let now = self.clock.now();
        let old = self.store.attachments(None, now - UNSENT_KEPT - kept, limit).await?;
        let waiting = self.store.attachments(after, now - UNSENT_REMOVED_AFTER, limit).await?;
        let mut swept = AttachmentsSwept {
            removed: 0,
            reached: waiting.last().map(|last| last.id).or(after),
            more: waiting.len() >= limit,
        };
        for attachment in &old {
            swept.removed += u64::from(self.try_to_remove(attachment).await);
        }
        // Where none of them went, the next look would only find the same.
        swept.more |= old.len() >= limit && swept.removed > 0;
        for attachment in waiting.iter().filter(|waiting| !old.contains(waiting)) {
            if self.store.chat_of_attachment(attachment.id).await?.is_none() {
                swept.removed += u64::from(self.try_to_remove(attachment).await);
            }
        }
        Ok(swept)
    }

    async fn try_to_remove(&self, attachment: &Attachment) -> bool {
        let removed = self.remove_attachment(attachment).await;
        if let Err(error) = &removed {
            tracing::warn!(id = %attachment.id, %error, "an attachment stays for now");
        }
        removed.is_ok()
    }

    /// Removes, of about `limit` files and uploads that stand in storage after `after`, those of attachments that are not
    /// known, and uploads that were begun twice: what a crash or a restored store has left. Uploads stay for as long as
    /// an attachment may wait to be sent, and files for `kept` on top: until then a file that nobody knows may be one
    /// that another store knows, of which this one is an old copy. What cannot be removed stays for now, and holds up
    /// nothing else. Cancel safe; may be repeated.
    ///
    /// # Errors
    /// `Store`; `Blobs` when storage cannot be listed. What was removed before stays so.
    pub async fn remove_orphaned_files(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
        kept: Duration,
    ) -> Result<OrphansSwept, DeliveryError> {
        let listed = self.files.list(after, limit).await?;
        let mut swept = OrphansSwept { removed: 0, next: listed.next };
        let begun_before = self.clock.now() - UNSENT_KEPT;
        let file_before = begun_before - kept;
        for stored in listed.stored.into_iter().filter(|stored| stored.id.created() < begun_before) {
            let is_known = self.store.attachment(stored.id).await?.is_some();
            let removed = match stored.upload {
                Some(name)
                    if !is_known || self.store.upload_name(stored.id).await?.as_ref() != Some(&name) =>
                {
                    self.files.abandon(stored.id, &name).await
                }
                None if !is_known && stored.id.created() < file_before => self.files.remove(stored.id).await,
                _ => continue,
            };
            match removed {
                Ok(()) => swept.removed += 1,
                Err(error) => {
                    tracing::warn!(id = %stored.id, %error, "a file that nobody knows stays for now")
                }
            }
        }
        self.metrics.attachments_orphaned.add(swept.removed);
        Ok(swept)
    }

    /// The bytes first: after a crash in between the rest is there to be found again.
    async fn remove_attachment(&self, attachment: &Attachment) -> Result<(), DeliveryError> {
        self.files.remove(attachment.id).await?;
        self.forget_attachment(attachment, Counted::NoMore).await
    }

    /// Forgets an attachment whose bytes are removed. One that still counts stays known, without its parts, until it is as
    /// old as one that was never sent may get.
    pub(crate) async fn forget_attachment(
        &self,
        attachment: &Attachment,
        counted: Counted,
    ) -> Result<(), DeliveryError> {
        if let Some(name) = self.store.upload_name(attachment.id).await? {
            self.files.abandon(attachment.id, &name).await?;
        }
        let _counting = self.counting.lock().await;
        self.store.remove_attachment(attachment).await?;
        if counted == Counted::StillInItsDay && attachment.created() + VOLUME_WINDOW > self.clock.now() {
            self.store.add_attachment(&Attachment { parts: Vec::new(), ..attachment.clone() }).await?;
        }
        self.store.forget_fetched(attachment.id).await?;
        // Those without parts were counted when they were removed.
        self.metrics.attachments_removed.add(u64::from(is_there(attachment)));
        Ok(())
    }
}
