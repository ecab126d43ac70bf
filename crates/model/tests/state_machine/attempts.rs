//! What devices may ask of a chat, at random: sensible often enough that something happens.

use bytes::Bytes;
use dunlin_model::{
    AttachmentId, Body, BodyGone, ChatCommand, ChatKind, ChatLimits, Commit, DecisionContext, DeviceId,
    DeviceNumber, Encryption, Epoch, GroupStart, Payload, Role, Seq, StartReason, Suite, UserId,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Few enough that commands meet each other.
pub(crate) const USERS: u8 = 6;

/// Which number a device puts on its command.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Numbering {
    Next,
    Skip(u64),
    Again(u64),
    Any(u64),
}

#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) sender: DeviceId,
    pub(crate) numbering: Numbering,
    pub(crate) command: ChatCommand,
    pub(crate) context: DecisionContext,
    /// Whether the sender knows the chat: signs, and is of its epoch, and carries out what waits.
    pub(crate) knows: bool,
    /// A device that the server says is revoked, before.
    pub(crate) revokes: Option<DeviceId>,
}

pub(crate) fn device() -> impl Strategy<Value = DeviceId> {
    (user(), 1..3_u32).prop_map(|(user, number)| DeviceId { user, number: DeviceNumber(number) })
}

pub(crate) fn devices() -> impl Strategy<Value = Vec<DeviceId>> {
    proptest::collection::btree_set(device(), 0..4).prop_map(|devices| devices.into_iter().collect())
}

pub(crate) fn epoch() -> impl Strategy<Value = Epoch> {
    (0..4_u32, 0..8_u64).prop_map(|(generation, number)| Epoch { generation, number })
}

pub(crate) fn part() -> Payload {
    Payload::Inline(Bytes::from_static(b"part"))
}

pub(crate) fn suite() -> impl Strategy<Value = Suite> {
    prop_oneof![6 => Just(Suite::HYBRID), 2 => Just(Suite::CLASSIC), 1 => Just(Suite(2))]
}

pub(crate) fn start() -> impl Strategy<Value = ChatCommand> {
    let reason = prop_oneof![
        4 => Just(StartReason::First),
        1 => Just(StartReason::NobodyLeft),
        1 => Just(StartReason::Broken),
        1 => Just(StartReason::SuiteChange),
    ];
    (epoch(), suite(), reason, devices()).prop_map(|(epoch, suite, reason, devices)| {
        let start = GroupStart { epoch, suite, reason, devices, welcome: None, group_info: part() };
        ChatCommand::StartGroup(Box::new(start))
    })
}

pub(crate) fn commit() -> impl Strategy<Value = ChatCommand> {
    (epoch(), any::<bool>(), devices(), option::weighted(0.2, devices())).prop_map(
        |(epoch, external, added, removed)| {
            let removed = removed.unwrap_or_default();
            let (commit, welcome, group_info) = (part(), None, part());
            ChatCommand::Commit(Box::new(Commit {
                epoch,
                external,
                added,
                removed,
                commit,
                welcome,
                group_info,
            }))
        },
    )
}

pub(crate) fn user() -> impl Strategy<Value = UserId> {
    (0..USERS).prop_map(|number| UserId::from_bytes([number; 16]))
}

pub(crate) fn seq() -> impl Strategy<Value = Seq> {
    prop_oneof![8 => 0..40_u64, 1 => Just(u64::MAX)].prop_map(Seq)
}

pub(crate) fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        4 => "[a-z]{0,12}".prop_map(Body::Text),
        2 => vec(any::<u8>(), 0..12).prop_map(|bytes| Body::Opaque(bytes.into())),
        1 => Just(Body::Gone(BodyGone::Deleted)),
    ]
}

/// The secret of the only link there is.
pub(crate) const SECRET: Bytes = Bytes::from_static(b"secret");

pub(crate) fn secret_hash() -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(SECRET).into()
}

pub(crate) fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Member), Just(Role::Admin), Just(Role::Owner)]
}

