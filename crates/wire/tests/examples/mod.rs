//! One frame of every sort, with plausible content: golden files and docs/protocol.md are made of them.

mod attachments;
mod keys;

use std::sync::Arc;
use std::time::Duration;

use dunlin_model::view::{
    ChatDetails, HistoryPage, INVITE_SECRET_BYTES, InviteCode, MemberView, MessageStatusView, Receipt,
    SkipReason, Skipped, Status, UserPresence,
};
use dunlin_model::{
    AttachmentId, Body, BodyGone, ChatCommand, ChatId, ChatKind, ClientSeq, DeviceId, DeviceNumber,
    Encryption, ErrorCode, Event, EventKind, Role, Seq, Timestamp, UserId,
};
use dunlin_wire::{ClientFrame, Command, Failure, Outcome, Position, ServerFrame, Welcome};

const ADA: UserId = UserId::from_bytes([0x0A; 16]);
const BEN: UserId = UserId::from_bytes([0x4B; 16]);
const CLEO: UserId = UserId::from_bytes([0xC4; 16]);
const CHAT: ChatId = ChatId::from_bytes([0x91; 16]);
const MORNING: Timestamp = Timestamp(1_764_230_400_000);
const PHONE: DeviceId = DeviceId { user: ADA, number: DeviceNumber(1) };

fn attachment() -> AttachmentId {
    AttachmentId::from_bytes([0xAA; 16])
}

fn code() -> InviteCode {
    InviteCode { chat: CHAT, secret: [0x37; INVITE_SECRET_BYTES], encryption: Encryption::None }
}

