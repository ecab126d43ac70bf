//! Registers that only rise. A raise joins the next batch and is shown after it.

use async_trait::async_trait;
use dunlin_model::{ChatId, DeviceId, Progress, Seq, Timestamp, UserId};
use dunlin_store::{ProgressRaise, Progresses, StoreError};

use crate::operation::Operation;
use crate::store::EmbeddedStore;
use crate::{keys, rows};

/// Registers read one by one on the caller's thread; more are read on a blocking one.
const INLINE_REGISTERS_MAX: usize = 32;

#[async_trait]
impl Progresses for EmbeddedStore {
    async fn raise_progress(&self, raises: &[ProgressRaise]) -> Result<(), StoreError> {
        let raises = raises.to_vec();
        self.submit(|reply| Operation::RaiseProgress { raises, reply }).await
    }

    async fn chat_progress(&self, chat: ChatId) -> Result<Vec<(DeviceId, Progress)>, StoreError> {
        self.aside(move |engine| {
            let (from, to) = keys::progress_of_chat(chat);
            engine
                .range(from, to)
                .map(|entry| {
                    let (key, row) = entry?;
                    let device = keys::device_of_progress(&key)
                        .ok_or_else(|| StoreError::Damaged("a progress row has a strange key".to_owned()))?;
                    Ok((device, rows::read_progress(&row)?))
                })
                .collect()
        })
        .await
    }

    async fn device_progress(&self, device: DeviceId, chats: &[ChatId]) -> Result<Vec<Progress>, StoreError> {
        let read = move |engine: &crate::engine::Engine, chats: &[ChatId]| {
            chats
                .iter()
                .map(|chat| {
                    let row = engine.get(&keys::progress(*chat, device))?;
                    row.map_or(Ok(Progress::default()), |row| rows::read_progress(&row))
                })
                .collect()
        };
        if chats.len() <= INLINE_REGISTERS_MAX {
            return read(&self.engine, chats);
        }
        let chats = chats.to_vec();
        self.aside(move |engine| read(engine, &chats)).await
    }

    async fn raise_last_seen(&self, user: UserId, at: Timestamp) -> Result<(), StoreError> {
        self.submit(|reply| Operation::RaiseLastSeen { user, at, reply }).await
    }

    async fn last_seen(&self, user: UserId) -> Result<Option<Timestamp>, StoreError> {
        let row = self.engine.get(&keys::last_seen(user))?;
        row.map(|row| rows::read_numbers(&row).map(|[at]| Timestamp(at))).transpose()
    }

    async fn hide(&self, user: UserId, chat: ChatId, seq: Seq) -> Result<(), StoreError> {
        let (key, row) = (keys::hidden(user, chat, seq), rows::numbers([]));
        self.submit(|reply| Operation::Put { key, row, reply }).await
    }

    async fn hidden(
        &self,
        user: UserId,
        chat: ChatId,
        from: Seq,
        to: Seq,
        limit: usize,
    ) -> Result<Vec<Seq>, StoreError> {
        if from > to {
            return Ok(Vec::new());
        }
        // A few rows beside each other: on the caller's thread.
        self.engine
            .range(keys::hidden(user, chat, from), keys::hidden(user, chat, to))
            .take(limit)
            .map(|entry| {
                keys::seq_of(&entry?.0)
                    .ok_or_else(|| StoreError::Damaged("a hidden row has a strange key".to_owned()))
            })
            .collect()
    }
}
