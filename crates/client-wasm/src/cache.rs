//! The rows in memory. What is known here is what counts: what was changed is known from then on, and what is loaded
//! adds only what was not. So it does not matter when storage answers, and between what it is asked.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use dunlin_client::{Batch, Key, Order, Rows, Value, search};

use crate::known::Known;

/// Rows asked of storage at a time, at the least: what lies beside is wanted next. No more than a list of chats needs of
/// each, since it asks for thousands.
const PIECE_ROWS: usize = 8;

/// What was asked for and is not known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Miss {
    /// From this key on.
    pub(crate) from: Key,
    /// Before this key.
    pub(crate) until: Key,
    /// From which end.
    pub(crate) order: Order,
    /// So many rows.
    pub(crate) limit: usize,
}

/// Rows, and which of them are known.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    rows: BTreeMap<Key, Value>,
    known: Known,
    bytes: usize,
    /// What was asked for in vain since this was looked at last. A list of chats asks for thousands.
    misses: RefCell<BTreeSet<Miss>>,
}

impl Cache {
    /// Takes rows that storage holds between `from` and `until`: all of them.
    pub(crate) fn load(&mut self, from: &[u8], until: &[u8], rows: Vec<(Key, Value)>) {
        for (key, value) in rows {
            if !self.known.has(&key) {
                self.put(key, value);
            }
        }
        self.known.add(from, until);
    }

    /// Changes rows.
    pub(crate) fn apply(&mut self, batch: &Batch) {
        for (key, value) in batch.iter() {
            match value {
                Some(value) => self.put(key.to_vec(), value.to_vec()),
                None => self.remove(key),
            }
            self.known.add(key, &after(key));
        }
    }

    fn put(&mut self, key: Key, value: Value) {
        self.bytes += key.len() + value.len();
        let length = key.len();
        if let Some(before) = self.rows.insert(key, value) {
            self.bytes -= length + before.len();
        }
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some(before) = self.rows.remove(key) {
            self.bytes -= key.len() + before.len();
        }
    }

    /// Bytes of keys and values.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets all rows but those between the keys of `kept`, which are known. For when all changes are stored.
    pub(crate) fn forget_but(&mut self, kept: &[(Key, Key)]) {
        let mut known = Known::default();
        kept.iter().for_each(|(from, until)| known.add(from, until));
        self.rows.retain(|key, _| known.has(key));
        self.bytes = self.rows.iter().map(|(key, value)| key.len() + value.len()).sum();
        self.known = known;
    }

    /// What was asked for in vain. While this is not empty, what came of the question means nothing.
    pub(crate) fn take_misses(&self) -> BTreeSet<Miss> {
        self.misses.take()
    }

    pub(crate) fn has_misses(&self) -> bool {
        !self.misses.borrow().is_empty()
    }

    /// All rows of a stretch that is known.
    pub(crate) fn range(&self, from: &[u8], until: &[u8]) -> impl DoubleEndedIterator<Item = (&Key, &Value)> {
        let until = until.max(from);
        self.rows.range::<[u8], _>((Bound::Included(from), Bound::Excluded(until)))
    }

    fn miss(&self, from: &[u8], until: &[u8], order: Order, limit: usize) {
        let miss = Miss { from: from.to_vec(), until: until.to_vec(), order, limit: limit.max(PIECE_ROWS) };
        self.misses.borrow_mut().insert(miss);
    }

    /// The part of a range that is known, from the end it is read from; `None` when nothing is.
    fn known_part<'a>(
        &'a self,
        from: &'a [u8],
        until: &'a [u8],
        order: Order,
    ) -> Option<(&'a [u8], &'a [u8])> {
        match order {
            Order::Ascending => self.known.end_of(from).map(|end| (from, end.min(until))),
            Order::Descending => self.known.begin_of(until).map(|begin| (begin.max(from), until)),
        }
    }
}

impl Rows for Cache {
    fn get(&self, key: &[u8]) -> Option<Value> {
        if !self.known.has(key) {
            self.miss(key, &end_of_wanted(key), Order::Ascending, 1);
        }
        self.rows.get(key).cloned()
    }

    fn scan(&self, from: &[u8], until: &[u8], order: Order, limit: usize) -> Vec<(Key, Value)> {
        if from >= until {
            return Vec::new();
        }
        let Some((known_from, known_until)) = self.known_part(from, until, order) else {
            self.miss(from, until, order, limit);
            return Vec::new();
        };
        let owned = |(key, value): (&Key, &Value)| (key.clone(), value.clone());
        let range = self.range(known_from, known_until);
        let rows: Vec<_> = match order {
            Order::Ascending => range.take(limit).map(owned).collect(),
            Order::Descending => range.rev().take(limit).map(owned).collect(),
        };
        // Fewer rows than there are is an answer, none at all would say that there are none.
        if rows.is_empty() {
            match order {
                Order::Ascending if known_until < until => self.miss(known_until, until, order, limit),
                Order::Descending if known_from > from => self.miss(from, known_from, order, limit),
                _ => {}
            }
        }
        rows
    }
}

