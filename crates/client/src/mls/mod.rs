//! Messaging Layer Security (RFC 9420): one group per chat and generation, one leaf per device.
//!
//! [`Provider`] gives openmls its cryptography, randomness and storage; [`Group`] is what the rest of the core
//! sees. Whatever a call changes stays pending in [`Storage`] until [`Storage::take_changes`], and must be
//! persisted before anything that the call gave leaves the device. Handshakes are PublicMessages, application
//! messages PrivateMessages; the system clock decides nothing.

pub mod group;
pub mod identity;
pub mod key_packages;
pub mod provider;
pub mod storage;
mod suite;

pub use group::{Decrypted, Group, GroupName, MemberLeaf, PendingCommit, Staged, Started};
pub use identity::DeviceIdentity;
pub use key_packages::{MadeKeyPackage, VerifiedKeyPackage};
pub use provider::Provider;
pub use storage::Storage;
pub use suite::{Suite, UnknownSuite};

/// Epochs before the current one whose messages can still be read.
pub const PAST_EPOCHS_MAX: u16 = 5;
/// The newest generations of a sender's ratchet, the last one read included, that can still be read.
pub const OUT_OF_ORDER_GENERATIONS_MAX: u32 = 32;
/// How many generations of a sender's ratchet may be skipped at once. It is generous, for a sender uses one up
/// with every encryption, whether the server accepts the message or not.
pub const FORWARD_GENERATIONS_MAX: u32 = 4096;
