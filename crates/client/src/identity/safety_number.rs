//! A number that two people compare to know that no one stands between them.

use std::fmt;

use dunlin_model::{IdentityKey, UserId};
use sha2::{Digest, Sha256};

const LABEL: &[u8] = b"dunlin safety number v1";
/// Hashings for each person, so that finding another key with the same digits costs more.
const ROUNDS: u32 = 5_200;
/// Groups of digits for each person.
const GROUPS: usize = 6;
/// What a group of five digits stands for.
const GROUP_MODULUS: u64 = 100_000;

/// Sixty digits that follow from two people's ids and identity keys, the same on both sides: thirty for each,
/// the lower id first. Numeric as it is read aloud on the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SafetyNumber([u32; 2 * GROUPS]);

impl SafetyNumber {
    /// The number of two people.
    pub fn of(one: (UserId, IdentityKey), other: (UserId, IdentityKey)) -> Self {
        let (low, high) = if one.0 <= other.0 { (one, other) } else { (other, one) };
        let mut groups = [0; 2 * GROUPS];
        let halves = groups.chunks_exact_mut(GROUPS).zip([low, high]);
        for (half, (user, key)) in halves {
            half.copy_from_slice(&fingerprint(user, key));
        }
        Self(groups)
    }

    /// Its twelve groups of five digits.
    pub fn groups(&self) -> [u32; 2 * GROUPS] {
        self.0
    }
}

impl fmt::Display for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, group) in self.0.iter().enumerate() {
            let space = if place == 0 { "" } else { " " };
            write!(f, "{space}{group:05}")?;
        }
        Ok(())
    }
}

fn fingerprint(user: UserId, key: IdentityKey) -> [u32; GROUPS] {
    let first = Sha256::new().chain_update(LABEL).chain_update(user.as_bytes()).chain_update(key.0);
    let mut hash: [u8; 32] = first.finalize().into();
    for _ in 1..ROUNDS {
        hash = Sha256::new().chain_update(hash).chain_update(key.0).finalize().into();
    }
    let mut groups = [0; GROUPS];
    for (group, bytes) in groups.iter_mut().zip(hash.chunks_exact(5)) {
        let number = bytes.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
        *group = u32::try_from(number % GROUP_MODULUS).unwrap_or_default();
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(n: u8) -> (UserId, IdentityKey) {
        (UserId::from_bytes([n; 16]), IdentityKey([n.wrapping_mul(7); 32]))
    }

    #[test]
    fn both_sides_see_the_same_sixty_digits() {
        let (ada, ben) = (person(1), person(2));
        let number = SafetyNumber::of(ada, ben);
        assert_eq!(number, SafetyNumber::of(ben, ada));
        let text = number.to_string();
        assert_eq!(text.chars().filter(char::is_ascii_digit).count(), 60);
        // Kept as it is: people write these numbers down.
        assert_eq!(text, "23125 03592 73276 68601 90674 32328 45694 76949 50815 92872 59925 70889");
    }

    #[test]
    fn another_key_or_person_gives_another_number() {
        let (ada, ben) = (person(1), person(2));
        let number = SafetyNumber::of(ada, ben);
        let other_key = (ben.0, IdentityKey([9; 32]));
        assert_ne!(number, SafetyNumber::of(ada, other_key));
        assert_ne!(number, SafetyNumber::of(ada, (person(3).0, ben.1)));
        // Half of it is Ada's own in every chat of hers.
        assert_eq!(number.groups()[..GROUPS], SafetyNumber::of(ada, other_key).groups()[..GROUPS]);
    }
}
