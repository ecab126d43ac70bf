//! Certificates, key packages and revocations.

use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};

use async_trait::async_trait;
use bytes::Bytes;
use dunlin_model::{DeviceCertificate, DeviceId, Suite, UserId};

use super::{MemoryStore, Operation, Tables};
use crate::keys::{KEY_CLAIMS_REMEMBERED_MAX, KEY_PACKAGES_WAITING_MAX};
use crate::{Certificates, KeyClaim, KeyPackages, Revocations, StoreError};

#[derive(Debug, Default)]
pub(super) struct Keys {
    certificates: BTreeMap<DeviceId, DeviceCertificate>,
    packages: BTreeMap<(DeviceId, Suite), Packages>,
    revocations: BTreeSet<DeviceId>,
}

/// The packages of one device and suite.
#[derive(Debug, Default)]
struct Packages {
    waiting: VecDeque<Bytes>,
    last_resort: Option<Bytes>,
    claims: BTreeMap<KeyClaim, Bytes>,
    /// The claims, oldest first.
    claimed: VecDeque<KeyClaim>,
    /// What waits or was given out to a claim that is remembered.
    known: HashSet<Bytes>,
}

impl Packages {
    fn put(&mut self, packages: &[Bytes], last_resort: Option<&Bytes>) -> usize {
        for package in packages {
            if self.waiting.len() < KEY_PACKAGES_WAITING_MAX && self.known.insert(package.clone()) {
                self.waiting.push_back(package.clone());
            }
        }
        if let Some(package) = last_resort {
            self.last_resort = Some(package.clone());
        }
        self.waiting.len()
    }

    fn claim(&mut self, claim: KeyClaim) -> Option<Bytes> {
        if let Some(package) = self.claims.get(&claim) {
            return Some(package.clone());
        }
        let package = self.waiting.pop_front().or_else(|| self.last_resort.clone())?;
        self.claims.insert(claim, package.clone());
        self.claimed.push_back(claim);
        if self.claimed.len() > KEY_CLAIMS_REMEMBERED_MAX
            && let Some(oldest) = self.claimed.pop_front()
            && let Some(package) = self.claims.remove(&oldest)
        {
            self.known.remove(&package);
        }
        Some(package)
    }
}

#[async_trait]
impl KeyPackages for MemoryStore {
    async fn put_key_packages(
        &self,
        device: DeviceId,
        suite: Suite,
        packages: &[Bytes],
        last_resort: Option<&Bytes>,
    ) -> Result<usize, StoreError> {
        self.write(Operation::WriteKeys, |tables| {
            tables.keys.packages.entry((device, suite)).or_default().put(packages, last_resort)
        })
    }

    async fn claim_key_package(
        &self,
        device: DeviceId,
        suite: Suite,
        claim: KeyClaim,
    ) -> Result<Option<Bytes>, StoreError> {
        self.write(Operation::WriteKeys, |tables| {
            tables.keys.packages.get_mut(&(device, suite)).and_then(|packages| packages.claim(claim))
        })
    }

    async fn key_packages_left(&self, device: DeviceId, suite: Suite) -> Result<Option<usize>, StoreError> {
        self.read(Operation::ReadKeys, |tables| {
            tables.keys.packages.get(&(device, suite)).map(|packages| packages.waiting.len())
        })
    }

    async fn remove_key_packages(&self, device: DeviceId) -> Result<(), StoreError> {
        self.write(Operation::WriteKeys, |tables| {
            tables.keys.packages.retain(|(of, _), _| *of != device);
        })
    }
}

#[async_trait]
impl Certificates for MemoryStore {
    async fn put_certificate(&self, certificate: &DeviceCertificate) -> Result<(), StoreError> {
        self.write(Operation::WriteKeys, |tables| {
            tables.keys.certificates.insert(certificate.device, certificate.clone());
        })
    }

    async fn certificates(&self, user: UserId) -> Result<Vec<DeviceCertificate>, StoreError> {
        self.read(Operation::ReadKeys, |tables: &Tables| {
            let of_user = tables.keys.certificates.values().filter(|of| of.device.user == user);
            of_user.filter(|of| tables.people.is_live(of.device)).cloned().collect()
        })
    }
}

#[async_trait]
impl Revocations for MemoryStore {
    async fn intend_revocation(&self, device: DeviceId) -> Result<(), StoreError> {
        self.write(Operation::WriteKeys, |tables| {
            tables.keys.revocations.insert(device);
        })
    }

    async fn revocations(&self, after: Option<DeviceId>, limit: usize) -> Result<Vec<DeviceId>, StoreError> {
        self.read(Operation::ReadKeys, |tables| {
            let all = tables.keys.revocations.iter();
            all.filter(|device| after.is_none_or(|after| **device > after)).take(limit).copied().collect()
        })
    }

    async fn settle_revocation(&self, device: DeviceId) -> Result<(), StoreError> {
        self.write(Operation::WriteKeys, |tables| {
            tables.keys.revocations.remove(&device);
        })
    }
}
