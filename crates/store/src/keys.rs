//! What devices leave for others: certificates and key packages; and devices that are to be revoked.

use async_trait::async_trait;
use bytes::Bytes;
use dunlin_model::{ChatId, DeviceCertificate, DeviceId, Seq, Suite, UserId};

use crate::StoreError;

/// Key packages that wait for one device and suite, without the one of last resort.
pub const KEY_PACKAGES_WAITING_MAX: usize = 200;
/// Claims remembered for one device and suite; with older ones their packages are forgotten.
pub const KEY_CLAIMS_REMEMBERED_MAX: usize = 1_024;

/// What a key package is taken for. The same claim gets the same package, whoever makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyClaim {
    /// The chat.
    pub chat: ChatId,
    /// The event that let the device's user in.
    pub change: Seq,
}

/// Key packages (RFC 9420 section 10), each given out once.
#[async_trait]
pub trait KeyPackages: Send + Sync {
    /// Adds packages, in this order, up to [`KEY_PACKAGES_WAITING_MAX`]; those that do not fit, wait already or
    /// were given out are left out. `last_resort` takes the place of the one before. Returns how many wait.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`; adding again is harmless.
    async fn put_key_packages(
        &self,
        device: DeviceId,
        suite: Suite,
        packages: &[Bytes],
        last_resort: Option<&Bytes>,
    ) -> Result<usize, StoreError>;

    /// Takes the package that has waited longest, else the one of last resort; `None` when there is neither.
    /// A claim that was made before, and is remembered, gets what it got then.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`; claiming again tells.
    async fn claim_key_package(
        &self,
        device: DeviceId,
        suite: Suite,
        claim: KeyClaim,
    ) -> Result<Option<Bytes>, StoreError>;

    /// How many wait, without the one of last resort; `None` for a device that never left any.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn key_packages_left(&self, device: DeviceId, suite: Suite) -> Result<Option<usize>, StoreError>;

    /// Forgets all packages and claims of a device. May be repeated.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn remove_key_packages(&self, device: DeviceId) -> Result<(), StoreError>;
}

/// By which certificates devices are known.
#[async_trait]
pub trait Certificates: Send + Sync {
    /// Puts the certificate of the device that it names, in place of one before.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`; putting it again is harmless.
    async fn put_certificate(&self, certificate: &DeviceCertificate) -> Result<(), StoreError>;

    /// Those of a user's devices that exist and are not revoked, ascending by device.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn certificates(&self, user: UserId) -> Result<Vec<DeviceCertificate>, StoreError>;
}

/// Devices whose revocation was decided and may not be carried out everywhere yet.
#[async_trait]
pub trait Revocations: Send + Sync {
    /// Notes that a device is to be revoked. May be repeated.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`; noting it again is harmless.
    async fn intend_revocation(&self, device: DeviceId) -> Result<(), StoreError>;

    /// Devices noted, ascending from after `after`, at most `limit`.
    ///
    /// # Errors
    /// `Unavailable`, `Damaged`.
    async fn revocations(&self, after: Option<DeviceId>, limit: usize) -> Result<Vec<DeviceId>, StoreError>;

    /// Notes that a revocation is carried out. May be repeated.
    ///
    /// # Errors
    /// `Unavailable`, `Uncertain`.
    async fn settle_revocation(&self, device: DeviceId) -> Result<(), StoreError>;
}
