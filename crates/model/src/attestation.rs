//! That a device said so: signatures on changes of an encrypted chat's roster.
//!
//! The signature covers the chat, the roster that precedes and the change, so that a server can neither make
//! up a member nor move a change to another chat or time. Clients verify it, and the actor's role, before
//! they let anyone into the chat's keys; the server verifies it so that what is in the log is valid.
//! Who joins by an invite link is a stranger to the roster: they sign for the link in its place, with the link's
//! key beside their own, so that nobody gets in who was not given the link.

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::chat::ChatState;
use crate::error::Refusal;
use crate::event::{ChatKind, Encryption, EventKind, Role};
use crate::identity::{DeviceCertificate, DeviceKey, sign};
use crate::ids::{ChatId, ClientSeq, DeviceId, UserId};
use crate::view::InviteCode;

const LABEL: &[u8] = b"dunlin roster change v1";
const INVITE_LABEL: &[u8] = b"dunlin invite link joined v1";
const LINK_LABEL: &[u8] = b"dunlin invite link v1";
const ROSTER_LABEL: &[u8] = b"dunlin roster v1";

/// A hash of who is in a chat, in which role, who is banned from it, and of its invite link if there is one; for
/// whoever joins by the link, of the chat and the link alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RosterDigest(pub [u8; 32]);

/// A device's signature on a change of the roster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attestation {
    /// The roster that precedes the change.
    pub roster: RosterDigest,
    /// Who signed.
    pub certificate: DeviceCertificate,
    /// Ed25519, by the certificate's device key.
    pub signature: [u8; 64],
    /// Of whoever joins by an invite link: Ed25519, by the link's key, over the same statement and the device.
    pub invite: Option<[u8; 64]>,
}

impl ChatState {
    /// The hash of the roster at the head.
    pub fn roster_digest(&self) -> RosterDigest {
        let mut hash = Sha256::new();
        hash.update(ROSTER_LABEL);
        hash.update(self.id.as_bytes());
        count(&mut hash, self.members.len());
        for (user, role) in &self.members {
            hash.update(user.as_bytes());
            hash.update([role_byte(*role)]);
        }
        count(&mut hash, self.banned.len());
        for user in &self.banned {
            hash.update(user.as_bytes());
        }
        if let Some(link) = &self.invite {
            hash.update(link);
        }
        RosterDigest(hash.finalize().into())
    }

    /// What a change of this kind is signed for.
    fn attested_digest(&self, kind: &EventKind) -> Result<RosterDigest, Refusal> {
        match (kind, &self.invite) {
            (EventKind::Joined, Some(link)) => Ok(RosterDigest::of_link(self.id, link)),
            (EventKind::Joined, None) => Err(Refusal::InvalidInvite),
            _ => Ok(self.roster_digest()),
        }
    }
}

impl RosterDigest {
    /// What whoever joins by the link signs for.
    pub fn of_link(chat: ChatId, verifier: &[u8; 32]) -> Self {
        let hash = Sha256::new().chain_update(LINK_LABEL).chain_update(chat.as_bytes());
        Self(hash.chain_update(verifier).finalize().into())
    }
}

impl Attestation {
    /// Signs what `kind` will change, as `sender`'s command with this number on the chat at `state`.
    /// `None` when the event is of a kind that is not signed.
    pub fn sign(
        key: &SigningKey,
        certificate: &DeviceCertificate,
        state: &ChatState,
        number: ClientSeq,
        kind: &EventKind,
    ) -> Option<Self> {
        let roster = state.roster_digest();
        let statement = statement(state.id, roster, number, kind)?;
        let signature = sign(key, LABEL, &statement);
        Some(Self { roster, certificate: certificate.clone(), signature, invite: None })
    }

    /// Signs that the device of `certificate` joins the chat of an invite link, as its command with this number.
    pub fn sign_joining(
        key: &SigningKey,
        certificate: &DeviceCertificate,
        code: &InviteCode,
        number: ClientSeq,
    ) -> Option<Self> {
        let link = code.key();
        let roster = RosterDigest::of_link(code.chat, &link.verifying_key().to_bytes());
        let statement = statement(code.chat, roster, number, &EventKind::Joined)?;
        let invite = sign(&link, INVITE_LABEL, &with_device(&statement, certificate.device));
        let signature = sign(key, LABEL, &statement);
        Some(Self { roster, certificate: certificate.clone(), signature, invite: Some(invite) })
    }

    /// Checks that `sender` signed this change of the chat at `state`, the state that precedes it.
    ///
    /// # Errors
    /// `RosterChanged` when it was signed for another roster, `InvalidInvite` for another link, `NotAttested` when a
    /// signature is not valid.
    pub fn verify(
        &self,
        state: &ChatState,
        sender: DeviceId,
        number: ClientSeq,
        kind: &EventKind,
    ) -> Result<(), Refusal> {
        if self.roster != state.attested_digest(kind)? {
            let is_link = matches!(kind, EventKind::Joined);
            return Err(if is_link { Refusal::InvalidInvite } else { Refusal::RosterChanged });
        }
        let statement = statement(state.id, self.roster, number, kind).ok_or(Refusal::NotAttested)?;
        let is_senders = self.certificate.device == sender;
        if matches!(kind, EventKind::Joined) {
            let (link, proof) = (state.invite.as_ref(), self.invite.as_ref());
            let (link, proof) = (link.ok_or(Refusal::InvalidInvite)?, proof.ok_or(Refusal::NotAttested)?);
            let proven = DeviceKey(*link).verify(INVITE_LABEL, &with_device(&statement, sender), proof);
            proven.map_err(|_| Refusal::NotAttested)?;
        }
        match self.certificate.key.verify(LABEL, &statement, &self.signature) {
            Ok(()) if is_senders => Ok(()),
            _ => Err(Refusal::NotAttested),
        }
    }
}

