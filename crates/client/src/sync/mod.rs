//! Following the logs of chats, strictly in order: what comes waits until everything before it was processed.

mod base;
mod gone;
mod handshake;
mod incoming;
mod process;
mod read;
mod receipts;
mod said;
mod verify;

pub(crate) use verify::unlimited;
