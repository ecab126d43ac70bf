//! Who this device is.

use std::fmt;

use dunlin_model::{ClientSeq, DeviceCertificate, DeviceId, UserId};
use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};

/// This device: its keys and what it told the server of itself.
#[derive(Clone, Serialize, Deserialize)]
pub struct Account {
    certificate: DeviceCertificate,
    key: [u8; 32],
    identity: Option<[u8; 32]>,
    last_number: u64,
    /// Whether the server has the certificate and the first key packages.
    pub(crate) announced: bool,
    /// Whether the chats that were there before this device are known.
    pub(crate) listed: bool,
    /// Which store the server had when it was last met.
    pub(crate) incarnation: String,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its keys are not for logs.
        f.debug_struct("Account").field("device", &self.device()).finish_non_exhaustive()
    }
}

impl Account {
    /// A new device: its certificate and key, and the user's identity key where this device holds it.
    pub fn new(certificate: DeviceCertificate, key: &SigningKey, identity: Option<&SigningKey>) -> Self {
        Self {
            certificate,
            key: key.to_bytes(),
            identity: identity.map(SigningKey::to_bytes),
            last_number: 0,
            announced: false,
            listed: false,
            incarnation: String::new(),
        }
    }

    /// Whose the row of an account is. That its certificate is sound was seen when the client was opened with it; a list of
    /// chats asks for every one of them, and a signature costs more than all else that is read of one.
    pub(crate) fn device_of(row: &[u8]) -> Option<DeviceId> {
        let (certificate, _) = postcard::take_from_bytes(row).ok()?;
        DeviceCertificate::device_named_in(certificate)
    }

    /// The device.
    pub const fn device(&self) -> DeviceId {
        self.certificate.device
    }

    /// Whose it is.
    pub const fn user(&self) -> UserId {
        self.certificate.device.user
    }

    /// What others know it by.
    pub const fn certificate(&self) -> &DeviceCertificate {
        &self.certificate
    }

    /// The device's key.
    pub fn key(&self) -> SigningKey {
        SigningKey::from_bytes(&self.key)
    }

    /// The user's identity key, where this device holds it.
    pub fn identity(&self) -> Option<SigningKey> {
        self.identity.as_ref().map(SigningKey::from_bytes)
    }

    /// Whether the server has the certificate and the first key packages.
    pub const fn is_announced(&self) -> bool {
        self.announced
    }

    /// A number that was never used; used only once the account was persisted.
    pub(crate) const fn take_number(&mut self) -> ClientSeq {
        self.last_number += 1;
        ClientSeq(self.last_number)
    }
}

#[cfg(test)]
mod tests {
    use dunlin_model::{DeviceKey, DeviceNumber, Timestamp};

    use super::*;
    use crate::rows;

    #[test]
    fn a_row_says_whose_it_is() {
        let (identity, key) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let device = DeviceId { user: UserId::from_bytes([3; 16]), number: DeviceNumber(4) };
        let its_key = DeviceKey(key.verifying_key().to_bytes());
        let certificate = DeviceCertificate::issue(&identity, device, its_key, Timestamp(5));
        let row = rows::encode(&Account::new(certificate, &key, Some(&identity)));
        assert_eq!(Account::device_of(&row), Some(device));
        assert_eq!(Account::device_of(&row[..20]), None);
        assert_eq!(Account::device_of(&[]), None);
    }
}
