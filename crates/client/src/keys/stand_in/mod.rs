//! A stand-in for MLS that keeps its rules and has none of its protection. THIS IS NOT ENCRYPTION.
//!
//! It is for tests and the simulator: epochs, who can read which of them, one Welcome entry for each added
//! device, key packages used once, pending commits, five past epochs, and keys that are used once. Secrets stand
//! in its messages in clear; it merely refuses to look at those that real MLS would not show to this device.
//! No constructor of a shipped client leads here.

mod handshake;
mod messages;
mod rows;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use dunlin_model::{ChatId, DeviceCertificate, DeviceId, Epoch, Suite};
use serde::{Deserialize, Serialize};

use super::{Decrypted, Keys, KeysError, Prepared, Staged};
use crate::generator::Generator;
use crate::{Batch, Key, Value};

pub use messages::{KeyUse, key_use};

type Secret = [u8; 32];
type LeafId = [u8; 16];
type PackageId = [u8; 16];

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Leaf {
    id: LeafId,
    /// Encoded: to decode it is to verify it, and a commit brings those of everyone.
    certificate: Vec<u8>,
}

impl Leaf {
    fn of(id: LeafId, certificate: &DeviceCertificate) -> Self {
        Self { id, certificate: certificate.encode().to_vec() }
    }

    fn certificate(&self) -> Option<DeviceCertificate> {
        DeviceCertificate::decode(&self.certificate).ok()
    }
}

type Leaves = BTreeMap<DeviceId, Leaf>;

/// What reading one epoch's messages takes.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct EpochKeys {
    number: u64,
    secret: Secret,
    leaves: Leaves,
    used: BTreeSet<(LeafId, u64)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Group {
    id: [u8; 16],
    generation: u32,
    suite: Suite,
    current: EpochKeys,
    past: VecDeque<EpochKeys>,
    sent: u64,
    entered: u64,
}

impl Group {
    fn epoch(&self) -> Epoch {
        Epoch { generation: self.generation, number: self.current.number }
    }
}

/// The groups of a chat that have rows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Slot {
    group: Option<Group>,
    pending: Option<Group>,
}

/// The keys of one device, without protection.
#[derive(Debug)]
pub struct StandIn {
    certificate: DeviceCertificate,
    generator: Generator,
    slots: BTreeMap<ChatId, Slot>,
    staged: BTreeMap<ChatId, Group>,
    /// Private parts of key packages, and whether each stays after use.
    packages: BTreeMap<PackageId, bool>,
    changed: BTreeSet<ChatId>,
    changes: Batch,
}

impl StandIn {
    /// The keys of the device of `certificate`, from the rows that it wrote.
    pub fn open(
        certificate: DeviceCertificate,
        seed: [u8; 32],
        rows: impl IntoIterator<Item = (Key, Value)>,
    ) -> Self {
        let mut keys = Self {
            certificate,
            generator: Generator::new(seed),
            slots: BTreeMap::new(),
            staged: BTreeMap::new(),
            packages: BTreeMap::new(),
            changed: BTreeSet::new(),
            changes: Batch::default(),
        };
        for (key, value) in rows {
            keys.load(&key, &value);
        }
        keys
    }

    fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.generator.fill(&mut bytes);
        bytes
    }

    fn own(&self) -> DeviceId {
        self.certificate.device
    }

    fn group(&self, chat: ChatId) -> Result<&Group, KeysError> {
        self.slots.get(&chat).and_then(|slot| slot.group.as_ref()).ok_or(KeysError::NoGroup)
    }

    fn group_mut(&mut self, chat: ChatId) -> Result<&mut Group, KeysError> {
        self.changed.insert(chat);
        self.slots.get_mut(&chat).and_then(|slot| slot.group.as_mut()).ok_or(KeysError::NoGroup)
    }

    fn slot(&mut self, chat: ChatId) -> &mut Slot {
        self.changed.insert(chat);
        self.slots.entry(chat).or_default()
    }
}

impl Keys for StandIn {
    fn key_packages(
        &mut self,
        suite: Suite,
        count: usize,
        last_resort: bool,
    ) -> Result<Vec<Bytes>, KeysError> {
        Ok((0..count).map(|_| self.make_package(suite, last_resort)).collect())
    }

    fn start(
        &mut self,
        chat: ChatId,
        generation: u32,
        suite: Suite,
        packages: &[(DeviceId, Bytes)],
    ) -> Result<Prepared, KeysError> {
        self.prepare_start(chat, generation, suite, packages)
    }

    fn commit(
        &mut self,
        chat: ChatId,
        add: &[(DeviceId, Bytes)],
        remove: &[DeviceId],
    ) -> Result<Prepared, KeysError> {
        self.prepare_commit(chat, add, remove)
    }

    fn enter(&mut self, chat: ChatId, generation: u32, group_info: &[u8]) -> Result<Prepared, KeysError> {
        self.prepare_entry(chat, generation, group_info)
    }

    fn merge_pending(&mut self, chat: ChatId) -> Result<(), KeysError> {
        let slot = self.slot(chat);
        slot.group = Some(slot.pending.take().ok_or(KeysError::NoGroup)?);
        Ok(())
    }

    fn discard_pending(&mut self, chat: ChatId) {
        self.slot(chat).pending = None;
    }

    fn join(&mut self, chat: ChatId, generation: u32, welcome: &[u8]) -> Result<(), KeysError> {
        self.take_welcome(chat, generation, welcome)
    }

    fn stage(&mut self, chat: ChatId, commit: &[u8]) -> Result<Staged, KeysError> {
        self.look_at_commit(chat, commit)
    }

    fn merge_staged(&mut self, chat: ChatId) -> Result<(), KeysError> {
        let staged = self.staged.remove(&chat).ok_or(KeysError::NoGroup)?;
        *self.group_mut(chat)? = staged;
        Ok(())
    }

    fn discard_staged(&mut self, chat: ChatId) {
        self.staged.remove(&chat);
    }

    fn encrypt(&mut self, chat: ChatId, plaintext: &[u8]) -> Result<(Epoch, Bytes), KeysError> {
        self.write_message(chat, plaintext)
    }

    fn decrypt(&mut self, chat: ChatId, ciphertext: &[u8]) -> Result<Decrypted, KeysError> {
        self.read_message(chat, ciphertext)
    }

    fn members(&self, chat: ChatId) -> Vec<DeviceCertificate> {
        self.group(chat).map_or_else(
            |_| Vec::new(),
            |group| group.current.leaves.values().filter_map(Leaf::certificate).collect(),
        )
    }

    fn epoch(&self, chat: ChatId) -> Option<Epoch> {
        self.group(chat).ok().map(Group::epoch)
    }

    fn forget(&mut self, chat: ChatId) {
        self.staged.remove(&chat);
        let slot = self.slot(chat);
        let Some(group) = slot.group.take() else { return };
        // A commit that is pending goes with its group.
        slot.pending = slot.pending.take().filter(|pending| pending.id != group.id);
    }

    fn take_changes(&mut self) -> Batch {
        self.write_changed();
        std::mem::take(&mut self.changes)
    }
}
