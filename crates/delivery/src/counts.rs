//! Counts by key over fixed intervals: the limits of what somebody may do in a time.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// Keys that are counted at a time.
const COUNTED_MAX: usize = 65_536;

/// Counts by key, each with the time it began.
pub(crate) struct Counts<K> {
    interval: Duration,
    counts: HashMap<K, (Duration, u32)>,
}

impl<K: Hash + Eq> Counts<K> {
    /// Counts that begin anew after `interval`.
    pub(crate) fn over(interval: Duration) -> Self {
        Self { interval, counts: HashMap::new() }
    }

    /// How long to wait before `key` may count `more`; nothing when it may now.
    pub(crate) fn wait(&self, key: &K, more: u32, max: u32, now: Duration) -> Option<Duration> {
        let (began, count) = *self.counts.get(key)?;
        let age = now.saturating_sub(began);
        (age < self.interval && count.saturating_add(more) > max).then(|| self.interval.saturating_sub(age))
    }

    pub(crate) fn add(&mut self, key: K, more: u32, now: Duration) {
        let interval = self.interval;
        if self.counts.len() >= COUNTED_MAX && !self.counts.contains_key(&key) {
            self.counts.retain(|_, (began, _)| now.saturating_sub(*began) < interval);
            if self.counts.len() >= COUNTED_MAX {
                self.counts.clear(); // So many at once are not kept out by counting.
            }
        }
        let entry = self.counts.entry(key).or_insert((now, 0));
        if now.saturating_sub(entry.0) >= interval {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_are_counted_than_the_limit() {
        let mut counts = Counts::over(Duration::from_secs(3_600));
        for key in 0..=COUNTED_MAX {
            counts.add(key, 1, Duration::ZERO);
        }
        assert!(counts.counts.len() <= COUNTED_MAX);
    }
}
