//! Key packages (RFC 9420 section 10): with one, a device can be added to a group while it is away.
//!
//! Their lifetime has no bounds, because openmls compares it to the system clock wherever a key package is
//! added, and then devices with other clocks would disagree about a commit. Devices replace their key packages
//! instead.

use dunlin_model::identity::DeviceCertificate;
use openmls::framing::errors::MlsMessageError;
use openmls::prelude::tls_codec::{Deserialize as _, Error as CodecError};
use openmls::prelude::{
    Capabilities, CredentialType, ExtensionType, KeyPackage, KeyPackageNewError, KeyPackageVerifyError,
    LibraryError, Lifetime, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, ProtocolVersion,
};
use openmls_traits::OpenMlsProvider;

use super::Provider;
use super::identity::{DeviceIdentity, LeafError, certificate_of_leaf};
use super::storage::StorageError;
use super::suite::{Suite, UnknownSuite};

/// A key package cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum MakeKeyPackageError {
    /// openmls cannot make it.
    #[error("The key package cannot be made.")]
    Make(#[source] KeyPackageNewError),
    /// It cannot be hashed.
    #[error("The key package cannot be hashed.")]
    Reference(#[source] LibraryError),
    /// It cannot be encoded.
    #[error("The key package cannot be encoded.")]
    Encode(#[source] MlsMessageError),
}

/// A key package of another device cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyPackageError {
    /// The bytes are not an MLSMessage.
    #[error("The bytes are not an MLS message.")]
    Malformed(#[source] CodecError),
    /// The bytes are another message.
    #[error("The message is not a key package.")]
    NotAKeyPackage,
    /// It is not valid.
    #[error("The key package is not valid.")]
    Invalid(#[source] KeyPackageVerifyError),
    /// Chats do not use its suite.
    #[error("The key package is for a suite that chats do not use.")]
    Suite(#[source] UnknownSuite),
    /// It does not show whose device it is.
    #[error("The key package's leaf is not acceptable.")]
    Leaf(#[source] LeafError),
}

/// A key package just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeKeyPackage {
    /// Its reference (RFC 9420 section 5.2), which names it in Welcomes.
    pub reference: Vec<u8>,
    /// It, as an MLSMessage, to be uploaded.
    pub message: Vec<u8>,
}

/// A key package of another device, verified.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedKeyPackage {
    pub(super) inner: KeyPackage,
    /// Whose it is.
    pub certificate: DeviceCertificate,
    /// For groups of which suite.
    pub suite: Suite,
}

impl VerifiedKeyPackage {
    /// Verifies a key package, an MLSMessage, and the certificate in it.
    ///
    /// # Errors
    /// See [`KeyPackageError`].
    pub fn parse(provider: &Provider, message: &[u8]) -> Result<Self, KeyPackageError> {
        let message = MlsMessageIn::tls_deserialize_exact(message).map_err(KeyPackageError::Malformed)?;
        let MlsMessageBodyIn::KeyPackage(key_package) = message.extract() else {
            return Err(KeyPackageError::NotAKeyPackage);
        };
        let inner = key_package
            .validate(provider.crypto(), ProtocolVersion::Mls10)
            .map_err(KeyPackageError::Invalid)?;
        let suite = Suite::try_from(inner.ciphersuite()).map_err(KeyPackageError::Suite)?;
        let certificate = certificate_of_leaf(provider, inner.leaf_node()).map_err(KeyPackageError::Leaf)?;
        Ok(Self { inner, certificate, suite })
    }

    /// Whether it is one that may be used several times.
    pub fn is_last_resort(&self) -> bool {
        self.inner.last_resort()
    }
}

/// Makes a key package that is used once. Its private keys are stored until a Welcome uses them.
///
/// # Errors
/// See [`MakeKeyPackageError`].
pub fn make(
    provider: &Provider,
    identity: &DeviceIdentity,
    suite: Suite,
) -> Result<MadeKeyPackage, MakeKeyPackageError> {
    make_with(provider, identity, suite, false)
}

/// Makes a key package for when no other is left (extension `last_resort`). Its private keys stay until
/// [`discard`].
///
/// # Errors
/// See [`MakeKeyPackageError`].
pub fn make_last_resort(
    provider: &Provider,
    identity: &DeviceIdentity,
    suite: Suite,
) -> Result<MadeKeyPackage, MakeKeyPackageError> {
    make_with(provider, identity, suite, true)
}

fn make_with(
    provider: &Provider,
    identity: &DeviceIdentity,
    suite: Suite,
    last_resort: bool,
) -> Result<MadeKeyPackage, MakeKeyPackageError> {
    let mut builder =
        KeyPackage::builder().leaf_node_capabilities(capabilities()).key_package_lifetime(lifetime());
    if last_resort {
        builder = builder.mark_as_last_resort();
    }
    let key_package = builder
        .build(suite.ciphersuite(), provider, identity, identity.credential())
        .map_err(MakeKeyPackageError::Make)?
        .into_key_package();
    let reference = key_package.hash_ref(provider.crypto()).map_err(MakeKeyPackageError::Reference)?;
    let message = MlsMessageOut::from(key_package).to_bytes().map_err(MakeKeyPackageError::Encode)?;
    Ok(MadeKeyPackage { reference: reference.as_slice().to_vec(), message })
}

/// Deletes the private keys of a key package of ours: one that was withdrawn, or a last resort that was replaced.
/// (Joining deletes those of a key package that is used once.)
///
/// # Errors
/// The rows cannot be written.
pub fn discard(provider: &Provider, reference: &[u8]) -> Result<(), StorageError> {
    provider.state().discard_key_package(reference)
}

/// What our leaves can do.
pub(super) fn capabilities() -> Capabilities {
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&Suite::ALL.map(Suite::ciphersuite)),
        Some(&[ExtensionType::LastResort]),
        None,
        Some(&[CredentialType::Basic]),
    )
}

/// Without bounds; see the module.
pub(super) fn lifetime() -> Lifetime {
    Lifetime::init(0, u64::MAX)
}
