//! Inbox rows as one sorted map.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;
use dunlin_model::{ChatId, InboxEntry, InboxMark, UserId};

use super::{MemoryStore, Operation};
use crate::{Inboxes, StoreError};

pub(super) type Rows = BTreeMap<UserId, BTreeMap<ChatId, InboxMark>>;

#[async_trait]
impl Inboxes for MemoryStore {
    fn fan_out_members_max(&self) -> usize {
        self.fan_out_members_max
    }

    async fn raise_inbox(&self, chat: ChatId, mark: InboxMark, users: &[UserId]) -> Result<(), StoreError> {
        self.write(Operation::RaiseInbox, |tables| {
            for user in users {
                let row = tables.inboxes.entry(*user).or_default().entry(chat).or_insert(mark);
                *row = mark.max(*row);
            }
        })
    }

    async fn inbox(
        &self,
        user: UserId,
        after: Option<ChatId>,
        limit: usize,
    ) -> Result<Vec<InboxEntry>, StoreError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.read(Operation::ReadInbox, |tables| {
            let rows = tables.inboxes.get(&user).into_iter();
            rows.flat_map(|rows| rows.range((from, Bound::Unbounded)))
                .map(|(chat, mark)| InboxEntry { chat: *chat, mark: *mark })
                .take(limit)
                .collect()
        })
    }
}
