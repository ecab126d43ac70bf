//! Rows come in the order of their keys' bytes, in pages that leave nothing out.

use std::collections::BTreeMap;

use dunlin_client::{Batch, Key};
use dunlin_client_native::vault::{Direction, KeyRange, SCAN_BYTES_MAX, SCAN_ROWS_MAX, Vault};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::common::{open, puts};

fn keys(vault: &Vault, range: &KeyRange, direction: Direction) -> Vec<Key> {
    vault.scan(range, direction, SCAN_ROWS_MAX).unwrap().rows.into_iter().map(|(key, _)| key).collect()
}

#[test]
fn scans_follow_the_bytes_of_keys_and_keep_to_their_range() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path());
    vault
        .commit(&puts(&[(b"b", b""), (b"a\xff", b""), (b"a", b""), (b"a\x00", b""), (b"\xff", b"")]))
        .unwrap();

    let all: [&[u8]; 5] = [b"a", b"a\x00", b"a\xff", b"b", b"\xff"];
    assert_eq!(keys(&vault, &KeyRange::all(), Direction::Ascending), all);
    let (from, until) = (b"a\x00".to_vec(), b"b".to_vec());
    assert_eq!(keys(&vault, &KeyRange::between(from, until), Direction::Ascending), all[1..3]);
    assert_eq!(keys(&vault, &KeyRange::prefix(b"a"), Direction::Descending), [all[2], all[1], all[0]]);
    assert_eq!(keys(&vault, &KeyRange::prefix(b"\xff"), Direction::Descending), all[4..]);
}

#[test]
fn pages_are_no_larger_than_their_limits() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path());
    let mut many = Batch::default();
    for number in 0..=SCAN_ROWS_MAX {
        many.put(format!("small {number:05}").into_bytes(), vec![1]);
    }
    let large = vec![7; SCAN_BYTES_MAX / 2];
    for number in 0..4 {
        many.put(format!("large {number}").into_bytes(), large.clone());
    }
    vault.commit(&many).unwrap();

    let page = vault.scan(&KeyRange::prefix(b"small"), Direction::Descending, usize::MAX).unwrap();
    assert_eq!(page.rows.len(), SCAN_ROWS_MAX);
    let rest = vault.scan(&page.next.unwrap(), Direction::Descending, usize::MAX).unwrap();
    assert_eq!((rest.rows, rest.next), (vec![(b"small 00000".to_vec(), vec![1])], None));

    let page = vault.scan(&KeyRange::prefix(b"large"), Direction::Ascending, usize::MAX).unwrap();
    assert_eq!(page.rows.len(), 2);
    let rest = vault.scan(&page.next.unwrap(), Direction::Ascending, 0).unwrap();
    assert_eq!(rest.rows.len(), 1, "nought counts as one, so that a scan always gets on");
}

/// Few keys, so that changes meet; with the bytes at which ranges can go wrong.
fn any_key() -> impl Strategy<Value = Key> {
    vec(prop_oneof![Just(0), Just(1), Just(b'a'), Just(0xfe), Just(0xff)], 0..4)
}

fn any_batch() -> impl Strategy<Value = Vec<(Key, Option<Vec<u8>>)>> {
    vec((any_key(), proptest::option::weighted(0.7, vec(any::<u8>(), 0..40))), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn a_vault_behaves_as_an_ordered_map(
        batches in vec(any_batch(), 1..6),
        prefix in any_key(),
        rows_max in 1_usize..5,
        descending: bool,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut vault = open(dir.path());
        let mut map = BTreeMap::new();
        for (number, changes) in batches.into_iter().enumerate() {
            let mut batch = Batch::default();
            for (key, value) in changes {
                match value {
                    Some(value) => {
                        batch.put(key.clone(), value.clone());
                        map.insert(key, value);
                    }
                    None => {
                        batch.delete(key.clone());
                        map.remove(&key);
                    }
                }
            }
            vault.commit(&batch).unwrap();
            if number % 2 == 1 {
                drop(vault);
                vault = open(dir.path());
            }
        }
        for (key, value) in &map {
            let found = vault.get(key).unwrap();
            prop_assert_eq!(found.as_ref(), Some(value));
        }
        let mut expected: Vec<_> = map.into_iter().filter(|(key, _)| key.starts_with(&prefix)).collect();
        let direction = if descending { Direction::Descending } else { Direction::Ascending };
        if descending {
            expected.reverse();
        }
        let mut found = Vec::new();
        let mut next = Some(KeyRange::prefix(&prefix));
        while let Some(range) = next {
            let page = vault.scan(&range, direction, rows_max).unwrap();
            prop_assert!(page.rows.len() <= rows_max);
            found.extend(page.rows);
            next = page.next;
        }
        prop_assert_eq!(found, expected);
    }
}
