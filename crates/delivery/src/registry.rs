//! Who is connected here.

use std::collections::HashMap;
use std::sync::Arc;

use dunlin_model::UserId;
use parking_lot::RwLock;

use crate::session::Session;

/// Shards of the registry; user ids are random, so one of their bytes picks the shard.
const SHARDS: usize = 64;

type Shard = RwLock<HashMap<UserId, Vec<Arc<Session>>>>;

/// The sessions of this server, by user.
pub(crate) struct Registry {
    shards: Vec<Shard>,
}

impl Default for Registry {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Shard::default()).collect() }
    }
}

impl Registry {
    fn shard(&self, user: UserId) -> &Shard {
        let byte = user.as_bytes()[0];
        &self.shards[usize::from(byte) % SHARDS]
    }

    /// Adds a session. True when it is the user's first here.
    pub(crate) fn add(&self, session: &Arc<Session>) -> bool {
        let user = session.device().user;
        let mut shard = self.shard(user).write();
        let sessions = shard.entry(user).or_default();
        sessions.push(Arc::clone(session));
        sessions.len() == 1
    }

    /// Removes a session. True when it was the user's last here.
    pub(crate) fn remove(&self, session: &Arc<Session>) -> bool {
        let user = session.device().user;
        let mut shard = self.shard(user).write();
        let Some(sessions) = shard.get_mut(&user) else { return false };
        sessions.retain(|other| !Arc::ptr_eq(other, session));
        if sessions.is_empty() {
            shard.remove(&user);
            return true;
        }
        false
    }

    /// Calls `act` for each session of `user`. The shard stays locked meanwhile: `act` must be short.
    pub(crate) fn for_each(&self, user: UserId, mut act: impl FnMut(&Arc<Session>)) {
        if let Some(sessions) = self.shard(user).read().get(&user) {
            sessions.iter().for_each(&mut act);
        }
    }

    /// Calls `act` for every session.
    pub(crate) fn for_all(&self, mut act: impl FnMut(&Arc<Session>)) {
        for shard in &self.shards {
            shard.read().values().flatten().for_each(&mut act);
        }
    }

    /// Whether `user` is connected here.
    pub(crate) fn is_connected(&self, user: UserId) -> bool {
        self.shard(user).read().contains_key(&user)
    }
}
