//! Following the logs of chats, strictly in order: what comes waits until everything before it was processed.

mod base;
mod handshake;
mod incoming;
mod process;
mod read;
mod receipts;
mod restore;
mod verify;

pub use restore::Restored;
pub(crate) use verify::unlimited;
