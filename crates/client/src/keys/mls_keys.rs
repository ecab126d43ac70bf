//! The keys of chats by MLS: what the shipped clients use.
//!
//! Rows are those of the MLS layer behind `k/`, and one row for each chat (`k/chat/`) that says which generation is
//! current and what is pending, so that a client that died between two steps finds its place.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use dunlin_model::{ChatId, DeviceCertificate, DeviceId, Epoch, Suite};
use serde::{Deserialize, Serialize};

use super::{Decrypted, Keys, KeysError, Prepared, Staged};
use crate::mls::group::{DecryptError, PendingCommit, Undecryptable};
use crate::mls::{self, DeviceIdentity, Group, GroupName, Provider, VerifiedKeyPackage, key_packages};
use crate::{Batch, Key, Value, rows};

/// Rows that say where each chat stands, behind the prefix of all keys.
const CHAT: &[u8] = b"chat/";

/// A device's keys.
pub struct MlsKeys {
    provider: Provider,
    identity: DeviceIdentity,
    chats: BTreeMap<ChatId, Held>,
    changed: BTreeSet<ChatId>,
}

/// What a device holds of a chat.
#[derive(Default)]
struct Held {
    current: Option<Member>,
    pending: Option<Pending>,
    staged: Option<mls::Staged>,
}

struct Member {
    group: Group,
    /// The epoch at which this device came in.
    entered: u64,
}

enum Pending {
    /// The current group has a commit that waits to come back.
    Commit,
    /// A group that this device started, or entered from outside, and that takes the current one's place.
    Group(Box<Member>),
}

/// A chat's row.
#[derive(Serialize, Deserialize)]
struct Place {
    /// Generation and epoch of entry.
    current: Option<(u32, u64)>,
    pending: PendingPlace,
}

#[derive(Serialize, Deserialize)]
enum PendingPlace {
    Nothing,
    Commit,
    Group(u32, u64),
}

impl MlsKeys {
    /// The keys of a new device. What they draw follows from `seed`, which must never be used twice.
    pub fn create(identity: DeviceIdentity, seed: [u8; 32]) -> Self {
        let provider = Provider::new(seed);
        Self { provider, identity, chats: BTreeMap::new(), changed: BTreeSet::new() }
    }

    /// The keys of a device from their rows. A chat whose rows are damaged has no keys, and is entered anew.
    pub fn open(
        identity: DeviceIdentity,
        seed: [u8; 32],
        rows: impl IntoIterator<Item = (Key, Value)>,
    ) -> Self {
        let mut keys = Self::create(identity, seed);
        let mut places = Vec::new();
        let stripped = rows.into_iter().filter_map(|(key, value)| {
            let key = key.strip_prefix(rows::KEYS)?.to_vec();
            if let Some(chat) = key.strip_prefix(CHAT) {
                places.push((ChatId::try_from(chat).ok()?, rows::decode::<Place>(&value)?));
                return None;
            }
            Some((key, value))
        });
        let stripped: Vec<_> = stripped.collect();
        keys.provider.state().load(stripped);
        for (chat, place) in places {
            let member = |(generation, entered)| {
                let group = Group::open(&keys.provider, GroupName { chat, generation }).ok().flatten()?;
                Some(Member { group, entered })
            };
            let current = place.current.and_then(member);
            let pending = match place.pending {
                PendingPlace::Nothing => None,
                PendingPlace::Commit => {
                    current.as_ref().filter(|held| held.group.has_pending_commit()).map(|_| Pending::Commit)
                }
                PendingPlace::Group(generation, entered) => {
                    member((generation, entered)).map(|member| Pending::Group(Box::new(member)))
                }
            };
            keys.chats.insert(chat, Held { current, pending, staged: None });
        }
        keys
    }

    fn held(&mut self, chat: ChatId) -> &mut Held {
        self.changed.insert(chat);
        self.chats.entry(chat).or_default()
    }

