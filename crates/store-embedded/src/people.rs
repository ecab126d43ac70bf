//! Users, devices, one-time codes, documents and secrets.

use async_trait::async_trait;
use dunlin_model::account::{Address, Challenge, Device, Document, DocumentKind, Version, Versioned};
use dunlin_model::{DeviceId, Timestamp, UserId};
use dunlin_store::{
    Appended, Challenges, Claim, Devices, Documents, Replaced, Secrets, StoreError, UserRecord, Users,
};
use serde::Serialize;

use crate::keys::{self, Key};
use crate::operation::Operation;
use crate::rows::{self, Row};
use crate::store::EmbeddedStore;

impl EmbeddedStore {
    /// Replaces a versioned row on condition that it still has the version that was read.
    async fn replace<T: Serialize + Sync>(
        &self,
        key: Key,
        read: &Versioned<T>,
    ) -> Result<Replaced, StoreError> {
        let row = rows::encode(&(Version(read.version.0 + 1), &read.value))?;
        let read = read.version;
        self.submit(|reply| Operation::Replace { key, read, row, reply }).await
    }
}

#[async_trait]
impl Users for EmbeddedStore {
    async fn claim_address(&self, record: &UserRecord) -> Result<Claim, StoreError> {
        let (address, user, id) = (keys::address(&record.address), keys::user(record.id), record.id);
        let record = rows::encode(&(record.id, &record.address, record.created))?;
        self.submit(|reply| Operation::Claim { address, user, id, record, reply }).await
    }

    async fn user(&self, id: UserId) -> Result<Option<UserRecord>, StoreError> {
        let Some(row) = self.engine.get(&keys::user(id))? else { return Ok(None) };
        let (id, address, created) = rows::decode(&row)?;
        Ok(Some(UserRecord { id, address, created }))
    }

    async fn find_user(&self, address: &Address) -> Result<Option<UserId>, StoreError> {
        self.engine.get(&keys::address(address))?.map(|row| rows::decode(&row)).transpose()
    }
}

#[async_trait]
impl Devices for EmbeddedStore {
    async fn add_device(&self, device: &Device) -> Result<Appended, StoreError> {
        let (key, row) = (keys::device(device.id), rows::encode(&(Version(1), device))?);
        self.submit(|reply| Operation::Create { key, row, reply }).await
    }

    async fn device(&self, id: DeviceId) -> Result<Option<Versioned<Device>>, StoreError> {
        self.engine.get(&keys::device(id))?.map(|row| rows::decode(&row)).transpose()
    }

    async fn devices(&self, user: UserId) -> Result<Vec<Versioned<Device>>, StoreError> {
        // A handful of rows beside each other: on the caller's thread.
        let (from, to) = keys::devices_of(user);
        self.engine.range(from, to).map(|entry| rows::decode(&entry?.1)).collect()
    }

    async fn replace_device(&self, read: &Versioned<Device>) -> Result<Replaced, StoreError> {
        // Devices are added, never made by replacing nothing.
        if read.version == Version::default() {
            return Ok(Replaced::Changed);
        }
        self.replace(keys::device(read.value.id), read).await
    }
}

#[async_trait]
impl Challenges for EmbeddedStore {
    async fn challenge(&self, address: &Address) -> Result<Option<Versioned<Challenge>>, StoreError> {
        self.engine.get(&keys::challenge(address))?.map(|row| rows::decode(&row)).transpose()
    }

    async fn replace_challenge(
        &self,
        address: &Address,
        read: &Versioned<Challenge>,
    ) -> Result<Replaced, StoreError> {
        self.replace(keys::challenge(address), read).await
    }

    async fn forget_challenges(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError> {
        let rows = self
            .aside(move |engine| {
                let (from, to) = keys::challenges();
                let mut forgettable = Vec::new();
                for entry in engine.range(from, to) {
                    let (key, row) = entry?;
                    let Versioned { version, value } = decode_challenge(&row)?;
                    if forgettable.len() < limit && is_forgettable(&value, before) {
                        forgettable.push((key, version));
                    }
                }
                Ok(forgettable)
            })
            .await?;
        self.submit(|reply| Operation::Forget { rows, reply }).await
    }
}

fn decode_challenge(row: &Row) -> Result<Versioned<Challenge>, StoreError> {
    rows::decode(row)
}

fn is_forgettable(challenge: &Challenge, before: Timestamp) -> bool {
    challenge.expires < before
        && challenge.sent.iter().chain(&challenge.failures).all(|moment| *moment < before)
}

#[async_trait]
impl Documents for EmbeddedStore {
    async fn document(&self, user: UserId, kind: DocumentKind) -> Result<Versioned<Document>, StoreError> {
        match self.engine.get(&keys::document(user, kind))? {
            Some(row) => rows::decode(&row),
            None => Ok(Versioned { version: Version::default(), value: Document::empty(kind) }),
        }
    }

    async fn replace_document(
        &self,
        user: UserId,
        read: &Versioned<Document>,
    ) -> Result<Replaced, StoreError> {
        self.replace(keys::document(user, read.value.kind()), read).await
    }
}

#[async_trait]
impl Secrets for EmbeddedStore {
    async fn shared_secret(&self, name: &str, candidate: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let (key, row) = (keys::secret(name), rows::encode(&candidate)?);
        let row = self.submit(|reply| Operation::Remember { key, row, reply }).await?;
        rows::decode(&row)
    }

    async fn incarnation(&self) -> Result<u64, StoreError> {
        let row = self.engine.get(&keys::incarnation())?;
        let row = row.ok_or_else(|| StoreError::Damaged("the store has no incarnation".to_owned()))?;
        rows::read_numbers(&row).map(|[incarnation]| incarnation)
    }
}
