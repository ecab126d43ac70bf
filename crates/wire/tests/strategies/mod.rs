//! Arbitrary frames, of every sort that may be sent.

mod attachments;
mod keys;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use dunlin_model::view::{
    ChatBasis, ChatDetails, HistoryPage, InviteCode, MemberView, MessageStatusView, Receipt, SkipReason,
    Skipped, Status, UserPresence,
};
use dunlin_model::{
    AttachmentId, Body, BodyGone, ChatCommand, ChatId, ChatKind, ClientSeq, DeviceId, DeviceNumber,
    Encryption, Epoch, ErrorCode, Event, EventKind, Retry, Role, Seq, Suite, Timestamp, UserId,
};
use dunlin_wire::{ClientFrame, Command, Failure, Outcome, Position, ServerFrame, Welcome};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

fn user() -> impl Strategy<Value = UserId> {
    any::<[u8; 16]>().prop_map(UserId::from_bytes)
}

fn users() -> impl Strategy<Value = Vec<UserId>> {
    vec(user(), 0..5)
}

fn chat() -> impl Strategy<Value = ChatId> {
    any::<[u8; 16]>().prop_map(ChatId::from_bytes)
}

fn attachments() -> impl Strategy<Value = Vec<AttachmentId>> {
    vec(any::<[u8; 16]>().prop_map(AttachmentId::from_bytes), 0..4)
}

fn seq() -> impl Strategy<Value = Seq> {
    any::<u64>().prop_map(Seq)
}

/// A place that is there: zero stands for none on the wire.
fn some_seq() -> impl Strategy<Value = Seq> {
    (1..=u64::MAX).prop_map(Seq)
}

fn time() -> impl Strategy<Value = Timestamp> {
    any::<u64>().prop_map(Timestamp)
}

fn some_time() -> impl Strategy<Value = Timestamp> {
    (1..=u64::MAX).prop_map(Timestamp)
}

fn client_seq() -> impl Strategy<Value = ClientSeq> {
    any::<u64>().prop_map(ClientSeq)
}

fn device() -> impl Strategy<Value = DeviceId> {
    (user(), any::<u32>()).prop_map(|(user, number)| DeviceId { user, number: DeviceNumber(number) })
}

fn role() -> impl Strategy<Value = Role> {
    select(&[Role::Member, Role::Admin, Role::Owner][..])
}

fn kind() -> impl Strategy<Value = ChatKind> {
    select(&[ChatKind::Direct, ChatKind::Group, ChatKind::Channel][..])
}

fn encryption() -> impl Strategy<Value = Encryption> {
    select(&[Encryption::None, Encryption::Mls][..])
}

fn text() -> impl Strategy<Value = String> {
    any::<String>()
}

fn code() -> impl Strategy<Value = InviteCode> {
    (chat(), any::<[u8; 20]>()).prop_map(|(chat, secret)| InviteCode {
        chat,
        secret,
        encryption: Encryption::None,
    })
}

fn content() -> impl Strategy<Value = Body> {
    prop_oneof![
        text().prop_map(Body::Text),
        vec(any::<u8>(), 0..300).prop_map(|bytes| Body::Opaque(bytes.into())),
    ]
}

fn chat_command() -> impl Strategy<Value = ChatCommand> {
    let update = (option::of(text()), option::of(text()), option::of(text()));
    prop_oneof![
        (content(), option::of(some_seq()), attachments(), option::of(keys::epoch())).prop_map(
            |(body, reply_to, attachments, epoch)| ChatCommand::Send { body, reply_to, attachments, epoch }
        ),
        keys::chat_command(),
        seq().prop_map(|target| ChatCommand::DeleteMessage { target }),
        update.prop_map(|(name, description, picture)| ChatCommand::Update { name, description, picture }),
        users().prop_map(|users| ChatCommand::Add { users }),
        users().prop_map(|users| ChatCommand::Remove { users }),
        users().prop_map(|users| ChatCommand::Ban { users }),
        users().prop_map(|users| ChatCommand::Unban { users }),
        (user(), role()).prop_map(|(user, role)| ChatCommand::SetRole { user, role }),
        Just(ChatCommand::Leave),
        Just(ChatCommand::DeleteChat),
        Just(ChatCommand::Join { secret: Bytes::new() }),
        any::<[u8; 32]>().prop_map(|link| ChatCommand::SetInvite { secret_hash: Some(link) }),
    ]
}

