//! The embedded store: one writer, one fsync a batch.
//!
//! Writes go through a bounded queue to one thread, which merges what waits into one batch (`writer`),
//! decides each write against what is durable (`staging`, `deciding`) and commits with one sync (`engine`).
//! Reads go to the engine directly, where only what is synced can be seen. Deliberately absent: a timer that
//! waits for more writes, rows for dedup, rows for heads.

mod attachments;
mod cache;
mod chats;
mod claiming;
mod config;
mod deciding;
mod engine;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod fixtures;
mod format_1;
mod inboxes;
mod key_packages;
mod keys;
mod marks;
mod numbering;
mod opening;
mod operation;
mod people;
mod progress;
mod rows;
mod staging;
mod stats;
mod store;
#[cfg(test)]
mod tests;
mod watermark;
mod writer;

pub use config::{
    BATCH_BYTES_MAX, BATCH_WRITES_MAX, CACHE_BYTES, CHATS_CACHED_MAX, EmbeddedConfig, QUEUE_WAIT_MAX,
    REGISTERS_CACHED_MAX, WAITING_WRITES_MAX,
};
pub use numbering::Missing;
pub use opening::OpenError;
pub use stats::{Histogram, LATENCY_BOUNDS_US, StoreStats};
pub use store::EmbeddedStore;
