//! Faults, fixtures and checkers for tests.

pub mod fuzzing;
pub mod key_rows;
pub mod secrets;
