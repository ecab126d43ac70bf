//! A bounded map that forgets what was not asked for lately.

use std::collections::HashMap;
use std::hash::Hash;

/// Two generations: what is used moves to the young one; when that is full the old one is dropped. Costs one
/// look-up for what is hot, and needs no list of uses.
#[derive(Debug)]
pub(crate) struct Generations<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    young_max: usize,
}

impl<K: Eq + Hash, V: Copy> Generations<K, V> {
    /// A cache of at most `entries_max` entries (at least two).
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), young_max: (entries_max / 2).max(1) }
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<V> {
        if let Some(value) = self.young.get(key) {
            return Some(*value);
        }
        let (key, value) = self.old.remove_entry(key)?;
        self.put(key, value);
        Some(value)
    }

    pub(crate) fn put(&mut self, key: K, value: V) {
        if self.young.len() >= self.young_max && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_what_is_not_used_and_keeps_what_is() {
        let mut cache = Generations::new(4);
        for key in 0..100 {
            cache.put(key, key);
            assert_eq!(cache.get(&0), Some(0), "used all the time, so kept");
            assert!(cache.young.len() + cache.old.len() <= 4);
        }
        assert_eq!(cache.get(&50), None);
        cache.put(99, 7);
        assert_eq!(cache.get(&99), Some(7), "the newest value wins over one in the old generation");
    }
}
