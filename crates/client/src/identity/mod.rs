//! Who people and their devices are, for clients: linking a new device, and comparing safety numbers.

pub mod linking;
mod safety_number;

pub use safety_number::SafetyNumber;
