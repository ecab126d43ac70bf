//! The core against a server in memory: what two people, or twenty, see of each other.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod attacks;
mod changing;
mod disappearing;
mod economy;
mod faces;
mod finding;
mod invites;
mod linking;
mod members;
mod own;
mod reading;
mod restoring;
mod signals;
mod sim;
mod talking;
mod trusting;
mod waiting;
mod world;
