//! What the log of an encrypted chat says about its keys (RFC 9420): epochs, handshakes, attestations.
//!
//! Who is in a chat is decided by the log, in users; who can read it is decided by MLS, in devices. What is
//! here is the little that the server has to know of MLS to keep both in step.

use std::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::ids::DeviceId;

/// Bytes of a handshake's part up to which it stands in the event itself; larger ones are named by their hash
/// and lie in blob storage.
pub const INLINE_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a handshake's part in blob storage.
pub const HANDSHAKE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Epochs back from which messages are accepted, and whose keys clients keep.
pub const EPOCHS_BACK_MAX: u64 = 5;
/// Devices in the group of a chat with the hybrid suite.
pub const HYBRID_DEVICES_MAX: usize = 256;

/// A cipher suite, by its number in the registry of RFC 9420 section 17.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Suite(pub u16);

impl Suite {
    /// `MLS_128_MLKEM768X25519_AES128GCM_SHA256_Ed25519`: hybrid, X-Wing. The default.
    pub const HYBRID: Self = Self(0x004F);
    /// `MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519`, for groups made large.
    pub const CLASSIC: Self = Self(0x0001);

    /// Whether chats may use it.
    pub const fn is_known(self) -> bool {
        matches!(self, Self::HYBRID | Self::CLASSIC)
    }
}

/// A point in the history of a chat's keys: the generation of the chat's MLS group, then the group's epoch.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Epoch {
    /// 1, 2, 3 …; a new one is a new MLS group. Zero before the first.
    pub generation: u32,
    /// The epoch in that group.
    pub number: u64,
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.generation, self.number)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epoch({self})")
    }
}

/// A part of a handshake: MLS bytes that only devices of the chat look into, except for what the server
/// validates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// The bytes themselves, up to [`INLINE_BYTES_MAX`].
    Inline(Bytes),
    /// Bytes in blob storage, durable before the event is.
    Stored {
        /// Their SHA-256, which is also their name.
        hash: [u8; 32],
        /// How many there are.
        bytes: u32,
    },
}

impl Payload {
    /// Length in bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Inline(bytes) => bytes.len(),
            Self::Stored { bytes, .. } => usize::try_from(*bytes).unwrap_or(usize::MAX),
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is as small as it must be where it stands.
    pub fn fits(&self) -> bool {
        match self {
            Self::Inline(bytes) => bytes.len() <= INLINE_BYTES_MAX,
            Self::Stored { .. } => self.len() <= HANDSHAKE_BYTES_MAX,
        }
    }
}

/// Why a new generation begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum StartReason {
    /// The chat has no group yet.
    First,
    /// No device of a member is left in the group to commit.
    NobodyLeft,
    /// The group is broken: its commits cannot be applied.
    Broken,
    /// An admin changes the suite.
    SuiteChange,
}

/// The first epoch of a generation: its founder and all whom the founder could add.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupStart {
    /// The point it begins at: a generation after the last, and the group's epoch once all were added.
    pub epoch: Epoch,
    /// The group's suite.
    pub suite: Suite,
    /// Why.
    pub reason: StartReason,
    /// The devices with a leaf, the founder's among them; ascending, each once.
    pub devices: Vec<DeviceId>,
    /// For those added; `None` when the founder is alone.
    pub welcome: Option<Payload>,
    /// For those who enter later; with the ratchet tree.
    pub group_info: Payload,
}

/// A commit, with what those it lets in need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// The epoch that it ends.
    pub epoch: Epoch,
    /// Whether its sender enters by it from outside (RFC 9420 section 12.4.3.2).
    pub external: bool,
    /// Devices that get a leaf, the sender's in an external commit; ascending, each once.
    pub added: Vec<DeviceId>,
    /// Devices that lose their leaf; ascending, each once. A device that replaces its own is in neither list.
    pub removed: Vec<DeviceId>,
    /// The MLS message (a PublicMessage).
    pub commit: Payload,
    /// For those added by others.
    pub welcome: Option<Payload>,
    /// Of the new epoch; with the ratchet tree.
    pub group_info: Payload,
}
