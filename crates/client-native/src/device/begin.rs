//! What a later device takes over from an earlier one of the same person, on the same machine.

use dunlin_client::{Account, query};
use dunlin_model::{DeviceCertificate, DeviceId, DeviceKey, Randomness, Timestamp};
use ed25519_dalek::SigningKey;

use super::VaultRows;
use crate::vault::Vault;

/// The account that a vault holds.
pub fn account_in(vault: &Vault) -> Option<Account> {
    query::account(&VaultRows(vault))
}

/// The account of a new device of the holder of `identity`, with a fresh device key.
pub fn account_under(
    identity: &SigningKey,
    device: DeviceId,
    randomness: &dyn Randomness,
    now: Timestamp,
) -> Account {
    let mut seed = [0; 32];
    randomness.fill(&mut seed);
    let key = SigningKey::from_bytes(&seed);
    let public = DeviceKey(key.verifying_key().to_bytes());
    Account::new(DeviceCertificate::issue(identity, device, public, now), &key, Some(identity))
}
