//! An identity for a person's first device, or for one who has no other device any more.

use dunlin_client::Account;
use dunlin_model::{DeviceCertificate, DeviceId, DeviceKey, Randomness, Timestamp};
use ed25519_dalek::SigningKey;

use crate::api::{Api, ApiError};

/// An account with a fresh identity key and device key, for `Device::create`. For somebody who had another identity
/// see [`revoke_others`] first: everyone who knew it is shown the change.
pub fn new_account(device: DeviceId, randomness: &dyn Randomness, now: Timestamp) -> Account {
    let draw = || {
        let mut bytes = [0; 32];
        randomness.fill(&mut bytes);
        SigningKey::from_bytes(&bytes)
    };
    let (identity, key) = (draw(), draw());
    let public = DeviceKey(key.verifying_key().to_bytes());
    let certificate = DeviceCertificate::issue(&identity, device, public, now);
    Account::new(certificate, &key, Some(&identity))
}

/// Revokes all other devices of the person. A new identity takes the place of the one that certified them, and the
/// server takes no certificate under another while they are there. Whoever was with the old devices keeps what they
/// have; from here on they read nothing. May be repeated.
///
/// # Errors
/// See [`ApiError`]; some may be revoked by then.
pub async fn revoke_others(api: &Api, token: &str) -> Result<(), ApiError> {
    for device in api.devices(token).await?.devices.iter().filter(|device| !device.current) {
        api.revoke_device(token, device.number).await?;
    }
    Ok(())
}
