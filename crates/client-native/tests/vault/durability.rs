//! What was committed is there afterwards, and never half of it.

use std::fs;
use std::path::Path;

use dunlin_client_native::vault::VaultError;

use crate::common::{all_rows, open, puts, raw};

#[test]
fn what_was_committed_survives_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path());
    vault.commit(&puts(&[(b"a", b"1"), (b"b", b""), (b"", b"the empty key")])).unwrap();
    let mut later = puts(&[(b"c", b"3")]);
    later.delete(b"a".to_vec());
    later.delete(b"never there".to_vec());
    vault.commit(&later).unwrap();
    drop(vault);

    let vault = open(dir.path());
    assert_eq!(vault.get(b"a").unwrap(), None);
    assert_eq!(vault.get(b"b").unwrap(), Some(Vec::new()));
    assert_eq!(vault.get(b"c").unwrap(), Some(b"3".to_vec()));
    assert_eq!(vault.get(b"").unwrap(), Some(b"the empty key".to_vec()));
}

/// A crash can cut the write-ahead log anywhere.
#[test]
fn after_a_crash_anywhere_in_the_log_whole_batches_are_there() {
    const BATCHES: u8 = 6;
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path());
    for number in 1..=BATCHES {
        // Every batch replaces all rows, with values that do not fit in one page.
        let value = vec![number; 3_000];
        vault.commit(&puts(&[(b"a", &value), (b"b", &value), (b"c", &value)])).unwrap();
    }
    let log = fs::read(dir.path().join("vault.sqlite3-wal")).unwrap();
    let database = fs::read(dir.path().join("vault.sqlite3")).unwrap();

    let mut newest_seen = 0;
    for length in (0..=log.len()).step_by(1_371).chain([log.len()]) {
        let newest = newest_after_crash(&database, log.get(..length).unwrap());
        assert!(newest >= newest_seen, "a longer log has lost a batch");
        newest_seen = newest;
    }
    assert_eq!(newest_seen, BATCHES, "commit returned, so the last batch is in the log");
}

fn newest_after_crash(database: &[u8], log: &[u8]) -> u8 {
    let copy = tempfile::tempdir().unwrap();
    fs::write(copy.path().join("vault.sqlite3"), database).unwrap();
    fs::write(copy.path().join("vault.sqlite3-wal"), log).unwrap();
    let rows = all_rows(&open(copy.path()), 100);
    let Some(first) = rows.values().next() else { return 0 };
    assert_eq!(rows.len(), 3, "part of the first batch");
    assert!(rows.values().all(|value| value == first), "rows of different batches");
    first.first().copied().unwrap()
}

#[test]
fn a_batch_that_fails_half_way_leaves_nothing_and_stops_the_vault() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path());
    vault.commit(&puts(&[(b"a", b"old")])).unwrap();
    refuse_rows_under_z(dir.path());

    let failed = vault.commit(&puts(&[(b"a", b"new"), (b"z", b"refused")]));
    assert!(matches!(failed, Err(VaultError::Database { .. })), "{failed:?}");
    assert_eq!(vault.get(b"a").unwrap(), Some(b"old".to_vec()));
    assert!(matches!(vault.commit(&puts(&[(b"b", b"1")])), Err(VaultError::Stopped)));
    drop(vault);

    let mut vault = open(dir.path());
    assert_eq!(all_rows(&vault, 10), [(b"a".to_vec(), b"old".to_vec())].into());
    vault.commit(&puts(&[(b"b", b"1")])).unwrap();
}

fn refuse_rows_under_z(dir: &Path) {
    raw(dir)
        .execute_batch(
            "CREATE TRIGGER refuse BEFORE INSERT ON entry WHEN new.key = x'7a'
             BEGIN SELECT RAISE(ABORT, 'refused'); END",
        )
        .unwrap();
}

#[test]
fn what_is_too_large_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path());
    let long_key = vec![b'k'; dunlin_client_native::vault::KEY_BYTES_MAX + 1];
    let refused = vault.commit(&puts(&[(b"a", b"1"), (&long_key, b"2")]));
    assert!(matches!(refused, Err(VaultError::TooLarge { what: "key", .. })), "{refused:?}");
    assert_eq!(vault.get(b"a").unwrap(), None);
    vault.commit(&puts(&[(long_key.get(1..).unwrap(), b"2")])).unwrap();
}
