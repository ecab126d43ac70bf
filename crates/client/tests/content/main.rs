//! Content through its public door: what is sealed reads back, and nothing else does.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod examples;
mod golden;
mod refusals;
mod round_trip;
mod unknown;
