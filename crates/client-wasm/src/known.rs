//! Which stretches of the key space are known: their rows are in memory, and where there is none, none is stored.

use std::collections::BTreeMap;
use std::ops::Bound;

use dunlin_client::Key;

/// Stretches of keys, each from a key on and before another; none touches the next.
#[derive(Debug, Default)]
pub(crate) struct Known {
    stretches: BTreeMap<Key, Key>,
}

impl Known {
    /// Everything from `from` on and before `until` is known now.
    pub(crate) fn add(&mut self, from: &[u8], until: &[u8]) {
        if from >= until {
            return;
        }
        let (mut from, mut until) = (from.to_vec(), until.to_vec());
        // Those that overlap or touch become one with it.
        while let Some((begin, end)) = self.last_from(&until).filter(|(_, end)| *end >= from) {
            self.stretches.remove(&begin);
            from = from.min(begin);
            until = until.max(end);
        }
        self.stretches.insert(from, until);
    }

    /// Where the stretch that `key` lies in ends.
    pub(crate) fn end_of(&self, key: &[u8]) -> Option<&[u8]> {
        let (_, end) =
            self.stretches.range::<[u8], _>((Bound::Unbounded, Bound::Included(key))).next_back()?;
        (end.as_slice() > key).then_some(end)
    }

    /// Where the stretch begins that reaches at least to `key`, without it.
    pub(crate) fn begin_of(&self, key: &[u8]) -> Option<&[u8]> {
        let (begin, end) =
            self.stretches.range::<[u8], _>((Bound::Unbounded, Bound::Excluded(key))).next_back()?;
        (end.as_slice() >= key).then_some(begin)
    }

    /// Whether a key is.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        self.end_of(key).is_some()
    }

    fn last_from(&self, key: &[u8]) -> Option<(Key, Key)> {
        let until = (Bound::Unbounded, Bound::Included(key));
        let (begin, end) = self.stretches.range::<[u8], _>(until).next_back()?;
        Some((begin.clone(), end.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_that_overlap_or_touch_become_one() {
        let mut known = Known::default();
        known.add(b"b", b"d");
        known.add(b"f", b"h");
        assert_eq!(known.end_of(b"c"), Some(&b"d"[..]));
        assert_eq!((known.end_of(b"d"), known.end_of(b"a")), (None, None));
        assert_eq!((known.begin_of(b"d"), known.begin_of(b"b")), (Some(&b"b"[..]), None));
        known.add(b"d", b"e");
        assert_eq!(known.end_of(b"b"), Some(&b"e"[..]));
        known.add(b"c", b"g");
        assert_eq!((known.end_of(b"b"), known.begin_of(b"h")), (Some(&b"h"[..]), Some(&b"b"[..])));
        assert_eq!(known.stretches.len(), 1);
        known.add(b"z", b"z");
        assert!(!known.has(b"z"), "nothing lies between a key and itself");
    }
}
