//! Handshakes of the stand-in: key packages, starts, commits, entries, Welcomes.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;
use dunlin_model::mls::EPOCHS_BACK_MAX;
use dunlin_model::{ChatId, DeviceCertificate, DeviceId, Epoch, Suite};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{EpochKeys, Group, Leaf, LeafId, Leaves, PackageId, Secret, StandIn};
use crate::keys::{KeysError, Prepared, Staged};
use crate::rows::{decode, encode};

#[derive(Serialize, Deserialize)]
struct Package {
    id: PackageId,
    suite: Suite,
    certificate: DeviceCertificate,
}

/// The public part of an epoch.
#[derive(Serialize, Deserialize)]
struct Info {
    group: [u8; 16],
    generation: u32,
    suite: Suite,
    epoch: u64,
    leaves: Leaves,
}

#[derive(Serialize, Deserialize)]
struct Welcome {
    info: Info,
    packages: BTreeSet<PackageId>,
    secret: Secret,
}

#[derive(Serialize, Deserialize)]
struct CommitMessage {
    group: [u8; 16],
    epoch: u64,
    by: DeviceCertificate,
    external: bool,
    /// The leaves of the epoch that begins.
    leaves: Leaves,
    /// What the leaves that stay are shown, encrypted to each in MLS.
    path: Secret,
    readers: BTreeSet<LeafId>,
    tag: [u8; 32],
}

const NOT_A_COMMIT: KeysError = KeysError::Invalid("the commit cannot be applied");

impl StandIn {
    pub(super) fn make_package(&mut self, suite: Suite, last_resort: bool) -> Bytes {
        let id = self.random();
        self.put_package(id, last_resort);
        encode(&Package { id, suite, certificate: self.certificate.clone() }).into()
    }

    /// The leaves of the valid ones among the packages.
    fn new_leaves(
        &mut self,
        suite: Suite,
        packages: &[(DeviceId, Bytes)],
    ) -> (Vec<(DeviceId, Leaf)>, BTreeSet<PackageId>) {
        let mut leaves = Vec::new();
        let mut ids = BTreeSet::new();
        for (device, bytes) in packages {
            let Some(package) = decode::<Package>(bytes) else { continue };
            if package.certificate.device == *device && package.suite == suite && *device != self.own() {
                ids.insert(package.id);
                leaves.push((*device, Leaf::of(self.random(), &package.certificate)));
            }
        }
        leaves.sort_by_key(|(device, _)| *device);
        (leaves, ids)
    }

    pub(super) fn prepare_start(
        &mut self,
        chat: ChatId,
        generation: u32,
        suite: Suite,
        packages: &[(DeviceId, Bytes)],
    ) -> Result<Prepared, KeysError> {
        let (new, ids) = self.new_leaves(suite, packages);
        let added: Vec<DeviceId> = new.iter().map(|(device, _)| *device).collect();
        let own = Leaf::of(self.random(), &self.certificate);
        let leaves: Leaves = new.into_iter().chain([(self.own(), own)]).collect();
        let number = u64::from(!added.is_empty());
        let current = EpochKeys { number, secret: self.random(), leaves, used: BTreeSet::new() };
        let group = Group {
            id: self.random(),
            generation,
            suite,
            past: VecDeque::new(),
            sent: 0,
            entered: number,
            current,
        };
        let prepared = prepared(&group, group.epoch(), Bytes::new(), added, ids);
        self.slot(chat).pending = Some(group);
        Ok(prepared)
    }

    pub(super) fn prepare_commit(
        &mut self,
        chat: ChatId,
        add: &[(DeviceId, Bytes)],
        remove: &[DeviceId],
    ) -> Result<Prepared, KeysError> {
        let group = self.group(chat)?.clone();
        let (new, ids) = self.new_leaves(group.suite, add);
        let added: Vec<DeviceId> = new.iter().map(|(device, _)| *device).collect();
        let mut leaves = group.current.leaves.clone();
        for device in remove {
            leaves.remove(device).ok_or(KeysError::Invalid("who is to be removed has no leaf"))?;
        }
        let readers = leaves.values().map(|leaf| leaf.id).collect();
        leaves.extend(new);
        let path: Secret = self.random();
        let secret = next_secret(Some(&group.current.secret), &path);
        let mut message = CommitMessage {
            group: group.id,
            epoch: group.current.number,
            by: self.certificate.clone(),
            external: false,
            leaves: leaves.clone(),
            path,
            readers,
            tag: [0; 32],
        };
        message.tag = confirmation(&secret, &message);
        let ended = group.epoch();
        let next = advanced(group, leaves, secret);
        let prepared = prepared(&next, ended, encode(&message).into(), added, ids);
        self.slot(chat).pending = Some(next);
        Ok(prepared)
    }