fn create() -> impl Strategy<Value = ChatCommand> {
    (kind(), encryption(), text(), text(), users()).prop_map(
        |(kind, encryption, name, description, members)| ChatCommand::Create {
            kind,
            encryption,
            name,
            description,
            members,
        },
    )
}

fn command() -> impl Strategy<Value = Command> {
    let position =
        (chat(), seq(), seq()).prop_map(|(chat, received, seen)| Position { chat, received, seen });
    let history = (chat(), option::of(some_seq()), option::of(1..=u32::MAX), option::of(user()));
    prop_oneof![
        ".+".prop_map(|access_token| Command::Authenticate { access_token }),
        (vec(position, 0..5), any::<bool>())
            .prop_map(|(positions, more)| Command::Resume { positions, more }),
        (chat(), seq()).prop_map(|(chat, seq)| Command::Received { chat, seq }),
        (chat(), seq()).prop_map(|(chat, seq)| Command::MarkSeen { chat, seq }),
        (chat(), any::<bool>()).prop_map(|(chat, typing)| Command::SetTyping { chat, typing }),
        (chat(), client_seq(), chat_command(), keys::attestation()).prop_map(
            |(chat, client_seq, command, attestation)| {
                // Only changes of the roster have room for a signature.
                let is_change = matches!(
                    command,
                    ChatCommand::Add { .. }
                        | ChatCommand::Remove { .. }
                        | ChatCommand::Ban { .. }
                        | ChatCommand::Unban { .. }
                        | ChatCommand::SetRole { .. }
                        | ChatCommand::Leave
                        | ChatCommand::Join { .. }
                        | ChatCommand::SetInvite { .. }
                );
                let attestation = attestation.filter(|_| is_change);
                Command::Submit { chat, client_seq, command, attestation }
            }
        ),
        (client_seq(), create(), keys::attestation()).prop_map(|(client_seq, command, attestation)| {
            Command::CreateChat { client_seq, command, attestation }
        }),
        keys::command(),
        attachments::command(),
        (chat(), client_seq(), any::<bool>()).prop_map(|(chat, client_seq, withdraw)| {
            Command::SetInviteLink { chat, client_seq, withdraw }
        }),
        (code(), client_seq(), keys::attestation()).prop_map(|(code, client_seq, attestation)| {
            Command::JoinChat { code, client_seq, attestation }
        }),
        (chat(), seq()).prop_map(|(chat, seq)| Command::HideMessage { chat, seq }),
        history.prop_map(|(chat, before, limit, sender)| Command::History { chat, before, limit, sender }),
        (chat(), seq()).prop_map(|(chat, seq)| Command::MessageStatus { chat, seq }),
        users().prop_map(|users| Command::Presence { users }),
        (option::of(chat()), option::of(1..=u32::MAX))
            .prop_map(|(after, limit)| Command::ListChats { after, limit }),
        chat().prop_map(|chat| Command::GetChat { chat }),
    ]
}

pub(crate) fn client_frame() -> impl Strategy<Value = ClientFrame> {
    (1..=u64::MAX, command()).prop_map(|(id, command)| ClientFrame { id, command })
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![content(), select(&[BodyGone::Deleted, BodyGone::Expired][..]).prop_map(Body::Gone)]
}

