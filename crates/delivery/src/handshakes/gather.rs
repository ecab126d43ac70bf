//! What is needed to look into a handshake: its bytes, the certificates, and a thread to work on.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use dunlin_blobs::BlobHash;
use dunlin_model::{DeviceCertificate, DeviceId, Payload, Refusal, Suite, UserId};
use openmls_rust_crypto::RustCrypto;
use tokio::sync::SemaphorePermit;

use super::leaf::Known;
use super::{Parts, Why, key_package};
use crate::{Delivery, DeliveryError};

impl Delivery {
    /// Checks the key packages that `from` leaves for others.
    ///
    /// # Errors
    /// `KeyPackage`, `Store`.
    pub(crate) async fn check_key_packages(
        &self,
        from: DeviceId,
        suite: Suite,
        packages: &[Bytes],
        last_resort: Option<&Bytes>,
    ) -> Result<(), DeliveryError> {
        let known = self.known(&[from]).await?;
        if known.is_empty() {
            return Err(DeliveryError::KeyPackage(
                "the device has not said by which certificate it is known",
            ));
        }
        let now = self.clock.now();
        let (packages, last_resort) = (packages.to_vec(), last_resort.cloned());
        let check = move |crypto: &RustCrypto| {
            let of_last_resort = last_resort.iter().map(|package| (package, true));
            let mut all = packages.iter().map(|package| (package, false)).chain(of_last_resort);
            all.try_for_each(|(package, last)| {
                key_package::check(crypto, (from, suite), package, last, &known, now)
            })
        };
        self.beside_the_runtime(self.turn().await?, check).await?.map_err(DeliveryError::KeyPackage)
    }

    /// The refusal of a handshake that was looked into.
    pub(super) fn invalid(&self, why: Why) -> DeliveryError {
        self.metrics.refused.add(1);
        Refusal::InvalidHandshake { why }.into()
    }

    /// Whether a handshake of the device is looked into now.
    ///
    /// # Errors
    /// `TooFast`.
    pub(super) fn may_be_looked_into(&self, from: DeviceId) -> Result<(), DeliveryError> {
        let wait = self.handshakes.refusals.wait(from, self.clock.monotonic());
        wait.map_or(Ok(()), |retry_after| {
            Err(DeliveryError::TooFast { what: "handshakes that are not valid", retry_after })
        })
    }

    /// Waits until a handshake of the device may be looked into.
    ///
    /// # Errors
    /// `TooFast`: what it sent to many chats at once waits here, and is counted one by one.
    pub(super) async fn turn_of(&self, from: DeviceId) -> Result<SemaphorePermit<'_>, DeliveryError> {
        let turn = self.turn().await?;
        self.may_be_looked_into(from)?;
        Ok(turn)
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>, DeliveryError> {
        self.handshakes.turns.acquire().await.map_err(|_| DeliveryError::Failed)
    }

    /// Runs work of handshakes beside the runtime, in turn.
    pub(super) async fn beside_the_runtime<T: Send + 'static>(
        &self,
        _turn: SemaphorePermit<'_>,
        work: impl FnOnce(&RustCrypto) -> T + Send + 'static,
    ) -> Result<T, DeliveryError> {
        let crypto = Arc::clone(&self.handshakes.crypto);
        tokio::task::spawn_blocking(move || work(&crypto)).await.map_err(|error| {
            tracing::error!(%error, "looking into a handshake failed");
            DeliveryError::Failed
        })
    }

    pub(super) async fn parts(
        &self,
        commit: Option<&Payload>,
        welcome: Option<&Payload>,
        group_info: &Payload,
    ) -> Result<Parts, DeliveryError> {
        let commit = match commit {
            Some(commit) => self.bytes_of(commit).await?,
            None => Bytes::new(),
        };
        let welcome = match welcome {
            Some(welcome) => Some(self.bytes_of(welcome).await?),
            None => None,
        };
        Ok(Parts { commit, welcome, group_info: self.bytes_of(group_info).await? })
    }

    /// What an event names is durable before the event is.
    pub(super) async fn bytes_of(&self, payload: &Payload) -> Result<Bytes, DeliveryError> {
        let (hash, bytes) = match payload {
            Payload::Inline(bytes) => return Ok(bytes.clone()),
            Payload::Stored { hash, bytes } => (BlobHash(*hash), u64::from(*bytes)),
        };
        let missing =
            || Refusal::InvalidHandshake { why: "a blob that it names is not there, or has another size" };
        // Its size first: nobody makes the server read what it does not want.
        if self.blobs.size(hash).await? != Some(bytes) {
            return Err(missing().into());
        }
        Ok(self.blobs.get(hash).await?.ok_or_else(missing)?)
    }

    /// By which certificates these devices are known; without those of devices that are revoked.
    pub(super) async fn known<'a>(
        &self,
        devices: impl IntoIterator<Item = &'a DeviceId> + Send,
    ) -> Result<Known, DeliveryError> {
        let devices: BTreeSet<DeviceId> = devices.into_iter().copied().collect();
        let users: BTreeSet<UserId> = devices.iter().map(|device| device.user).collect();
        let mut known = Known::new();
        for user in users {
            let of_user: Vec<DeviceCertificate> = self.store.certificates(user).await?;
            let named = of_user.into_iter().filter(|one| devices.contains(&one.device));
            known.extend(named.map(|one| (one.device, one)));
        }
        Ok(known)
    }
}
