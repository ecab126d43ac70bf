//! Counters for every step of the way, read by whoever exports them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds `n`.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// The number now.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Upper bounds of the buckets of a [`Histogram`], in microseconds; the last bucket has none.
pub const BUCKET_BOUNDS_US: [u64; 12] =
    [50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 500_000, 2_000_000];

/// How long something took, in fixed buckets.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKET_BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    /// Counts one duration.
    pub fn observe(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let index = BUCKET_BOUNDS_US.iter().position(|bound| us <= *bound).unwrap_or(BUCKET_BOUNDS_US.len());
        if let Some(bucket) = self.buckets.get(index) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// (upper bound in seconds, count in this bucket alone), ascending, the last bound infinite; and the sum
    /// in seconds.
    pub fn read(&self) -> (Vec<(f64, u64)>, f64) {
        let bounds = BUCKET_BOUNDS_US.iter().map(|us| Duration::from_micros(*us).as_secs_f64());
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let sum = Duration::from_micros(self.sum_us.load(Ordering::Relaxed)).as_secs_f64();
        (bounds.chain(std::iter::once(f64::INFINITY)).zip(counts).collect(), sum)
    }
}

/// What delivery counts, in the order of the way of a message.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Commands on chats that came in.
    pub submitted: Counter,
    /// Commands refused by the state machine.
    pub refused: Counter,
    /// Events appended.
    pub appended: Counter,
    /// Appends that lost the race and were decided anew.
    pub conflicts: Counter,
    /// Commands that failed for lack of the store.
    pub unavailable: Counter,
    /// Retries recognised.
    pub repeated: Counter,
    /// Inbox registers raised.
    pub raised: Counter,
    /// Sessions woken.
    pub woken: Counter,
    /// Events pulled for a session.
    pub pulled: Counter,
    /// Pulls that had to read the store.
    pub pulled_from_store: Counter,
    /// Ranges skipped.
    pub skipped: Counter,
    /// Receipts from clients (`received` and `markSeen`).
    pub receipts: Counter,
    /// Registers written for them.
    pub receipts_written: Counter,
    /// Status updates put up for sessions.
    pub status_updates: Counter,
    /// Signals (status, presence, typing) dropped because a session had too many waiting.
    pub signals_dropped: Counter,
    /// Groups of chats verified anew from their GroupInfo, since none was kept.
    pub groups_verified: Counter,
    /// Parts of handshakes removed from blob storage.
    pub blobs_removed: Counter,
    /// Attachments begun.
    pub attachments_created: Counter,
    /// Attachments removed: never sent, or older than is kept.
    pub attachments_removed: Counter,
    /// Files and uploads removed from storage that belong to no attachment.
    pub attachments_orphaned: Counter,
    /// Bytes of attachments that came through this server.
    pub attachment_bytes_in: Counter,
    /// Bytes of attachments that left through this server.
    pub attachment_bytes_out: Counter,
    /// From the decision to the durable event.
    pub append_time: Histogram,
    /// From the command to the answer.
    pub submit_time: Histogram,
}