fn event_kind() -> impl Strategy<Value = EventKind> {
    let created = (kind(), encryption(), text(), text(), vec((user(), role()), 0..5));
    let updated = (option::of(text()), option::of(text()), option::of(text()));
    prop_oneof![
        created.prop_map(|(kind, encryption, name, description, members)| EventKind::Created {
            kind,
            encryption,
            name,
            description,
            members
        }),
        (body(), option::of(some_seq()), attachments())
            .prop_map(|(body, reply_to, attachments)| { EventKind::Message { body, reply_to, attachments } }),
        seq().prop_map(|target| EventKind::MessageDeleted { target }),
        updated.prop_map(|(name, description, picture)| EventKind::Updated { name, description, picture }),
        users().prop_map(|users| EventKind::MembersAdded { users }),
        Just(EventKind::Joined),
        option::of(user()).prop_map(|new_owner| EventKind::Left { new_owner }),
        users().prop_map(|users| EventKind::MembersRemoved { users }),
        users().prop_map(|users| EventKind::MembersBanned { users }),
        users().prop_map(|users| EventKind::MembersUnbanned { users }),
        (user(), role()).prop_map(|(user, role)| EventKind::RoleChanged { user, role }),
        option::of(any::<[u8; 32]>()).prop_map(|secret_hash| EventKind::InviteChanged { secret_hash }),
        Just(EventKind::ChatDeleted),
        keys::event_kind(),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    (seq(), time(), device(), client_seq(), event_kind(), keys::attestation()).prop_map(
        |(seq, time, sender, client_seq, kind, attestation)| {
            // A message has no room for one.
            let attestation = attestation.filter(|_| !matches!(kind, EventKind::Message { .. }));
            Event { seq, time, sender, client_seq, kind, attestation }
        },
    )
}

fn skipped() -> impl Strategy<Value = Skipped> {
    let reason = select(&[SkipReason::NotEntitled, SkipReason::Expired, SkipReason::Hidden][..]);
    (any::<u64>(), any::<u64>(), reason).prop_map(|(a, b, reason)| Skipped {
        from: Seq(a.min(b)),
        to: Seq(a.max(b)),
        reason,
    })
}

fn presence() -> impl Strategy<Value = UserPresence> {
    (user(), any::<bool>(), option::of(some_time())).prop_map(|(user, online, last_seen)| UserPresence {
        user,
        online,
        last_seen,
    })
}

fn status() -> impl Strategy<Value = Status> {
    select(&[Status::Sent, Status::Delivered, Status::Seen][..])
}

fn member() -> impl Strategy<Value = MemberView> {
    (user(), role(), any::<bool>(), seq(), seq())
        .prop_map(|(user, role, online, delivered, seen)| MemberView { user, role, online, delivered, seen })
}

fn epoch() -> impl Strategy<Value = Epoch> {
    (any::<u32>(), any::<u64>()).prop_map(|(generation, number)| Epoch { generation, number })
}

fn basis() -> impl Strategy<Value = Option<Box<ChatBasis>>> {
    let devices = || vec(device(), 0..3);
    let keys = option::of((epoch(), epoch(), any::<u16>().prop_filter("a suite", |suite| *suite > 0)));
    let invite = option::of(any::<[u8; 32]>());
    option::of((vec(user(), 0..3), keys, devices(), devices(), vec(seq(), 0..3), invite)).prop_map(|basis| {
        let (banned, keys, devices, revoked, since, invite) = basis?;
        let (epoch, oldest, suite) = keys.unwrap_or_default();
        let suite = keys.is_some().then_some(Suite(suite));
        Some(Box::new(ChatBasis { banned, epoch, oldest, suite, devices, revoked, since, invite }))
    })
}

fn details() -> impl Strategy<Value = ChatDetails> {
    let texts = (text(), text(), text());
    let places = (seq(), seq(), seq());
    let rest = (option::of(role()), any::<u32>(), vec(member(), 0..4), any::<bool>(), any::<bool>(), basis());
    (chat(), kind(), encryption(), texts, time(), places, rest).prop_map(
        |(chat, kind, encryption, (name, description, picture), created, (head, received, seen), rest)| {
            let (role, member_count, members, deleted, has_invite_link, basis) = rest;
            ChatDetails {
                chat,
                kind,
                encryption,
                name,
                description,
                picture,
                created,
                head,
                received,
                seen,
                role,
                member_count,
                members,
                deleted,
                has_invite_link,
                basis,
            }
        },
    )
}

fn failure() -> impl Strategy<Value = Failure> {
    let retry = select(&[Retry::Never, Retry::Later, Retry::AfterLogin][..]);
    let after = option::of((1..=u64::MAX).prop_map(Duration::from_millis));
    (select(ErrorCode::ALL), text(), retry, after).prop_map(|(code, message, retry, retry_after)| Failure {
        code,
        message,
        retry,
        retry_after,
    })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let page = (vec(event(), 0..4), vec(skipped(), 0..3), option::of(some_seq()))
        .prop_map(|(events, skipped, next_before)| HistoryPage { events, skipped, next_before });
    let view = (seq(), status(), vec((user(), status()), 0..4))
        .prop_map(|(seq, status, recipients)| MessageStatusView { seq, status, recipients });
    prop_oneof![
        failure().prop_map(Outcome::Failed),
        Just(Outcome::Done),
        (chat(), seq(), option::of(some_time()), any::<bool>())
            .prop_map(|(chat, seq, time, repeated)| { Outcome::Accepted { chat, seq, time, repeated } }),
        (chat(), page).prop_map(|(chat, page)| Outcome::History { chat, page }),
        (chat(), view).prop_map(|(chat, status)| Outcome::MessageStatus { chat, status }),
        vec(presence(), 0..4).prop_map(Outcome::Presence),
        (vec(details(), 0..3), option::of(chat()))
            .prop_map(|(chats, next_after)| Outcome::Chats { chats, next_after }),
        details().prop_map(Outcome::Chat),
        (chat(), seq(), option::of(code())).prop_map(|(chat, seq, code)| Outcome::InviteLink {
            chat,
            seq,
            code
        }),
        keys::outcome(),
        attachments::outcome(),
    ]
}

fn welcome() -> impl Strategy<Value = Welcome> {
    (device(), time(), text(), any::<u32>(), any::<[u32; 3]>()).prop_map(
        |(device, server_time, incarnation, heartbeat_ms, limits)| Welcome {
            device,
            server_time,
            incarnation,
            heartbeat: Duration::from_millis(heartbeat_ms.into()),
            frame_bytes_max: limits[0],
            window_events: limits[1],
            requests_in_flight_max: limits[2],
        },
    )
}

pub(crate) fn server_frame() -> impl Strategy<Value = ServerFrame> {
    let receipt =
        (user(), seq(), seq()).prop_map(|(user, delivered, seen)| Receipt { user, delivered, seen });
    prop_oneof![
        (any::<u64>(), outcome()).prop_map(|(id, outcome)| ServerFrame::Reply { id, outcome }),
        welcome().prop_map(ServerFrame::Welcome),
        (chat(), event()).prop_map(|(chat, event)| ServerFrame::Event { chat, event: Arc::new(event) }),
        (chat(), skipped()).prop_map(|(chat, range)| ServerFrame::Skipped { chat, range }),
        Just(ServerFrame::CaughtUp),
        (chat(), receipt).prop_map(|(chat, receipt)| ServerFrame::StatusUpdate { chat, receipt }),
        presence().prop_map(ServerFrame::PresenceUpdate),
        (chat(), user(), any::<bool>()).prop_map(|(chat, user, typing)| ServerFrame::Typing {
            chat,
            user,
            typing
        }),
        (chat(), seq()).prop_map(|(chat, seq)| ServerFrame::MessageHidden { chat, seq }),
        (keys::suite(), any::<u32>()).prop_map(|(suite, left)| ServerFrame::KeyPackagesLow { suite, left }),
        (any::<u32>(), keys::some_bytes())
            .prop_map(|(device, payload)| ServerFrame::Relayed { device: DeviceNumber(device), payload }),
        any::<u64>().prop_map(|ms| ServerFrame::Draining { reconnect_after: Duration::from_millis(ms) }),
    ]
}
