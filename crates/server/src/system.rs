//! The machine's clock and its randomness: the two globals, in one place.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dunlin_model::{Clock, Randomness, Timestamp};

/// The clock of this machine.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts here.
    #[expect(clippy::disallowed_methods, reason = "this is where the clock comes from")]
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where the time comes from")]
    fn now(&self) -> Timestamp {
        // A clock before 1970 is a machine without a battery that has not asked for the time yet.
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// The randomness of the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandomness;

impl Randomness for OsRandomness {
    #[expect(clippy::disallowed_methods, reason = "this is where randomness comes from")]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer)
            .expect("the operating system always has randomness; without it nothing is safe");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_past_the_year_2025_and_monotonic_time_does_not_go_back() {
        let clock = SystemClock::new();
        assert!(clock.now() > Timestamp(1_735_689_600_000));
        let first = clock.monotonic();
        assert!(clock.monotonic() >= first);
    }

    #[test]
    fn two_draws_of_randomness_differ() {
        let (mut a, mut b) = ([0; 16], [0; 16]);
        OsRandomness.fill(&mut a);
        OsRandomness.fill(&mut b);
        assert_ne!(a, b);
    }
}
