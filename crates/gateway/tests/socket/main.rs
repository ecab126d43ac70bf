//! The gateway through its real socket: well-behaved and misbehaving clients of a server in this process.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod absences;
mod attachments;
mod client;
mod clocks;
mod conversations;
mod endings;
mod garbage;
mod handshake;
mod limits;
mod noise;
mod raw;
mod relaying;
mod requests;
mod rosters;
mod slow;
mod world;
