//! The MLS layer through its public doors: groups of two and of five devices, over both suites.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod device;
mod epochs;
mod fixtures;
mod membership;
mod messages;
mod server;
mod state;
