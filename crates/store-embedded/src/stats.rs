//! Counters for the server's metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the latency buckets in microseconds; a last bucket has no bound.
pub const LATENCY_BOUNDS_US: [u64; 12] =
    [50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 102_400, 409_600];

/// How long something took, in buckets.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; LATENCY_BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Histogram {
    pub(crate) fn record(&self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let index = LATENCY_BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(bucket) = self.buckets.get(index) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// How many fell into each bucket (not cumulative).
    pub fn counts(&self) -> [u64; LATENCY_BOUNDS_US.len() + 1] {
        std::array::from_fn(|index| self.buckets.get(index).map_or(0, |count| count.load(Ordering::Relaxed)))
    }

    /// All of it together.
    pub fn sum(&self) -> Duration {
        Duration::from_micros(self.sum_us.load(Ordering::Relaxed))
    }
}

/// What the writer did since the store was opened.
#[derive(Debug, Default)]
pub struct StoreStats {
    /// Batches committed.
    pub batches: AtomicU64,
    /// Writes that were asked for, no matter how they ended.
    pub writes: AtomicU64,
    /// Rows written.
    pub rows: AtomicU64,
    /// Bytes of rows written.
    pub bytes: AtomicU64,
    /// Events appended.
    pub appended: AtomicU64,
    /// Writes refused because the queue stayed full.
    pub refused: AtomicU64,
    /// Duration of commits, most of which is the sync to disk.
    pub commit: Histogram,
}

pub(crate) fn add(counter: &AtomicU64, count: usize) {
    counter.fetch_add(count as u64, Ordering::Relaxed);
}
