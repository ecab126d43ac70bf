//! What the server sees of handshakes (RFC 9420), checked before they are accepted (DESIGN.md, section 4).
//!
//! Handshakes are PublicMessages. openmls' `PublicGroup`, made from the GroupInfo of the chat's current epoch,
//! says what a commit does; that is held against what its command declares, and against the certificates by
//! which devices are known. The work runs beside the async runtime. What needs a secret of the group
//! to be checked is left to its devices.

mod cache;
mod commit;
pub mod fuzz;
mod gather;
mod group;
mod info;
mod key_package;
mod leaf;
mod refusals;
mod start;
mod storage;
mod tree;
mod welcome;

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use dunlin_model::chat::{Decision, KeyState, decide};
use dunlin_model::{
    ChatCommand, ChatId, ClientSeq, Commit, DecisionContext, DeviceId, GroupStart, Refusal, Suite, Timestamp,
};
use openmls_rust_crypto::RustCrypto;
use tokio::sync::Semaphore;

use self::cache::GroupCache;
use self::commit::Unfit;
use self::group::{Place, Seen};
use self::info::Info;
use self::leaf::Known;
use self::refusals::Refusals;
use crate::chat::Chat;
use crate::{Delivery, DeliveryError};

/// Handshakes, and uploads of key packages, that are looked into at a time; others wait.
const CHECKED_AT_ONCE_MAX: usize = 4;

/// Why a handshake is not valid: the end of a sentence.
type Why = &'static str;

/// What is needed to look into handshakes.
pub(crate) struct Handshakes {
    /// Verifies and hashes; of its randomness nothing is drawn.
    crypto: Arc<RustCrypto>,
    turns: Semaphore,
    groups: GroupCache,
    refusals: Refusals,
}

impl Default for Handshakes {
    fn default() -> Self {
        let (crypto, turns) = (Arc::default(), Semaphore::new(CHECKED_AT_ONCE_MAX));
        Self { crypto, turns, groups: GroupCache::default(), refusals: Refusals::default() }
    }
}

/// The MLS messages of a handshake.
struct Parts {
    /// Empty for a start.
    commit: Bytes,
    welcome: Option<Bytes>,
    group_info: Bytes,
}

/// What is looked into, and against what.
struct Asked {
    /// Where a commit begins, and a start leads to.
    place: Place,
    from: DeviceId,
    parts: Parts,
    known: Known,
    now: Timestamp,
}

/// The group that a commit is for.
enum Before {
    /// As it was left by what led to it.
    Kept(Box<Seen>),
    /// The accepted GroupInfo, and the devices that the log knows.
    Stored(Bytes, BTreeSet<DeviceId>),
}

impl Before {
    fn open(self, crypto: &RustCrypto, place: &Place) -> Result<Seen, Why> {
        match self {
            Self::Kept(seen) => Ok(*seen),
            Self::Stored(info, devices) => Seen::accepted(crypto, Info::parse(&info)?, place, &devices),
        }
    }
}

impl Delivery {
    /// Looks into a start or a commit. The chat's turn is held, so that nothing of this server comes between;
    /// what another server appends meanwhile changes the epoch, or leaves the answer as it is. Cancel safe.
    ///
    /// # Errors
    /// `Refused`, also for what the log alone forbids; `TooFast` for a device of which too many were not valid
    /// lately; `Store`, `Blobs`.
    pub(crate) async fn check_handshake(
        &self,
        chat: &Chat,
        from: DeviceId,
        number: ClientSeq,
        command: &ChatCommand,
    ) -> Result<(), DeliveryError> {
        chat.pipeline.drained().await;
        if chat.is_behind() {
            chat.catch_up(&*self.store).await?;
        }
        // Who tries again, or lost a race, is told so, and nothing is looked into.
        let mut decided = self.decide_handshake(chat, from, number, command);
        if decided.is_err() {
            // Another server may have gone on in the chat, and nobody here was to be told of it.
            chat.catch_up(&*self.store).await?;
            decided = self.decide_handshake(chat, from, number, command);
        }
        let Some(keys) = decided.inspect_err(|_| self.metrics.refused.add(1))? else { return Ok(()) };
        self.may_be_looked_into(from)?;
        let checked = match command {
            ChatCommand::StartGroup(start) => self.check_start(chat.id, from, start).await,
            ChatCommand::Commit(commit) => self.check_commit(chat.id, from, commit, keys).await,
            _ => Ok(()),
        };
        if let Err(DeliveryError::Refused(Refusal::InvalidHandshake { .. })) = checked {
            self.handshakes.refusals.add(from, self.clock.monotonic());
        }
        checked
    }

