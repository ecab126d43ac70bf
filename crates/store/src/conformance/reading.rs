//! Reading logs, heads and snapshots.

use std::sync::Arc;

use bytes::Bytes;
use dunlin_model::chat::ChatState;
use dunlin_model::{
    AttachmentId, Body, BodyGone, ChatCommand, ChatKind, ClientSeq, Encryption, Event, EventKind, Role, Seq,
};

use super::fixtures::{
    ALL_BYTES, NOON, act, answered, at_once, chat, device, device_of, group_created, message, read_all, seqs,
    user, write,
};
use crate::Store;

fn every_kind() -> Vec<EventKind> {
    let users = vec![user(2), user(3)];
    let message = |body| EventKind::Message { body, reply_to: Some(Seq(1)), attachments: Vec::new() };
    vec![
        EventKind::Created {
            kind: ChatKind::Channel,
            encryption: Encryption::Mls,
            name: "näme".into(),
            description: "with\n\"lines\"".into(),
            members: vec![(user(1), Role::Owner), (user(2), Role::Admin), (user(3), Role::Member)],
        },
        EventKind::Message {
            body: Body::Text("text \u{1F426}\0".into()),
            reply_to: None,
            attachments: vec![AttachmentId::from_bytes([1; 16]), AttachmentId::from_bytes([2; 16])],
        },
        message(Body::Opaque(Bytes::from_static(&[0, 255, 1, 254]))),
        message(Body::Opaque(vec![7; 64 * 1024].into())),
        message(Body::Gone(BodyGone::Deleted)),
        message(Body::Gone(BodyGone::Expired)),
        EventKind::MessageDeleted { target: Seq(2) },
        EventKind::Updated { name: Some("new".into()), description: None, picture: Some(String::new()) },
        EventKind::MembersAdded { users: users.clone() },
        EventKind::Joined,
        EventKind::Left { new_owner: None },
        EventKind::Left { new_owner: Some(user(9)) },
        EventKind::MembersRemoved { users: users.clone() },
        EventKind::MembersBanned { users: users.clone() },
        EventKind::MembersUnbanned { users },
        EventKind::RoleChanged { user: user(2), role: Role::Admin },
        EventKind::InviteChanged { secret_hash: Some([3; 32]) },
        EventKind::InviteChanged { secret_hash: None },
        EventKind::ChatDeleted,
    ]
}

/// What is read is what was written, whatever the event.
pub async fn events_of_every_kind_read_back_as_they_were_written<S: Store>(store: Arc<S>) {
    let written: Vec<Event> = (1..)
        .zip(every_kind())
        .map(|(seq, kind)| Event {
            seq: Seq(seq),
            time: NOON,
            sender: device_of(1, u32::MAX),
            client_seq: ClientSeq(u64::MAX - seq),
            kind,
            attestation: None,
        })
        .collect();
    for event in &written {
        write(&*store, chat(1), event).await;
    }
    assert_eq!(read_all(&*store, chat(1)).await, written);
}

/// A read ends at its last place, at its count, or at its bytes; one event comes even when it is larger.
pub async fn reads_are_bounded_by_count_and_bytes<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    for seq in 1..=20 {
        write(&*store, chat, &message(seq, device(1), seq, &"x".repeat(1_000))).await;
    }
    let read = async |from: u64, to: u64, count: usize, bytes: usize| {
        seqs(&answered(store.read(chat, Seq(from), Seq(to), count, bytes).await))
    };
    assert_eq!(read(3, 5, 100, ALL_BYTES).await, [3, 4, 5]);
    assert_eq!(read(7, 7, 100, ALL_BYTES).await, [7]);
    assert_eq!(read(0, 2, 100, ALL_BYTES).await, [1, 2]);
    assert_eq!(read(18, u64::MAX, 100, ALL_BYTES).await, [18, 19, 20]);
    assert_eq!(read(3, 20, 4, ALL_BYTES).await, [3, 4, 5, 6]);
    assert_eq!(read(3, 20, 100, 0).await, [3], "the first comes in any case");
    assert_eq!(read(3, 20, 100, 999).await, [3]);
    // Encoded, an event of 1,000 bytes of text has some more.
    assert_eq!(read(3, 20, 100, 3_999).await, [3, 4, 5]);
    assert_eq!(read(3, 20, 2, 3_999).await, [3, 4]);
}

