//! Certificates, key packages and revocations.

use async_trait::async_trait;
use bytes::Bytes;
use dunlin_model::account::{Device, Versioned};
use dunlin_model::{DeviceCertificate, DeviceId, Suite, UserId};
use dunlin_store::{Certificates, KeyClaim, KeyPackages, Revocations, StoreError};

use crate::claiming::{Numbers, Package};
use crate::keys;
use crate::operation::Operation;
use crate::rows;
use crate::store::EmbeddedStore;

#[async_trait]
impl KeyPackages for EmbeddedStore {
    async fn put_key_packages(
        &self,
        device: DeviceId,
        suite: Suite,
        packages: &[Bytes],
        last_resort: Option<&Bytes>,
    ) -> Result<usize, StoreError> {
        let packages: Vec<Package> = packages.iter().map(Package::new).collect::<Result<_, _>>()?;
        let last_resort = last_resort.map(rows::encode).transpose()?;
        self.submit(|reply| Operation::PutKeyPackages { device, suite, packages, last_resort, reply }).await
    }

    async fn claim_key_package(
        &self,
        device: DeviceId,
        suite: Suite,
        claim: KeyClaim,
    ) -> Result<Option<Bytes>, StoreError> {
        let row = self.submit(|reply| Operation::ClaimKeyPackage { device, suite, claim, reply }).await?;
        row.map(|row| rows::decode(&row)).transpose()
    }

    async fn key_packages_left(&self, device: DeviceId, suite: Suite) -> Result<Option<usize>, StoreError> {
        let row = self.engine.get(&keys::PackagesOf { device, suite }.numbers())?;
        row.map(|row| Numbers::read(&row).map(Numbers::waiting)).transpose()
    }

    async fn remove_key_packages(&self, device: DeviceId) -> Result<(), StoreError> {
        self.submit(|reply| Operation::RemoveKeyPackages { device, reply }).await
    }
}

#[async_trait]
impl Certificates for EmbeddedStore {
    async fn put_certificate(&self, certificate: &DeviceCertificate) -> Result<(), StoreError> {
        let (key, row) = (keys::certificate(certificate.device), rows::encode(certificate)?);
        self.submit(|reply| Operation::Put { key, row, reply }).await
    }

    async fn certificates(&self, user: UserId) -> Result<Vec<DeviceCertificate>, StoreError> {
        // A handful of rows beside each other: on the caller's thread.
        let (from, to) = keys::certificates_of(user);
        let mut certificates = Vec::new();
        for entry in self.engine.range(from, to) {
            let certificate: DeviceCertificate = rows::decode(&entry?.1)?;
            let Some(row) = self.engine.get(&keys::device(certificate.device))? else { continue };
            let device: Versioned<Device> = rows::decode(&row)?;
            if device.value.revoked.is_none() {
                certificates.push(certificate);
            }
        }
        Ok(certificates)
    }
}

#[async_trait]
impl Revocations for EmbeddedStore {
    async fn intend_revocation(&self, device: DeviceId) -> Result<(), StoreError> {
        let (key, row) = (keys::revocation(device), rows::encode(&device)?);
        self.submit(|reply| Operation::Put { key, row, reply }).await
    }

    async fn revocations(&self, after: Option<DeviceId>, limit: usize) -> Result<Vec<DeviceId>, StoreError> {
        let (from, to) = keys::revocations_after(after);
        self.engine.range(from, to).take(limit).map(|entry| rows::decode(&entry?.1)).collect()
    }

    async fn settle_revocation(&self, device: DeviceId) -> Result<(), StoreError> {
        let key = keys::revocation(device);
        self.submit(|reply| Operation::Remove { key, reply }).await
    }
}
