//! A key package that a device leaves for others (RFC 9420 section 10).

use dunlin_model::{DeviceId, Suite, Timestamp};
use openmls::prelude::tls_codec::Deserialize as _;
use openmls::prelude::{
    Capabilities, Ciphersuite, CredentialType, MlsMessageBodyIn, MlsMessageIn, ProtocolVersion,
};
use openmls_rust_crypto::RustCrypto;

use super::Why;
use super::leaf::{self, Known, VALID_WHEN_LEFT};

const NOT_A_KEY_PACKAGE: Why = "the bytes are not a key package";

/// Checks that others can add `from` to a group of `suite` with it.
pub(super) fn check(
    crypto: &RustCrypto,
    (from, suite): (DeviceId, Suite),
    message: &[u8],
    last_resort: bool,
    known: &Known,
    now: Timestamp,
) -> Result<(), Why> {
    let message = MlsMessageIn::tls_deserialize_exact(message).map_err(|_| NOT_A_KEY_PACKAGE)?;
    let MlsMessageBodyIn::KeyPackage(package) = message.extract() else { return Err(NOT_A_KEY_PACKAGE) };
    let package = package.validate(crypto, ProtocolVersion::Mls10).map_err(|error| {
        tracing::debug!(%error, "a key package is refused");
        "a key package is not valid, or has expired"
    })?;
    if u16::from(package.ciphersuite()) != suite.0 {
        return Err("a key package is of another cipher suite");
    }
    let leaf = package.leaf_node();
    if leaf::device_of(leaf, known)? != from {
        return Err("a key package is another device's");
    }
    leaf::is_valid_for(leaf, now, VALID_WHEN_LEFT)?;
    if !is_able(leaf.capabilities(), package.ciphersuite()) {
        return Err("a key package does not say that its device can do what chats need");
    }
    if package.last_resort() == last_resort {
        Ok(())
    } else {
        Err("only the key package of last resort is marked as one")
    }
}

fn is_able(capabilities: &Capabilities, suite: Ciphersuite) -> bool {
    capabilities.versions().contains(&ProtocolVersion::Mls10)
        && capabilities.ciphersuites().contains(&suite.into())
        && capabilities.credentials().contains(&CredentialType::Basic)
}
