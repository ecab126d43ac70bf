//! The embedded store: one writer, one fsync a batch.
