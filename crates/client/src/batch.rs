//! What is to be written to the vault: ordered keys, one atomic batch at a time.
//!
//! Keys may be stored in clear, values never are: nothing derived from what people write may be part of a key,
//! except through a keyed hash.

use std::collections::BTreeMap;
use std::collections::btree_map;
use std::fmt;
use std::ops::Bound;

/// A key of the vault; keys are ordered by their bytes.
pub type Key = Vec<u8>;
/// What stands under a key.
pub type Value = Vec<u8>;

/// Changes that are written together or not at all. Of several changes of one key the last one counts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Batch {
    changes: BTreeMap<Key, Option<Value>>,
}

impl Batch {
    /// Writes `value` under `key`.
    pub fn put(&mut self, key: Key, value: Value) {
        self.changes.insert(key, Some(value));
    }

    /// Removes what stands under `key`, if anything does.
    pub fn delete(&mut self, key: Key) {
        self.changes.insert(key, None);
    }

    /// Adds the changes of `later`, which count where both change a key.
    pub fn append(&mut self, mut later: Self) {
        self.changes.append(&mut later.changes);
    }

    /// What it does to `key`: `None` when it leaves it alone, `Some(None)` when it removes it.
    pub fn change_of(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.changes.get(key).map(Option::as_deref)
    }

    /// The changes of keys from `from` on and before `until`, in key order.
    pub(crate) fn range(&self, from: &[u8], until: &[u8]) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        // A range that ends before it begins is none, and `range` would not have it.
        let until = until.max(from);
        let changes = self.changes.range::<[u8], _>((Bound::Included(from), Bound::Excluded(until)));
        changes.map(|(key, value)| (key.as_slice(), value.as_deref()))
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The changes in key order; `None` removes.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.changes.iter().map(|(key, value)| (key.as_slice(), value.as_deref()))
    }
}

impl fmt::Debug for Batch {
    /// Values are content and keys of encryption, which are not for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({} changes)", self.changes.len())
    }
}

impl IntoIterator for Batch {
    type Item = (Key, Option<Value>);
    type IntoIter = btree_map::IntoIter<Key, Option<Value>>;

    fn into_iter(self) -> Self::IntoIter {
        self.changes.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_stands_in_no_debug_output() {
        let mut batch = Batch::default();
        batch.put(b"a".to_vec(), b"secret".to_vec());
        assert_eq!(format!("{batch:?}"), "Batch(1 changes)");
    }

    #[test]
    fn the_last_change_of_a_key_counts() {
        let mut batch = Batch::default();
        batch.put(b"a".to_vec(), b"1".to_vec());
        batch.put(b"b".to_vec(), b"2".to_vec());
        let mut later = Batch::default();
        later.delete(b"a".to_vec());
        batch.append(later);
        assert_eq!(batch.change_of(b"a"), Some(None));
        assert_eq!(batch.change_of(b"b"), Some(Some(&b"2"[..])));
        assert_eq!(batch.change_of(b"c"), None);
        let changes: Vec<_> = batch.iter().collect();
        assert_eq!(changes, [(&b"a"[..], None), (b"b", Some(&b"2"[..]))]);
    }
}
