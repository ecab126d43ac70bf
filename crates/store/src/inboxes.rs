//! Inboxes: one row for each user and chat, a register that only rises.

use async_trait::async_trait;
use dunlin_model::{ChatId, InboxEntry, InboxMark, UserId};

use crate::StoreError;

/// How far there is to go, chat by chat.
#[async_trait]
pub trait Inboxes: Send + Sync {
    /// In chats with more members than this, rows are written only when a membership begins or ends, and the
    /// heads of open rows are read from the logs. Zero where reading a head costs no more than reading a row.
    fn fan_out_members_max(&self) -> usize;

    /// Raises the row of each of `users` in `chat` to `mark`.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`; raising again is harmless.
    async fn raise_inbox(&self, chat: ChatId, mark: InboxMark, users: &[UserId]) -> Result<(), StoreError>;

    /// The rows of `user`, ascending by chat, from after `after`, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn inbox(
        &self,
        user: UserId,
        after: Option<ChatId>,
        limit: usize,
    ) -> Result<Vec<InboxEntry>, StoreError>;
}
