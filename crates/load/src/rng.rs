//! Seeded choices, so that a run can be repeated.

use std::time::Duration;

use dunlin_model::Randomness as _;
use dunlin_model::clock::SeededRandomness;

/// Picks moments and victims.
#[derive(Debug)]
pub(crate) struct Rng(SeededRandomness);

impl Rng {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(SeededRandomness::new(seed))
    }

    pub(crate) fn next(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number below `limit`, which is above zero.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit.max(1)
    }

    /// A time below `limit`.
    pub(crate) fn time_below(&mut self, limit: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(limit.as_micros()).unwrap_or(u64::MAX)))
    }
}
