//! A connection to a Dunlin server over tokio.
//!
//! [`Api`] speaks REST: log in, devices, people. [`Link`] is one WebSocket, lean enough to hold by the
//! thousand: it sends frames and reads frames. [`vault`] keeps a client's state on disk, encrypted, and [`device`]
//! drives the client core with both. Before that a new device is linked ([`linking`]) or begins with an identity of
//! its own ([`identity`]).
#![expect(
    clippy::disallowed_methods,
    reason = "this is where a client meets the real clock and real randomness"
)]

mod api;
mod backoff;
mod clock;
mod credentials;
pub mod device;
pub mod files;
pub mod identity;
mod link;
pub mod linking;
mod server_url;
mod tls;
pub mod vault;

pub use api::{Api, ApiError, types};
pub use backoff::Backoff;
pub use clock::{SystemClock, SystemRandomness};
pub use credentials::{Credentials, FixedToken, Session, TokenError, Tokens};
pub use link::{Incoming, Link, LinkError};
pub use server_url::{ServerUrl, ServerUrlError};
