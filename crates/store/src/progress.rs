//! How far devices have got, when users were last there, and what they deleted for themselves.

use async_trait::async_trait;
use dunlin_model::{ChatId, DeviceId, Progress, Seq, Timestamp, UserId};

use crate::StoreError;

/// One register to raise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgressRaise {
    /// In which chat.
    pub chat: ChatId,
    /// Which device.
    pub device: DeviceId,
    /// To what; fields that are lower than what is there change nothing.
    pub progress: Progress,
}

/// Registers that only rise.
#[async_trait]
pub trait Progresses: Send + Sync {
    /// Raises all of these.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`; raising again is harmless.
    async fn raise_progress(&self, raises: &[ProgressRaise]) -> Result<(), StoreError>;

    /// The registers of all devices in a chat, in no order.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn chat_progress(&self, chat: ChatId) -> Result<Vec<(DeviceId, Progress)>, StoreError>;

    /// The registers of one device in these chats, in the same order; zeros where nothing was raised.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn device_progress(&self, device: DeviceId, chats: &[ChatId]) -> Result<Vec<Progress>, StoreError>;

    /// Raises when a user was last there.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn raise_last_seen(&self, user: UserId, at: Timestamp) -> Result<(), StoreError>;

    /// When a user was last there.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn last_seen(&self, user: UserId) -> Result<Option<Timestamp>, StoreError>;

    /// Notes that `user` deleted a message for themselves. May be repeated.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn hide(&self, user: UserId, chat: ChatId, seq: Seq) -> Result<(), StoreError>;

    /// What `user` deleted for themselves in `chat` from `from` to `to`, both included, ascending, at most
    /// `limit`.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn hidden(
        &self,
        user: UserId,
        chat: ChatId,
        from: Seq,
        to: Seq,
        limit: usize,
    ) -> Result<Vec<Seq>, StoreError>;
}
