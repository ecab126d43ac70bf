//! The client core, sans-I/O: what every Dunlin client shares.
//!
//! It holds no clock, no randomness of its own, no socket and no file. Whoever drives it (`client-native`,
//! `client-wasm`, the simulator) persists the batches it gives before sending the frames that follow them.

pub mod batch;
pub mod mls;

pub use batch::{Batch, Key, Value};
