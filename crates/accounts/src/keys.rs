//! What tokens are made with: keys derived from the secret that all servers of a store share.

use dunlin_model::DeviceId;
use ed25519_dalek::SigningKey;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Under which name the store keeps the secret.
pub(crate) const SECRET_NAME: &str = "accounts";
/// Bytes of the part of a refresh token that cannot be guessed.
pub(crate) const MAC_BYTES: usize = 32;

/// The keys. They do not print themselves.
pub(crate) struct Keys {
    /// Signs access tokens.
    pub(crate) access: SigningKey,
    refresh: [u8; 32],
}

impl Keys {
    /// One key for each purpose, so that a value made for one is worthless for another.
    pub(crate) fn derive(secret: &[u8; 32]) -> Self {
        Self {
            access: SigningKey::from_bytes(&mac(secret, &[b"dunlin access token key v1"])),
            refresh: mac(secret, &[b"dunlin refresh token key v1"]),
        }
    }

    /// What proves that this server made the refresh token of this generation for this device.
    pub(crate) fn refresh_proof(
        &self,
        device: DeviceId,
        generation: u64,
        salt: &[u8; 16],
    ) -> [u8; MAC_BYTES] {
        mac(
            &self.refresh,
            &[
                b"refresh",
                device.user.as_bytes(),
                &device.number.0.to_be_bytes(),
                &generation.to_be_bytes(),
                salt,
            ],
        )
    }

    /// The id of the access token that goes with a refresh token, the same each time it is made.
    pub(crate) fn token_id(&self, device: DeviceId, generation: u64, salt: &[u8; 16]) -> [u8; 16] {
        let whole = mac(
            &self.refresh,
            &[
                b"jti",
                device.user.as_bytes(),
                &device.number.0.to_be_bytes(),
                &generation.to_be_bytes(),
                salt,
            ],
        );
        let mut id = [0; 16];
        id.copy_from_slice(&whole[..16]);
        id
    }
}

/// HMAC-SHA-256 (RFC 2104) over parts of fixed lengths.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; MAC_BYTES] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}
