//! Who a device is, and that it said something: identity keys, device certificates, attestations.
//!
//! A user's identity key signs the certificates of the user's devices; a device's key signs what the device
//! does. Signatures are Ed25519 (RFC 8032) over the exact bytes that travel, each kind behind a label of its
//! own, so that a signature of one kind is never valid as another.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{DeviceId, DeviceNumber, UserId};

/// Bytes of an encoded certificate.
pub const CERTIFICATE_BYTES: usize = 1 + 16 + 4 + 32 + 32 + 8 + 64;

const CERTIFICATE_VERSION: u8 = 1;
const CERTIFICATE_LABEL: &[u8] = b"dunlin device certificate v1";
const SIGNED_BYTES: usize = CERTIFICATE_BYTES - 64;

/// A certificate or an attestation is not what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The bytes are not a certificate of a known version.
    #[error("The bytes are not a device certificate.")]
    NotACertificate,
    /// The signature is not by the key that it names.
    #[error("The signature is not valid.")]
    BadSignature,
}

/// The public half of a user's identity key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IdentityKey(pub [u8; 32]);

/// The public half of a device's signature key, which is also the signature key of its MLS leaves.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceKey(pub [u8; 32]);

/// That a device belongs to the holder of an identity key. The content of the device's MLS credential
/// (a basic credential, RFC 9420 section 5.3) is its encoded form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DeviceCertificate {
    /// The device.
    pub device: DeviceId,
    /// Whose identity key signed.
    pub identity: IdentityKey,
    /// The device's key.
    pub key: DeviceKey,
    /// When it was issued, by the issuer's clock: for people.
    pub issued: Timestamp,
    signature: [u8; 64],
}

impl DeviceCertificate {
    /// Issues a certificate with the user's identity key.
    pub fn issue(identity: &SigningKey, device: DeviceId, key: DeviceKey, issued: Timestamp) -> Self {
        let mut certificate = Self {
            device,
            identity: IdentityKey(identity.verifying_key().to_bytes()),
            key,
            issued,
            signature: [0; 64],
        };
        certificate.signature = identity.sign(&certificate.signed_bytes()).to_bytes();
        certificate
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = CERTIFICATE_LABEL.to_vec();
        bytes.extend_from_slice(&self.encode()[..SIGNED_BYTES]);
        bytes
    }

    /// Its bytes, of which there is one form.
    pub fn encode(&self) -> [u8; CERTIFICATE_BYTES] {
        let mut bytes = [0; CERTIFICATE_BYTES];
        let parts: [&[u8]; 7] = [
            &[CERTIFICATE_VERSION],
            self.device.user.as_bytes(),
            &self.device.number.0.to_be_bytes(),
            &self.identity.0,
            &self.key.0,
            &self.issued.0.to_be_bytes(),
            &self.signature,
        ];
        let mut at = 0;
        for part in parts {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        bytes
    }

    /// The device that an encoded certificate names. Nothing is verified.
    pub fn device_named_in(bytes: &[u8]) -> Option<DeviceId> {
        let mut rest = bytes;
        let [version] = take(&mut rest).ok()?;
        let user = UserId::from_bytes(take(&mut rest).ok()?);
        let number = DeviceNumber(u32::from_be_bytes(take(&mut rest).ok()?));
        (version == CERTIFICATE_VERSION).then_some(DeviceId { user, number })
    }

    /// Decodes and verifies: what this gives was signed by the identity key it names.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub fn decode(bytes: &[u8]) -> Result<Self, IdentityError> {
        let mut rest = bytes;
        let [version] = take(&mut rest)?;
        if version != CERTIFICATE_VERSION || bytes.len() != CERTIFICATE_BYTES {
            return Err(IdentityError::NotACertificate);
        }
        let user = UserId::from_bytes(take(&mut rest)?);
        let number = DeviceNumber(u32::from_be_bytes(take(&mut rest)?));
        let certificate = Self {
            device: DeviceId { user, number },
            identity: IdentityKey(take(&mut rest)?),
            key: DeviceKey(take(&mut rest)?),
            issued: Timestamp(u64::from_be_bytes(take(&mut rest)?)),
            signature: take(&mut rest)?,
        };
        verify(&certificate.identity.0, &certificate.signed_bytes(), &certificate.signature)?;
        Ok(certificate)
    }
}

