//! Keys of encrypted chats: who may change them when, and what waits for them (I8).

use super::*;
use crate::identity::{DeviceCertificate, DeviceKey, sign};
use crate::mls::{EPOCHS_BACK_MAX, HANDSHAKE_BYTES_MAX, HYBRID_DEVICES_MAX, INLINE_BYTES_MAX};
use crate::view::{INVITE_SECRET_BYTES, InviteCode};
use crate::{Attestation, Commit, Epoch, GroupStart, Payload, RosterDigest, StartReason, Suite};
use bytes::Bytes;
use ed25519_dalek::SigningKey;

fn epoch(generation: u32, number: u64) -> Epoch {
    Epoch { generation, number }
}

fn payload(bytes: usize) -> Payload {
    Payload::Inline(vec![7; bytes].into())
}

fn message(epoch: Epoch) -> ChatCommand {
    let body = Body::Opaque(vec![1; 32].into());
    ChatCommand::Send { body, reply_to: None, attachments: Vec::new(), epoch: Some(epoch) }
}

fn start(generation: u32, reason: StartReason, devices: &[DeviceId]) -> GroupStart {
    GroupStart {
        epoch: epoch(generation, 1),
        suite: Suite::HYBRID,
        reason,
        devices: devices.to_vec(),
        welcome: Some(payload(10)),
        group_info: payload(10),
    }
}

fn commit(of: Epoch, added: &[DeviceId], removed: &[DeviceId]) -> Commit {
    Commit {
        epoch: of,
        external: false,
        added: added.to_vec(),
        removed: removed.to_vec(),
        commit: payload(10),
        welcome: None,
        group_info: payload(10),
    }
}

fn external(of: Epoch, added: &[DeviceId]) -> Commit {
    Commit { external: true, ..commit(of, added, &[]) }
}

fn starts(start: GroupStart) -> ChatCommand {
    ChatCommand::StartGroup(Box::new(start))
}

fn commits(commit: Commit) -> ChatCommand {
    ChatCommand::Commit(Box::new(commit))
}

fn invalid(why: &'static str) -> Option<Refusal> {
    Some(Refusal::InvalidHandshake { why })
}

const ORDER: &str = "the devices are not in order";
const REASON: &str = "the group cannot be started for this reason";

/// The certificate of a device, by an identity that follows from its user.
fn certified(device: DeviceId) -> (SigningKey, DeviceCertificate) {
    let identity = SigningKey::from_bytes(&[device.user.as_bytes()[0]; 32]);
    let own = SigningKey::from_bytes(&[100 + device.user.as_bytes()[0]; 32]);
    let key = DeviceKey(own.verifying_key().to_bytes());
    let certificate = DeviceCertificate::issue(&identity, device, key, Timestamp(1));
    (own, certificate)
}

impl Chat {
    /// An encrypted group of an owner, an admin and two members.
    pub(super) fn encrypted() -> Self {
        let mut chat = Self::before_creation();
        chat.signs(OWNER, create_encrypted(ChatKind::Group, &[ADMIN, MEMBER, ANOTHER_MEMBER]));
        chat.signs(OWNER, ChatCommand::SetRole { user: user(ADMIN), role: Role::Admin });
        chat
    }

    /// With a first group, in which the owner, the admin and the member have a leaf each.
    pub(super) fn keyed() -> Self {
        let mut chat = Self::encrypted();
        chat.does(OWNER, starts(start(1, StartReason::First, &phones(&[OWNER, ADMIN, MEMBER]))));
        chat
    }

    /// Signs the event that `command` would become.
    fn signature(&self, of: u8, number: u64, command: &ChatCommand) -> Option<Box<Attestation>> {
        let device = device(of, 1);
        let (key, certificate) = certified(device);
        let draft =
            crate::chat::draft(&self.state, &self.limits, device, command.clone(), &self.context).ok()?;
        Attestation::sign(&key, &certificate, &self.state, ClientSeq(number), &draft).map(Box::new)
    }

    /// Asks with a signature for what is allowed.
    pub(super) fn signs(&mut self, who: u8, command: ChatCommand) -> Seq {
        self.context.attestation = self.signature(who, self.next_number, &command);
        let seq = self.does(who, command);
        self.context.attestation = None;
        seq
    }

    fn refuses_signed(&mut self, who: u8, command: ChatCommand) -> Option<Refusal> {
        self.context.attestation = self.signature(who, self.next_number, &command);
        let refused = self.refuses(who, command);
        self.context.attestation = None;
        refused
    }

    fn revokes(&mut self, device: DeviceId) {
        let kind = self.state.revocation(device).unwrap_or_else(|| panic!("{device} can be revoked"));
        let seq = self.state.head.next();
        let event = Event {
            seq,
            time: Timestamp(seq.0),
            sender: device,
            client_seq: ClientSeq(0),
            kind,
            attestation: None,
        };
        self.state.apply(&event);
    }

    fn current(&self) -> Epoch {
        self.state.keys.epoch
    }

    fn leaves(&self) -> Vec<DeviceId> {
        self.state.keys.devices.keys().copied().collect()
    }
}

fn create_encrypted(kind: ChatKind, others: &[u8]) -> ChatCommand {
    ChatCommand::Create {
        kind,
        encryption: Encryption::Mls,
        name: String::new(),
        description: String::new(),
        members: users(others),
    }
}

/// The first device of each.
fn phones(of: &[u8]) -> Vec<DeviceId> {
    of.iter().map(|user| device(*user, 1)).collect()
}

mod attesting;
mod committing;
mod revoking;
mod sending;
mod starting;
