//! Whose leaf it is, and how long it is valid.

use std::collections::BTreeMap;
use std::time::Duration;

use dunlin_model::{DeviceCertificate, DeviceId, DeviceKey, Timestamp};
use openmls::prelude::{Credential, CredentialType, LeafNode, Lifetime};
use openmls::treesync::LeafNodeSource;

use super::Why;

/// The certificates by which the devices of a handshake are known here.
pub(super) type Known = BTreeMap<DeviceId, DeviceCertificate>;

const YEAR: Duration = Duration::from_hours(365 * 24);
/// How long a key package must still be valid when it is left at the server. openmls compares lifetimes with the
/// clock of whoever reads a commit; only far beyond all clocks is a commit's validity decided by the log alone.
pub(super) const VALID_WHEN_LEFT: Duration = YEAR.saturating_mul(10);
/// How long it must still be valid when it is used.
pub(super) const VALID_WHEN_USED: Duration = YEAR.saturating_mul(5);

const NOT_A_CERTIFICATE: Why = "a leaf does not hold a device's certificate";
const ANOTHER_KEY: Why = "a leaf has another key than the certificate in it";
const NOT_KNOWN: Why = "a leaf's certificate is not the one that its device is known by";

/// Whose leaf it is: of a device whose certificate, known here, is for the same keys.
pub(super) fn device_of(leaf: &LeafNode, known: &Known) -> Result<DeviceId, Why> {
    let certificate = certificate_in(leaf.credential(), known)?;
    if certificate.key.0 != leaf.signature_key().as_slice() {
        return Err(ANOTHER_KEY);
    }
    let is_known = known
        .get(&certificate.device)
        .is_some_and(|known| known.identity == certificate.identity && known.key == certificate.key);
    if is_known { Ok(certificate.device) } else { Err(NOT_KNOWN) }
}

fn certificate_in(credential: &Credential, known: &Known) -> Result<DeviceCertificate, Why> {
    if credential.credential_type() != CredentialType::Basic {
        return Err(NOT_A_CERTIFICATE);
    }
    let bytes = credential.serialized_content();
    // One that is known was verified when it was set.
    let same = |known: &&DeviceCertificate| known.encode() == bytes;
    match DeviceCertificate::device_named_in(bytes).and_then(|device| known.get(&device)).filter(same) {
        Some(certificate) => Ok(certificate.clone()),
        None => DeviceCertificate::decode(bytes).map_err(|_| NOT_A_CERTIFICATE),
    }
}

/// The device and key of a leaf of an accepted group, which was looked at when it came in.
pub(super) fn accepted(credential: &Credential, key: &[u8]) -> Result<(DeviceKey, DeviceId), Why> {
    let device =
        DeviceCertificate::device_named_in(credential.serialized_content()).ok_or(NOT_A_CERTIFICATE)?;
    let key: [u8; 32] = key.try_into().map_err(|_| ANOTHER_KEY)?;
    Ok((DeviceKey(key), device))
}

/// Checks the lifetime of a leaf that comes from a key package.
pub(super) fn is_valid_for(leaf: &LeafNode, now: Timestamp, least: Duration) -> Result<(), Why> {
    match leaf.leaf_node_source() {
        LeafNodeSource::KeyPackage(lifetime) => lifetime_is_long(lifetime, now, least),
        LeafNodeSource::Update | LeafNodeSource::Commit(_) => Ok(()),
    }
}

fn lifetime_is_long(lifetime: &Lifetime, now: Timestamp, least: Duration) -> Result<(), Why> {
    let (from, to) = (lifetime.not_before(), lifetime.not_after());
    let now = now.0 / 1_000;
    if to <= now {
        return Err("a key package has expired");
    }
    if from > now || to.saturating_sub(now) < least.as_secs() {
        return Err("a key package must be valid from now on and for ten years");
    }
    Ok(())
}