    /// Key packages that are valid, of the device they are said to be of, and of the suite; those left out cannot be
    /// added now.
    fn verified(&self, suite: mls::Suite, packages: &[(DeviceId, Bytes)]) -> Vec<VerifiedKeyPackage> {
        let verify = |(device, bytes): &(DeviceId, Bytes)| {
            let package = VerifiedKeyPackage::parse(&self.provider, bytes).ok()?;
            (package.certificate.device == *device && package.suite == suite).then_some(package)
        };
        let mut verified: Vec<VerifiedKeyPackage> = packages.iter().filter_map(verify).collect();
        verified.sort_by_key(|package| package.certificate.device);
        verified.dedup_by_key(|package| package.certificate.device);
        verified
    }

    fn current(&mut self, chat: ChatId) -> Result<(&Provider, &DeviceIdentity, &mut Member), KeysError> {
        let held = self.chats.get_mut(&chat).and_then(|held| held.current.as_mut());
        let member = held.filter(|member| member.group.is_active()).ok_or(KeysError::NoGroup)?;
        Ok((&self.provider, &self.identity, member))
    }

    /// Forgets a group that lost its place to another; one of the same name keeps the rows.
    fn replace(&mut self, chat: ChatId, member: Member) {
        let name = member.group.name();
        let before = self.held(chat).current.replace(member);
        if let Some(before) = before.filter(|before| before.group.name() != name) {
            Group::delete(&self.provider, before.group.name());
        }
    }

    fn place_row(&self, chat: ChatId) -> Option<Value> {
        let held = self.chats.get(&chat)?;
        let place = |member: &Member| (member.group.name().generation, member.entered);
        let pending = match &held.pending {
            None => PendingPlace::Nothing,
            Some(Pending::Commit) => PendingPlace::Commit,
            Some(Pending::Group(member)) => {
                let (generation, entered) = place(member);
                PendingPlace::Group(generation, entered)
            }
        };
        Some(rows::encode(&Place { current: held.current.as_ref().map(place), pending }))
    }
}

impl Keys for MlsKeys {
    fn key_packages(
        &mut self,
        suite: Suite,
        count: usize,
        last_resort: bool,
    ) -> Result<Vec<Bytes>, KeysError> {
        let suite = suite_of(suite)?;
        let make = if last_resort { key_packages::make_last_resort } else { key_packages::make };
        (0..count)
            .map(|_| {
                let made = make(&self.provider, &self.identity, suite);
                made.map(|package| package.message.into()).map_err(|_| KeysError::Invalid("no key package"))
            })
            .collect()
    }

    fn start(
        &mut self,
        chat: ChatId,
        generation: u32,
        suite: Suite,
        packages: &[(DeviceId, Bytes)],
    ) -> Result<Prepared, KeysError> {
        self.discard_pending(chat);
        let suite = suite_of(suite)?;
        let added = self.verified(suite, packages);
        let name = GroupName { chat, generation };
        let (group, started) = Group::create(&self.provider, &self.identity, name, suite, &added)
            .map_err(|_| KeysError::Invalid("the group cannot be started"))?;
        let entered = group.epoch();
        let prepared = Prepared {
            epoch: Epoch { generation, number: entered },
            commit: Bytes::new(),
            welcome: started.welcome.map(Bytes::from),
            group_info: started.group_info.into(),
            added: added.iter().map(|package| package.certificate.device).collect(),
        };
        self.held(chat).pending = Some(Pending::Group(Box::new(Member { group, entered })));
        Ok(prepared)
    }

    fn commit(
        &mut self,
        chat: ChatId,
        add: &[(DeviceId, Bytes)],
        remove: &[DeviceId],
    ) -> Result<Prepared, KeysError> {
        self.discard_pending(chat);
        let suite = self.current(chat)?.2.group.suite().map_err(|_| KeysError::NoGroup)?;
        let added = self.verified(suite, add);
        let (provider, identity, member) = self.current(chat)?;
        let epoch = Epoch { generation: member.group.name().generation, number: member.group.epoch() };
        let made = member
            .group
            .commit(provider, identity, &added, remove)
            .map_err(|_| KeysError::Invalid("the commit cannot be made"))?;
        self.held(chat).pending = Some(Pending::Commit);
        Ok(prepared(epoch, made))
    }

