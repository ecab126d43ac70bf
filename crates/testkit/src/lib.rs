//! Faults, fixtures and checkers for tests.