/// Nothing is there before the first event, after the head, or in a chat without events.
pub async fn reads_beyond_the_log_are_empty<S: Store>(store: Arc<S>) {
    write(&*store, chat(1), &message(1, device(1), 1, "only")).await;
    for (from, to, count) in [(2, 9, 10), (u64::MAX, u64::MAX, 10), (0, 0, 10), (3, 2, 10), (1, 1, 0)] {
        let read = answered(store.read(chat(1), Seq(from), Seq(to), count, ALL_BYTES).await);
        assert_eq!(read, [], "from {from} to {to}, at most {count}");
    }
    assert_eq!(read_all(&*store, chat(2)).await, []);
    assert_eq!(answered(store.snapshot(chat(2)).await), None);
    assert_eq!(answered(store.floor(chat(2)).await), Seq::ZERO);
}

/// Heads match the question place by place, repetitions and unknown chats included.
pub async fn heads_come_in_the_order_asked_for<S: Store>(store: Arc<S>) {
    for number in 1..=40 {
        for seq in 1..=u64::from(number % 4) {
            write(&*store, chat(number), &message(seq, device(1), seq, "hello")).await;
        }
    }
    let asked: Vec<u32> = (1..=40).rev().chain([3, 3, 99, 7]).collect();
    let heads = answered(store.heads(&asked.iter().map(|number| chat(*number)).collect::<Vec<_>>()).await);
    let expected: Vec<Seq> = asked
        .iter()
        .map(|number| if *number == 99 { Seq::ZERO } else { Seq(u64::from(number % 4)) })
        .collect();
    assert_eq!(heads, expected);
    assert_eq!(answered(store.heads(&[]).await), []);
}

/// A snapshot does not replace a newer one.
pub async fn snapshots_only_rise<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    let mut state = ChatState::before_creation(chat);
    let mut states = Vec::new();
    for seq in 1..=6 {
        let event =
            if seq == 1 { group_created(NOON, &[1, 2]) } else { message(seq, device(1), seq, "hello") };
        write(&*store, chat, &event).await;
        state.apply(&event);
        states.push(state.clone());
    }
    for (saved, expected) in [(2, 2), (4, 4), (1, 4), (4, 4), (5, 5), (0, 5)] {
        answered(store.save_snapshot(&states[saved]).await);
        assert_eq!(answered(store.snapshot(chat).await).as_ref(), Some(&states[expected]), "saved {saved}");
    }
    assert_eq!(seqs(&read_all(&*store, chat).await), [1, 2, 3, 4, 5, 6], "a snapshot removes nothing");
}

/// Roster, stays, bans, invite link and numbers are all in a snapshot.
pub async fn a_snapshot_reads_back_with_all_it_knows<S: Store>(store: Arc<S>) {
    let mut state = ChatState::before_creation(chat(1));
    let (owner, users) = (device(1), |numbers: &[u32]| numbers.iter().map(|number| user(*number)).collect());
    for command in [
        ChatCommand::Create {
            kind: ChatKind::Group,
            encryption: Encryption::None,
            name: "a group".into(),
            description: "of birds".into(),
            members: users(&[2, 3, 4]),
        },
        ChatCommand::SetRole { user: user(2), role: Role::Admin },
        ChatCommand::Remove { users: users(&[3]) },
        ChatCommand::Ban { users: users(&[4, 5]) },
        ChatCommand::Add { users: users(&[3]) },
        ChatCommand::SetInvite { secret_hash: Some([9; 32]) },
        ChatCommand::Update { name: None, description: None, picture: Some("picture".into()) },
    ] {
        act(&*store, &mut state, owner, command).await;
    }
    answered(store.save_snapshot(&state).await);
    assert_eq!(answered(store.snapshot(chat(1)).await), Some(state));
}

/// Of snapshots saved at once the newest is there afterwards.
pub async fn snapshots_saved_at_once_leave_the_newest<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    for seq in 1..=16 {
        write(&*store, chat, &message(seq, device(1), seq, "hello")).await;
    }
    at_once(&store, 16, |store, number| async move {
        let head = Seq(u64::from(16 - number));
        answered(store.save_snapshot(&ChatState { head, ..ChatState::before_creation(chat) }).await);
        let there = answered(store.snapshot(chat).await).map(|state| state.head);
        assert!(there >= Some(head), "what was saved is there, or a newer one");
    })
    .await;
    assert_eq!(answered(store.snapshot(chat).await).map(|state| state.head), Some(Seq(16)));
}
