//! How fast key packages may be claimed, so that nobody takes all of somebody's.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use dunlin_model::UserId;
use parking_lot::Mutex;

/// The time over which claims are counted.
const CLAIM_INTERVAL: Duration = Duration::from_secs(3_600);
/// Packages that one user may take in [`CLAIM_INTERVAL`]: a few of the largest groups.
const CLAIMS_PER_REQUESTER_MAX: u32 = 4_096;
/// Packages of one user that another may take in [`CLAIM_INTERVAL`].
const CLAIMS_PER_TARGET_MAX: u32 = 60;
/// Requesters, and likewise pairs of requester and target, that are counted at a time.
const COUNTED_MAX: usize = 65_536;

/// What was claimed lately on this server.
#[derive(Default)]
pub(crate) struct ClaimBook(Mutex<Book>);

#[derive(Default)]
struct Book {
    requesters: Counts<UserId>,
    pairs: Counts<(UserId, UserId)>,
}

/// Counts by key, each with the time it began.
struct Counts<K>(HashMap<K, (Duration, u32)>);

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Hash + Eq> Counts<K> {
    /// How long to wait before `key` may count `more`; nothing when it may now.
    fn wait(&self, key: &K, more: u32, max: u32, now: Duration) -> Option<Duration> {
        let (began, count) = *self.0.get(key)?;
        let age = now.saturating_sub(began);
        (age < CLAIM_INTERVAL && count.saturating_add(more) > max).then(|| CLAIM_INTERVAL - age)
    }

    fn add(&mut self, key: K, more: u32, now: Duration) {
        if self.0.len() >= COUNTED_MAX && !self.0.contains_key(&key) {
            self.0.retain(|_, (began, _)| now.saturating_sub(*began) < CLAIM_INTERVAL);
            if self.0.len() >= COUNTED_MAX {
                self.0.clear(); // So many at once are not kept out by counting.
            }
        }
        let entry = self.0.entry(key).or_insert((now, 0));
        if now.saturating_sub(entry.0) >= CLAIM_INTERVAL {
            *entry = (now, 0);
        }
        entry.1 = entry.1.saturating_add(more);
    }
}

impl ClaimBook {
    /// Counts claims of `requester` on so many devices of each target, or says how long to wait.
    pub(crate) fn admit(
        &self,
        requester: UserId,
        targets: &[(UserId, u32)],
        now: Duration,
    ) -> Result<(), Duration> {
        let mut book = self.0.lock();
        let all = targets.iter().fold(0_u32, |all, (_, devices)| all.saturating_add(*devices));
        let mut wait = book.requesters.wait(&requester, all, CLAIMS_PER_REQUESTER_MAX, now);
        for (target, devices) in targets {
            wait = wait.max(book.pairs.wait(&(requester, *target), *devices, CLAIMS_PER_TARGET_MAX, now));
        }
        if let Some(wait) = wait {
            return Err(wait);
        }
        book.requesters.add(requester, all, now);
        for (target, devices) in targets {
            book.pairs.add((requester, *target), *devices, now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: UserId = UserId::from_bytes([1; 16]);
    const BEN: UserId = UserId::from_bytes([2; 16]);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_target_is_claimed_so_often_by_one_requester_and_others_are_not_held_up() {
        let book = ClaimBook::default();
        for _ in 0..CLAIMS_PER_TARGET_MAX / 2 {
            assert_eq!(book.admit(ADA, &[(BEN, 2)], at(10)), Ok(()));
        }
        assert_eq!(book.admit(ADA, &[(BEN, 1)], at(70)), Err(at(3_540)));
        assert_eq!(book.admit(BEN, &[(BEN, 1)], at(70)), Ok(()));
        assert_eq!(book.admit(ADA, &[(ADA, 1)], at(70)), Ok(()));
        assert_eq!(book.admit(ADA, &[(BEN, 1)], at(3_610)), Ok(()));
    }

    #[test]
    fn a_requester_claims_so_many_in_all_and_what_is_refused_does_not_count() {
        let book = ClaimBook::default();
        let target = |n: u32| (UserId::from_bytes([u8::try_from(n % 251).unwrap(); 16]), 40);
        for n in 0..CLAIMS_PER_REQUESTER_MAX / 40 {
            assert_eq!(book.admit(ADA, &[target(n)], at(0)), Ok(()), "{n}");
        }
        assert_eq!(book.admit(ADA, &[target(200)], at(0)), Err(CLAIM_INTERVAL));
        assert_eq!(book.admit(ADA, &[(BEN, CLAIMS_PER_REQUESTER_MAX % 40)], at(0)), Ok(()));
    }

    #[test]
    fn no_more_are_counted_than_the_limit() {
        let mut counts = Counts::default();
        for key in 0..=COUNTED_MAX {
            counts.add(key, 1, at(0));
        }
        assert!(counts.0.len() <= COUNTED_MAX);
    }
}
