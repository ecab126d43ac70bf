//! What was changed on the disk is noticed, and errors tell no content.

use std::path::Path;

use dunlin_client_native::vault::{Direction, KeyRange, VaultError};
use rusqlite::params;

use crate::common::{open, puts, raw};

fn sealed(dir: &Path, key: &[u8]) -> Vec<u8> {
    raw(dir).query_row("SELECT sealed FROM entry WHERE key = ?1", [key], |row| row.get(0)).unwrap()
}

fn replace(dir: &Path, key: &[u8], sealed: &[u8]) {
    assert_eq!(
        raw(dir).execute("UPDATE entry SET sealed = ?2 WHERE key = ?1", params![key, sealed]).unwrap(),
        1
    );
}

fn two_rows(dir: &Path) {
    open(dir).commit(&puts(&[(b"chat/ada", b"to ada"), (b"chat/bob", b"to bob")])).unwrap();
}

#[test]
fn values_cannot_be_swapped_between_keys() {
    let dir = tempfile::tempdir().unwrap();
    two_rows(dir.path());
    let (ada, bob) = (sealed(dir.path(), b"chat/ada"), sealed(dir.path(), b"chat/bob"));
    replace(dir.path(), b"chat/ada", &bob);
    replace(dir.path(), b"chat/bob", &ada);

    let vault = open(dir.path());
    for key in [b"chat/ada", b"chat/bob"] {
        let error = vault.get(key).unwrap_err();
        assert!(matches!(error, VaultError::DamagedRow { .. }), "{error:?}");
    }
    vault.scan(&KeyRange::all(), Direction::Ascending, 10).unwrap_err();
    drop(vault);

    replace(dir.path(), b"chat/ada", &ada);
    assert_eq!(open(dir.path()).get(b"chat/ada").unwrap(), Some(b"to ada".to_vec()));
}

#[test]
fn a_flipped_byte_is_an_error_that_names_the_keys_beginning_only() {
    let dir = tempfile::tempdir().unwrap();
    two_rows(dir.path());
    let mut bytes = sealed(dir.path(), b"chat/ada");
    *bytes.last_mut().unwrap() ^= 1;
    replace(dir.path(), b"chat/ada", &bytes);

    let vault = open(dir.path());
    let error = vault.get(b"chat/ada").unwrap_err();
    let said = format!("{error} {error:?}");
    assert!(said.contains("\"chat\""), "{said}");
    assert!(!said.contains("ada"), "{said}");
    assert_eq!(vault.get(b"chat/bob").unwrap(), Some(b"to bob".to_vec()));
}

#[test]
fn a_value_of_another_vault_does_not_open() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    two_rows(dir.path());
    two_rows(other.path());
    replace(dir.path(), b"chat/ada", &sealed(other.path(), b"chat/ada"));
    let error = open(dir.path()).get(b"chat/ada").unwrap_err();
    assert!(matches!(error, VaultError::DamagedRow { .. }), "{error:?}");
}
