//! The chats in memory.

use std::collections::HashMap;
use std::sync::Arc;

use dunlin_model::ChatId;
use parking_lot::Mutex;

use crate::chat::Chat;

/// Shards of the cache; chat ids are uniform, so one of their bytes picks the shard.
const SHARDS: usize = 64;

/// Chats by id. At most one `Chat` of an id is in use at a time: one that anybody holds is never dropped
/// from here, so that a wake always reaches the object that sessions look at.
pub(crate) struct ChatCache {
    shards: Vec<Mutex<HashMap<ChatId, Arc<Chat>>>>,
    per_shard_max: usize,
}

impl ChatCache {
    pub(crate) fn new(chats_max: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            per_shard_max: (chats_max / SHARDS).max(1),
        }
    }

    fn shard(&self, chat: ChatId) -> &Mutex<HashMap<ChatId, Arc<Chat>>> {
        let byte = chat.as_bytes()[0];
        &self.shards[usize::from(byte) % SHARDS]
    }

    pub(crate) fn get(&self, chat: ChatId) -> Option<Arc<Chat>> {
        let found = self.shard(chat).lock().get(&chat).cloned();
        if let Some(chat) = &found {
            chat.touch();
        }
        found
    }

    /// Keeps `chat`, or gives the one that is there already.
    pub(crate) fn insert(&self, chat: Arc<Chat>) -> Arc<Chat> {
        let mut shard = self.shard(chat.id).lock();
        if shard.len() >= self.per_shard_max {
            // Second chance: what nobody holds and nobody touched since the last sweep goes.
            shard.retain(|_, kept| Arc::strong_count(kept) > 1 || kept.take_touched());
        }
        Arc::clone(shard.entry(chat.id).or_insert(chat))
    }
}
