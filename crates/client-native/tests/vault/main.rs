//! The vault through its public door, with real SQLite files.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod common;
mod durability;
mod files;
mod foreign;
mod owner;
mod reading;
mod tampering;
mod unlocking;
