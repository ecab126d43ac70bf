//! One owner at a time.

use std::fs;

use dunlin_client::Batch;
use dunlin_client_native::vault::{Vault, VaultError};

use crate::common::{all_rows, open, passphrase, puts, try_open};

#[test]
fn a_second_opener_is_refused_until_the_first_has_closed() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = open(dir.path());
    assert!(matches!(try_open(dir.path()), Err(VaultError::InUse)));
    first.commit(&puts(&[(b"a", b"1")])).unwrap();
    assert!(Vault::unlock_kind(dir.path()).unwrap().is_some(), "looking is allowed meanwhile");
    first.commit(&puts(&[(b"b", b"2")])).unwrap();
    drop(first);
    assert_eq!(all_rows(&open(dir.path()), 10).len(), 2);
}

#[test]
fn an_owner_whose_lock_was_lost_can_write_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = open(dir.path());
    first.commit(&puts(&[(b"a", b"first")])).unwrap();
    // As if the lock had never been: the next opener locks another file.
    fs::remove_file(dir.path().join("vault.lock")).unwrap();
    let mut second = open(dir.path());

    assert!(matches!(first.commit(&puts(&[(b"a", b"late")])), Err(VaultError::NotOwner)));
    assert!(matches!(first.commit(&Batch::default()), Err(VaultError::NotOwner)));
    assert!(matches!(first.change_unlock(&passphrase("late")), Err(VaultError::NotOwner)));
    second.commit(&puts(&[(b"b", b"second")])).unwrap();
    drop(first);
    second.commit(&puts(&[(b"c", b"second")])).unwrap();
    assert_eq!(second.get(b"a").unwrap(), Some(b"first".to_vec()));
    assert_eq!(all_rows(&second, 10).len(), 3);
}

#[test]
fn whoever_cannot_unlock_the_vault_does_not_depose_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = open(dir.path());
    fs::remove_file(dir.path().join("vault.lock")).unwrap();
    crate::common::open_with(dir.path(), &passphrase("wrong")).unwrap_err();
    first.commit(&puts(&[(b"a", b"1")])).unwrap();
}