    fn enter(&mut self, chat: ChatId, generation: u32, group_info: &[u8]) -> Result<Prepared, KeysError> {
        self.discard_pending(chat);
        let (group, made) = Group::join_externally(&self.provider, &self.identity, group_info)
            .map_err(|_| KeysError::Invalid("the group info is not usable"))?;
        if group.name() != (GroupName { chat, generation }) {
            Group::delete(&self.provider, group.name());
            return Err(KeysError::Invalid("the group info is of another group"));
        }
        // The state of a group of this name is gone: it was of no use any more, or nobody would enter anew.
        let held = self.held(chat);
        held.current = held.current.take().filter(|member| member.group.name() != group.name());
        let entered = group.epoch();
        held.pending = Some(Pending::Group(Box::new(Member { group, entered })));
        Ok(prepared(Epoch { generation, number: entered.saturating_sub(1) }, made))
    }

    fn merge_pending(&mut self, chat: ChatId) -> Result<(), KeysError> {
        match self.held(chat).pending.take() {
            None => Err(KeysError::NoGroup),
            Some(Pending::Group(member)) => {
                self.replace(chat, *member);
                Ok(())
            }
            Some(Pending::Commit) => {
                let (provider, _, member) = self.current(chat)?;
                member
                    .group
                    .merge_pending(provider)
                    .map_err(|_| KeysError::Invalid("the commit cannot be merged"))
            }
        }
    }

    fn discard_pending(&mut self, chat: ChatId) {
        let Some(held) = self.chats.get_mut(&chat) else { return };
        match held.pending.take() {
            None => return,
            Some(Pending::Group(member)) => Group::delete(&self.provider, member.group.name()),
            Some(Pending::Commit) => {
                if let Some(member) = &mut held.current {
                    // What cannot be discarded is replaced by whatever is merged next.
                    let _ = member.group.discard_pending(&self.provider);
                }
            }
        }
        self.changed.insert(chat);
    }

    fn join(&mut self, chat: ChatId, generation: u32, welcome: &[u8]) -> Result<(), KeysError> {
        let group = Group::join(&self.provider, welcome)
            .map_err(|_| KeysError::Invalid("the Welcome is not for this device"))?;
        if group.name() != (GroupName { chat, generation }) {
            Group::delete(&self.provider, group.name());
            return Err(KeysError::Invalid("the Welcome is for another group"));
        }
        let entered = group.epoch();
        self.replace(chat, Member { group, entered });
        Ok(())
    }

    fn stage(&mut self, chat: ChatId, commit: &[u8]) -> Result<Staged, KeysError> {
        let (provider, _, member) = self.current(chat)?;
        let staged = member
            .group
            .stage(provider, commit)
            .map_err(|_| KeysError::Invalid("the commit cannot be applied"))?;
        if staged.removes_us {
            return Err(KeysError::Removed);
        }
        let replaced = |device: &DeviceId| staged.external && *device == staged.by.device;
        let enters_anew = staged.removed.iter().any(replaced);
        let mut added: Vec<DeviceCertificate> = staged.added.clone();
        added.retain(|one| !(enters_anew && replaced(&one.device)));
        added.sort_by_key(|one| one.device);
        let mut removed: Vec<DeviceId> = staged.removed.clone();
        removed.retain(|device| !replaced(device));
        removed.sort_unstable();
        let seen = Staged { by: staged.by.clone(), added, removed, external: staged.external };
        self.held(chat).staged = Some(staged);
        Ok(seen)
    }

    fn merge_staged(&mut self, chat: ChatId) -> Result<(), KeysError> {
        let staged = self.held(chat).staged.take().ok_or(KeysError::NoGroup)?;
        let (provider, _, member) = self.current(chat)?;
        member
            .group
            .merge(provider, staged)
            .map_err(|_| KeysError::Invalid("the commit cannot be merged"))?;
        let held = self.held(chat);
        if matches!(held.pending, Some(Pending::Commit)) {
            held.pending = None; // It was for the epoch that is over.
        }
        Ok(())
    }

    fn discard_staged(&mut self, chat: ChatId) {
        if let Some(held) = self.chats.get_mut(&chat) {
            held.staged = None;
        }
    }

