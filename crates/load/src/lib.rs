//! Load scenarios and the history checker.
