//! What the server sees of a chat's group: the public half, at the chat's current epoch.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_model::{ChatId, DeviceId, DeviceKey, Epoch, Suite};
use openmls::prelude::{ProposalStore, PublicGroup};
use openmls_rust_crypto::RustCrypto;

use super::info::Info;
use super::storage::Nowhere;
use super::{Why, leaf};

/// Bytes of a group's id: the chat's id, and the generation as four bytes, big-endian.
const GROUP_ID_BYTES: usize = 20;

/// Which group is meant, at which epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) chat: ChatId,
    pub(super) epoch: Epoch,
    pub(super) suite: Suite,
}

impl Place {
    pub(super) fn group_id(&self) -> [u8; GROUP_ID_BYTES] {
        let mut id = [0; GROUP_ID_BYTES];
        let (chat, generation) = id.split_at_mut(GROUP_ID_BYTES - 4);
        chat.copy_from_slice(self.chat.as_bytes());
        generation.copy_from_slice(&self.epoch.generation.to_be_bytes());
        id
    }

    /// Where a commit leads to.
    pub(super) fn next(self) -> Self {
        let number = self.epoch.number.saturating_add(1);
        Self { epoch: Epoch { number, ..self.epoch }, ..self }
    }

    /// Checks that the GroupInfo is of this place.
    pub(super) fn is_that_of(&self, info: &Info) -> Result<(), Why> {
        let context = info.context();
        if context.group_id().as_slice() != self.group_id() {
            return Err("it is for another group");
        }
        if context.epoch().as_u64() != self.epoch.number {
            return Err("it is for another epoch");
        }
        if u16::from(context.ciphersuite()) != self.suite.0 {
            return Err("it is of another cipher suite than it says");
        }
        Ok(())
    }
}

/// The public half of a group, and whose leaves there are.
pub(super) struct Seen {
    pub(super) group: PublicGroup,
    /// By signature key, which no two leaves share.
    pub(super) devices: BTreeMap<DeviceKey, DeviceId>,
}

impl Seen {
    /// The group from a GroupInfo that was accepted before.
    pub(super) fn accepted(
        crypto: &RustCrypto,
        info: Info,
        place: &Place,
        expected: &BTreeSet<DeviceId>,
    ) -> Result<Self, Why> {
        place.is_that_of(&info)?;
        let seen = Self::from_info(crypto, info)?;
        if seen.devices.len() == expected.len() && seen.devices.values().all(|one| expected.contains(one)) {
            Ok(seen)
        } else {
            Err("the chat's group is not that of its log: begin a new one")
        }
    }

    /// Verifies all signatures and hashes of a GroupInfo and its tree. Whose leaves they are is not verified.
    pub(super) fn from_info(crypto: &RustCrypto, info: Info) -> Result<Self, Why> {
        let tree = info.tree()?.clone();
        let (group, _) = PublicGroup::from_external(crypto, &Nowhere, tree, info.inner, ProposalStore::new())
            .map_err(|error| {
                tracing::debug!(%error, "a group info is refused");
                "its group info is not valid"
            })?;
        let leaves = group.members().map(|member| leaf::accepted(&member.credential, &member.signature_key));
        let devices = leaves.collect::<Result<_, Why>>()?;
        Ok(Self { group, devices })
    }
}
