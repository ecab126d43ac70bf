//! What the core reads of the vault: single rows, and ranges of them.
//!
//! Whatever reads so depends on nothing but the rows, and changes nothing. So a driver whose storage is asynchronous
//! can note what was asked for and not there yet, drop the result, load that, and ask again.

use std::collections::BTreeMap;

use crate::batch::{Batch, Key, Value};

/// From which end rows are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// From the smallest key up.
    Ascending,
    /// From the largest key down.
    Descending,
}

/// What the vault holds.
pub trait Rows {
    /// What stands under `key`.
    fn get(&self, key: &[u8]) -> Option<Value>;

    /// The first rows, in `order`, of those with keys from `from` on and before `until`: at most `limit`, and fewer
    /// where they are large. Only an answer without rows means that there are none.
    fn scan(&self, from: &[u8], until: &[u8], order: Order, limit: usize) -> Vec<(Key, Value)>;
}

impl Rows for BTreeMap<Key, Value> {
    fn get(&self, key: &[u8]) -> Option<Value> {
        Self::get(self, key).cloned()
    }

    fn scan(&self, from: &[u8], until: &[u8], order: Order, limit: usize) -> Vec<(Key, Value)> {
        if from >= until {
            return Vec::new();
        }
        let rows = self.range::<[u8], _>((std::ops::Bound::Included(from), std::ops::Bound::Excluded(until)));
        let owned = |(key, value): (&Key, &Value)| (key.clone(), value.clone());
        match order {
            Order::Ascending => rows.take(limit).map(owned).collect(),
            Order::Descending => rows.rev().take(limit).map(owned).collect(),
        }
    }
}

/// Rows of a piece at the most, however much is read.
const PIECE_ROWS_MAX: usize = 256;

/// Reads a whole range until `take` has enough and says `false`: a piece at a time, each twice as large as the one
/// before, since who needs more than expected may need much more.
pub(crate) fn each_row(
    rows: &dyn Rows,
    (from, until): (Key, Key),
    order: Order,
    mut piece: usize,
    mut take: impl FnMut(Key, Value) -> bool,
) {
    let (mut from, mut until) = (from, until);
    loop {
        let read = rows.scan(&from, &until, order, piece);
        let Some((last, _)) = read.last() else { return };
        match order {
            Order::Ascending => from = after(last),
            Order::Descending => until.clone_from(last),
        }
        for (key, value) in read {
            if !take(key, value) {
                return;
            }
        }
        piece = (piece * 2).min(PIECE_ROWS_MAX.max(piece));
    }
}

/// The keys that begin with `prefix`, as a range. Some byte of the prefix is not the largest.
pub(crate) fn beginning_with(prefix: &[u8]) -> (Key, Key) {
    let mut until = prefix.to_vec();
    // The next key without the prefix is one more in the last byte that can be one more.
    while let Some(last) = until.pop() {
        if let Some(next) = last.checked_add(1) {
            until.push(next);
            break;
        }
    }
    (prefix.to_vec(), until)
}

/// The key that follows.
fn after(key: &[u8]) -> Key {
    [key, &[0]].concat()
}

/// The rows as they will be once a batch is written.
pub(crate) struct Pending<'a> {
    pub(crate) rows: &'a dyn Rows,
    pub(crate) batch: &'a mut Batch,
}

impl Rows for Pending<'_> {
    fn get(&self, key: &[u8]) -> Option<Value> {
        match self.batch.change_of(key) {
            Some(change) => change.map(<[u8]>::to_vec),
            None => self.rows.get(key),
        }
    }

    fn scan(&self, from: &[u8], until: &[u8], order: Order, limit: usize) -> Vec<(Key, Value)> {
        let (mut from, mut until) = (from.to_vec(), until.to_vec());
        loop {
            let stored = self.rows.scan(&from, &until, order, limit);
            // What is stored beyond the last of these rows is not known yet, so what the batch has there waits.
            let (known_from, known_until) = match (stored.last(), order) {
                (None, _) => (from.clone(), until.clone()),
                (Some((last, _)), Order::Ascending) => (from.clone(), after(last)),
                (Some((last, _)), Order::Descending) => (last.clone(), until.clone()),
            };
            let ended = stored.is_empty();
            let mut merged: BTreeMap<Key, Value> = stored.into_iter().collect();
            for (key, change) in self.batch.range(&known_from, &known_until) {
                match change {
                    Some(value) => drop(merged.insert(key.to_vec(), value.to_vec())),
                    None => drop(merged.remove(key)),
                }
            }
            if ended || !merged.is_empty() {
                return match order {
                    Order::Ascending => merged.into_iter().take(limit).collect(),
                    Order::Descending => merged.into_iter().rev().take(limit).collect(),
                };
            }
            match order {
                Order::Ascending => from = known_until,
                Order::Descending => until = known_from,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(keys: &[u8]) -> BTreeMap<Key, Value> {
        keys.iter().map(|key| (vec![*key], vec![1])).collect()
    }

    fn read(rows: &dyn Rows, order: Order, piece: usize) -> Vec<(u8, u8)> {
        let mut read = Vec::new();
        each_row(rows, (vec![b'b'], vec![b'y']), order, piece, |key, value| {
            read.push((key[0], value[0]));
            true
        });
        read
    }

    #[test]
    fn a_range_is_read_whole_from_either_end_in_pieces_of_any_size() {
        let rows = rows(b"abcdyz");
        for piece in 1..5 {
            assert_eq!(read(&rows, Order::Ascending, piece), [(b'b', 1), (b'c', 1), (b'd', 1)]);
            assert_eq!(read(&rows, Order::Descending, piece), [(b'd', 1), (b'c', 1), (b'b', 1)]);
        }
        assert!(rows.scan(b"y", b"b", Order::Ascending, 9).is_empty(), "a range that ends before it begins");
    }

    #[test]
    fn the_keys_of_a_prefix_end_where_it_can_grow() {
        assert_eq!(beginning_with(b"ab"), (b"ab".to_vec(), b"ac".to_vec()));
        assert_eq!(beginning_with(b"a\xff\xff").1, b"b".to_vec());
    }

    #[test]
    fn what_a_batch_will_write_reads_as_if_it_were_written() {
        let stored = rows(b"abcefgxz");
        let mut batch = Batch::default();
        for deleted in b"cefx" {
            batch.delete(vec![*deleted]);
        }
        for written in b"bdv" {
            batch.put(vec![*written], vec![2]);
        }
        let pending = Pending { rows: &stored, batch: &mut batch };
        for piece in 1..9 {
            let expected = [(b'b', 2), (b'd', 2), (b'g', 1), (b'v', 2)];
            assert_eq!(read(&pending, Order::Ascending, piece), expected, "{piece}");
            let backwards: Vec<_> = expected.into_iter().rev().collect();
            assert_eq!(read(&pending, Order::Descending, piece), backwards, "{piece}");
        }
        assert_eq!(pending.get(b"c"), None);
        assert_eq!(pending.get(b"d"), Some(vec![2]));
        assert_eq!(pending.get(b"a"), Some(vec![1]));
    }
}
