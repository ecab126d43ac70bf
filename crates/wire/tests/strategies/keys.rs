//! Keys of encrypted chats.

use bytes::Bytes;
use dunlin_model::{
    Attestation, ChatCommand, Commit, DeviceCertificate, DeviceId, DeviceKey, DeviceNumber, Epoch, EventKind,
    GroupStart, Payload, RosterDigest, StartReason, Suite, Timestamp,
};
use dunlin_wire::{Command, Outcome};
use ed25519_dalek::SigningKey;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::{chat, device, seq, time, users};

pub(super) fn epoch() -> impl Strategy<Value = Epoch> {
    any::<(u32, u64)>().prop_map(|(generation, number)| Epoch { generation, number })
}

pub(super) fn suite() -> impl Strategy<Value = Suite> {
    any::<u16>().prop_map(Suite)
}

fn devices() -> impl Strategy<Value = Vec<DeviceId>> {
    vec(device(), 0..4)
}

pub(super) fn some_bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 1..200).prop_map(Bytes::from)
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        vec(any::<u8>(), 0..200).prop_map(|bytes| Payload::Inline(bytes.into())),
        (any::<[u8; 32]>(), any::<u32>()).prop_map(|(hash, bytes)| Payload::Stored { hash, bytes }),
    ]
}

fn certificate() -> impl Strategy<Value = DeviceCertificate> {
    (any::<[u8; 32]>(), device(), any::<[u8; 32]>(), time()).prop_map(
        |(identity, device, key, issued): (_, _, _, Timestamp)| {
            DeviceCertificate::issue(&SigningKey::from_bytes(&identity), device, DeviceKey(key), issued)
        },
    )
}

pub(super) fn attestation() -> impl Strategy<Value = Option<Box<Attestation>>> {
    let some = (any::<[u8; 32]>(), certificate(), vec(any::<u8>(), 64), any::<bool>()).prop_map(
        |(roster, certificate, signature, joins)| {
            let signature = signature.try_into().unwrap_or([0; 64]);
            let invite = joins.then_some(signature);
            Box::new(Attestation { roster: RosterDigest(roster), certificate, signature, invite })
        },
    );
    option::weighted(0.3, some)
}

fn start() -> impl Strategy<Value = Box<GroupStart>> {
    let reasons =
        [StartReason::First, StartReason::NobodyLeft, StartReason::Broken, StartReason::SuiteChange];
    (epoch(), suite(), select(reasons.to_vec()), devices(), option::of(payload()), payload()).prop_map(
        |(epoch, suite, reason, devices, welcome, group_info)| {
            Box::new(GroupStart { epoch, suite, reason, devices, welcome, group_info })
        },
    )
}

fn commit() -> impl Strategy<Value = Box<Commit>> {
    let parts = (payload(), option::of(payload()), payload());
    (epoch(), any::<bool>(), devices(), devices(), parts).prop_map(
        |(epoch, external, added, removed, (commit, welcome, group_info))| {
            Box::new(Commit { epoch, external, added, removed, commit, welcome, group_info })
        },
    )
}

pub(super) fn chat_command() -> impl Strategy<Value = ChatCommand> {
    prop_oneof![start().prop_map(ChatCommand::StartGroup), commit().prop_map(ChatCommand::Commit)]
}

pub(super) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        certificate().prop_map(Command::SetCertificate),
        users().prop_map(|users| Command::ListDevices { users }),
        (suite(), vec(some_bytes(), 0..4), option::of(some_bytes())).prop_map(
            |(suite, packages, last_resort)| Command::UploadKeyPackages { suite, packages, last_resort }
        ),
        (chat(), seq(), suite(), users()).prop_map(|(chat, change, suite, users)| {
            Command::ClaimKeyPackages { chat, change, suite, users }
        }),
        chat().prop_map(|chat| Command::GetGroupInfo { chat }),
        (option::of(any::<u32>().prop_map(DeviceNumber)), some_bytes())
            .prop_map(|(device, payload)| Command::RelayToDevices { device, payload }),
    ]
}

pub(super) fn event_kind() -> impl Strategy<Value = EventKind> {
    prop_oneof![
        start().prop_map(EventKind::GroupStarted),
        commit().prop_map(EventKind::Committed),
        device().prop_map(|device| EventKind::DeviceRevoked { device }),
    ]
}

pub(super) fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        vec(certificate(), 0..3).prop_map(Outcome::Devices),
        (suite(), any::<u32>()).prop_map(|(suite, left)| Outcome::KeyPackageCount { suite, left }),
        vec((device(), some_bytes()), 0..3).prop_map(Outcome::KeyPackages),
        (chat(), epoch(), suite(), payload()).prop_map(|(chat, epoch, suite, group_info)| {
            Outcome::GroupInfo { chat, epoch, suite, group_info }
        }),
        any::<u32>().prop_map(|reached| Outcome::Relayed { reached }),
    ]
}
