//! Passphrases, keyrings and key files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use dunlin_client_native::SystemRandomness;
use dunlin_client_native::vault::{
    KdfCost, Keyring, KeyringError, Passphrase, Unlock, UnlockError, UnlockKind, Vault, VaultError,
};

use crate::common::{open, open_with, passphrase, puts, raw, try_open};

fn unlock_error(opened: Result<Vault, VaultError>) -> UnlockError {
    match opened {
        Err(VaultError::Unlock(error)) => error,
        other => panic!("{other:?}"),
    }
}

/// The row that every vault here has.
fn assert_readable(dir: &Path, unlock: &Unlock) {
    assert_eq!(open_with(dir, unlock).unwrap().get(b"a").unwrap(), Some(b"1".to_vec()));
}

fn with_a_row(dir: &Path, unlock: &Unlock) -> Vault {
    let mut vault = open_with(dir, unlock).unwrap();
    vault.commit(&puts(&[(b"a", b"1")])).unwrap();
    vault
}

#[test]
fn a_wrong_passphrase_is_refused_and_the_right_one_still_opens() {
    let dir = tempfile::tempdir().unwrap();
    drop(with_a_row(dir.path(), &passphrase("right")));
    for wrong in ["wrong", "", "right ", "Right"] {
        let error = unlock_error(open_with(dir.path(), &passphrase(wrong)));
        assert!(matches!(error, UnlockError::WrongPassphrase), "{error:?}");
    }
    assert_readable(dir.path(), &passphrase("right"));
}

#[test]
fn the_cost_is_taken_from_the_vault_and_cannot_be_changed_there() {
    let dir = tempfile::tempdir().unwrap();
    let typed = || Passphrase::new("right".to_owned());
    let cost = KdfCost { memory_kib: 16, passes: 2, lanes: 2 };
    drop(with_a_row(dir.path(), &Unlock::Passphrase { passphrase: typed(), cost }));
    // Another cost in hand, as after an update of the default.
    assert_readable(dir.path(), &passphrase("right"));
    raw(dir.path()).execute("UPDATE vault SET kdf_passes = 1", []).unwrap();
    let error = unlock_error(open_with(dir.path(), &passphrase("right")));
    assert!(matches!(error, UnlockError::WrongPassphrase), "{error:?}");
}

#[test]
fn impossible_costs_and_empty_passphrases_make_no_vault() {
    let dir = tempfile::tempdir().unwrap();
    let cost = KdfCost { memory_kib: 8, passes: 0, lanes: 1 };
    let unlock = Unlock::Passphrase { passphrase: Passphrase::new("right".to_owned()), cost };
    assert!(matches!(unlock_error(open_with(dir.path(), &unlock)), UnlockError::Cost));
    assert!(matches!(unlock_error(open_with(dir.path(), &passphrase(""))), UnlockError::EmptyPassphrase));
    assert_eq!(Vault::unlock_kind(dir.path()).unwrap(), None);
    drop(open(dir.path()));
}

#[test]
fn the_usual_cost_is_what_rfc_9106_asks_for() {
    assert_eq!(KdfCost::default(), KdfCost { memory_kib: 65_536, passes: 3, lanes: 1 });
}

#[test]
fn changing_the_passphrase_rewraps_and_leaves_rows_as_they_are() {
    let dir = tempfile::tempdir().unwrap();
    let mut vault = with_a_row(dir.path(), &passphrase("old"));
    let sealed = || -> Vec<u8> {
        raw(dir.path()).query_row("SELECT sealed FROM entry", [], |row| row.get(0)).unwrap()
    };
    let before = sealed();
    vault.change_unlock(&passphrase("new")).unwrap();
    vault.commit(&puts(&[(b"b", b"2")])).unwrap();
    drop(vault);
    assert_eq!(sealed(), before);
    assert!(matches!(unlock_error(open_with(dir.path(), &passphrase("old"))), UnlockError::WrongPassphrase));
    assert_readable(dir.path(), &passphrase("new"));
}

#[test]
fn a_key_file_is_made_private_and_opens_the_vault() {
    let dir = tempfile::tempdir().unwrap();
    let (vault, path) = (dir.path().join("vault"), dir.path().join("key"));
    let unlock = Unlock::KeyFile(path.clone());
    drop(with_a_row(&vault, &unlock));
    assert_eq!(Vault::unlock_kind(&vault).unwrap(), Some(UnlockKind::KeyFile));
    assert_readable(&vault, &unlock);
    assert_eq!(fs::read_to_string(&path).unwrap().trim_end().len(), 64);

    // A second vault takes the same file and does not replace it.
    drop(with_a_row(&dir.path().join("second"), &unlock));
    assert_readable(&vault, &unlock);

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(unlock_error(open_with(&vault, &unlock)), UnlockError::KeyFileExposed { .. }));
    }
}