impl DeviceKey {
    /// Checks that the device signed `content` under `label`.
    ///
    /// # Errors
    /// `BadSignature`.
    pub fn verify(&self, label: &[u8], content: &[u8], signature: &[u8; 64]) -> Result<(), IdentityError> {
        verify(&self.0, &labelled(label, content), signature)
    }
}

/// Signs `content` under `label` with a device's key.
pub fn sign(key: &SigningKey, label: &[u8], content: &[u8]) -> [u8; 64] {
    key.sign(&labelled(label, content)).to_bytes()
}

/// The label's length goes first, so that no label and content are another's.
fn labelled(label: &[u8], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(label.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), label, content].concat()
}

fn verify(key: &[u8; 32], content: &[u8], signature: &[u8; 64]) -> Result<(), IdentityError> {
    let key = VerifyingKey::from_bytes(key).map_err(|_| IdentityError::BadSignature)?;
    // `verify_strict` also refuses keys of small order, with which one signature fits many contents.
    key.verify_strict(content, &Signature::from_bytes(signature)).map_err(|_| IdentityError::BadSignature)
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], IdentityError> {
    let (head, tail) = rest.split_first_chunk().ok_or(IdentityError::NotACertificate)?;
    *rest = tail;
    Ok(*head)
}

macro_rules! hex_debug {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), data_encoding::HEXLOWER.encode(&self.0))
            }
        }
    };
}

hex_debug!(IdentityKey);
hex_debug!(DeviceKey);

impl Serialize for DeviceCertificate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.encode())
    }
}

impl<'de> Deserialize<'de> for DeviceCertificate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = bytes::Bytes::deserialize(deserializer)?;
        Self::decode(&bytes).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate() -> (SigningKey, DeviceCertificate) {
        let (identity, device) = (SigningKey::from_bytes(&[1; 32]), SigningKey::from_bytes(&[2; 32]));
        let id = DeviceId { user: UserId::from_bytes([3; 16]), number: DeviceNumber(4) };
        let key = DeviceKey(device.verifying_key().to_bytes());
        (device, DeviceCertificate::issue(&identity, id, key, Timestamp(5)))
    }

    #[test]
    fn a_certificate_survives_its_bytes_and_no_byte_of_it_can_change() {
        let (_, certificate) = certificate();
        let bytes = certificate.encode();
        assert_eq!(DeviceCertificate::device_named_in(&bytes), Some(certificate.device));
        assert_eq!(DeviceCertificate::device_named_in(&bytes[..20]), None);
        assert_eq!(DeviceCertificate::decode(&bytes), Ok(certificate));
        for place in 0..bytes.len() {
            let mut changed = bytes;
            changed[place] ^= 1;
            assert!(DeviceCertificate::decode(&changed).is_err(), "byte {place}");
        }
        assert_eq!(DeviceCertificate::decode(&bytes[1..]), Err(IdentityError::NotACertificate));
        assert_eq!(
            DeviceCertificate::decode(&[&bytes[..], &[0]].concat()),
            Err(IdentityError::NotACertificate)
        );
    }

    #[test]
    fn a_signature_is_valid_for_its_label_content_and_key_only() {
        let (device, certificate) = certificate();
        let signature = sign(&device, b"greeting", b"hello");
        assert_eq!(certificate.key.verify(b"greeting", b"hello", &signature), Ok(()));
        for (label, content) in [(&b"greeting"[..], &b"hallo"[..]), (b"greetin", b"ghello"), (b"", b"hello")]
        {
            assert_eq!(certificate.key.verify(label, content, &signature), Err(IdentityError::BadSignature));
        }
        assert_eq!(
            DeviceKey(certificate.identity.0).verify(b"greeting", b"hello", &signature),
            Err(IdentityError::BadSignature)
        );
    }
}
