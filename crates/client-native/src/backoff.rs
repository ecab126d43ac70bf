//! How long to wait before trying again: exponential, with full jitter, so that many clients that lost the
//! same server do not come back at once (Brooker, "Exponential Backoff And Jitter", AWS 2015).

use std::time::Duration;

use dunlin_model::Randomness;

/// The first wait is drawn from zero to this.
const BASE: Duration = Duration::from_millis(250);
/// No wait is longer.
const CAP: Duration = Duration::from_secs(30);

/// The waits of one series of attempts.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    attempt: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(BASE, CAP)
    }
}

impl Backoff {
    /// Waits between zero and `base`, then twice that, up to `cap`.
    pub const fn new(base: Duration, cap: Duration) -> Self {
        Self { base, cap, attempt: 0 }
    }

    /// The next wait: evenly between zero and the smaller of the cap and the base doubled at each attempt.
    pub fn next_wait(&mut self, randomness: &dyn Randomness) -> Duration {
        let ceiling = self.base.saturating_mul(2_u32.saturating_pow(self.attempt)).min(self.cap);
        self.attempt = self.attempt.saturating_add(1);
        jitter(ceiling, randomness)
    }

    /// Begins again with the shortest waits.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// Evenly between zero and `ceiling`.
fn jitter(ceiling: Duration, randomness: &dyn Randomness) -> Duration {
    let mut bytes = [0; 4];
    randomness.fill(&mut bytes);
    let share = f64::from(u32::from_le_bytes(bytes)) / (f64::from(u32::MAX) + 1.0);
    ceiling.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use dunlin_model::clock::SeededRandomness;

    use super::*;

    #[test]
    fn waits_are_spread_below_a_ceiling_that_doubles_up_to_the_cap() {
        let randomness = SeededRandomness::new(1);
        let mut longest = Duration::ZERO;
        for _ in 0..200 {
            let mut backoff = Backoff::default();
            let mut ceiling = BASE;
            for _ in 0..12 {
                let wait = backoff.next_wait(&randomness);
                assert!(wait <= ceiling.min(CAP), "{wait:?} above {ceiling:?}");
                longest = longest.max(wait);
                ceiling *= 2;
            }
        }
        assert!(longest > CAP / 2, "jitter uses the whole range: {longest:?}");
    }

    #[test]
    fn after_a_reset_the_waits_are_short_again() {
        let randomness = SeededRandomness::new(2);
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            backoff.next_wait(&randomness);
        }
        backoff.reset();
        assert!(backoff.next_wait(&randomness) <= BASE);
    }
}
