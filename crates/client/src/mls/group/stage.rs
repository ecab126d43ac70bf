//! Commits from the log: looked at first, then merged.

use std::collections::BTreeSet;

use dunlin_model::identity::DeviceCertificate;
use dunlin_model::ids::DeviceId;
use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{
    ContentType, MlsMessageIn, ProcessedMessageContent, Proposal, ProtocolMessage, Sender, StagedCommit,
};

use super::{Group, MergeError, Refusal, StageError};
use crate::mls::Provider;
use crate::mls::identity::{certificate_in, certificate_of_leaf};

/// A valid commit, not merged yet. Dropping it forgets it.
#[derive(Debug)]
pub struct Staged {
    /// Whose commit it is.
    pub by: DeviceCertificate,
    /// The devices that it adds; of an external commit, the one that enters.
    pub added: Vec<DeviceCertificate>,
    /// The devices that it removes; of an external commit, the one that enters if it had a leaf.
    pub removed: Vec<DeviceId>,
    /// Whether its committer enters by it (RFC 9420 section 12.4.3.2).
    pub external: bool,
    /// Whether it is the commit of ours that was pending.
    pub own: bool,
    /// Whether it ends this device's membership.
    pub removes_us: bool,
    /// None if it is our own.
    commit: Option<Box<StagedCommit>>,
}

impl Group {
    /// Checks a commit from the log against the current epoch. It is not merged; a pending commit of ours stays.
    ///
    /// # Errors
    /// See [`StageError`]; nothing changed.
    pub fn stage(&mut self, provider: &Provider, commit: &[u8]) -> Result<Staged, StageError> {
        let message = MlsMessageIn::tls_deserialize_exact(commit)
            .map_err(StageError::Malformed)?
            .try_into_protocol_message()
            .map_err(StageError::NotAHandshake)?;
        let ProtocolMessage::PublicMessage(message) = message else { return Err(StageError::NotACommit) };
        if message.content_type() != ContentType::Commit {
            return Err(StageError::NotACommit);
        }
        let epoch = message.epoch().as_u64();
        if epoch != self.epoch() {
            return Err(StageError::OtherEpoch(epoch));
        }
        let processed = self
            .inner
            .process_message(provider, *message)
            .map_err(|error| StageError::Invalid(Box::new(error)))?;
        let by = certificate_in(provider, processed.credential()).map_err(Refusal::from)?;
        let external = matches!(processed.sender(), Sender::NewMemberCommit);
        let staged = match processed.into_content() {
            ProcessedMessageContent::StagedCommitMessage(staged) => Some(staged),
            ProcessedMessageContent::OwnPendingCommit => None,
            _ => return Err(StageError::NotACommit),
        };
        let change = match staged.as_deref().or_else(|| self.inner.pending_commit()) {
            Some(commit) => self.change(provider, commit, &by, external)?,
            None => return Err(StageError::NotACommit),
        };
        Ok(Staged {
            removes_us: staged.as_deref().is_some_and(StagedCommit::self_removed),
            own: staged.is_none(),
            by,
            added: change.added,
            removed: change.removed,
            external,
            commit: staged,
        })
    }

    /// Makes the staged commit's epoch the current one. A pending commit of ours, if it is another, is forgotten.
    ///
    /// # Errors
    /// The state cannot be written.
    pub fn merge(&mut self, provider: &Provider, staged: Staged) -> Result<(), MergeError> {
        match staged.commit {
            None => self.merge_pending(provider),
            Some(commit) => self
                .inner
                .merge_staged_commit(provider, *commit)
                .map_err(|error| MergeError::Other(Box::new(error))),
        }
    }

    fn change(
        &self,
        provider: &Provider,
        commit: &StagedCommit,
        by: &DeviceCertificate,
        external: bool,
    ) -> Result<Change, Refusal> {
        let path = commit.update_path_leaf_node().ok_or(Refusal::NoPath)?;
        if certificate_of_leaf(provider, path)?.device != by.device {
            return Err(Refusal::AnotherDevice);
        }
        let mut change = Change::default();
        for proposal in commit.queued_proposals() {
            match proposal.proposal() {
                Proposal::Add(add) => {
                    change.added.push(certificate_of_leaf(provider, add.key_package().leaf_node())?);
                }
                Proposal::Remove(remove) => {
                    let member =
                        self.member(provider, remove.removed().u32()).ok_or(Refusal::NoSuchMember)?;
                    change.removed.push(member?.device);
                }
                Proposal::ExternalInit(_) if external => {}
                _ => return Err(Refusal::Proposal),
            }
        }
        if external {
            if change.removed.iter().any(|device| *device != by.device) {
                return Err(Refusal::ForeignRemoval);
            }
            change.added.push(by.clone());
        }
        self.check_devices(provider, &change)?;
        Ok(change)
    }

    /// Every device may have one leaf.
    fn check_devices(&self, provider: &Provider, change: &Change) -> Result<(), Refusal> {
        if change.added.is_empty() {
            return Ok(());
        }
        let mut devices = BTreeSet::new();
        for member in self.inner.members() {
            let device = certificate_in(provider, &member.credential)?.device;
            if !change.removed.contains(&device) {
                devices.insert(device);
            }
        }
        for certificate in &change.added {
            if !devices.insert(certificate.device) {
                return Err(Refusal::Twice(certificate.device));
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Change {
    added: Vec<DeviceCertificate>,
    removed: Vec<DeviceId>,
}
