//! Accounts through their public door, over the store in memory.

#[cfg(test)]
mod codes;
#[cfg(test)]
mod common;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod senders;
#[cfg(test)]
mod tokens;
