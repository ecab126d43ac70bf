//! Faults, fixtures and checkers for tests.

pub mod fuzzing;
pub mod secrets;