    pub(super) fn prepare_entry(
        &mut self,
        chat: ChatId,
        generation: u32,
        group_info: &[u8],
    ) -> Result<Prepared, KeysError> {
        let info: Info = decode(group_info).ok_or(KeysError::Invalid("the group info is not one"))?;
        if info.generation != generation {
            return Err(KeysError::Invalid("the group info is of another generation"));
        }
        let own = self.own();
        let mut leaves = info.leaves;
        let enters = leaves.remove(&own).is_none();
        let readers = leaves.values().map(|leaf| leaf.id).collect();
        leaves.insert(own, Leaf::of(self.random(), &self.certificate));
        let path: Secret = self.random();
        let secret = next_secret(None, &path);
        let mut message = CommitMessage {
            group: info.group,
            epoch: info.epoch,
            by: self.certificate.clone(),
            external: true,
            leaves: leaves.clone(),
            path,
            readers,
            tag: [0; 32],
        };
        message.tag = confirmation(&secret, &message);
        let number = info.epoch + 1;
        let current = EpochKeys { number, secret, leaves, used: BTreeSet::new() };
        let (id, suite) = (info.group, info.suite);
        let group = Group { id, generation, suite, current, past: VecDeque::new(), sent: 0, entered: number };
        let ended = Epoch { generation, number: info.epoch };
        let added = if enters { vec![own] } else { Vec::new() };
        let prepared = prepared(&group, ended, encode(&message).into(), added, BTreeSet::new());
        self.slot(chat).pending = Some(group);
        Ok(prepared)
    }

    pub(super) fn take_welcome(
        &mut self,
        chat: ChatId,
        generation: u32,
        welcome: &[u8],
    ) -> Result<(), KeysError> {
        let Welcome { info, packages, secret } =
            decode(welcome).ok_or(KeysError::Invalid("the Welcome is not one"))?;
        let mine = packages.iter().find(|id| self.packages.contains_key(*id)).copied();
        let mine = mine.ok_or(KeysError::Invalid("the Welcome uses no key package of this device"))?;
        if info.generation != generation || !info.leaves.contains_key(&self.own()) {
            return Err(KeysError::Invalid("the Welcome is to another group"));
        }
        if self.packages.get(&mine) == Some(&false) {
            self.delete_package(mine);
        }
        let number = info.epoch;
        let current = EpochKeys { number, secret, leaves: info.leaves, used: BTreeSet::new() };
        let (id, suite, past) = (info.group, info.suite, VecDeque::new());
        self.slot(chat).group =
            Some(Group { id, generation, suite, current, past, sent: 0, entered: number });
        Ok(())
    }

    pub(super) fn look_at_commit(&mut self, chat: ChatId, commit: &[u8]) -> Result<Staged, KeysError> {
        let message: CommitMessage = decode(commit).ok_or(NOT_A_COMMIT)?;
        let own = self.own();
        let group = self.group(chat)?;
        if message.group != group.id || message.epoch != group.current.number {
            return Err(NOT_A_COMMIT);
        }
        let old = &group.current.leaves;
        if !message.leaves.contains_key(&own) {
            return Err(KeysError::Removed);
        }
        if !old.get(&own).is_some_and(|leaf| message.readers.contains(&leaf.id)) {
            return Err(NOT_A_COMMIT);
        }
        let by = message.by.device;
        if !message.external && old.get(&by).is_none_or(|leaf| leaf.certificate != message.by.encode()) {
            return Err(NOT_A_COMMIT);
        }
        let before = (!message.external).then_some(&group.current.secret);
        let secret = next_secret(before, &message.path);
        if confirmation(&secret, &message) != message.tag {
            return Err(NOT_A_COMMIT);
        }
        let new = message.leaves.iter().filter(|(device, _)| !old.contains_key(*device));
        let staged = Staged {
            by: message.by.clone(),
            added: new.filter_map(|(_, leaf)| leaf.certificate()).collect(),
            removed: old.keys().filter(|device| !message.leaves.contains_key(*device)).copied().collect(),
            external: message.external,
        };
        let next = advanced(group.clone(), message.leaves, secret);
        self.staged.insert(chat, next);
        Ok(staged)
    }
}

fn prepared(
    group: &Group,
    epoch: Epoch,
    commit: Bytes,
    added: Vec<DeviceId>,
    packages: BTreeSet<PackageId>,
) -> Prepared {
    let info = || Info {
        group: group.id,
        generation: group.generation,
        suite: group.suite,
        epoch: group.current.number,
        leaves: group.current.leaves.clone(),
    };
    let welcome = (!packages.is_empty())
        .then(|| encode(&Welcome { info: info(), packages, secret: group.current.secret }).into());
    Prepared { epoch, commit, welcome, group_info: encode(&info()).into(), added }
}

/// The group in its next epoch.
fn advanced(mut group: Group, leaves: Leaves, secret: Secret) -> Group {
    let number = group.current.number + 1;
    let next = EpochKeys { number, secret, leaves, used: BTreeSet::new() };
    group.past.push_front(std::mem::replace(&mut group.current, next));
    group.past.truncate(usize::try_from(EPOCHS_BACK_MAX).unwrap_or(usize::MAX));
    group.sent = 0;
    group
}

fn next_secret(before: Option<&Secret>, path: &Secret) -> Secret {
    let mut hash = Sha256::new();
    hash.update(before.map_or(&[][..], |secret| secret));
    hash.update(path);
    hash.finalize().into()
}

fn confirmation(secret: &Secret, message: &CommitMessage) -> [u8; 32] {
    let covered = (message.group, message.epoch, &message.by, message.external, &message.leaves);
    Sha256::new().chain_update(secret).chain_update(encode(&covered)).finalize().into()
}
