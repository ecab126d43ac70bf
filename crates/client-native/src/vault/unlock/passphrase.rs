//! A key out of a passphrase: argon2id, version 19 (RFC 9106).

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

use super::UnlockError;
use crate::vault::seal::{KEY_BYTES, SecretKey};
use crate::vault::wrapping::Salt;

/// The dearest memory that is taken from a file: a damaged number must not take the machine down.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
/// The most passes that are taken from a file.
const PASSES_MAX: u32 = 64;
/// The most lanes that are taken from a file.
const LANES_MAX: u32 = 16;

/// What a person types; wiped when dropped. Its UTF-8 bytes count as they are.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

/// What one guess at a passphrase costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KdfCost {
    /// Memory in KiB, at least 8 for each lane and at most 1 GiB.
    pub memory_kib: u32,
    /// Passes over the memory, 1 to 64.
    pub passes: u32,
    /// Lanes, 1 to 16. They run one after the other here, so more of them only help whoever guesses.
    pub lanes: u32,
}

impl Default for KdfCost {
    /// 64 MiB and three passes, the memory-constrained choice of RFC 9106, section 4, in one lane.
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

impl KdfCost {
    pub(in crate::vault) fn is_within_limits(self) -> bool {
        self.memory_kib <= MEMORY_KIB_MAX
            && (1..=PASSES_MAX).contains(&self.passes)
            && (1..=LANES_MAX).contains(&self.lanes)
            && self.memory_kib >= 8 * self.lanes
    }
}

impl Passphrase {
    /// Takes what was typed.
    pub fn new(typed: String) -> Self {
        Self(Zeroizing::new(typed))
    }

    /// For a new wrapping; an empty passphrase is refused.
    pub(super) fn derive_new(&self, salt: &Salt, cost: KdfCost) -> Result<SecretKey, UnlockError> {
        if self.0.is_empty() {
            return Err(UnlockError::EmptyPassphrase);
        }
        self.derive(salt, cost)
    }

    pub(super) fn derive(&self, salt: &Salt, cost: KdfCost) -> Result<SecretKey, UnlockError> {
        if !cost.is_within_limits() {
            return Err(UnlockError::Cost);
        }
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(KEY_BYTES))
            .map_err(|_| UnlockError::Cost)?;
        let mut key = SecretKey::default();
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(self.0.as_bytes(), salt, key.as_mut_slice())
            .map_err(|_| UnlockError::Cost)?;
        Ok(key)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase")
    }
}
