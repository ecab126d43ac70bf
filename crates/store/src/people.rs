//! Users, devices, one-time codes, documents: put-if-absent and versioned replacement.

use async_trait::async_trait;
use dunlin_model::account::{Address, Challenge, Device, Document, DocumentKind, Version, Versioned};
use dunlin_model::{DeviceId, Timestamp, UserId};

use crate::{Appended, StoreError};

/// What became of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// The address is now this user's, who did not exist before.
    New,
    /// The address has been this user's already.
    Existing(UserId),
}

/// What became of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// Replaced; this is the new version.
    Done(Version),
    /// The version is not the one that was read: read again.
    Changed,
}

/// A registered user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Who.
    pub id: UserId,
    /// What they log in with.
    pub address: Address,
    /// When they registered.
    pub created: Timestamp,
}

/// Who there is.
#[async_trait]
pub trait Users: Send + Sync {
    /// Makes `record` a user, unless its address is somebody's.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`; claiming again tells.
    async fn claim_address(&self, record: &UserRecord) -> Result<Claim, StoreError>;

    /// The user with this id.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn user(&self, id: UserId) -> Result<Option<UserRecord>, StoreError>;

    /// The user with this address.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn find_user(&self, address: &Address) -> Result<Option<UserId>, StoreError>;
}

/// The devices of users. Their numbers are given by put-if-absent.
#[async_trait]
pub trait Devices: Send + Sync {
    /// Adds a device at version 1, unless its number is taken.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn add_device(&self, device: &Device) -> Result<Appended, StoreError>;

    /// One device, revoked ones included.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn device(&self, id: DeviceId) -> Result<Option<Versioned<Device>>, StoreError>;

    /// All devices of a user ascending by number, revoked ones included.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn devices(&self, user: UserId) -> Result<Vec<Versioned<Device>>, StoreError>;

    /// Replaces a device on condition that its version is still `read.version`.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn replace_device(&self, read: &Versioned<Device>) -> Result<Replaced, StoreError>;
}

/// One-time codes, one for each address.
#[async_trait]
pub trait Challenges: Send + Sync {
    /// The challenge of an address.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn challenge(&self, address: &Address) -> Result<Option<Versioned<Challenge>>, StoreError>;

    /// Writes a challenge on condition that the version is still `read.version` (0: that there is none).
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn replace_challenge(
        &self,
        address: &Address,
        read: &Versioned<Challenge>,
    ) -> Result<Replaced, StoreError>;

    /// Forgets challenges that expired before `before`, with nothing sent or failed since; returns how many.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn forget_challenges(&self, before: Timestamp, limit: usize) -> Result<usize, StoreError>;
}

/// The versioned documents of users.
#[async_trait]
pub trait Documents: Send + Sync {
    /// A document; the empty one at version 0 when it was never written.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn document(&self, user: UserId, kind: DocumentKind) -> Result<Versioned<Document>, StoreError>;

    /// Replaces a document on condition that its version is still `read.version`.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn replace_document(
        &self,
        user: UserId,
        read: &Versioned<Document>,
    ) -> Result<Replaced, StoreError>;
}

/// What all servers on one store share, made by whichever asks first.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The secret of this name; `candidate` becomes it when there is none.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`, `Damaged`.
    async fn shared_secret(&self, name: &str, candidate: [u8; 32]) -> Result<[u8; 32], StoreError>;

    /// Distinguishes this store from one restored from a backup (DESIGN.md, section 2, restore).
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn incarnation(&self) -> Result<u64, StoreError>;
}
