//! Committing, and what becomes of the commit.

use std::collections::BTreeSet;

use dunlin_model::identity::DeviceCertificate;
use dunlin_model::ids::DeviceId;
use openmls::group::CommitMessageBundle;
use openmls::prelude::{LeafNodeIndex, MlsMessageOut};
use openmls_traits::OpenMlsProvider;

use super::{CommitError, Group, MembersError, MergeError};
use crate::mls::Provider;
use crate::mls::identity::DeviceIdentity;
use crate::mls::key_packages::VerifiedKeyPackage;
use crate::mls::storage::StorageError;
use crate::mls::suite::Suite;

/// A commit that waits to come back in the log. All messages are MLSMessages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingCommit {
    /// The commit, a PublicMessage of the epoch before.
    pub commit: Vec<u8>,
    /// The Welcome for the added devices, if any.
    pub welcome: Option<Vec<u8>>,
    /// The GroupInfo of the epoch that the commit begins.
    pub group_info: Vec<u8>,
    /// The devices that it adds.
    pub added: Vec<DeviceCertificate>,
    /// The devices that it removes. Of an external commit none is named: that it replaces this device's old leaf
    /// is seen by whoever stages it.
    pub removed: Vec<DeviceId>,
}

impl Group {
    /// Commits the addition of devices, the removal of others, both or neither: it renews this device's keys in
    /// any case. A device that is removed and added replaces its leaf. The group stays in its epoch until
    /// [`Group::merge_pending`].
    ///
    /// # Errors
    /// See [`CommitError`]; nothing changed.
    pub fn commit(
        &mut self,
        provider: &Provider,
        identity: &DeviceIdentity,
        add: &[VerifiedKeyPackage],
        remove: &[DeviceId],
    ) -> Result<PendingCommit, CommitError> {
        if self.has_pending_commit() {
            return Err(CommitError::Pending);
        }
        let removals = self.check_change(provider, add, remove)?;
        let bundle = self
            .inner
            .commit_builder()
            .consume_proposal_store(false)
            .force_self_update(true)
            .propose_removals(removals)
            .propose_adds(add.iter().map(|key_package| key_package.inner.clone()))
            .load_psks(provider.storage())
            .map_err(|error| CommitError::Build(Box::new(error)))?
            .build(provider.rand(), provider.crypto(), identity, |_| true)
            .map_err(|error| CommitError::Build(Box::new(error)))?
            .stage_commit(provider)
            .map_err(|error| CommitError::Stage(Box::new(error)))?;
        let messages = Messages::of(bundle).map_err(CommitError::Encode)?;
        Ok(PendingCommit {
            commit: messages.commit,
            welcome: messages.welcome,
            group_info: messages.group_info.ok_or(CommitError::NoGroupInfo)?,
            added: add.iter().map(|key_package| key_package.certificate.clone()).collect(),
            removed: remove.to_vec(),
        })
    }

    /// The leaves of the devices to be removed.
    fn check_change(
        &self,
        provider: &Provider,
        add: &[VerifiedKeyPackage],
        remove: &[DeviceId],
    ) -> Result<Vec<LeafNodeIndex>, CommitError> {
        let members = self.members(provider)?;
        let mut removals = Vec::new();
        for device in remove {
            let leaf = members
                .iter()
                .find(|member| member.certificate.device == *device)
                .map(|member| member.leaf)
                .ok_or(CommitError::NoSuchMember(*device))?;
            if leaf == self.own_leaf() {
                return Err(CommitError::OwnRemoval);
            }
            removals.push(LeafNodeIndex::new(leaf));
        }
        let mut devices: BTreeSet<DeviceId> =
            members.iter().map(|member| member.certificate.device).collect();
        devices.retain(|device| !remove.contains(device));
        for key_package in add {
            let device = key_package.certificate.device;
            if Suite::try_from(self.inner.ciphersuite()) != Ok(key_package.suite) {
                return Err(CommitError::OtherSuite(device, key_package.suite));
            }
            if !devices.insert(device) {
                return Err(MembersError::Twice(device).into());
            }
        }
        Ok(removals)
    }

    /// Makes the pending commit's epoch the current one: it came back in the log. Without one it does nothing.
    ///
    /// # Errors
    /// The state cannot be written, or this device is no member.
    pub fn merge_pending(&mut self, provider: &Provider) -> Result<(), MergeError> {
        self.inner.merge_pending_commit(provider).map_err(|error| MergeError::Pending(Box::new(error)))
    }

    /// Forgets the pending commit: it was refused, or another one came first. (Merging another one forgets it
    /// too.)
    ///
    /// # Errors
    /// The state cannot be written.
    pub fn discard_pending(&mut self, provider: &Provider) -> Result<(), StorageError> {
        self.inner.clear_pending_commit(provider.storage())
    }
}

/// The encoded messages of a commit.
pub(super) struct Messages {
    pub(super) commit: Vec<u8>,
    pub(super) welcome: Option<Vec<u8>>,
    pub(super) group_info: Option<Vec<u8>>,
}

impl Messages {
    pub(super) fn of(bundle: CommitMessageBundle) -> Result<Self, openmls::framing::errors::MlsMessageError> {
        let (commit, welcome, group_info) = bundle.into_messages();
        let encode = |message: Option<MlsMessageOut>| message.map(|message| message.to_bytes()).transpose();
        Ok(Self { commit: commit.to_bytes()?, welcome: encode(welcome)?, group_info: encode(group_info)? })
    }
}
