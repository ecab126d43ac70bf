//! Load scenarios and the history checker.

pub mod check;
