//! The history checker: what clients sent, were told and were shown, held against the invariants I1 to I6.
//!
//! A [`History`] is recorded while clients run, in the order in which things happened to them. [`check`]
//! looks at it afterwards. It knows nothing of servers, sockets or clocks: the order of records is the only
//! time there is, so records of all clients must come from one place.

mod chat_log;
mod history;
mod report;
mod verdict;

pub use history::{Chat, Device, Entry, History, Record};
pub use report::{Invariant, Report, Violation};
pub use verdict::{Policy, check};

#[cfg(test)]
mod tests;