/// The bytes that are signed; `None` for events that change no roster.
fn statement(chat: ChatId, roster: RosterDigest, number: ClientSeq, kind: &EventKind) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(chat.as_bytes());
    bytes.extend_from_slice(&roster.0);
    bytes.extend_from_slice(&number.0.to_be_bytes());
    match kind {
        EventKind::Created { kind, encryption, members, .. } => {
            bytes.extend_from_slice(&[1, kind_byte(*kind), u8::from(*encryption == Encryption::Mls)]);
            push_count(&mut bytes, members.len());
            for (user, role) in members {
                bytes.extend_from_slice(user.as_bytes());
                bytes.push(role_byte(*role));
            }
        }
        EventKind::MembersAdded { users } => push_users(&mut bytes, 2, users),
        EventKind::Joined => bytes.push(3),
        EventKind::Left { new_owner } => push_users(&mut bytes, 4, new_owner.as_slice()),
        EventKind::MembersRemoved { users } => push_users(&mut bytes, 5, users),
        EventKind::MembersBanned { users } => push_users(&mut bytes, 6, users),
        EventKind::MembersUnbanned { users } => push_users(&mut bytes, 7, users),
        EventKind::RoleChanged { user, role } => {
            bytes.push(8);
            bytes.extend_from_slice(user.as_bytes());
            bytes.push(role_byte(*role));
        }
        EventKind::InviteChanged { secret_hash } => {
            bytes.extend_from_slice(&[9, u8::from(secret_hash.is_some())]);
            bytes.extend_from_slice(secret_hash.as_ref().map_or(&[][..], |link| link));
        }
        EventKind::Message { .. }
        | EventKind::MessageDeleted { .. }
        | EventKind::Updated { .. }
        | EventKind::ChatDeleted
        | EventKind::GroupStarted(_)
        | EventKind::Committed(_)
        | EventKind::DeviceRevoked { .. } => return None,
    }
    Some(bytes)
}

impl EventKind {
    /// Whether the chat at `state`, which precedes it, takes it only with its author's signature.
    pub fn needs_attestation(&self, state: &ChatState) -> bool {
        let encryption = match self {
            Self::Created { encryption, .. } => *encryption,
            _ => state.encryption,
        };
        encryption == Encryption::Mls && self.is_attested()
    }

    /// Whether an encrypted chat takes it only with its author's signature.
    pub const fn is_attested(&self) -> bool {
        matches!(
            self,
            Self::Created { .. }
                | Self::MembersAdded { .. }
                | Self::Joined
                | Self::Left { .. }
                | Self::MembersRemoved { .. }
                | Self::MembersBanned { .. }
                | Self::MembersUnbanned { .. }
                | Self::RoleChanged { .. }
                | Self::InviteChanged { .. }
        )
    }
}

fn with_device(statement: &[u8], device: DeviceId) -> Vec<u8> {
    [statement, device.user.as_bytes(), &device.number.0.to_be_bytes()].concat()
}

fn push_users(bytes: &mut Vec<u8>, tag: u8, users: &[UserId]) {
    bytes.push(tag);
    push_count(bytes, users.len());
    for user in users {
        bytes.extend_from_slice(user.as_bytes());
    }
}

fn push_count(bytes: &mut Vec<u8>, count: usize) {
    bytes.extend_from_slice(&u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes());
}

fn count(hash: &mut Sha256, count: usize) {
    hash.update(u64::try_from(count).unwrap_or(u64::MAX).to_be_bytes());
}

const fn role_byte(role: Role) -> u8 {
    match role {
        Role::Member => 1,
        Role::Admin => 2,
        Role::Owner => 3,
    }
}

const fn kind_byte(kind: ChatKind) -> u8 {
    match kind {
        ChatKind::Direct => 1,
        ChatKind::Group => 2,
        ChatKind::Channel => 3,
    }
}

#[derive(Serialize, Deserialize)]
struct Row<'a>(RosterDigest, DeviceCertificate, #[serde(borrow)] &'a [u8]);

impl Serialize for Attestation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The link's signature follows the device's: rows without it are as they were before there was one.
        let signatures =
            [&self.signature[..], self.invite.as_ref().map_or(&[][..], |invite| invite)].concat();
        Row(self.roster, self.certificate.clone(), &signatures).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Attestation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Row(roster, certificate, signatures) = Row::deserialize(deserializer)?;
        let (signature, rest) = signatures.split_at_checked(64).unwrap_or((signatures, &[]));
        let signature = signature.try_into().map_err(serde::de::Error::custom)?;
        let invite =
            if rest.is_empty() { None } else { Some(rest.try_into().map_err(serde::de::Error::custom)?) };
        Ok(Self { roster, certificate, signature, invite })
    }
}
