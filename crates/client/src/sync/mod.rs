//! Following the logs of chats, strictly in order: what comes waits until everything before it was processed.

mod base;
mod gone;
mod handshake;
mod held;
mod incoming;
mod process;
mod read;
mod receipts;
mod restore;
mod said;
mod verify;

pub(crate) use held::Held;
pub use restore::Restored;
pub(crate) use verify::unlimited;
