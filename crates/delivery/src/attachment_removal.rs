//! Removing attachments that were never sent, or are older than is kept (R41).

use std::time::Duration;

use dunlin_model::{Attachment, AttachmentId};

use crate::attachments::UNSENT_KEPT;
use crate::{Delivery, DeliveryError};

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

impl Delivery {
    /// Removes up to `limit` attachments that are older than `kept`, the time that one may wait to be sent included,
    /// and, of up to `limit` that come after `after`, those that were not sent in time. Cancel safe; may be repeated.
    ///
    /// # Errors
    /// `Store`, `Blobs`; what was removed before stays so.
    pub async fn remove_old_attachments(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
        kept: Duration,
    ) -> Result<AttachmentsSwept, DeliveryError> {
        let unsent_before = self.clock.now() - UNSENT_KEPT;
        let old = self.store.attachments(None, unsent_before - kept, limit).await?;
        let waiting = self.store.attachments(after, unsent_before, limit).await?;
        let mut swept = AttachmentsSwept {
            removed: 0,
            reached: waiting.last().map(|last| last.id).or(after),
            more: old.len() >= limit || waiting.len() >= limit,
        };
        for attachment in &old {
            self.remove_attachment(attachment).await?;
            swept.removed += 1;
        }
        for attachment in waiting.iter().filter(|waiting| !old.contains(waiting)) {
            if self.store.chat_of_attachment(attachment.id).await?.is_none() {
                self.remove_attachment(attachment).await?;
                swept.removed += 1;
            }
        }
        Ok(swept)
    }

    /// The bytes first: after a crash in between the rest is there to be found again.
    async fn remove_attachment(&self, attachment: &Attachment) -> Result<(), DeliveryError> {
        self.files.remove(attachment.id).await?;
        self.store.remove_attachment(attachment).await?;
        self.metrics.attachments_removed.add(1);
        Ok(())
    }
}
