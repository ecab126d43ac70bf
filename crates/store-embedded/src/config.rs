//! What an administrator may change, with the defaults and the limits that are fixed.

use std::time::Duration;

/// Bytes of blocks kept in memory, unless configured otherwise.
pub const CACHE_BYTES: u64 = 256 * 1024 * 1024;
/// Writes that may wait for the writer, unless configured otherwise.
pub const WAITING_WRITES_MAX: usize = 16_384;
/// Writes merged into one batch, unless configured otherwise.
pub const BATCH_WRITES_MAX: usize = 4_096;
/// Bytes of rows after which a batch takes no further writes, unless configured otherwise.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How long a write waits for a place in the queue before it is refused, unless configured otherwise.
pub const QUEUE_WAIT_MAX: Duration = Duration::from_secs(5);
/// Chats whose head is kept in memory, unless configured otherwise; about 100 bytes each.
pub const CHATS_CACHED_MAX: usize = 262_144;
/// Progress registers kept in memory, unless configured otherwise; about 150 bytes each.
pub const REGISTERS_CACHED_MAX: usize = 262_144;

/// Bytes of the newest rows in memory before they go to a table. Opening replays at most a few times this.
pub(crate) const MEMTABLE_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes of journals after which the engine hurries to empty them.
pub(crate) const JOURNALS_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Threads that write tables and merge them.
pub(crate) const ENGINE_THREADS: usize = 2;
/// The newest batches whose numbers are kept to notice a hole. Rows of older ones are in tables by then,
/// because the rows in memory go to a table every `BATCHES_PER_MEMTABLE_MAX` batches, and at most four such
/// sets wait (beyond that the engine halts writes).
pub(crate) const BATCHES_REMEMBERED: u64 = 131_072;
/// See [`BATCHES_REMEMBERED`].
pub(crate) const BATCHES_PER_MEMTABLE_MAX: u64 = BATCHES_REMEMBERED / 8;
/// Batches begin at least so far apart. At 4,400 messages per second this took a third of the server's CPU
/// off each message and added a millisecond to the median (docs/performance.md).
pub(crate) const COMMIT_INTERVAL: Duration = Duration::from_micros(1_250);
/// How often the number acknowledged is synced to disk in the background.
pub(crate) const WATERMARK_SYNC_INTERVAL: Duration = Duration::from_millis(200);
/// Events rewritten or removed by one write of the expiry: what it may delay others is that of one batch.
pub(crate) const EXPIRY_EVENTS_MAX: u64 = 128;
/// Events looked at for one chat when asked what may expire.
pub(crate) const EXPIRY_SCAN_EVENTS_MAX: usize = 4_096;
/// Reads of at most this many rows near the head run on the caller's thread.
pub(crate) const INLINE_ROWS_MAX: u64 = 256;

/// Settings of the embedded store; the defaults are right for one server on one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmbeddedConfig {
    /// Bytes of blocks kept in memory.
    pub cache_bytes: u64,
    /// Writes that may wait for the writer.
    pub waiting_writes_max: usize,
    /// Writes merged into one batch.
    pub batch_writes_max: usize,
    /// Bytes of rows after which a batch takes no further writes.
    pub batch_bytes_max: usize,
    /// How long a write waits for a place in the queue before it is refused.
    pub queue_wait_max: Duration,
    /// Chats whose head is kept in memory.
    pub chats_cached_max: usize,
    /// Progress registers kept in memory.
    pub registers_cached_max: usize,
    /// Opens the store as a restored one: with a new incarnation each time, and although acknowledged writes are lost.
    /// For one opening, after a loss or after putting back a backup of the whole directory.
    pub accept_loss: bool,
}

impl Default for EmbeddedConfig {
    fn default() -> Self {
        Self {
            cache_bytes: CACHE_BYTES,
            waiting_writes_max: WAITING_WRITES_MAX,
            batch_writes_max: BATCH_WRITES_MAX,
            batch_bytes_max: BATCH_BYTES_MAX,
            queue_wait_max: QUEUE_WAIT_MAX,
            chats_cached_max: CHATS_CACHED_MAX,
            registers_cached_max: REGISTERS_CACHED_MAX,
            accept_loss: false,
        }
    }
}