#[test]
fn missing_malformed_and_wrong_key_files_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let (vault, path) = (dir.path().join("vault"), dir.path().join("key"));
    let unlock = Unlock::KeyFile(path.clone());
    drop(with_a_row(&vault, &unlock));
    let good = fs::read_to_string(&path).unwrap();

    for malformed in ["", "abcd", &good.replace(|_| true, "x"), &good.repeat(2)] {
        fs::write(&path, malformed).unwrap();
        let error = unlock_error(open_with(&vault, &unlock));
        assert!(matches!(error, UnlockError::KeyFileMalformed { .. }), "{malformed:?}: {error:?}");
    }
    fs::write(&path, "0".repeat(64)).unwrap();
    assert!(matches!(unlock_error(open_with(&vault, &unlock)), UnlockError::WrongKeyFile { .. }));
    fs::remove_file(&path).unwrap();
    assert!(matches!(unlock_error(open_with(&vault, &unlock)), UnlockError::KeyFileMissing { .. }));
    assert!(!path.exists(), "opening must not make a key");
    assert!(matches!(unlock_error(try_open(&vault)), UnlockError::WrongKind { .. }));
}

/// A keyring in memory, which can be out of reach.
#[derive(Default)]
struct TestKeyring {
    secrets: Mutex<BTreeMap<String, Vec<u8>>>,
    out_of_reach: Mutex<bool>,
}

impl TestKeyring {
    fn reach(&self) -> Result<std::sync::MutexGuard<'_, BTreeMap<String, Vec<u8>>>, KeyringError> {
        if *self.out_of_reach.lock().unwrap() {
            return Err(KeyringError::new("no D-Bus"));
        }
        Ok(self.secrets.lock().unwrap())
    }
}

impl Keyring for TestKeyring {
    fn read(&self, name: &str) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, KeyringError> {
        Ok(self.reach()?.get(name).cloned().map(zeroize::Zeroizing::new))
    }
    fn write(&self, name: &str, secret: &[u8]) -> Result<(), KeyringError> {
        self.reach()?.insert(name.to_owned(), secret.to_vec());
        Ok(())
    }
    fn forget(&self, name: &str) -> Result<(), KeyringError> {
        self.reach()?.remove(name);
        Ok(())
    }
}

#[test]
fn a_keyring_opens_the_vault_and_holds_one_entry_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Arc::new(TestKeyring::default());
    let entries = || keyring.secrets.lock().unwrap().len();
    let unlock = Unlock::Keyring(Arc::clone(&keyring) as Arc<dyn Keyring>);
    let mut vault = with_a_row(dir.path(), &unlock);
    assert_eq!(entries(), 1);
    vault.change_unlock(&unlock).unwrap();
    assert_eq!(entries(), 1, "the former entry is removed");
    drop(vault);
    assert_readable(dir.path(), &unlock);

    open_with(dir.path(), &unlock).unwrap().change_unlock(&passphrase("instead")).unwrap();
    assert_eq!(entries(), 0);
    assert_readable(dir.path(), &passphrase("instead"));
}

#[test]
fn a_keyring_out_of_reach_or_without_the_key_is_told_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let keyring = Arc::new(TestKeyring::default());
    let unlock = Unlock::Keyring(Arc::clone(&keyring) as Arc<dyn Keyring>);
    drop(with_a_row(dir.path(), &unlock));

    *keyring.out_of_reach.lock().unwrap() = true;
    let error = unlock_error(open_with(dir.path(), &unlock));
    assert!(matches!(error, UnlockError::Keyring(_)), "{error:?}");
    assert!(error.to_string().contains("no D-Bus") && error.to_string().contains("key file"), "{error}");
    // Nor is a vault made whose key could not be kept.
    let other = tempfile::tempdir().unwrap();
    unlock_error(open_with(other.path(), &unlock));
    assert_eq!(Vault::unlock_kind(other.path()).unwrap(), None);
    *keyring.out_of_reach.lock().unwrap() = false;

    for secret in keyring.secrets.lock().unwrap().values_mut() {
        *secret.first_mut().unwrap() ^= 1;
    }
    assert!(matches!(unlock_error(open_with(dir.path(), &unlock)), UnlockError::WrongKeyringEntry));
    keyring.secrets.lock().unwrap().clear();
    assert!(matches!(unlock_error(open_with(dir.path(), &unlock)), UnlockError::KeyringEntryMissing));
}

#[test]
fn without_a_passphrase_there_is_always_a_way() {
    let dir = tempfile::tempdir().unwrap();
    let unlock = Unlock::without_passphrase(dir.path().join("key"));
    if unlock.kind() == UnlockKind::Keyring {
        return; // A desktop: its keyring may be locked and would ask.
    }
    assert_eq!(unlock.kind(), UnlockKind::KeyFile);
    let error = Vault::create(&dir.path().join("vault"), &Unlock::os_keyring(), Arc::new(SystemRandomness));
    assert!(matches!(unlock_error(error), UnlockError::Keyring(_)));
    drop(with_a_row(&dir.path().join("vault"), &unlock));
}
