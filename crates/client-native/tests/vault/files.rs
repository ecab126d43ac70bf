//! What lies on the disk: nothing readable, and nothing for others.

use std::fs;
use std::path::Path;

use crate::common::{open, passphrase, puts};

/// All bytes of all files of the directory.
fn bytes_of(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let files = fs::read_dir(dir).unwrap().map(|entry| {
        let entry = entry.unwrap();
        (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
    });
    files.collect()
}

fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[test]
fn no_byte_on_the_disk_shows_a_value() {
    const MARKER: &[u8] = b"meet me at the lighthouse";
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path());
    vault.commit(&puts(&[(b"small", MARKER), (b"large", &MARKER.repeat(1_000))])).unwrap();

    let while_open = bytes_of(dir.path());
    assert!(while_open.iter().any(|(name, bytes)| name == "vault.sqlite3-wal" && holds(bytes, b"small")));
    drop(vault);
    let closed = bytes_of(dir.path());
    assert!(closed.iter().any(|(name, bytes)| name == "vault.sqlite3" && holds(bytes, b"small")));
    for (name, bytes) in while_open.iter().chain(&closed) {
        assert!(!holds(bytes, MARKER), "{name} shows a value");
        assert!(!holds(bytes, b"correct horse"), "{name} shows the passphrase");
    }
}

#[test]
fn what_was_deleted_is_gone_from_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path());
    // Keys are readable, so one can be looked for.
    vault.commit(&puts(&[(b"a key that goes", b"1"), (b"a key that stays", b"2")])).unwrap();
    drop(vault);
    let mut vault = open(dir.path());
    let mut batch = puts(&[]);
    batch.delete(b"a key that goes".to_vec());
    vault.commit(&batch).unwrap();
    drop(vault);
    for (name, bytes) in bytes_of(dir.path()) {
        assert!(!holds(&bytes, b"a key that goes"), "{name} holds a deleted row");
    }
}

#[test]
fn a_former_wrapping_is_gone_from_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = open(dir.path());
    let wrapped: Vec<u8> = crate::common::raw(dir.path())
        .query_row("SELECT wrapped_key FROM vault", [], |row| row.get(0))
        .unwrap();
    assert!(bytes_of(dir.path()).iter().any(|(_, bytes)| holds(bytes, &wrapped)));
    vault.change_unlock(&passphrase("a new one")).unwrap();
    for (name, bytes) in bytes_of(dir.path()) {
        assert!(!holds(&bytes, &wrapped), "{name} holds the former wrapping");
    }
}

#[cfg(unix)]
#[test]
fn directory_and_files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("deep/vault");
    let mut vault = open(&dir);
    vault.commit(&puts(&[(b"a", b"1")])).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let names: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names.len(), 4, "database, log, index of the log, lock: {names:?}");
    for path in names {
        assert_eq!(mode(&path), 0o600, "{path:?}");
    }
    drop(vault);

    // One that was made with wider permissions becomes private.
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
    drop(open(&dir));
    assert_eq!(mode(&dir), 0o700);
}
