//! Wakes between servers.
