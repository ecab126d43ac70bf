//! What is known of one chat: which event stands where, and which number got which place.

use std::collections::{BTreeMap, HashMap};

use dunlin_model::view::SkipReason;
use dunlin_model::{ClientSeq, Seq, UserId};

use super::history::Device;

/// What is known of the event at one place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) sender: Device,
    pub(super) number: ClientSeq,
    pub(super) body: Option<u64>,
    pub(super) time_ms: Option<u64>,
}

/// What is known of one numbered command.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sending {
    pub(super) body: Option<u64>,
    /// The highest place that any client knew of when this was first sent.
    pub(super) known_before: Seq,
    pub(super) seq: Option<Seq>,
    pub(super) accepted: bool,
    pub(super) refused: bool,
}

/// How one device got on.
#[derive(Debug, Clone, Default)]
pub(super) struct Reader {
    /// All up to here was pushed or announced as skipped.
    pub(super) position: Seq,
    pub(super) got: Places,
    /// Places seen in pages of the past.
    pub(super) listed: Places,
    pub(super) skipped: Vec<(Seq, Seq, SkipReason)>,
    pub(super) entitled: Vec<(Seq, Option<Seq>)>,
    /// The receipts of others that were shown to it.
    pub(super) receipts: HashMap<UserId, (Seq, Seq)>,
}

impl Reader {
    pub(super) fn is_entitled_to(&self, seq: Seq) -> bool {
        self.entitled.iter().any(|(from, to)| *from <= seq && to.is_none_or(|to| seq <= to))
    }

    pub(super) fn skip_of(&self, seq: Seq) -> Option<SkipReason> {
        self.skipped.iter().find(|(from, to, _)| *from <= seq && seq <= *to).map(|(_, _, reason)| *reason)
    }
}

/// One chat.
#[derive(Debug, Clone, Default)]
pub(super) struct ChatLog {
    pub(super) events: BTreeMap<Seq, Known>,
    pub(super) sendings: HashMap<(Device, ClientSeq), Sending>,
    /// The highest place that any client knows of.
    pub(super) highest: Seq,
    pub(super) readers: BTreeMap<Device, Reader>,
}

/// A set of places: nearly always all of them up to some place, so kept as ranges.
#[derive(Debug, Clone, Default)]
pub(super) struct Places(BTreeMap<Seq, Seq>);

impl Places {
    /// Adds a place; false when it was there.
    pub(super) fn insert(&mut self, seq: Seq) -> bool {
        if self.contains(seq) {
            return false;
        }
        let mut last = seq;
        if let Some(end) = self.0.remove(&seq.next()) {
            last = end;
        }
        if let Some((_, end)) = self.0.range_mut(..seq).next_back()
            && end.next() == seq
        {
            *end = last;
            return true;
        }
        self.0.insert(seq, last);
        true
    }

    /// Whether a place is in.
    pub(super) fn contains(&self, seq: Seq) -> bool {
        self.0.range(..=seq).next_back().is_some_and(|(_, end)| seq <= *end)
    }

    /// The ranges, ascending, both ends included.
    pub(super) fn ranges(&self) -> impl Iterator<Item = (Seq, Seq)> + '_ {
        self.0.iter().map(|(from, to)| (*from, *to))
    }

    /// The ranges from `from` to `to` that are not in.
    pub(super) fn missing(&self, from: Seq, to: Seq) -> Vec<(Seq, Seq)> {
        let mut missing = Vec::new();
        let mut next = from;
        for (begin, end) in self.ranges().filter(|(_, end)| *end >= from) {
            if begin > to {
                break;
            }
            if begin > next {
                missing.push((next, begin.previous()));
            }
            next = next.max(end.next());
        }
        if next <= to {
            missing.push((next, to));
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_join_into_ranges_and_tell_what_is_missing() {
        let mut places = Places::default();
        for seq in [1, 2, 5, 4, 9] {
            assert!(places.insert(Seq(seq)));
        }
        assert!(!places.insert(Seq(4)));
        assert_eq!(
            places.ranges().collect::<Vec<_>>(),
            [(Seq(1), Seq(2)), (Seq(4), Seq(5)), (Seq(9), Seq(9))]
        );
        assert_eq!(places.missing(Seq(1), Seq(10)), [(Seq(3), Seq(3)), (Seq(6), Seq(8)), (Seq(10), Seq(10))]);
        assert_eq!(places.missing(Seq(2), Seq(4)), [(Seq(3), Seq(3))]);
        assert_eq!(places.missing(Seq(4), Seq(5)), []);
    }
}
