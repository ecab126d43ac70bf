//! Users, devices, challenges, documents and secrets.

use std::collections::BTreeMap;

use async_trait::async_trait;
use dunlin_model::account::{Address, Challenge, Device, Document, DocumentKind, Version, Versioned};
use dunlin_model::{DeviceId, Timestamp, UserId};

use super::{MemoryStore, Operation};
use crate::{
    Appended, Challenges, Claim, Devices, Documents, Replaced, Secrets, StoreError, UserRecord, Users,
};

#[derive(Debug, Default)]
pub(super) struct People {
    users: BTreeMap<UserId, UserRecord>,
    addresses: BTreeMap<Address, UserId>,
    devices: BTreeMap<DeviceId, Versioned<Device>>,
    challenges: BTreeMap<Address, Versioned<Challenge>>,
    documents: BTreeMap<(UserId, DocumentKind), Versioned<Document>>,
    secrets: BTreeMap<String, [u8; 32]>,
}

impl People {
    /// Whether a device is there and not revoked.
    pub(super) fn is_live(&self, device: DeviceId) -> bool {
        self.devices.get(&device).is_some_and(|device| device.value.revoked.is_none())
    }
}

/// Puts `read.value` at `key` on condition that the version there (0 for nothing) is `read.version`.
fn replace<K: Ord, T: Clone>(table: &mut BTreeMap<K, Versioned<T>>, key: K, read: &Versioned<T>) -> Replaced {
    if table.get(&key).map_or(Version(0), |there| there.version) != read.version {
        return Replaced::Changed;
    }
    let version = Version(read.version.0 + 1);
    table.insert(key, Versioned { version, value: read.value.clone() });
    Replaced::Done(version)
}

#[async_trait]
impl Users for MemoryStore {
    async fn claim_address(&self, record: &UserRecord) -> Result<Claim, StoreError> {
        self.write(Operation::WritePeople, |tables| {
            if let Some(user) = tables.people.addresses.get(&record.address) {
                return Claim::Existing(*user);
            }
            tables.people.addresses.insert(record.address.clone(), record.id);
            tables.people.users.insert(record.id, record.clone());
            Claim::New
        })
    }

    async fn user(&self, id: UserId) -> Result<Option<UserRecord>, StoreError> {
        self.read(Operation::ReadPeople, |tables| tables.people.users.get(&id).cloned())
    }

    async fn find_user(&self, address: &Address) -> Result<Option<UserId>, StoreError> {
        self.read(Operation::ReadPeople, |tables| tables.people.addresses.get(address).copied())
    }
}

#[async_trait]
impl Devices for MemoryStore {
    async fn add_device(&self, device: &Device) -> Result<Appended, StoreError> {
        let absent = Versioned { version: Version(0), value: device.clone() };
        self.write(Operation::WritePeople, |tables| {
            match replace(&mut tables.people.devices, device.id, &absent) {
                Replaced::Done(_) => Appended::Written,
                Replaced::Changed => Appended::Taken,
            }
        })
    }

    async fn device(&self, id: DeviceId) -> Result<Option<Versioned<Device>>, StoreError> {
        self.read(Operation::ReadPeople, |tables| tables.people.devices.get(&id).cloned())
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Versioned<Device>>, StoreError> {
        self.read(Operation::ReadPeople, |tables| {
            let of_user = tables.people.devices.iter().filter(|(id, _)| id.user == user);
            of_user.map(|(_, device)| device.clone()).collect()
        })
    }

    async fn replace_device(&self, read: &Versioned<Device>) -> Result<Replaced, StoreError> {
        self.write(Operation::WritePeople, |tables| {
            // Devices come into being by `add_device` only.
            if tables.people.devices.contains_key(&read.value.id) {
                replace(&mut tables.people.devices, read.value.id, read)
            } else {
                Replaced::Changed
            }
        })
    }
}

#[async_trait]
impl Challenges for MemoryStore {
    async fn challenge(&self, address: &Address) -> Result<Option<Versioned<Challenge>>, StoreError> {
        self.read(Operation::ReadPeople, |tables| tables.people.challenges.get(address).cloned())
    }

    async fn replace_challenge(
        &self,
        address: &Address,
        read: &Versioned<Challenge>,
    ) -> Result<Replaced, StoreError> {
        self.write(Operation::WritePeople, |tables| {
            replace(&mut tables.people.challenges, address.clone(), read)
        })
    }

    async fn forget_challenges(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.write(Operation::WritePeople, |tables| {
            let quiet = |challenge: &Challenge| {
                challenge.expires < before
                    && challenge.sent.iter().chain(&challenge.failures).all(|time| *time < before)
            };
            let challenges = &mut tables.people.challenges;
            let forgotten: Vec<Address> = challenges
                .iter()
                .filter(|(_, challenge)| quiet(&challenge.value))
                .map(|(address, _)| address.clone())
                .take(limit)
                .collect();
            for address in &forgotten {
                challenges.remove(address);
            }
            forgotten.len()
        })
    }
}

#[async_trait]
impl Documents for MemoryStore {
    async fn document(&self, user: UserId, kind: DocumentKind) -> Result<Versioned<Document>, StoreError> {
        self.read(Operation::ReadPeople, |tables| {
            let written = tables.people.documents.get(&(user, kind)).cloned();
            written.unwrap_or_else(|| Versioned { version: Version(0), value: Document::empty(kind) })
        })
    }

    async fn replace_document(
        &self,
        user: UserId,
        read: &Versioned<Document>,
    ) -> Result<Replaced, StoreError> {
        self.write(Operation::WritePeople, |tables| {
            replace(&mut tables.people.documents, (user, read.value.kind()), read)
        })
    }
}

#[async_trait]
impl Secrets for MemoryStore {
    async fn shared_secret(&self, name: &str, candidate: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.write(Operation::WritePeople, |tables| {
            *tables.people.secrets.entry(name.to_owned()).or_insert(candidate)
        })
    }

    async fn incarnation(&self) -> Result<u64, StoreError> {
        self.read(Operation::ReadPeople, |_| self.incarnation)
    }
}
