//! Keys of encrypted chats: epochs, handshakes, certificates, attestations.

use std::str::FromStr;

use bytes::Bytes;
use dunlin_model::mls::INLINE_BYTES_MAX;
use dunlin_model::{
    Attestation, Commit, DeviceCertificate, DeviceId, Epoch, GroupStart, Payload, RosterDigest, StartReason,
    Suite,
};

use super::field::{Invalid, texts};
use crate::proto;
use proto::payload::{Blob, Content};

pub(crate) const fn epoch_to_wire(epoch: Epoch) -> proto::Epoch {
    proto::Epoch { generation: epoch.generation, number: epoch.number }
}

pub(crate) fn epoch_from_wire(epoch: Option<proto::Epoch>) -> Result<Epoch, Invalid> {
    let epoch = epoch.ok_or_else(|| Invalid::missing("epoch"))?;
    Ok(Epoch { generation: epoch.generation, number: epoch.number })
}

pub(crate) fn suite_from_wire(suite: u32) -> Result<Suite, Invalid> {
    u16::try_from(suite).map(Suite).map_err(|_| Invalid::new("suite", "is not a number of a cipher suite"))
}

pub(crate) fn suite_to_wire(suite: Suite) -> u32 {
    suite.0.into()
}

pub(crate) fn payload_to_wire(payload: &Payload) -> proto::Payload {
    proto::Payload {
        content: Some(match payload {
            Payload::Inline(bytes) => Content::Inline(bytes.clone()),
            Payload::Stored { hash, bytes } => {
                Content::Stored(Blob { sha256: Bytes::copy_from_slice(hash), size: *bytes })
            }
        }),
    }
}

pub(crate) fn payload_from_wire(
    field: &'static str,
    payload: Option<proto::Payload>,
) -> Result<Payload, Invalid> {
    match payload.and_then(|payload| payload.content) {
        None => Err(Invalid::missing(field)),
        Some(Content::Inline(bytes)) if bytes.len() > INLINE_BYTES_MAX => {
            Err(Invalid::new(field, format!("is larger than {INLINE_BYTES_MAX} bytes: upload it as a blob")))
        }
        Some(Content::Inline(bytes)) => Ok(Payload::Inline(bytes)),
        Some(Content::Stored(Blob { sha256, size })) => {
            Ok(Payload::Stored { hash: array(field, &sha256)?, bytes: size })
        }
    }
}

fn optional_payload(
    field: &'static str,
    payload: Option<proto::Payload>,
) -> Result<Option<Payload>, Invalid> {
    payload.map(|payload| payload_from_wire(field, Some(payload))).transpose()
}

pub(crate) fn attestation_to_wire(attestation: Option<&Attestation>) -> Option<proto::Attestation> {
    attestation.map(|attestation| proto::Attestation {
        roster: Bytes::copy_from_slice(&attestation.roster.0),
        certificate: certificate_to_wire(&attestation.certificate),
        signature: Bytes::copy_from_slice(&attestation.signature),
        invite: attestation.invite.map_or_else(Bytes::new, |invite| Bytes::copy_from_slice(&invite)),
    })
}

pub(crate) fn attestation_from_wire(
    attestation: Option<proto::Attestation>,
) -> Result<Option<Box<Attestation>>, Invalid> {
    attestation
        .map(|attestation| {
            Ok(Box::new(Attestation {
                roster: RosterDigest(array("attestation.roster", &attestation.roster)?),
                certificate: certificate_from_wire("attestation.certificate", &attestation.certificate)?,
                signature: array("attestation.signature", &attestation.signature)?,
                invite: optional_array("attestation.invite", &attestation.invite)?,
            }))
        })
        .transpose()
}

pub(crate) fn certificate_to_wire(certificate: &DeviceCertificate) -> Bytes {
    Bytes::copy_from_slice(&certificate.encode())
}

