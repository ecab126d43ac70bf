//! The core against a server in memory: what two people, or twenty, see of each other.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod attacks;
mod invites;
mod members;
mod restoring;
mod sim;
mod talking;
mod world;