/// The end of what is asked for with a row. After the place of a chat's newest message there is nothing: once that is
/// known, the messages that come are not asked for one by one.
fn end_of_wanted(key: &[u8]) -> Key {
    if key.starts_with(search::PLACES_PREFIX) { next(search::PLACES_PREFIX) } else { after(key) }
}

/// The first key after all that begin so.
pub(crate) fn next(prefix: &[u8]) -> Key {
    let mut key = prefix.to_vec();
    if let Some(last) = key.last_mut() {
        *last += 1;
    }
    key
}

/// The key that follows.
pub(crate) fn after(key: &[u8]) -> Key {
    [key, &[0]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers a miss as storage would.
    fn answer(cache: &mut Cache, stored: &BTreeMap<Key, Value>) -> usize {
        let misses = cache.take_misses();
        for Miss { from, until, order, .. } in &misses {
            // Two rows at a time, so that ranges are known in part.
            let rows = stored.scan(from, until, *order, 2);
            let ended = rows.len() < 2;
            let last = rows.last().map(|(key, _)| key.clone());
            let (known_from, known_until) = match (order, last) {
                (Order::Ascending, Some(last)) if !ended => (from.clone(), after(&last)),
                (Order::Descending, Some(last)) if !ended => (last, until.clone()),
                _ => (from.clone(), until.clone()),
            };
            cache.load(&known_from, &known_until, rows);
        }
        misses.len()
    }

    fn read(cache: &mut Cache, stored: &BTreeMap<Key, Value>, order: Order) -> Vec<u8> {
        loop {
            let (mut from, mut until) = (b"b".to_vec(), b"y".to_vec());
            let mut read = Vec::new();
            loop {
                let rows = cache.scan(&from, &until, order, 3);
                let Some((last, _)) = rows.last() else { break };
                match order {
                    Order::Ascending => from = after(last),
                    Order::Descending => until.clone_from(last),
                }
                read.extend(rows.iter().map(|(key, _)| key[0]));
            }
            if answer(cache, stored) == 0 {
                return read;
            }
        }
    }

    #[test]
    fn a_range_is_complete_once_nothing_is_missing() {
        let stored: BTreeMap<Key, Value> = b"abcdefgyz".iter().map(|key| (vec![*key], vec![1])).collect();
        let mut cache = Cache::default();
        assert_eq!(read(&mut cache, &stored, Order::Descending), b"gfedcb");
        assert_eq!(read(&mut cache, &stored, Order::Ascending), b"bcdefg");
        let mut fresh = Cache::default();
        assert_eq!(read(&mut fresh, &stored, Order::Ascending), b"bcdefg");
        assert_eq!(fresh.get(b"a"), None);
        assert!(fresh.has_misses(), "it is not known whether it is stored");
    }

    #[test]
    fn the_place_of_a_message_that_comes_is_not_asked_for() {
        let place = |chat: u8, seq: u8| [search::PLACES_PREFIX, &[chat, seq]].concat();
        let stored = BTreeMap::from([(place(1, 1), vec![1]), (place(2, 1), vec![2])]);
        let mut cache = Cache::default();
        assert_eq!(cache.get(&place(1, 2)), None);
        assert_eq!(answer(&mut cache, &stored), 1);
        assert_eq!(
            (cache.get(&place(1, 2)), cache.get(&place(1, 3)), cache.has_misses()),
            (None, None, false)
        );
        assert_eq!(cache.get(&place(1, 1)), None);
        assert!(cache.has_misses(), "what came before is not known");
    }

    #[test]
    fn what_was_changed_counts_though_storage_still_says_otherwise() {
        let stored: BTreeMap<Key, Value> = b"cde".iter().map(|key| (vec![*key], vec![1])).collect();
        let mut cache = Cache::default();
        let mut batch = Batch::default();
        batch.put(b"c".to_vec(), vec![2]);
        batch.delete(b"d".to_vec());
        batch.put(b"f".to_vec(), vec![2]);
        cache.apply(&batch);
        assert_eq!(read(&mut cache, &stored, Order::Ascending), b"cef");
        assert_eq!(cache.get(b"c"), Some(vec![2]));
        assert_eq!(cache.get(b"d"), None);
        assert!(!cache.has_misses());
        assert_eq!(cache.bytes(), 6);
        cache.forget_but(&[(b"c".to_vec(), b"d".to_vec())]);
        assert_eq!((cache.get(b"c"), cache.get(b"e"), cache.bytes()), (Some(vec![2]), None, 2));
        assert!(cache.has_misses());
    }
}
