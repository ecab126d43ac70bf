//! The store: what Dunlin keeps, behind traits that speak of chats, inboxes and people.
//!
//! Everything durable is a log that grows by put-if-absent, a register that only rises, an immutable record
//! or a versioned document (DESIGN.md, section 1). Two properties hold for every method of every
//! implementation. *Visible is durable*: what a read returns, no crash takes back (I9). *Dropping a future
//! takes nothing back*: the write it asked for may still happen, whole or not at all.

mod attachments;
mod chats;
pub mod conformance;
mod error;
mod inboxes;
pub mod keys;
pub mod memory;
mod people;
mod progress;
pub mod retention;

pub use attachments::Attachments;
pub use chats::{Appended, Chats, ExpiringChat};
pub use error::StoreError;
pub use inboxes::Inboxes;
pub use keys::{Certificates, KeyClaim, KeyPackages, Revocations};
pub use people::{Challenges, Claim, Devices, Documents, Replaced, Secrets, UserRecord, Users};
pub use progress::{ProgressRaise, Progresses};

/// All that a server needs of a database.
pub trait Store:
    Chats
    + Inboxes
    + Progresses
    + Users
    + Devices
    + Challenges
    + Documents
    + Secrets
    + Certificates
    + KeyPackages
    + Revocations
    + Attachments
    + Send
    + Sync
    + 'static
{
}

impl<T> Store for T where
    T: Chats
        + Inboxes
        + Progresses
        + Users
        + Devices
        + Challenges
        + Documents
        + Secrets
        + Certificates
        + KeyPackages
        + Revocations
        + Attachments
        + Send
        + Sync
        + 'static
{
}
