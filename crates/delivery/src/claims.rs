//! How fast key packages may be claimed, so that nobody takes all of somebody's.

use std::time::Duration;

use dunlin_model::UserId;
use parking_lot::Mutex;

use crate::counts::Counts;

/// The time over which claims are counted.
const CLAIM_INTERVAL: Duration = Duration::from_secs(3_600);
/// Packages that one user may take in [`CLAIM_INTERVAL`]: a few of the largest groups.
const CLAIMS_PER_REQUESTER_MAX: u32 = 4_096;
/// Packages of one user that another may take in [`CLAIM_INTERVAL`].
const CLAIMS_PER_TARGET_MAX: u32 = 60;

/// What was claimed lately on this server.
#[derive(Default)]
pub(crate) struct ClaimBook(Mutex<Book>);

struct Book {
    requesters: Counts<UserId>,
    pairs: Counts<(UserId, UserId)>,
}

impl Default for Book {
    fn default() -> Self {
        Self { requesters: Counts::over(CLAIM_INTERVAL), pairs: Counts::over(CLAIM_INTERVAL) }
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
}