    fn encrypt(&mut self, chat: ChatId, plaintext: &[u8]) -> Result<(Epoch, Bytes), KeysError> {
        let (provider, identity, member) = self.current(chat)?;
        let epoch = Epoch { generation: member.group.name().generation, number: member.group.epoch() };
        let ciphertext = member
            .group
            .encrypt(provider, identity, &[], plaintext)
            .map_err(|_| KeysError::Invalid("the message cannot be encrypted"))?;
        Ok((epoch, ciphertext.into()))
    }

    fn decrypt(&mut self, chat: ChatId, ciphertext: &[u8]) -> Result<Decrypted, KeysError> {
        let (provider, _, member) = self.current(chat)?;
        let entered = member.entered;
        match member.group.decrypt(provider, ciphertext) {
            Ok(message) => {
                if message.epoch < entered {
                    return Err(KeysError::BeforeEntry);
                }
                Ok(Decrypted { sender: message.sender.device, plaintext: message.plaintext })
            }
            Err(DecryptError::OtherGroup) => Err(KeysError::BeforeEntry),
            Err(DecryptError::Undecryptable(Undecryptable::EpochTooOld)) => {
                // Keys of an epoch before the entry never were here.
                let kept = member.group.epoch().saturating_sub(u64::from(mls::PAST_EPOCHS_MAX));
                Err(if kept <= entered { KeysError::BeforeEntry } else { KeysError::TooOld })
            }
            Err(DecryptError::Undecryptable(Undecryptable::EpochUnknown)) => Err(KeysError::NotEntered),
            Err(DecryptError::Undecryptable(Undecryptable::KeyGone)) => Err(KeysError::Reused),
            Err(_) => Err(KeysError::Invalid("the message cannot be decrypted")),
        }
    }

    fn members(&self, chat: ChatId) -> Vec<DeviceCertificate> {
        let member = self.chats.get(&chat).and_then(|held| held.current.as_ref());
        let members = member.and_then(|member| member.group.members(&self.provider).ok()).unwrap_or_default();
        let mut members: Vec<DeviceCertificate> = members.into_iter().map(|leaf| leaf.certificate).collect();
        members.sort_by_key(|certificate| certificate.device);
        members
    }

    fn epoch(&self, chat: ChatId) -> Option<Epoch> {
        let member = self.chats.get(&chat)?.current.as_ref().filter(|member| member.group.is_active())?;
        Some(Epoch { generation: member.group.name().generation, number: member.group.epoch() })
    }

    fn forget(&mut self, chat: ChatId) {
        let Some(held) = self.chats.get_mut(&chat) else { return };
        let current = held.current.take();
        held.staged = None;
        held.pending = held.pending.take().filter(|pending| matches!(pending, Pending::Group(_)));
        if held.pending.is_none() {
            self.chats.remove(&chat);
        }
        if let Some(member) = current {
            Group::delete(&self.provider, member.group.name());
        }
        self.changed.insert(chat);
    }

    fn take_changes(&mut self) -> Batch {
        let mut batch = Batch::default();
        for (key, value) in self.provider.state().take_changes() {
            let key = [rows::KEYS, &key].concat();
            match value {
                Some(value) => batch.put(key, value),
                None => batch.delete(key),
            }
        }
        for chat in std::mem::take(&mut self.changed) {
            let key = [rows::KEYS, CHAT, chat.as_bytes()].concat();
            match self.place_row(chat) {
                Some(row) => batch.put(key, row),
                None => batch.delete(key),
            }
        }
        batch
    }
}

fn suite_of(suite: Suite) -> Result<mls::Suite, KeysError> {
    mls::Suite::try_from(suite.0).map_err(|_| KeysError::Invalid("the suite is not known"))
}

fn prepared(epoch: Epoch, made: PendingCommit) -> Prepared {
    let mut added: Vec<DeviceId> = made.added.iter().map(|one| one.device).collect();
    added.sort_unstable();
    Prepared {
        epoch,
        commit: made.commit.into(),
        welcome: made.welcome.map(Bytes::from),
        group_info: made.group_info.into(),
        added,
    }
}
