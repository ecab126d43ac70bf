//! Registers that only rise.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use dunlin_model::{ChatId, DeviceId, Progress, Seq, Timestamp, UserId};

use super::{MemoryStore, Operation};
use crate::{ProgressRaise, Progresses, StoreError};

#[derive(Debug, Default)]
pub(super) struct Registers {
    progress: BTreeMap<ChatId, BTreeMap<DeviceId, Progress>>,
    last_seen: BTreeMap<UserId, Timestamp>,
    hidden: BTreeMap<(UserId, ChatId), BTreeSet<Seq>>,
}

#[async_trait]
impl Progresses for MemoryStore {
    async fn raise_progress(&self, raises: &[ProgressRaise]) -> Result<(), StoreError> {
        self.write(Operation::RaiseProgress, |tables| {
            for raise in raises {
                let devices = tables.progress.progress.entry(raise.chat).or_default();
                let register = devices.entry(raise.device).or_default();
                *register = register.merge(raise.progress);
            }
        })
    }

    async fn chat_progress(&self, chat: ChatId) -> Result<Vec<(DeviceId, Progress)>, StoreError> {
        self.read(Operation::ReadProgress, |tables| {
            let devices = tables.progress.progress.get(&chat).into_iter().flatten();
            devices.map(|(device, progress)| (*device, *progress)).collect()
        })
    }

    async fn device_progress(&self, device: DeviceId, chats: &[ChatId]) -> Result<Vec<Progress>, StoreError> {
        self.read(Operation::ReadProgress, |tables| {
            let in_chat = |chat| tables.progress.progress.get(chat).and_then(|devices| devices.get(&device));
            chats.iter().map(|chat| in_chat(chat).copied().unwrap_or_default()).collect()
        })
    }

    async fn raise_last_seen(&self, user: UserId, at: Timestamp) -> Result<(), StoreError> {
        self.write(Operation::RaiseProgress, |tables| {
            let register = tables.progress.last_seen.entry(user).or_insert(at);
            *register = at.max(*register);
        })
    }

    async fn last_seen(&self, user: UserId) -> Result<Option<Timestamp>, StoreError> {
        self.read(Operation::ReadProgress, |tables| tables.progress.last_seen.get(&user).copied())
    }

    async fn hide(&self, user: UserId, chat: ChatId, seq: Seq) -> Result<(), StoreError> {
        self.write(Operation::RaiseProgress, |tables| {
            tables.progress.hidden.entry((user, chat)).or_default().insert(seq);
        })
    }

    async fn hidden(
        &self,
        user: UserId,
        chat: ChatId,
        from: Seq,
        to: Seq,
        limit: usize,
    ) -> Result<Vec<Seq>, StoreError> {
        self.read(Operation::ReadProgress, |tables| {
            let hidden = tables.progress.hidden.get(&(user, chat)).into_iter().flatten();
            hidden.filter(|seq| (from..=to).contains(seq)).take(limit).copied().collect()
        })
    }
}
