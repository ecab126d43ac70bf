//! Vaults in temporary directories, cheap to open.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use dunlin_client::{Batch, Key, Value};
use dunlin_client_native::SystemRandomness;
use dunlin_client_native::vault::{Direction, KdfCost, KeyRange, Passphrase, Unlock, Vault, VaultError};

/// The cheapest that argon2 allows: these tests are not about guessing.
pub(crate) const CHEAP: KdfCost = KdfCost { memory_kib: 8, passes: 1, lanes: 1 };

pub(crate) fn passphrase(text: &str) -> Unlock {
    Unlock::Passphrase { passphrase: Passphrase::new(text.to_owned()), cost: CHEAP }
}

pub(crate) fn open_with(dir: &Path, unlock: &Unlock) -> Result<Vault, VaultError> {
    Vault::open_or_create(dir, unlock, Arc::new(SystemRandomness))
}

pub(crate) fn try_open(dir: &Path) -> Result<Vault, VaultError> {
    open_with(dir, &passphrase("correct horse"))
}

pub(crate) fn open(dir: &Path) -> Vault {
    try_open(dir).unwrap()
}

pub(crate) fn puts(rows: &[(&[u8], &[u8])]) -> Batch {
    let mut batch = Batch::default();
    for (key, value) in rows {
        batch.put(key.to_vec(), value.to_vec());
    }
    batch
}

/// Every row, page by page.
pub(crate) fn all_rows(vault: &Vault, rows_max: usize) -> BTreeMap<Key, Value> {
    let mut rows = BTreeMap::new();
    let mut next = Some(KeyRange::all());
    while let Some(range) = next {
        let page = vault.scan(&range, Direction::Ascending, rows_max).unwrap();
        rows.extend(page.rows);
        next = page.next;
    }
    rows
}

/// The file behind the vault, past the vault's own code.
pub(crate) fn raw(dir: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(dir.join("vault.sqlite3")).unwrap()
}
