//! The chat state machine: pure, the same on servers and clients.
//!
//! `decide` looks at the state and turns a command into an event or a refusal; `apply` turns an event into
//! the next state. Deliberately absent: time, randomness, I/O, and any way to fail while applying.

mod apply;
mod decide;
mod keys;
mod membership;
mod state;
mod window;

pub use decide::{Decision, decide, draft};
pub use keys::KeyState;
pub use membership::{Membership, Memberships};
pub use state::ChatState;
pub use window::{NumberStatus, NumberWindow};

#[cfg(test)]
mod tests;
