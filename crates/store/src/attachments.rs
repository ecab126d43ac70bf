//! What is known of attachments; their bytes are elsewhere.

use async_trait::async_trait;
use dunlin_model::attachment::UploadName;
use dunlin_model::{Attachment, AttachmentId, ChatId, Seq, Timestamp, UserId};

use crate::StoreError;

/// Attachments, in which chat each was sent, and who has fetched it.
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

    /// Forgets an attachment, and what its upload is called. May be repeated.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn remove_attachment(&self, attachment: &Attachment) -> Result<(), StoreError>;

    /// Notes what the upload of an attachment is called, unless that is noted already; returns what it is called.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`; noting it again tells.
    async fn name_upload(&self, id: AttachmentId, name: &UploadName) -> Result<UploadName, StoreError>;

    /// What the upload of an attachment is called.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn upload_name(&self, id: AttachmentId) -> Result<Option<UploadName>, StoreError>;

    /// Notes that a user has fetched an attachment, of the message at `seq`; of several times the first counts.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`; noting it again is harmless.
    async fn note_fetched(&self, id: AttachmentId, user: UserId, seq: Seq) -> Result<(), StoreError>;

    /// Who has fetched an attachment, each with the message that is noted, in no order.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn fetched_by(&self, id: AttachmentId) -> Result<Vec<(UserId, Seq)>, StoreError>;

    /// Attachments that somebody has fetched, known or not, ascending from after `after`, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn fetched_attachments(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<AttachmentId>, StoreError>;

    /// Forgets who has fetched an attachment. May be repeated.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn forget_fetched(&self, id: AttachmentId) -> Result<(), StoreError>;
}
