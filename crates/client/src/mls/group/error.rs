//! What can go wrong with a group, an enum per operation. openmls' errors are large, so they are boxed.

use dunlin_model::ids::DeviceId;
use openmls::framing::errors::{MlsMessageError, ProtocolMessageError};
use openmls::group::{
    CommitBuilderStageError, CreateCommitError, CreateMessageError, DeletePastEpochSecretsError,
    ExportSecretError, ExternalCommitBuilderError, ExternalCommitBuilderFinalizeError, MergeCommitError,
    MergePendingCommitError, NewGroupError, ProcessMessageError, WelcomeError,
};
use openmls::prelude::tls_codec::Error as CodecError;

use crate::mls::identity::LeafError;
use crate::mls::storage::StorageError;
use crate::mls::suite::{Suite, UnknownSuite};

/// A group's members are not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MembersError {
    /// A leaf does not show whose device it is.
    #[error("Leaf {leaf} is not acceptable.")]
    Leaf {
        /// The leaf's index.
        leaf: u32,
        /// Why.
        #[source]
        source: LeafError,
    },
    /// A device has two leaves.
    #[error("The device {0} has two leaves.")]
    Twice(DeviceId),
}

/// A commit cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// An earlier commit waits to come back in the log.
    #[error("Another commit is pending.")]
    Pending,
    /// A device to be removed is none of the members.
    #[error("The device {0} is not a member.")]
    NoSuchMember(DeviceId),
    /// Nobody can commit their own removal (RFC 9420 section 12.2).
    #[error("A device cannot remove itself.")]
    OwnRemoval,
    /// A key package is for another suite.
    #[error("The key package of {0} is for the suite {1:?}.")]
    OtherSuite(DeviceId, Suite),
    /// The group's members are not acceptable, or would not be.
    #[error("The members are not acceptable.")]
    Members(#[from] MembersError),
    /// openmls cannot build it.
    #[error("The commit cannot be built.")]
    Build(#[source] Box<CreateCommitError>),
    /// openmls cannot keep it as pending.
    #[error("The commit cannot be staged.")]
    Stage(#[source] Box<CommitBuilderStageError<StorageError>>),
    /// It cannot be encoded.
    #[error("The commit cannot be encoded.")]
    Encode(#[source] MlsMessageError),
    /// openmls gave no GroupInfo with it.
    #[error("The commit came without a GroupInfo.")]
    NoGroupInfo,
}

/// A group cannot be created.
#[derive(Debug, thiserror::Error)]
pub enum CreateError {
    /// openmls cannot create it.
    #[error("The group cannot be created.")]
    New(#[source] Box<NewGroupError<StorageError>>),
    /// Its first commit cannot be made.
    #[error("The first commit cannot be made.")]
    Commit(#[from] CommitError),
    /// Its first commit cannot be merged.
    #[error("The first commit cannot be merged.")]
    Merge(#[from] MergeError),
}

/// A commit cannot be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Our own.
    #[error("The pending commit cannot be merged.")]
    Pending(#[source] Box<MergePendingCommitError<StorageError>>),
    /// Another member's.
    #[error("The commit cannot be merged.")]
    Other(#[source] Box<MergeCommitError<StorageError>>),
}

/// Why a commit that is valid to openmls is none for a chat.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It has a proposal that chats do not use.
    #[error("The commit has a proposal that chats do not use.")]
    Proposal,
    /// It has no path.
    #[error("The commit has no path.")]
    NoPath,
    /// A leaf does not show whose device it is.
    #[error("A leaf of the commit is not acceptable.")]
    Leaf(#[from] LeafError),
    /// The committer's new leaf is of another device.
    #[error("The committer's new leaf is of another device.")]
    AnotherDevice,
    /// It removes a leaf that does not exist.
    #[error("The commit removes no member.")]
    NoSuchMember,
    /// A device would have two leaves.
    #[error("The device {0} would have two leaves.")]
    Twice(DeviceId),
    /// A device that enters externally removes another one.
    #[error("The entering device removes another one.")]
    ForeignRemoval,
}

/// A commit from the log cannot be applied.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// The bytes are not an MLSMessage.
    #[error("The bytes are not an MLS message.")]
    Malformed(#[source] CodecError),
    /// The message is no handshake.
    #[error("The message is not a handshake.")]
    NotAHandshake(#[source] ProtocolMessageError),
    /// The message is no commit, or is encrypted.
    #[error("The message is not a commit in a PublicMessage.")]
    NotACommit,
    /// The commit is for another group or epoch than the current one.
    #[error("The commit is for epoch {0}.")]
    OtherEpoch(u64),
    /// openmls refuses it.
    #[error("The commit is not valid.")]
    Invalid(#[source] Box<ProcessMessageError<StorageError>>),
    /// It is no commit for a chat.
    #[error("The commit is not one for a chat.")]
    Refused(#[from] Refusal),
}

/// A group cannot be joined.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The bytes are not an MLSMessage.
    #[error("The bytes are not an MLS message.")]
    Malformed(#[source] CodecError),
    /// The bytes are another message.
    #[error("The message is not what it is taken for.")]
    OtherMessage,
    /// The group's id is none of ours.
    #[error("The group is not a chat's.")]
    ForeignGroup,
    /// Chats do not use the group's suite.
    #[error("The group is of a suite that chats do not use.")]
    Suite(#[source] UnknownSuite),
    /// openmls refuses the Welcome. It may be for a key package whose private keys are gone.
    #[error("The Welcome is not valid.")]
    Welcome(#[source] Box<WelcomeError<StorageError>>),
    /// openmls refuses the GroupInfo.
    #[error("The group info is not valid.")]
    GroupInfo(#[source] Box<ExternalCommitBuilderError<StorageError>>),
    /// The external commit cannot be built.
    #[error("The external commit cannot be built.")]
    Build(#[source] Box<CreateCommitError>),
    /// The external commit cannot be finished.
    #[error("The external commit cannot be finished.")]
    Finish(#[source] Box<ExternalCommitBuilderFinalizeError<StorageError>>),
    /// The group's members are not acceptable.
    #[error("The members are not acceptable.")]
    Members(#[from] MembersError),
    /// The external commit cannot be encoded.
    #[error("The external commit cannot be encoded.")]
    Encode(#[source] MlsMessageError),
    /// openmls gave no GroupInfo with the external commit.
    #[error("The external commit came without a GroupInfo.")]
    NoGroupInfo,
}

/// A message cannot be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum EncryptError {
    /// openmls cannot: above all, this device is no member any more.
    #[error("The message cannot be encrypted.")]
    Create(#[source] Box<CreateMessageError>),
    /// It cannot be encoded.
    #[error("The message cannot be encoded.")]
    Encode(#[source] MlsMessageError),
}

/// Why a well-formed message of the group can never be read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undecryptable {
    /// Its epoch is older than those that are kept, or from before this device was a member.
    #[error("The message's epoch is too old.")]
    EpochTooOld,
    /// Its epoch did not begin here.
    #[error("The message's epoch is unknown.")]
    EpochUnknown,
    /// Its key was used before, or was passed over too long ago.
    #[error("The message's key is gone.")]
    KeyGone,
    /// Its sender's ratchet is too far ahead.
    #[error("The message's generation is too far ahead.")]
    TooFarAhead,
    /// This device encrypted it.
    #[error("The message is this device's own.")]
    Own,
}

/// A message was not decrypted.
#[derive(Debug, thiserror::Error)]
pub enum DecryptError {
    /// The bytes are not an MLSMessage.
    #[error("The bytes are not an MLS message.")]
    Malformed(#[source] CodecError),
    /// The bytes are another message.
    #[error("The message is not an application message.")]
    NotApplication,
    /// The message is for another group.
    #[error("The message is for another group.")]
    OtherGroup,
    /// The message can never be read here.
    #[error("The message cannot be decrypted.")]
    Undecryptable(#[source] Undecryptable),
    /// The message is forged or damaged.
    #[error("The message is not valid.")]
    Invalid(#[source] Box<ProcessMessageError<StorageError>>),
    /// Its sender's leaf does not show whose device it is.
    #[error("The sender's leaf is not acceptable.")]
    Sender(#[source] LeafError),
    /// The ratchet's state cannot be written.
    #[error("The state cannot be written.")]
    Storage(#[source] DeletePastEpochSecretsError<StorageError>),
}

/// A secret cannot be exported.
#[derive(Debug, thiserror::Error)]
#[error("The secret cannot be exported.")]
pub struct ExportError(#[source] pub(super) ExportSecretError);
