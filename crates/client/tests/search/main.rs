//! Search through its public door.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod behaviour;
mod economy;
mod naive;
mod vault;
