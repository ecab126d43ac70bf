//! What the log says about the keys of encrypted chats as JSON, spelt as in `proto/dunlin/v1/keys.proto`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dunlin_model::{self as model, DeviceId, ErrorCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::HttpError;

/// A point in the history of a chat's keys.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Epoch {
    /// Of the chat's MLS group: 1, 2, 3 …
    #[serde(default)]
    generation: u32,
    /// The epoch in that group.
    #[serde(default)]
    number: u64,
}

impl From<Epoch> for model::Epoch {
    fn from(epoch: Epoch) -> Self {
        Self { generation: epoch.generation, number: epoch.number }
    }
}

impl From<model::Epoch> for Epoch {
    fn from(epoch: model::Epoch) -> Self {
        Self { generation: epoch.generation, number: epoch.number }
    }
}

/// A part of a handshake: the bytes, or the name of a blob that holds them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) enum Payload {
    /// Base64.
    Inline(String),
    Stored(StoredPayload),
}

#[derive(Serialize, ToSchema)]
pub(super) struct StoredPayload {
    /// Base64.
    sha256: String,
    /// In bytes.
    size: u32,
}

impl From<model::Payload> for Payload {
    fn from(payload: model::Payload) -> Self {
        match payload {
            model::Payload::Inline(bytes) => Self::Inline(STANDARD.encode(bytes)),
            model::Payload::Stored { hash, bytes } => {
                Self::Stored(StoredPayload { sha256: STANDARD.encode(hash), size: bytes })
            }
        }
    }
}

/// Why a generation of the group begins.
#[derive(Serialize, ToSchema)]
pub(super) enum StartReason {
    #[serde(rename = "START_REASON_FIRST")]
    First,
    #[serde(rename = "START_REASON_NOBODY_LEFT")]
    NobodyLeft,
    #[serde(rename = "START_REASON_BROKEN")]
    Broken,
    #[serde(rename = "START_REASON_SUITE_CHANGE")]
    SuiteChange,
}

/// The first epoch of a generation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupStart {
    epoch: Epoch,
    suite: u16,
    reason: StartReason,
    /// Those with a leaf, as USER/NUMBER.
    devices: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    welcome: Option<Payload>,
    group_info: Payload,
}

impl From<model::GroupStart> for GroupStart {
    fn from(start: model::GroupStart) -> Self {
        let reason = match start.reason {
            model::StartReason::First => StartReason::First,
            model::StartReason::NobodyLeft => StartReason::NobodyLeft,
            model::StartReason::Broken => StartReason::Broken,
            model::StartReason::SuiteChange => StartReason::SuiteChange,
        };
        Self {
            epoch: start.epoch.into(),
            suite: start.suite.0,
            reason,
            devices: texts(&start.devices),
            welcome: start.welcome.map(Into::into),
            group_info: start.group_info.into(),
        }
    }
}

/// A commit, with what those it lets in need.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Commit {
    /// The one that it ends.
    epoch: Epoch,
    /// Whether its sender enters by it from outside.
    external: bool,
    /// As USER/NUMBER.
    added: Vec<String>,
    /// As USER/NUMBER.
    removed: Vec<String>,
    commit: Payload,
    #[serde(skip_serializing_if = "Option::is_none")]
    welcome: Option<Payload>,
    group_info: Payload,
}

impl From<model::Commit> for Commit {
    fn from(commit: model::Commit) -> Self {
        Self {
            epoch: commit.epoch.into(),
            external: commit.external,
            added: texts(&commit.added),
            removed: texts(&commit.removed),
            commit: commit.commit.into(),
            welcome: commit.welcome.map(Into::into),
            group_info: commit.group_info.into(),
        }
    }
}

/// A device's signature on a change of an encrypted chat's roster; all in base64.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Attestation {
    /// SHA-256 of the roster that precedes.
    roster: String,
    certificate: String,
    signature: String,
    /// Of whoever joins by an invite link: a signature with the link's key; empty otherwise.
    #[serde(default)]
    invite: String,
}

impl From<model::Attestation> for Attestation {
    fn from(attestation: model::Attestation) -> Self {
        Self {
            roster: STANDARD.encode(attestation.roster.0),
            certificate: STANDARD.encode(attestation.certificate.encode()),
            signature: STANDARD.encode(attestation.signature),
            invite: attestation.invite.map(|invite| STANDARD.encode(invite)).unwrap_or_default(),
        }
    }
}

impl TryFrom<Attestation> for model::Attestation {
    type Error = HttpError;

    fn try_from(attestation: Attestation) -> Result<Self, HttpError> {
        let Attestation { roster, certificate, signature, invite } = attestation;
        let certificate = bytes("attestation.certificate", &certificate)?;
        let certificate = model::DeviceCertificate::decode(&certificate)
            .map_err(|_| invalid("attestation.certificate", "is not valid"))?;
        let invite = if invite.is_empty() { None } else { Some(array("attestation.invite", &invite)?) };
        Ok(Self {
            roster: model::RosterDigest(array("attestation.roster", &roster)?),
            certificate,
            signature: array("attestation.signature", &signature)?,
            invite,
        })
    }
}

/// An attestation that a request may have.
pub(super) fn signed(attestation: Option<Attestation>) -> Result<Option<Box<model::Attestation>>, HttpError> {
    attestation.map(|attestation| attestation.try_into().map(Box::new)).transpose()
}

/// Bytes of a known length in base64.
pub(super) fn array<const N: usize>(field: &str, text: &str) -> Result<[u8; N], HttpError> {
    bytes(field, text)?.try_into().map_err(|_| invalid(field, &format!("is not {N} bytes")))
}

fn bytes(field: &str, text: &str) -> Result<Vec<u8>, HttpError> {
    STANDARD.decode(text).map_err(|_| invalid(field, "is not base64"))
}

fn invalid(field: &str, what: &str) -> HttpError {
    HttpError::new(ErrorCode::InvalidArgument, format!("{field} {what}."))
}

fn texts(devices: &[DeviceId]) -> Vec<String> {
    devices.iter().map(ToString::to_string).collect()
}
