//! Inbox rows. Reading a head costs no more than reading a row, so a message writes none: rows are written
//! when a membership begins or ends.

use async_trait::async_trait;
use dunlin_model::{ChatId, InboxEntry, InboxMark, UserId};
use dunlin_store::{Inboxes, StoreError};

use crate::operation::Operation;
use crate::store::EmbeddedStore;
use crate::{keys, rows};

#[async_trait]
impl Inboxes for EmbeddedStore {
    fn fan_out_members_max(&self) -> usize {
        0
    }

    async fn raise_inbox(&self, chat: ChatId, mark: InboxMark, users: &[UserId]) -> Result<(), StoreError> {
        let users = users.to_vec();
        self.submit(|reply| Operation::RaiseInbox { chat, mark, users, reply }).await
    }

    async fn inbox(
        &self,
        user: UserId,
        after: Option<ChatId>,
        limit: usize,
    ) -> Result<Vec<InboxEntry>, StoreError> {
        self.aside(move |engine| {
            let (from, to) = keys::inbox_after(user, after);
            engine
                .range(from, to)
                .take(limit)
                .map(|entry| {
                    let (key, row) = entry?;
                    let chat = keys::chat_of_inbox(&key)
                        .ok_or_else(|| StoreError::Damaged("an inbox row has a strange key".to_owned()))?;
                    Ok(InboxEntry { chat, mark: rows::read_mark(&row)? })
                })
                .collect()
        })
        .await
    }
}
