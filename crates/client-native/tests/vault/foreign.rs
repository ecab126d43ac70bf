//! Files that are no vault, or not one of this version, are refused and left as they are.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use dunlin_client_native::SystemRandomness;
use dunlin_client_native::vault::{Vault, VaultError};

use crate::common::{open, passphrase, puts, raw, try_open};

/// Opens, gives the error, and makes sure that the file has not changed.
fn refused(dir: &Path) -> VaultError {
    let path = dir.join("vault.sqlite3");
    let before = fs::read(&path).unwrap();
    let error = try_open(dir).unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), before, "the file was changed");
    error
}

#[test]
fn files_that_are_no_vault_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for content in [&b""[..], b"short", &[b'x'; 10_000]] {
        fs::write(dir.path().join("vault.sqlite3"), content).unwrap();
        let error = refused(dir.path());
        assert!(matches!(error, VaultError::Foreign { .. }), "{error:?}");
        Vault::unlock_kind(dir.path()).unwrap_err();
    }
}

#[test]
fn a_database_of_another_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    raw(dir.path()).execute_batch("CREATE TABLE vault (owner INTEGER)").unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, VaultError::Foreign { .. }), "{error:?}");
}

#[test]
fn a_newer_format_is_refused_and_both_numbers_are_told() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    raw(dir.path()).pragma_update(None, "user_version", 2).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, VaultError::Newer { found: 2, known: 1 }), "{error:?}");
}

#[test]
fn damage_to_what_describes_the_vault_is_told() {
    for damage in [
        "DELETE FROM vault",
        "UPDATE vault SET id = x'00'",
        "UPDATE vault SET unlock_kind = 9",
        "UPDATE vault SET salt = x''",
        "UPDATE vault SET kdf_memory_kib = 2000000000",
        "UPDATE vault SET kdf_passes = -1",
        "UPDATE vault SET kdf_lanes = 0",
        "PRAGMA user_version = 0",
    ] {
        let dir = tempfile::tempdir().unwrap();
        drop(open(dir.path()));
        raw(dir.path()).execute_batch(damage).unwrap();
        let error = refused(dir.path());
        assert!(matches!(error, VaultError::Corrupt { .. }), "{damage}: {error:?}");
    }
}

#[test]
fn a_damaged_page_is_told_and_the_file_left() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).commit(&puts(&[(b"a", &[7; 20_000])])).unwrap();
    let path = dir.path().join("vault.sqlite3");
    let mut bytes = fs::read(&path).unwrap();
    // Every page but the first, which holds the header and the schema.
    bytes.get_mut(4_096..).unwrap().fill(0xee);
    fs::write(&path, bytes).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, VaultError::Corrupt { .. }), "{error:?}");
}

#[test]
fn nothing_is_created_over_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()));
    let create = || Vault::create(dir.path(), &passphrase("other"), Arc::new(SystemRandomness));
    assert!(matches!(create(), Err(VaultError::Exists { .. })));

    // A log without its database would be mixed into a new one.
    fs::rename(dir.path().join("vault.sqlite3"), dir.path().join("vault.sqlite3-wal")).unwrap();
    let error = create().unwrap_err();
    assert!(matches!(error, VaultError::InTheWay { .. }), "{error:?}");
}

#[test]
fn a_missing_vault_is_missing_and_stays_so() {
    let dir = tempfile::tempdir().unwrap();
    let opened = Vault::open(dir.path(), &passphrase("any"), Arc::new(SystemRandomness));
    assert!(matches!(opened, Err(VaultError::Missing { .. })));
    assert_eq!(Vault::unlock_kind(dir.path()).unwrap(), None);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_creation_that_died_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("vault.sqlite3.new"), b"half a vault").unwrap();
    open(dir.path()).commit(&puts(&[(b"a", b"1")])).unwrap();
    assert!(!dir.path().join("vault.sqlite3.new").exists());
}
