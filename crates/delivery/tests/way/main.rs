//! The way of a message through delivery's public doors, over the in-memory store.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod faults;
mod keys;
mod messages;
mod people;
mod relaying;
mod rosters;
mod servers;
mod world;