pub(crate) fn creation() -> impl Strategy<Value = ChatCommand> {
    let kind =
        prop_oneof![4 => Just(ChatKind::Group), 2 => Just(ChatKind::Channel), 1 => Just(ChatKind::Direct)];
    let encryption = prop_oneof![1 => Just(Encryption::None), 1 => Just(Encryption::Mls)];
    (kind, encryption, vec(user(), 0..5), any::<bool>()).prop_map(|(kind, encryption, members, wrong)| {
        let named =
            (kind != ChatKind::Direct && encryption == Encryption::None) != (wrong && members.len() == 4);
        let name = if named { "a chat".to_owned() } else { String::new() };
        ChatCommand::Create { kind, encryption, name, description: String::new(), members }
    })
}

pub(crate) fn command() -> impl Strategy<Value = ChatCommand> {
    let text = || option::of("[a-z]{0,4}");
    prop_oneof![
        1 => creation(),
        6 => (body(), option::weighted(0.2, seq()), 0..4_u8, option::of(epoch())).prop_map(
            |(body, reply_to, attachments, epoch)| {
                let ids = (0..attachments).map(|number| AttachmentId::from_bytes([number; 16]));
                ChatCommand::Send { body, reply_to, attachments: ids.collect(), epoch }
            }
        ),
        4 => start(),
        6 => commit(),
        2 => seq().prop_map(|target| ChatCommand::DeleteMessage { target }),
        1 => (text(), text(), text())
            .prop_map(|(name, description, picture)| ChatCommand::Update { name, description, picture }),
        4 => vec(user(), 0..4).prop_map(|users| ChatCommand::Add { users }),
        3 => vec(user(), 0..3).prop_map(|users| ChatCommand::Remove { users }),
        2 => vec(user(), 0..3).prop_map(|users| ChatCommand::Ban { users }),
        2 => vec(user(), 0..3).prop_map(|users| ChatCommand::Unban { users }),
        3 => (user(), role()).prop_map(|(user, role)| ChatCommand::SetRole { user, role }),
        4 => Just(ChatCommand::Leave),
        3 => Just(ChatCommand::Join { secret: SECRET }),
        1 => Just(ChatCommand::Join { secret: Bytes::from_static(b"a guess") }),
        3 => option::weighted(0.9, Just(secret_hash()))
            .prop_map(|secret_hash| ChatCommand::SetInvite { secret_hash }),
    ]
}

pub(crate) fn attempt() -> impl Strategy<Value = Attempt> {
    let numbering = prop_oneof![
        12 => Just(Numbering::Next),
        2 => (1..4_u64).prop_map(Numbering::Skip),
        3 => (0..6_u64).prop_map(Numbering::Again),
        1 => prop_oneof![0..30_u64, Just(u64::MAX)].prop_map(Numbering::Any),
    ];
    let context = (vec(user(), 0..2), option::weighted(0.8, user()), 0..5_u8).prop_map(
        |(blocked, target_author, rarely)| DecisionContext {
            blocked: if rarely == 0 { blocked.into_iter().collect() } else { Default::default() },
            target_author,
            attestation: None,
            attachment_fault: None,
        },
    );
    // The end of a chat is worth testing, but not at once.
    let command = prop_oneof![60 => command(), 1 => Just(ChatCommand::DeleteChat)];
    let revokes = option::weighted(0.05, device());
    (device(), numbering, command, context, prop::bool::weighted(0.85), revokes).prop_map(
        |(sender, numbering, command, context, knows, revokes)| Attempt {
            sender,
            numbering,
            command,
            context,
            knows,
            revokes,
        },
    )
}

pub(crate) fn limits() -> impl Strategy<Value = ChatLimits> {
    (3..7_usize, 2..9_usize).prop_map(|(members_max, bytes)| ChatLimits {
        text_bytes_max: bytes,
        opaque_bytes_max: bytes + 1,
        members_max,
        attachments_max: 2,
        devices_max: 16,
    })
}