/// Every command, under the name it has in JSON, and what is worth showing beside.
pub(crate) fn client() -> Vec<(&'static str, ClientFrame)> {
    let mut frames: Vec<(&'static str, Command)> = asking();
    frames.extend(on_a_chat().into_iter().map(|(name, client_seq, command)| {
        (name, Command::Submit { chat: CHAT, client_seq: ClientSeq(client_seq), command, attestation: None })
    }));
    frames.extend(keys::client());
    frames.extend(attachments::client());
    let unanswered = ["received", "markSeen", "setTyping"];
    (1..)
        .zip(frames)
        .map(|(id, (name, command))| {
            let id = if unanswered.contains(&name) { 0 } else { id };
            (name, ClientFrame { id, command })
        })
        .collect()
}

fn asking() -> Vec<(&'static str, Command)> {
    let create = |kind, name: &str, description: &str, members| Command::CreateChat {
        client_seq: ClientSeq(1),
        command: ChatCommand::Create {
            kind,
            encryption: Encryption::None,
            name: name.to_owned(),
            description: description.to_owned(),
            members,
        },
        attestation: None,
    };
    vec![
        ("authenticate", Command::Authenticate { access_token: "eyJhbGciOiJFZERTQSJ9.e30.c2ln".to_owned() }),
        (
            "resume",
            Command::Resume {
                positions: vec![Position { chat: CHAT, received: Seq(41), seen: Seq(40) }],
                more: false,
            },
        ),
        ("resume-empty", Command::Resume { positions: Vec::new(), more: false }),
        ("received", Command::Received { chat: CHAT, seq: Seq(42) }),
        ("markSeen", Command::MarkSeen { chat: CHAT, seq: Seq(42) }),
        ("setTyping", Command::SetTyping { chat: CHAT, typing: true }),
        ("createChat", create(ChatKind::Group, "Birds", "Waders, mostly", vec![BEN, CLEO])),
        ("createChat-direct", create(ChatKind::Direct, "", "", vec![BEN])),
        ("setInviteLink", Command::SetInviteLink { chat: CHAT, client_seq: ClientSeq(9), withdraw: false }),
        ("joinChat", Command::JoinChat { code: code(), client_seq: ClientSeq(1), attestation: None }),
        ("deleteMessage-me", Command::HideMessage { chat: CHAT, seq: Seq(42) }),
        (
            "history",
            Command::History { chat: CHAT, before: Some(Seq(42)), limit: Some(50), sender: Some(BEN) },
        ),
        ("messageStatus", Command::MessageStatus { chat: CHAT, seq: Seq(42) }),
        ("presence", Command::Presence { users: vec![BEN, CLEO] }),
        ("listChats", Command::ListChats { after: Some(CHAT), limit: Some(100) }),
        ("getChat", Command::GetChat { chat: CHAT }),
    ]
}

fn on_a_chat() -> Vec<(&'static str, u64, ChatCommand)> {
    let send = |body, reply_to, attachments| ChatCommand::Send { body, reply_to, attachments, epoch: None };
    vec![
        ("sendMessage", 2, send(Body::Text("Dunlin on the mudflats!".to_owned()), None, Vec::new())),
        ("sendMessage-reply", 3, send(Body::Text("How many?".to_owned()), Some(Seq(42)), vec![attachment()])),
        ("sendMessage-opaque", 4, send(Body::Opaque(vec![0xDE, 0xAD, 0xBE, 0xEF].into()), None, Vec::new())),
        (
            "updateChat",
            5,
            ChatCommand::Update {
                name: Some("Waders".to_owned()),
                description: None,
                picture: Some(String::new()),
            },
        ),
        ("modifyChatParticipants", 6, ChatCommand::Add { users: vec![BEN, CLEO] }),
        ("modifyChatParticipants-remove", 7, ChatCommand::Remove { users: vec![BEN] }),
        ("modifyChatParticipants-ban", 8, ChatCommand::Ban { users: vec![BEN] }),
        ("modifyChatParticipants-unban", 9, ChatCommand::Unban { users: vec![BEN] }),
        ("modifyChatParticipants-role", 10, ChatCommand::SetRole { user: CLEO, role: Role::Admin }),
        ("leaveChat", 11, ChatCommand::Leave),
        ("deleteChat", 12, ChatCommand::DeleteChat),
        ("deleteMessage", 13, ChatCommand::DeleteMessage { target: Seq(42) }),
    ]
}

/// Every reply and push, under the name it has in JSON, and what is worth showing beside.
pub(crate) fn server() -> Vec<(&'static str, ServerFrame)> {
    let mut frames = pushes();
    frames.extend(keys::pushes());
    frames.extend(
        replies()
            .into_iter()
            .chain(keys::replies())
            .chain(attachments::replies())
            .map(|(name, outcome)| (name, ServerFrame::Reply { id: 17, outcome })),
    );
    frames.extend(events().into_iter().chain(keys::events()).map(|(name, event)| {
        let event = Arc::new(event);
        (name, ServerFrame::Event { chat: CHAT, event })
    }));
    frames
}

fn pushes() -> Vec<(&'static str, ServerFrame)> {
    vec![
        (
            "welcome",
            ServerFrame::Welcome(Welcome {
                device: PHONE,
                server_time: MORNING,
                incarnation: "mfrggzdfmztwq2lk".to_owned(),
                heartbeat: Duration::from_secs(30),
                frame_bytes_max: 196_608,
                window_events: 256,
                requests_in_flight_max: 64,
            }),
        ),
        (
            "skipped",
            ServerFrame::Skipped {
                chat: CHAT,
                range: Skipped { from: Seq(11), to: Seq(49), reason: SkipReason::NotEntitled },
            },
        ),
        ("caughtUp", ServerFrame::CaughtUp),
        (
            "statusUpdate",
            ServerFrame::StatusUpdate {
                chat: CHAT,
                receipt: Receipt { user: BEN, delivered: Seq(42), seen: Seq(41) },
            },
        ),
        (
            "presenceUpdate",
            ServerFrame::PresenceUpdate(UserPresence { user: BEN, online: false, last_seen: Some(MORNING) }),
        ),
        ("typing", ServerFrame::Typing { chat: CHAT, user: BEN, typing: true }),
        ("messageHidden", ServerFrame::MessageHidden { chat: CHAT, seq: Seq(42) }),
        ("draining", ServerFrame::Draining { reconnect_after: Duration::from_millis(3_200) }),
    ]
}

fn replies() -> Vec<(&'static str, Outcome)> {
    let failure = Failure {
        retry_after: Some(Duration::from_millis(1_500)),
        ..Failure::new(ErrorCode::TooFast, "Too many requests; the limit is 50 a second.")
    };
    vec![
        ("reply-error", Outcome::Failed(failure)),
        ("reply-done", Outcome::Done),
        (
            "reply-accepted",
            Outcome::Accepted { chat: CHAT, seq: Seq(42), time: Some(MORNING), repeated: false },
        ),
        (
            "reply-accepted-repeated",
            Outcome::Accepted { chat: CHAT, seq: Seq(42), time: None, repeated: true },
        ),
        (
            "reply-history",
            Outcome::History {
                chat: CHAT,
                page: HistoryPage {
                    events: vec![text(40, BEN, "Good morning"), event(41, EventKind::Joined)],
                    skipped: vec![Skipped { from: Seq(38), to: Seq(39), reason: SkipReason::Expired }],
                    next_before: Some(Seq(38)),
                },
            },
        ),
        (
            "reply-messageStatus",
            Outcome::MessageStatus {
                chat: CHAT,
                status: MessageStatusView {
                    seq: Seq(42),
                    status: Status::Delivered,
                    recipients: vec![(BEN, Status::Delivered), (CLEO, Status::Seen)],
                },
            },
        ),
        (
            "reply-presence",
            Outcome::Presence(vec![
                UserPresence { user: BEN, online: true, last_seen: Some(MORNING) },
                UserPresence { user: CLEO, online: false, last_seen: None },
            ]),
        ),
        ("reply-chats", Outcome::Chats { chats: vec![details(Vec::new())], next_after: Some(CHAT) }),
        ("reply-chat", Outcome::Chat(details(members()))),
        ("reply-inviteLink", Outcome::InviteLink { chat: CHAT, seq: Seq(43), code: Some(code()) }),
        ("reply-inviteLink-withdrawn", Outcome::InviteLink { chat: CHAT, seq: Seq(44), code: None }),
    ]
}

fn details(members: Vec<MemberView>) -> ChatDetails {
    ChatDetails {
        chat: CHAT,
        kind: ChatKind::Group,
        encryption: Encryption::None,
        name: "Birds".to_owned(),
        description: "Waders, mostly".to_owned(),
        picture: String::new(),
        created: MORNING,
        head: Seq(42),
        received: Seq(41),
        seen: Seq(40),
        role: Some(Role::Owner),
        member_count: 2,
        members,
        deleted: false,
        has_invite_link: true,
        basis: None,
    }
}

fn members() -> Vec<MemberView> {
    vec![
        MemberView { user: ADA, role: Role::Owner, online: true, delivered: Seq(41), seen: Seq(40) },
        MemberView { user: BEN, role: Role::Member, online: false, delivered: Seq(42), seen: Seq(0) },
    ]
}

fn event(seq: u64, kind: EventKind) -> Event {
    Event {
        seq: Seq(seq),
        time: MORNING,
        sender: PHONE,
        client_seq: ClientSeq(seq / 2),
        kind,
        attestation: None,
    }
}

fn message(seq: u64, body: Body, reply_to: Option<Seq>, attachments: Vec<AttachmentId>) -> Event {
    event(seq, EventKind::Message { body, reply_to, attachments })
}

fn text(seq: u64, user: UserId, text: &str) -> Event {
    let sender = DeviceId { user, number: DeviceNumber(2) };
    Event { sender, ..message(seq, Body::Text(text.to_owned()), None, Vec::new()) }
}

fn events() -> Vec<(&'static str, Event)> {
    let created = EventKind::Created {
        kind: ChatKind::Group,
        encryption: Encryption::None,
        name: "Birds".to_owned(),
        description: "Waders, mostly".to_owned(),
        members: vec![(ADA, Role::Owner), (BEN, Role::Member)],
    };
    let updated = EventKind::Updated {
        name: Some("Waders".to_owned()),
        description: None,
        picture: Some(String::new()),
    };
    vec![
        ("newMessage", text(42, BEN, "Dunlin on the mudflats!")),
        (
            "newMessage-reply",
            message(43, Body::Text("How many?".to_owned()), Some(Seq(42)), vec![attachment()]),
        ),
        (
            "newMessage-opaque",
            message(44, Body::Opaque(vec![0xDE, 0xAD, 0xBE, 0xEF].into()), None, Vec::new()),
        ),
        ("newMessage-deleted", message(45, Body::Gone(BodyGone::Deleted), None, Vec::new())),
        ("newMessage-expired", message(46, Body::Gone(BodyGone::Expired), None, Vec::new())),
        ("chatUpdate-created", event(1, created)),
        ("chatUpdate-updated", event(2, updated)),
        ("chatUpdate-added", event(3, EventKind::MembersAdded { users: vec![BEN, CLEO] })),
        ("chatUpdate-removed", event(4, EventKind::MembersRemoved { users: vec![BEN] })),
        ("chatUpdate-banned", event(5, EventKind::MembersBanned { users: vec![BEN] })),
        ("chatUpdate-unbanned", event(6, EventKind::MembersUnbanned { users: vec![BEN] })),
        ("chatUpdate-joined", event(7, EventKind::Joined)),
        ("chatUpdate-left", event(8, EventKind::Left { new_owner: Some(CLEO) })),
        ("chatUpdate-roleChanged", event(9, EventKind::RoleChanged { user: CLEO, role: Role::Admin })),
        ("chatUpdate-inviteChanged", event(10, EventKind::InviteChanged { secret_hash: Some([0x1C; 32]) })),
        ("chatUpdate-inviteWithdrawn", event(11, EventKind::InviteChanged { secret_hash: None })),
        ("chatUpdate-messageDeleted", event(12, EventKind::MessageDeleted { target: Seq(42) })),
        ("chatUpdate-chatDeleted", event(13, EventKind::ChatDeleted)),
    ]
}
