//! The client core in a browser's worker.
//!
//! It does no I/O: IndexedDB, the socket, timers and locks are driven by `web/src/core/worker`, in the same order as in
//! `client-native`: persist, send, show. Rows that a step or a question needs and that are not in memory are noted as
//! missing, loaded, and the step is completed, or the question asked, again.

mod cache;
mod core;
mod entering;
mod events;
mod files;
mod kept;
mod known;
mod plain;
mod questions;
mod seal;
mod sending;
mod views;
mod wishes;

pub use self::core::Core;
pub use self::files::{FileOpener, FileSealer};
