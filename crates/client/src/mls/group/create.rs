//! Starting a group.

use openmls::prelude::{MlsGroup, PURE_PLAINTEXT_WIRE_FORMAT_POLICY, PastEpochDeletionPolicy};

use super::{CreateError, Group, GroupName, ratchet_configuration};
use crate::mls::identity::DeviceIdentity;
use crate::mls::key_packages::{VerifiedKeyPackage, capabilities, lifetime};
use crate::mls::suite::Suite;
use crate::mls::{PAST_EPOCHS_MAX, Provider};

/// What starts a group in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// The GroupInfo, an MLSMessage, of the epoch in which everyone is a member: epoch 1.
    pub group_info: Vec<u8>,
    /// The Welcome, an MLSMessage, if there are members but the creator.
    pub welcome: Option<Vec<u8>>,
}

impl Group {
    /// Creates a group of this device and those of `key_packages`, replacing one of the same name. It is at
    /// epoch 1 at once, for nobody else was there to commit.
    ///
    /// # Errors
    /// See [`CreateError`]. The rows of the name are then gone.
    pub fn create(
        provider: &Provider,
        identity: &DeviceIdentity,
        name: GroupName,
        suite: Suite,
        key_packages: &[VerifiedKeyPackage],
    ) -> Result<(Self, Started), CreateError> {
        Self::delete(provider, name);
        let inner = MlsGroup::builder()
            .with_group_id(name.group_id())
            .ciphersuite(suite.ciphersuite())
            .with_wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .padding_size(0)
            .use_ratchet_tree_extension(true)
            .set_past_epoch_deletion_policy(PastEpochDeletionPolicy::MaxEpochs(usize::from(PAST_EPOCHS_MAX)))
            .sender_ratchet_configuration(ratchet_configuration())
            .with_capabilities(capabilities())
            .lifetime(lifetime())
            .build(provider, identity, identity.credential())
            .map_err(|error| CreateError::New(Box::new(error)))?;
        let mut group = Self { inner, name };
        match group.first_commit(provider, identity, key_packages) {
            Ok(started) => Ok((group, started)),
            Err(error) => {
                Self::delete(provider, name);
                Err(error)
            }
        }
    }

    fn first_commit(
        &mut self,
        provider: &Provider,
        identity: &DeviceIdentity,
        key_packages: &[VerifiedKeyPackage],
    ) -> Result<Started, CreateError> {
        let commit = self.commit(provider, identity, key_packages, &[])?;
        self.merge_pending(provider)?;
        Ok(Started { group_info: commit.group_info, welcome: commit.welcome })
    }
}
