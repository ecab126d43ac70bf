//! Which rows a scan is for, and a page of what it found.

use dunlin_client::{Key, Value};

/// Which end a scan begins at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the smallest key up.
    Ascending,
    /// From the largest key down.
    Descending,
}

/// The keys from one on, up to but without another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    pub(super) from: Key,
    pub(super) until: Option<Key>,
}

impl KeyRange {
    /// Every key.
    pub fn all() -> Self {
        Self { from: Key::new(), until: None }
    }

    /// The keys from `from` on, without `until` and what follows it.
    pub fn between(from: Key, until: Key) -> Self {
        Self { from, until: Some(until) }
    }

    /// The keys that begin with `prefix`.
    pub fn prefix(prefix: &[u8]) -> Self {
        let mut until = prefix.to_vec();
        // The next key without the prefix is one more in the last byte that can be one more.
        while let Some(last) = until.pop() {
            if let Some(next) = last.checked_add(1) {
                until.push(next);
                return Self { from: prefix.to_vec(), until: Some(until) };
            }
        }
        Self { from: prefix.to_vec(), until: None }
    }

    /// Those that follow `key`.
    #[must_use]
    pub fn after(self, key: &[u8]) -> Self {
        let next = [key, &[0]].concat();
        Self { from: next.max(self.from), until: self.until }
    }

    /// Those that precede `key`.
    #[must_use]
    pub fn before(self, key: &[u8]) -> Self {
        let until = match self.until {
            Some(until) if until.as_slice() < key => until,
            _ => key.to_vec(),
        };
        Self { from: self.from, until: Some(until) }
    }
}

/// Part of what a scan is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Rows in the order of the scan.
    pub rows: Vec<(Key, Value)>,
    /// What to scan for the following page; `None` when this was the last.
    pub next: Option<KeyRange>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_its_last_byte_can_grow() {
        assert_eq!(KeyRange::prefix(b"ab").until, Some(b"ac".to_vec()));
        assert_eq!(KeyRange::prefix(b"a\xff\xff").until, Some(b"b".to_vec()));
        assert_eq!(KeyRange::prefix(b"\xff\xff").until, None);
        assert_eq!(KeyRange::prefix(b""), KeyRange::all());
    }

    #[test]
    fn narrowing_never_widens() {
        let range = KeyRange::between(b"c".to_vec(), b"f".to_vec());
        assert_eq!(range.clone().after(b"a"), range);
        assert_eq!(range.clone().before(b"z"), range);
        assert_eq!(range.clone().after(b"d"), KeyRange::between(b"d\0".to_vec(), b"f".to_vec()));
        assert_eq!(range.before(b"d"), KeyRange::between(b"c".to_vec(), b"d".to_vec()));
    }
}
