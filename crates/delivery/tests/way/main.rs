//! The way of a message through delivery's public doors, over the in-memory store.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod attacks;
mod crafted;
mod faults;
mod handshakes;
mod key_packages;
mod keys;
mod messages;
mod mls;
mod people;
mod relayed;
mod relaying;
mod removal;
mod rosters;
mod servers;
mod world;
