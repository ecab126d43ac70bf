//! The keys of chats, as the core uses them: RFC 9420 behind a trait.
//!
//! A chat has at most one group at a time, that of its current generation. What this device itself starts,
//! commits or enters by stays *pending* until it comes back in the log; what others commit is *staged*, looked
//! at, and then merged or discarded. Every change is in `take_changes`, to be persisted before anything that
//! the call gave leaves the device.

mod mls_keys;
pub mod stand_in;

use bytes::Bytes;
use dunlin_model::{ChatId, DeviceCertificate, DeviceId, Epoch, Suite};

use crate::Batch;
pub use mls_keys::MlsKeys;

/// Why something cannot be done with a chat's keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// This device has no group in the chat.
    #[error("this device has no keys of the chat")]
    NoGroup,
    /// The message is of an epoch or generation from before this device's entry.
    #[error("the message is from before this device's entry")]
    BeforeEntry,
    /// The message is of an epoch whose keys are deleted.
    #[error("the keys of the message are deleted")]
    TooOld,
    /// The message is of an epoch that this device's keys have not come to: it missed a commit.
    #[error("the message is of an epoch that this device did not enter")]
    NotEntered,
    /// The key of the message was used before: it is a replay.
    #[error("the key of the message was used before")]
    Reused,
    /// The commit removes this device.
    #[error("the commit removes this device")]
    Removed,
    /// The bytes are not what they should be.
    #[error("{0}")]
    Invalid(&'static str),
}

/// A start, a commit or an entry of this device, pending until it comes back in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The epoch that a start begins, and that a commit ends.
    pub epoch: Epoch,
    /// The MLS commit (a PublicMessage); empty for a start.
    pub commit: Bytes,
    /// For those added.
    pub welcome: Option<Bytes>,
    /// Of the epoch that begins, with the ratchet tree.
    pub group_info: Bytes,
    /// Those added, ascending: packages that are not valid are left out. Of an entry nothing is meant by it: whether
    /// there was a leaf is in the log.
    pub added: Vec<DeviceId>,
}

/// A commit of another device, looked at and not yet merged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Who committed.
    pub by: DeviceCertificate,
    /// The leaves it adds, the committer's own in an external commit that enters anew; ascending by device.
    pub added: Vec<DeviceCertificate>,
    /// The leaves it removes, ascending, without one that the committer replaces.
    pub removed: Vec<DeviceId>,
    /// Whether the committer entered from outside.
    pub external: bool,
}

/// A decrypted message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decrypted {
    /// The device whose leaf sent it.
    pub sender: DeviceId,
    /// What it was given to encrypt.
    pub plaintext: Vec<u8>,
}

/// The group cryptography of one device.
pub trait Keys: Send {
    /// Makes key packages of `suite` for others to claim. Their private parts are in the changes.
    ///
    /// # Errors
    /// When the suite is not known.
    fn key_packages(
        &mut self,
        suite: Suite,
        count: usize,
        last_resort: bool,
    ) -> Result<Vec<Bytes>, KeysError>;

    /// Starts the group of a generation with the devices of these key packages, and leaves it pending.
    ///
    /// # Errors
    /// When the suite is not known.
    fn start(
        &mut self,
        chat: ChatId,
        generation: u32,
        suite: Suite,
        packages: &[(DeviceId, Bytes)],
    ) -> Result<Prepared, KeysError>;

    /// Commits additions and removals, or just fresh keys, and leaves the commit pending.
    ///
    /// # Errors
    /// `NoGroup`, or when a device to be removed has no leaf.
    fn commit(
        &mut self,
        chat: ChatId,
        add: &[(DeviceId, Bytes)],
        remove: &[DeviceId],
    ) -> Result<Prepared, KeysError>;

    /// Enters a group from outside (RFC 9420 section 12.4.3.2), replacing an own leaf, and leaves that pending.
    ///
    /// # Errors
    /// When the group info is not usable.
    fn enter(&mut self, chat: ChatId, generation: u32, group_info: &[u8]) -> Result<Prepared, KeysError>;

    /// Makes what is pending the chat's group: it came back in the log.
    ///
    /// # Errors
    /// `NoGroup` when nothing is pending.
    fn merge_pending(&mut self, chat: ChatId) -> Result<(), KeysError>;

    /// Drops what is pending, if anything is.
    fn discard_pending(&mut self, chat: ChatId);

    /// Joins a group by a Welcome that uses one of this device's key packages.
    ///
    /// # Errors
    /// When it is not for this device, or not valid.
    fn join(&mut self, chat: ChatId, generation: u32, welcome: &[u8]) -> Result<(), KeysError>;

    /// Looks at a commit of the current epoch; nothing changes before it is merged.
    ///
    /// # Errors
    /// When it cannot be applied.
    fn stage(&mut self, chat: ChatId, commit: &[u8]) -> Result<Staged, KeysError>;

    /// Applies the staged commit.
    ///
    /// # Errors
    /// `NoGroup` when nothing is staged.
    fn merge_staged(&mut self, chat: ChatId) -> Result<(), KeysError>;

    /// Drops the staged commit.
    fn discard_staged(&mut self, chat: ChatId);

    /// Encrypts for the current epoch. The key is used up, whatever becomes of the ciphertext.
    ///
    /// # Errors
    /// `NoGroup`.
    fn encrypt(&mut self, chat: ChatId, plaintext: &[u8]) -> Result<(Epoch, Bytes), KeysError>;

    /// Decrypts a message of the current epoch or of one of the five before.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn decrypt(&mut self, chat: ChatId, ciphertext: &[u8]) -> Result<Decrypted, KeysError>;

    /// The devices with a leaf in the chat's group, ascending; none without a group.
    fn members(&self, chat: ChatId) -> Vec<DeviceCertificate>;

    /// The epoch of the chat's group.
    fn epoch(&self, chat: ChatId) -> Option<Epoch>;

    /// Deletes the keys of the chat's group. Another group that is pending stays.
    fn forget(&mut self, chat: ChatId);

    /// What changed since the last call, under keys that begin with `k/`.
    fn take_changes(&mut self) -> Batch;
}
