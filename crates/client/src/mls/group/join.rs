//! Joining: by a Welcome, or externally with a published GroupInfo.

use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{
    GroupId, LeafNodeParameters, MlsGroup, MlsMessageBodyIn, MlsMessageIn, StagedWelcome,
};
use openmls_traits::OpenMlsProvider;

use super::commit::Messages;
use super::{Group, GroupName, JoinError, PendingCommit, join_configuration, members};
use crate::mls::Provider;
use crate::mls::identity::DeviceIdentity;
use crate::mls::key_packages::capabilities;
use crate::mls::suite::Suite;

impl Group {
    /// Joins by a Welcome for one of this device's key packages, an MLSMessage. A group of the same name is
    /// replaced. The private keys of the key package are deleted, unless it is a last resort.
    ///
    /// # Errors
    /// See [`JoinError`]. The private keys may be gone then too.
    pub fn join(provider: &Provider, welcome: &[u8]) -> Result<Self, JoinError> {
        let message = MlsMessageIn::tls_deserialize_exact(welcome).map_err(JoinError::Malformed)?;
        let MlsMessageBodyIn::Welcome(welcome) = message.extract() else {
            return Err(JoinError::OtherMessage);
        };
        let staged = StagedWelcome::build_from_welcome(provider, &join_configuration(), welcome)
            .and_then(|builder| builder.skip_lifetime_validation().replace_old_group().build())
            .map_err(|error| JoinError::Welcome(Box::new(error)))?;
        let name = name_of(staged.group_context().group_id())?;
        Suite::try_from(staged.group_context().ciphersuite()).map_err(JoinError::Suite)?;
        members(provider, staged.members())?;
        Self::delete(provider, name);
        let inner = staged.into_group(provider).map_err(|error| JoinError::Welcome(Box::new(error)))?;
        Ok(Self { inner, name })
    }

    /// Enters with a GroupInfo from the log, an MLSMessage, replacing this device's old leaf if there is one
    /// (found by its signature key), and the state of a group of the same name. The group is in its new epoch at
    /// once; if the commit turns out to have lost, this is to be called again with the newer GroupInfo.
    ///
    /// # Errors
    /// See [`JoinError`]. The old state may be gone then.
    pub fn join_externally(
        provider: &Provider,
        identity: &DeviceIdentity,
        group_info: &[u8],
    ) -> Result<(Self, PendingCommit), JoinError> {
        let message = MlsMessageIn::tls_deserialize_exact(group_info).map_err(JoinError::Malformed)?;
        let MlsMessageBodyIn::GroupInfo(group_info) = message.extract() else {
            return Err(JoinError::OtherMessage);
        };
        let name = name_of(group_info.group_id())?;
        Suite::try_from(group_info.ciphersuite()).map_err(JoinError::Suite)?;
        let builder = MlsGroup::external_commit_builder()
            .with_config(join_configuration())
            .skip_lifetime_validation()
            .build_group(provider, group_info, identity.credential())
            .map_err(|error| JoinError::GroupInfo(Box::new(error)))?
            .leaf_node_parameters(LeafNodeParameters::builder().with_capabilities(capabilities()).build())
            .load_psks(provider.storage())
            .and_then(|builder| builder.build(provider.rand(), provider.crypto(), identity, |_| true))
            .map_err(|error| JoinError::Build(Box::new(error)))?;
        Self::delete(provider, name);
        let (inner, bundle) =
            builder.finalize(provider).map_err(|error| JoinError::Finish(Box::new(error)))?;
        let group = Self { inner, name };
        match group.entered(provider, identity, bundle) {
            Ok(pending) => Ok((group, pending)),
            Err(error) => {
                Self::delete(provider, name);
                Err(error)
            }
        }
    }

    fn entered(
        &self,
        provider: &Provider,
        identity: &DeviceIdentity,
        bundle: openmls::group::CommitMessageBundle,
    ) -> Result<PendingCommit, JoinError> {
        self.members(provider)?;
        let messages = Messages::of(bundle).map_err(JoinError::Encode)?;
        Ok(PendingCommit {
            commit: messages.commit,
            welcome: None,
            group_info: messages.group_info.ok_or(JoinError::NoGroupInfo)?,
            added: vec![identity.certificate().clone()],
            removed: Vec::new(),
        })
    }
}

fn name_of(id: &GroupId) -> Result<GroupName, JoinError> {
    GroupName::from_id(id.as_slice()).ok_or(JoinError::ForeignGroup)
}
