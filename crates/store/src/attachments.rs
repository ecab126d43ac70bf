//! What is known of attachments; their bytes are elsewhere.

use async_trait::async_trait;
use dunlin_model::{Attachment, AttachmentId, ChatId, Timestamp, UserId};

use crate::StoreError;

/// Attachments, and in which chat each was sent.
#[async_trait]
pub trait Attachments: Send + Sync {
    /// Adds an attachment, whose id is new. May be repeated.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`; adding it again is harmless.
    async fn add_attachment(&self, attachment: &Attachment) -> Result<(), StoreError>;

    /// The attachment with this id.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn attachment(&self, id: AttachmentId) -> Result<Option<Attachment>, StoreError>;

    /// Notes that an attachment is of this chat, unless it is of one already; returns of which it is.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`; noting it again tells.
    async fn bind_attachment(&self, id: AttachmentId, chat: ChatId) -> Result<ChatId, StoreError>;

    /// The chat that an attachment is of.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn chat_of_attachment(&self, id: AttachmentId) -> Result<Option<ChatId>, StoreError>;

    /// Bytes of all attachments of a user that were created at `since` or after.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn attachment_bytes(&self, owner: UserId, since: Timestamp) -> Result<u64, StoreError>;

    /// Attachments created before `before`, oldest first, from after `after`, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn attachments(
        &self,
        after: Option<AttachmentId>,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Attachment>, StoreError>;

    /// Forgets an attachment. May be repeated.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn remove_attachment(&self, attachment: &Attachment) -> Result<(), StoreError>;
}
