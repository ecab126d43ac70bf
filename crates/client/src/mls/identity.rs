//! Who a device is to MLS: its signature key, and its certificate as a basic credential (RFC 9420 section 5.3).

use dunlin_model::identity::{DeviceCertificate, IdentityError};
use ed25519_dalek::{Signer as _, SigningKey};
use openmls::prelude::{BasicCredential, Credential, CredentialType, CredentialWithKey, LeafNode};
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;

use super::Provider;

/// The key does not belong to the certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("The certificate is for another key.")]
pub struct NotOurCertificate;

/// A leaf does not show whose device it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Its credential is of another kind.
    #[error("The leaf's credential is not a basic credential.")]
    NotBasic,
    /// Its credential holds no valid certificate.
    #[error("The leaf's certificate is not valid.")]
    Certificate(#[source] IdentityError),
    /// The certificate is valid, and for another key.
    #[error("The leaf's certificate is for another key.")]
    AnotherKey,
}

/// A device's signature key and the certificate for it.
pub struct DeviceIdentity {
    key: SigningKey,
    certificate: DeviceCertificate,
}

impl DeviceIdentity {
    /// Puts the two together.
    ///
    /// # Errors
    /// The certificate is for another key.
    pub fn new(key: SigningKey, certificate: DeviceCertificate) -> Result<Self, NotOurCertificate> {
        if key.verifying_key().to_bytes() == certificate.key.0 {
            Ok(Self { key, certificate })
        } else {
            Err(NotOurCertificate)
        }
    }

    /// The device's certificate.
    pub fn certificate(&self) -> &DeviceCertificate {
        &self.certificate
    }

    /// The device's signature key.
    pub fn signing_key(&self) -> &SigningKey {
        &self.key
    }

    pub(super) fn credential(&self) -> CredentialWithKey {
        CredentialWithKey {
            credential: BasicCredential::new(self.certificate.encode().to_vec()).into(),
            signature_key: self.certificate.key.0.to_vec().into(),
        }
    }
}

impl Signer for DeviceIdentity {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.key.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// The certificate in a credential, if it is valid and for `key`.
pub(super) fn certificate_of(
    provider: &Provider,
    credential: &Credential,
    key: &[u8],
) -> Result<DeviceCertificate, LeafError> {
    let certificate = certificate_in(provider, credential)?;
    if certificate.key.0 == key { Ok(certificate) } else { Err(LeafError::AnotherKey) }
}

/// The certificate in a credential, if it is valid.
pub(super) fn certificate_in(
    provider: &Provider,
    credential: &Credential,
) -> Result<DeviceCertificate, LeafError> {
    if credential.credential_type() != CredentialType::Basic {
        return Err(LeafError::NotBasic);
    }
    provider.certificate(credential.serialized_content()).map_err(LeafError::Certificate)
}

/// Whose leaf it is.
pub(super) fn certificate_of_leaf(
    provider: &Provider,
    leaf: &LeafNode,
) -> Result<DeviceCertificate, LeafError> {
    certificate_of(provider, leaf.credential(), leaf.signature_key().as_slice())
}
