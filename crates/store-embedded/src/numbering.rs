//! The numbers that batches carry, and what they tell when a store is opened.
//!
//! All rows are in one keyspace, so its tables hold every batch up to some number, whole, and the journals
//! the rest. Damage to a journal takes batches away, at the end or in the middle; either shows in the rows
//! of the numbers, which the newest `BATCHES_REMEMBERED` batches keep.

use std::collections::BTreeMap;
use std::fmt;

use dunlin_model::Timestamp;
use dunlin_store::StoreError;

use crate::config::BATCHES_REMEMBERED;
use crate::engine::Engine;
use crate::keys::{self, Key};
use crate::rows::{self, Row};
use crate::watermark::Acknowledged;

/// The row with a batch's number, for its slot.
pub(crate) fn row(record: Acknowledged) -> (Key, Option<Row>) {
    let slot = u32::try_from(record.number % BATCHES_REMEMBERED).unwrap_or(0);
    (keys::batch(slot), Some(rows::numbers([record.number, record.at.0])))
}

/// Batches that should be there and are not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The first of them.
    pub first: u64,
    /// The last of them.
    pub last: u64,
    /// How many.
    pub count: u64,
    /// The last was acknowledged at about this time.
    pub about: Timestamp,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} batches of writes between number {} and {}, the last acknowledged about {}",
            self.count,
            self.first,
            self.last,
            Utc(self.about)
        )
    }
}

/// The newest batches in the store.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    times: BTreeMap<u64, Timestamp>,
}

impl Numbers {
    pub(crate) fn read(engine: &Engine) -> Result<Self, StoreError> {
        let (from, to) = keys::batches();
        let mut times = BTreeMap::new();
        for entry in engine.range(from, to) {
            let [number, time] = rows::read_numbers(&entry?.1)?;
            times.insert(number, Timestamp(time));
        }
        Ok(Self { times })
    }

    /// The number of the newest batch; zero in an empty store.
    pub(crate) fn newest(&self) -> u64 {
        self.times.last_key_value().map_or(0, |(number, _)| *number)
    }

    /// The numbers that should be there and are not.
    pub(crate) fn gaps(&self, acknowledged: Acknowledged) -> Vec<u64> {
        let end = self.newest().max(acknowledged.number);
        let start = end.saturating_sub(BATCHES_REMEMBERED - 1).max(1);
        (start..=end).filter(|number| !self.times.contains_key(number)).collect()
    }

    /// What the gaps come down to, for people.
    pub(crate) fn missing(&self, acknowledged: Acknowledged) -> Option<Missing> {
        let gaps = self.gaps(acknowledged);
        let (first, last) = (*gaps.first()?, *gaps.last()?);
        let (count, first) = if acknowledged.number > self.newest() {
            // What is older than the numbers remembered is not in `gaps`.
            let tail = acknowledged.number - self.newest();
            let holes = gaps.iter().filter(|gap| **gap < self.newest()).count() as u64;
            (tail + holes, first.min(self.newest() + 1))
        } else {
            (gaps.len() as u64, first)
        };
        let after = self.times.range(last..).next().map(|(_, time)| *time);
        Some(Missing { first, last, count, about: after.unwrap_or(acknowledged.at) })
    }
}

/// A time as people write it, by the calendar of RFC 3339 (the algorithm is Howard Hinnant's `civil_from_days`).
struct Utc(Timestamp);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.0 / 1000;
        let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(present: impl IntoIterator<Item = u64>) -> Numbers {
        Numbers { times: present.into_iter().map(|number| (number, Timestamp(number * 1000))).collect() }
    }

    fn acknowledged(number: u64) -> Acknowledged {
        Acknowledged { number, at: Timestamp(number * 1000) }
    }

    #[test]
    fn a_whole_store_misses_nothing() {
        assert_eq!(numbers([]).missing(acknowledged(0)), None);
        assert_eq!(numbers(1..=9).missing(acknowledged(9)), None);
        assert_eq!(numbers(1..=9).missing(acknowledged(8)), None, "9 was committed, but not acknowledged");
        let wrapped = 1_000..1_000 + BATCHES_REMEMBERED;
        assert_eq!(numbers(wrapped.clone()).missing(acknowledged(wrapped.end - 1)), None);
    }

    #[test]
    fn a_lost_tail_and_a_hole_are_both_named() {
        let tail = numbers(1..=9).missing(acknowledged(12)).unwrap();
        assert_eq!((tail.first, tail.last, tail.count), (10, 12, 3));
        assert_eq!(
            tail.to_string(),
            "3 batches of writes between number 10 and 12, the last acknowledged about 1970-01-01 00:00:12 UTC"
        );
        let hole = numbers((1..=4).chain(7..=9)).missing(acknowledged(9)).unwrap();
        assert_eq!((hole.first, hole.last, hole.count, hole.about), (5, 6, 2, Timestamp(7000)));
        let all = numbers([]).missing(acknowledged(1_000_000)).unwrap();
        assert_eq!((all.first, all.last, all.count), (1, 1_000_000, 1_000_000));
    }

    #[test]
    fn times_are_written_for_people() {
        assert_eq!(Utc(Timestamp(1_700_000_000_000)).to_string(), "2023-11-14 22:13:20 UTC");
        assert_eq!(Utc(Timestamp(951_827_696_000)).to_string(), "2000-02-29 12:34:56 UTC");
    }
}