    /// The keys on which the command is fresh and allowed; nothing for one that was accepted before.
    fn decide_handshake(
        &self,
        chat: &Chat,
        from: DeviceId,
        number: ClientSeq,
        command: &ChatCommand,
    ) -> Result<Option<KeyState>, Refusal> {
        let (config, context) = (self.config(), DecisionContext::default());
        chat.look(|state| match decide(state, &config.chat, from, number, command.clone(), &context)? {
            Decision::Append(_) => Ok(Some(state.keys.clone())),
            Decision::Repeat(_) => Ok(None),
        })
    }

    async fn check_start(
        &self,
        chat: ChatId,
        from: DeviceId,
        start: &GroupStart,
    ) -> Result<(), DeliveryError> {
        let place = Place { chat, epoch: start.epoch, suite: start.suite };
        let parts = self.parts(None, start.welcome.as_ref(), &start.group_info).await?;
        let known = self.known(&start.devices).await?;
        let asked = Asked { place, from, parts, known, now: self.clock.now() };
        let payload = start.group_info.clone();
        let start = start.clone();
        let turn = self.turn_of(from).await?;
        let seen = self.beside_the_runtime(turn, move |crypto| start::check(crypto, &asked, &start)).await?;
        let seen = seen.map_err(|why| self.invalid(why))?;
        self.handshakes.groups.put(place, payload, seen);
        Ok(())
    }

    async fn check_commit(
        &self,
        chat: ChatId,
        from: DeviceId,
        commit: &Commit,
        keys: KeyState,
    ) -> Result<(), DeliveryError> {
        let place = Place { chat, epoch: commit.epoch, suite: keys.suite.unwrap_or(Suite::HYBRID) };
        let parts = self.parts(Some(&commit.commit), commit.welcome.as_ref(), &commit.group_info).await?;
        let known = self.known(commit.added.iter().chain([&from])).await?;
        let asked = Asked { place, from, parts, known, now: self.clock.now() };
        let current = keys.group_info.ok_or(Refusal::StaleEpoch { current: keys.epoch })?;
        // Before the group is taken out: who has to wait does not lose it.
        let turn = self.turn_of(from).await?;
        let before = match self.handshakes.groups.take(place, &current) {
            Some(seen) => Before::Kept(Box::new(seen)),
            None => Before::Stored(self.bytes_of(&current).await?, keys.devices.into_keys().collect()),
        };
        if matches!(before, Before::Stored(..)) {
            self.metrics.groups_verified.add(1);
        }
        let payload = commit.group_info.clone();
        let commit = commit.clone();
        let looked = move |crypto: &RustCrypto| {
            let seen = before.open(crypto, &asked.place).map_err(|why| Unfit { why, before: None })?;
            commit::check(crypto, &asked, &commit, seen)
        };
        match self.beside_the_runtime(turn, looked).await? {
            Ok(seen) => {
                self.handshakes.groups.put(place.next(), payload, seen);
                Ok(())
            }
            Err(Unfit { why, before }) => {
                // Nobody makes the server verify a large group anew with each commit that is none.
                if let Some(before) = before {
                    self.handshakes.groups.put(place, current, *before);
                }
                Err(self.invalid(why))
            }
        }
    }
}