pub(crate) fn certificate_from_wire(field: &'static str, bytes: &[u8]) -> Result<DeviceCertificate, Invalid> {
    DeviceCertificate::decode(bytes).map_err(|error| Invalid::new(field, format!("is not valid: {error}")))
}

pub(crate) fn start_to_wire(start: &GroupStart) -> proto::GroupStart {
    let reason = match start.reason {
        StartReason::First => proto::StartReason::First,
        StartReason::NobodyLeft => proto::StartReason::NobodyLeft,
        StartReason::Broken => proto::StartReason::Broken,
        StartReason::SuiteChange => proto::StartReason::SuiteChange,
    };
    proto::GroupStart {
        epoch: Some(epoch_to_wire(start.epoch)),
        suite: suite_to_wire(start.suite),
        reason: reason.into(),
        devices: texts(&start.devices),
        welcome: start.welcome.as_ref().map(payload_to_wire),
        group_info: Some(payload_to_wire(&start.group_info)),
    }
}

pub(crate) fn start_from_wire(start: Option<proto::GroupStart>) -> Result<Box<GroupStart>, Invalid> {
    let start = start.ok_or_else(|| Invalid::missing("start"))?;
    let reason = match proto::StartReason::try_from(start.reason) {
        Ok(proto::StartReason::First) => StartReason::First,
        Ok(proto::StartReason::NobodyLeft) => StartReason::NobodyLeft,
        Ok(proto::StartReason::Broken) => StartReason::Broken,
        Ok(proto::StartReason::SuiteChange) => StartReason::SuiteChange,
        Ok(proto::StartReason::Unspecified) => return Err(Invalid::missing("reason")),
        Err(_) => return Err(Invalid::new("reason", "is not a reason to start a group")),
    };
    Ok(Box::new(GroupStart {
        epoch: epoch_from_wire(start.epoch)?,
        suite: suite_from_wire(start.suite)?,
        reason,
        devices: devices("devices", &start.devices)?,
        welcome: optional_payload("welcome", start.welcome)?,
        group_info: payload_from_wire("groupInfo", start.group_info)?,
    }))
}

pub(crate) fn commit_to_wire(commit: &Commit) -> proto::Commit {
    proto::Commit {
        epoch: Some(epoch_to_wire(commit.epoch)),
        external: commit.external,
        added: texts(&commit.added),
        removed: texts(&commit.removed),
        commit: Some(payload_to_wire(&commit.commit)),
        welcome: commit.welcome.as_ref().map(payload_to_wire),
        group_info: Some(payload_to_wire(&commit.group_info)),
    }
}

pub(crate) fn commit_from_wire(commit: Option<proto::Commit>) -> Result<Box<Commit>, Invalid> {
    let commit = commit.ok_or_else(|| Invalid::missing("commit"))?;
    Ok(Box::new(Commit {
        epoch: epoch_from_wire(commit.epoch)?,
        external: commit.external,
        added: devices("added", &commit.added)?,
        removed: devices("removed", &commit.removed)?,
        commit: payload_from_wire("commit", commit.commit)?,
        welcome: optional_payload("welcome", commit.welcome)?,
        group_info: payload_from_wire("groupInfo", commit.group_info)?,
    }))
}

pub(crate) fn device(field: &'static str, text: &str) -> Result<DeviceId, Invalid> {
    DeviceId::from_str(text).map_err(|error| Invalid::new(field, format!("is not valid: {error}")))
}

fn devices(field: &'static str, list: &[String]) -> Result<Vec<DeviceId>, Invalid> {
    list.iter().map(|text| device(field, text)).collect()
}

/// Reads bytes for whose absence none stand.
pub(crate) fn optional_array<const N: usize>(
    field: &'static str,
    bytes: &[u8],
) -> Result<Option<[u8; N]>, Invalid> {
    if bytes.is_empty() { Ok(None) } else { array(field, bytes).map(Some) }
}

fn array<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], Invalid> {
    bytes.try_into().map_err(|_| Invalid::new(field, format!("is not {N} bytes")))
}
