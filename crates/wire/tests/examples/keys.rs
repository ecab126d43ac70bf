//! Keys of encrypted chats.

use bytes::Bytes;
use dunlin_model::{
    Attestation, Body, ChatCommand, ChatKind, ClientSeq, Commit, DeviceCertificate, DeviceId, DeviceKey,
    DeviceNumber, Encryption, Epoch, Event, EventKind, GroupStart, Payload, RosterDigest, Seq, StartReason,
    Suite,
};
use dunlin_wire::{Command, Outcome, ServerFrame};
use ed25519_dalek::SigningKey;

use super::{BEN, CHAT, CLEO, MORNING, PHONE, event};

const TABLET: DeviceId = DeviceId { user: BEN, number: DeviceNumber(2) };
const LAPTOP: DeviceId = DeviceId { user: CLEO, number: DeviceNumber(1) };

const fn epoch(number: u64) -> Epoch {
    Epoch { generation: 1, number }
}

fn certificate() -> DeviceCertificate {
    let key = DeviceKey(SigningKey::from_bytes(&[2; 32]).verifying_key().to_bytes());
    DeviceCertificate::issue(&SigningKey::from_bytes(&[1; 32]), PHONE, key, MORNING)
}

fn attestation() -> Option<Box<Attestation>> {
    let (roster, signature) = (RosterDigest([0x5D; 32]), [0x5E; 64]);
    Some(Box::new(Attestation { roster, certificate: certificate(), signature, invite: None }))
}

fn inline(bytes: &'static [u8]) -> Payload {
    Payload::Inline(Bytes::from_static(bytes))
}

fn start() -> Box<GroupStart> {
    Box::new(GroupStart {
        epoch: epoch(1),
        suite: Suite::HYBRID,
        reason: StartReason::First,
        devices: vec![PHONE, TABLET],
        welcome: Some(inline(b"a Welcome")),
        group_info: inline(b"a GroupInfo"),
    })
}

fn commit() -> Box<Commit> {
    Box::new(Commit {
        epoch: epoch(1),
        external: false,
        added: vec![LAPTOP],
        removed: vec![TABLET],
        commit: inline(b"a PublicMessage"),
        welcome: Some(inline(b"a Welcome")),
        group_info: Payload::Stored { hash: [0xB1; 32], bytes: 61_440 },
    })
}

pub(super) fn client() -> Vec<(&'static str, Command)> {
    let submit = |client_seq, command, attestation| Command::Submit {
        chat: CHAT,
        client_seq: ClientSeq(client_seq),
        command,
        attestation,
    };
    let create = ChatCommand::Create {
        kind: ChatKind::Group,
        encryption: Encryption::Mls,
        name: String::new(),
        description: String::new(),
        members: vec![BEN],
    };
    let send = ChatCommand::Send {
        body: Body::Opaque(Bytes::from_static(b"a PrivateMessage")),
        reply_to: None,
        attachments: Vec::new(),
        epoch: Some(epoch(2)),
    };
    vec![
        (
            "createChat-encrypted",
            Command::CreateChat { client_seq: ClientSeq(14), command: create, attestation: attestation() },
        ),
        ("modifyChatParticipants-signed", submit(15, ChatCommand::Add { users: vec![CLEO] }, attestation())),
        ("startGroup", submit(16, ChatCommand::StartGroup(start()), None)),
        ("commitKeys", submit(17, ChatCommand::Commit(commit()), None)),
        ("sendMessage-encrypted", submit(18, send, None)),
        ("setCertificate", Command::SetCertificate(certificate())),
        ("listDevices", Command::ListDevices { users: vec![BEN, CLEO] }),
        (
            "uploadKeyPackages",
            Command::UploadKeyPackages {
                suite: Suite::HYBRID,
                packages: vec![Bytes::from_static(b"a KeyPackage"), Bytes::from_static(b"another")],
                last_resort: Some(Bytes::from_static(b"one of last resort")),
            },
        ),
        (
            "claimKeyPackages",
            Command::ClaimKeyPackages {
                chat: CHAT,
                change: Seq(43),
                suite: Suite::HYBRID,
                users: vec![CLEO],
            },
        ),
        ("getGroupInfo", Command::GetGroupInfo { chat: CHAT }),
        ("relayToDevices", Command::RelayToDevices { device: None, payload: Bytes::from_static(b"a hello") }),
        (
            "relayToDevices-one",
            Command::RelayToDevices {
                device: Some(TABLET.number),
                payload: Bytes::from_static(b"an answer"),
            },
        ),
        (
            "setInviteLink-signed",
            submit(19, ChatCommand::SetInvite { secret_hash: Some([0xA2; 32]) }, attestation()),
        ),
        ("joinChat-signed", submit(20, ChatCommand::Join { secret: Bytes::new() }, joining())),
    ]
}

fn joining() -> Option<Box<Attestation>> {
    attestation().map(|signed| Box::new(Attestation { invite: Some([0x6F; 64]), ..*signed }))
}

pub(super) fn replies() -> Vec<(&'static str, Outcome)> {
    vec![
        ("reply-devices", Outcome::Devices(vec![certificate()])),
        ("reply-keyPackageCount", Outcome::KeyPackageCount { suite: Suite::HYBRID, left: 102 }),
        ("reply-keyPackages", Outcome::KeyPackages(vec![(LAPTOP, Bytes::from_static(b"a KeyPackage"))])),
        (
            "reply-groupInfo",
            Outcome::GroupInfo {
                chat: CHAT,
                epoch: epoch(2),
                suite: Suite::HYBRID,
                group_info: Payload::Stored { hash: [0xB1; 32], bytes: 61_440 },
            },
        ),
        ("reply-relayResult", Outcome::Relayed { reached: 1 }),
    ]
}

pub(super) fn pushes() -> Vec<(&'static str, ServerFrame)> {
    let payload = Bytes::from_static(b"a hello");
    vec![
        ("keyPackagesLow", ServerFrame::KeyPackagesLow { suite: Suite::HYBRID, left: 9 }),
        ("relayed", ServerFrame::Relayed { device: TABLET.number, payload }),
    ]
}

pub(super) fn events() -> Vec<(&'static str, Event)> {
    let added =
        Event { attestation: attestation(), ..event(14, EventKind::MembersAdded { users: vec![CLEO] }) };
    let revoked = Event {
        sender: TABLET,
        client_seq: ClientSeq(0),
        ..event(17, EventKind::DeviceRevoked { device: TABLET })
    };
    vec![
        ("chatUpdate-added-signed", added),
        ("chatUpdate-groupStarted", event(15, EventKind::GroupStarted(start()))),
        ("chatUpdate-committed", event(16, EventKind::Committed(commit()))),
        ("chatUpdate-deviceRevoked", revoked),
    ]
}
