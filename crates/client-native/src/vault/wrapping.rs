//! The data key as it is stored: sealed under a key that a passphrase, the keyring or a key file gives.

use dunlin_model::Randomness;
use zeroize::Zeroizing;

use super::error::VaultError;
use super::schema::{FORMAT, VaultId};
use super::seal::{Sealer, SecretKey};
use super::unlock::{KdfCost, Unlock, UnlockError, UnlockKind};

/// Bytes of the salt, which is also the name of the keyring's entry.
pub(super) const SALT_BYTES: usize = 16;

/// New for each wrapping.
pub(super) type Salt = [u8; SALT_BYTES];

const LABEL: &[u8] = b"dunlin vault data key\0";

/// A wrapped data key, and what it takes to unwrap it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrapping {
    pub(super) kind: UnlockKind,
    pub(super) salt: Salt,
    /// Zeros unless a passphrase unlocks.
    pub(super) cost: KdfCost,
    pub(super) sealed: Vec<u8>,
}

impl Wrapping {
    /// Wraps `data_key`. Where there is no key to wrap it with yet, one is made and left in the keyring or file.
    pub(super) fn new(
        unlock: &Unlock,
        data_key: &SecretKey,
        id: &VaultId,
        randomness: &dyn Randomness,
    ) -> Result<Self, UnlockError> {
        let mut salt = Salt::default();
        randomness.fill(&mut salt);
        let mut wrapping = Self { kind: unlock.kind(), salt, cost: unlock.cost(), sealed: Vec::new() };
        let key = unlock.make_key(&salt, randomness)?;
        wrapping.sealed = Sealer::new(&key).seal(&wrapping.place(id), data_key.as_slice(), randomness);
        Ok(wrapping)
    }

    /// The data key.
    pub(super) fn unwrap_key(&self, unlock: &Unlock, id: &VaultId) -> Result<SecretKey, VaultError> {
        if unlock.kind() != self.kind {
            return Err(UnlockError::WrongKind { needed: self.kind, given: unlock.kind() }.into());
        }
        let key = unlock.find_key(&self.salt, self.cost)?;
        let opened = Sealer::new(&key).open(&self.place(id), &self.sealed).map_err(|_| unlock.wrong_key())?;
        let opened = Zeroizing::new(opened);
        let data_key =
            opened.as_slice().try_into().map_err(|_| VaultError::Corrupt { what: "its data key" })?;
        Ok(Zeroizing::new(data_key))
    }

    /// What is authenticated with the data key: everything that says how to unwrap it, and whose it is.
    fn place(&self, id: &VaultId) -> Vec<u8> {
        let mut place = LABEL.to_vec();
        place.extend_from_slice(&FORMAT.to_le_bytes());
        place.extend_from_slice(id);
        place.extend_from_slice(&self.kind.code().to_le_bytes());
        place.extend_from_slice(&self.salt);
        for number in [self.cost.memory_kib, self.cost.passes, self.cost.lanes] {
            place.extend_from_slice(&number.to_le_bytes());
        }
        place
    }
}
