//! Facts that `decide` needs from beside the chat: who exists, who blocked whom, who wrote what.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use dunlin_model::account::{Document, DocumentKind};
use dunlin_model::{Attestation, ChatCommand, ChatKind, ClientSeq, DecisionContext, DeviceId, UserId};
use dunlin_store::StoreError;
use parking_lot::Mutex;

use crate::chat::Chat;
use crate::{Delivery, DeliveryError};

/// How long a block list read on this server is trusted; changes made here are seen at once.
const BLOCKS_FRESH: Duration = Duration::from_secs(30);
/// Block lists kept in memory.
const BLOCKS_CACHED_MAX: usize = 50_000;

/// The block lists in memory, each with the time it was read.
#[derive(Default)]
pub(crate) struct BlockCache(Mutex<HashMap<UserId, CachedBlocks>>);

type CachedBlocks = (Arc<BTreeSet<UserId>>, Duration);

impl Delivery {
    /// Gathers the facts for `command`.
    pub(crate) async fn authorise(
        &self,
        chat: &Chat,
        from: DeviceId,
        number: ClientSeq,
        command: &ChatCommand,
        attestation: Option<Box<Attestation>>,
    ) -> Result<DecisionContext, DeliveryError> {
        let mut context = DecisionContext { attestation, ..DecisionContext::default() };
        match command {
            ChatCommand::Create { members, .. } => {
                self.must_exist(members).await?;
                context.blocked = self.blocked_among(from.user, members).await?;
            }
            ChatCommand::Add { users } => {
                self.must_exist(users).await?;
                context.blocked = self.blocked_among(from.user, users).await?;
            }
            ChatCommand::Send { .. } => {
                let peer = chat.look(|state| {
                    (state.kind == ChatKind::Direct).then(|| state.peer_of(from.user)).flatten()
                });
                if let Some(peer) = peer {
                    context.blocked = self.blocked_among(from.user, &[peer]).await?;
                }
                context.attachment_fault = self.attachment_fault(chat, from, command).await?;
            }
            ChatCommand::DeleteMessage { target } => {
                let (entries, _) = chat.read(&*self.store, *target, *target, 1, usize::MAX).await?;
                context.target_author = entries
                    .first()
                    .filter(|entry| entry.event.seq == *target && entry.event.is_message())
                    .map(|entry| entry.event.sender.user);
            }
            ChatCommand::Update { .. }
            | ChatCommand::Remove { .. }
            | ChatCommand::Ban { .. }
            | ChatCommand::Unban { .. }
            | ChatCommand::SetRole { .. }
            | ChatCommand::Leave
            | ChatCommand::Join { .. }
            | ChatCommand::SetInvite { .. }
            | ChatCommand::DeleteChat => {}
            ChatCommand::StartGroup(_) | ChatCommand::Commit(_) => {
                self.check_handshake(chat, from, number, command).await?;
            }
        }
        Ok(context)
    }

    /// Says that `user` changed their block list on this server.
    pub fn forget_blocks(&self, user: UserId) {
        self.blocks.0.lock().remove(&user);
    }

    /// Those of `others` who blocked `user`, or whom `user` blocked.
    pub(crate) async fn blocked_among(
        &self,
        user: UserId,
        others: &[UserId],
    ) -> Result<BTreeSet<UserId>, StoreError> {
        let own = self.blocks_of(user).await?;
        let mut blocked = BTreeSet::new();
        for other in others {
            if own.contains(other) || self.blocks_of(*other).await?.contains(&user) {
                blocked.insert(*other);
            }
        }
        Ok(blocked)
    }

    async fn blocks_of(&self, user: UserId) -> Result<Arc<BTreeSet<UserId>>, StoreError> {
        let now = self.clock.monotonic();
        if let Some((blocks, read)) = self.blocks.0.lock().get(&user)
            && now.saturating_sub(*read) < BLOCKS_FRESH
        {
            return Ok(Arc::clone(blocks));
        }
        let blocks = match self.store.document(user, DocumentKind::Blocks).await?.value {
            Document::Blocks(blocks) => Arc::new(blocks),
            _ => return Err(StoreError::Damaged("a block list is not one".to_owned())),
        };
        let mut cached = self.blocks.0.lock();
        if cached.len() >= BLOCKS_CACHED_MAX {
            cached.retain(|_, (_, read)| now.saturating_sub(*read) < BLOCKS_FRESH);
            if cached.len() >= BLOCKS_CACHED_MAX {
                cached.clear();
            }
        }
        cached.insert(user, (Arc::clone(&blocks), now));
        Ok(blocks)
    }

    async fn must_exist(&self, users: &[UserId]) -> Result<(), DeliveryError> {
        let limit = dunlin_model::limits::USERS_PER_COMMAND_MAX;
        if users.len() > limit {
            return Err(DeliveryError::TooMany { what: "users in one command", limit });
        }
        for user in users {
            if self.store.user(*user).await?.is_none() {
                return Err(DeliveryError::NoSuchUser);
            }
        }
        Ok(())
    }
}
