//! A chat's MLS group in one generation, as one device sees it.
//!
//! Every GroupInfo, published or inside a Welcome, carries the ratchet tree (extension `ratchet_tree`, RFC 9420
//! section 12.4.3.3), so a Welcome suffices to join and a published GroupInfo to join externally. Commits always
//! have a path and take effect when they come back in the log. A commit is refused unless its proposals are
//! additions, removals and the external init, by value or from our queue, and every new leaf shows its device.

mod commit;
mod create;
mod error;
mod join;
mod message;
mod stage;

use dunlin_model::identity::DeviceCertificate;
use dunlin_model::ids::{ChatId, DeviceId};
use openmls::prelude::{
    GroupId, MlsGroup, MlsGroupJoinConfig, PURE_PLAINTEXT_WIRE_FORMAT_POLICY, PastEpochDeletionPolicy,
    SenderRatchetConfiguration,
};
use openmls_traits::OpenMlsProvider;

use super::identity::{LeafError, certificate_of};
use super::storage::{GROUP_ID_BYTES, StorageError};
use super::suite::{Suite, UnknownSuite};
use super::{FORWARD_GENERATIONS_MAX, OUT_OF_ORDER_GENERATIONS_MAX, PAST_EPOCHS_MAX, Provider};
pub use commit::PendingCommit;
pub use create::Started;
pub use error::{
    CommitError, CreateError, DecryptError, EncryptError, ExportError, JoinError, MembersError, MergeError,
    Refusal, StageError, Undecryptable,
};
pub use message::Decrypted;
pub use stage::Staged;

/// Which group of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupName {
    /// The chat.
    pub chat: ChatId,
    /// The number of the group among the chat's.
    pub generation: u32,
}

impl GroupName {
    /// The group's id: the chat's id, and the generation as four bytes, big-endian.
    pub fn id(&self) -> [u8; GROUP_ID_BYTES] {
        let mut id = [0; GROUP_ID_BYTES];
        let (chat, generation) = id.split_at_mut(GROUP_ID_BYTES - 4);
        chat.copy_from_slice(self.chat.as_bytes());
        generation.copy_from_slice(&self.generation.to_be_bytes());
        id
    }

    /// The group with this id, if it is one of ours.
    pub fn from_id(id: &[u8]) -> Option<Self> {
        let id: &[u8; GROUP_ID_BYTES] = id.try_into().ok()?;
        let (chat, generation) = id.split_last_chunk::<4>()?;
        Some(Self { chat: ChatId::try_from(chat).ok()?, generation: u32::from_be_bytes(*generation) })
    }

    fn group_id(&self) -> GroupId {
        GroupId::from_slice(&self.id())
    }
}

/// A member device and its place in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberLeaf {
    /// Its leaf's index.
    pub leaf: u32,
    /// Its certificate, verified, for its leaf's signature key.
    pub certificate: DeviceCertificate,
}

/// The state of a group. It can be dropped at any time: [`Group::open`] gives it again from the rows.
pub struct Group {
    inner: MlsGroup,
    name: GroupName,
}

impl Group {
    /// The group from its rows, if there are any.
    ///
    /// # Errors
    /// The rows are damaged.
    pub fn open(provider: &Provider, name: GroupName) -> Result<Option<Self>, StorageError> {
        Ok(MlsGroup::load(provider.storage(), &name.group_id())?.map(|inner| Self { inner, name }))
    }

    /// Deletes all rows of a group, whether or not it can be opened.
    pub fn delete(provider: &Provider, name: GroupName) {
        provider.state().delete_group(&name.id());
    }

    /// Which group it is.
    pub fn name(&self) -> GroupName {
        self.name
    }

    /// The current epoch.
    pub fn epoch(&self) -> u64 {
        self.inner.epoch().as_u64()
    }

    /// The group's suite.
    ///
    /// # Errors
    /// It is none that chats use; no group like that can be created or joined.
    pub fn suite(&self) -> Result<Suite, UnknownSuite> {
        Suite::try_from(self.inner.ciphersuite())
    }

    /// Whether this device is a member: not once a commit that removes it was merged.
    pub fn is_active(&self) -> bool {
        self.inner.is_active()
    }

    /// The index of this device's leaf.
    pub fn own_leaf(&self) -> u32 {
        self.inner.own_leaf_index().u32()
    }

    /// Whether a commit of ours waits to come back in the log.
    pub fn has_pending_commit(&self) -> bool {
        self.inner.pending_commit().is_some()
    }

    /// The members, by leaf.
    ///
    /// # Errors
    /// A leaf does not show its device; no group like that can be joined, or come about by a commit.
    pub fn members(&self, provider: &Provider) -> Result<Vec<MemberLeaf>, MembersError> {
        members(provider, self.inner.members())
    }

    /// The member with this leaf.
    fn member(&self, provider: &Provider, leaf: u32) -> Option<Result<DeviceCertificate, LeafError>> {
        let member = self.inner.member_at(openmls::prelude::LeafNodeIndex::new(leaf))?;
        Some(certificate_of(provider, &member.credential, &member.signature_key))
    }

    /// A secret of the current epoch for other uses (the exporter of RFC 9420 section 8.5), `length` bytes.
    ///
    /// # Errors
    /// This device is no member any more, or the secret would be longer than openmls gives.
    pub fn export(
        &self,
        provider: &Provider,
        label: &str,
        context: &[u8],
        length: usize,
    ) -> Result<Vec<u8>, ExportError> {
        self.inner.export_secret(provider.crypto(), label, context, length).map_err(ExportError)
    }
}

fn members(
    provider: &Provider,
    members: impl Iterator<Item = openmls::prelude::Member>,
) -> Result<Vec<MemberLeaf>, MembersError> {
    let mut devices = std::collections::BTreeSet::<DeviceId>::new();
    members
        .map(|member| {
            let leaf = member.index.u32();
            let certificate = certificate_of(provider, &member.credential, &member.signature_key)
                .map_err(|source| MembersError::Leaf { leaf, source })?;
            if !devices.insert(certificate.device) {
                return Err(MembersError::Twice(certificate.device));
            }
            Ok(MemberLeaf { leaf, certificate })
        })
        .collect()
}

fn join_configuration() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        // Content is padded before it is encrypted.
        .padding_size(0)
        .use_ratchet_tree_extension(true)
        .set_past_epoch_deletion_policy(PastEpochDeletionPolicy::MaxEpochs(usize::from(PAST_EPOCHS_MAX)))
        .sender_ratchet_configuration(ratchet_configuration())
        .build()
}

fn ratchet_configuration() -> SenderRatchetConfiguration {
    SenderRatchetConfiguration::new(OUT_OF_ORDER_GENERATIONS_MAX, FORWARD_GENERATIONS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_groups_name_is_its_chat_and_its_generation() {
        let name = GroupName { chat: ChatId::from_bytes([7; 16]), generation: 0x0102_0304 };
        let id = name.id();
        assert_eq!(id[..16], [7; 16]);
        assert_eq!(id[16..], [1, 2, 3, 4]);
        assert_eq!(GroupName::from_id(&id), Some(name));
        assert_eq!(GroupName::from_id(&id[1..]), None);
    }
}
