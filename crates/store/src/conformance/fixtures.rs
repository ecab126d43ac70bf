//! People, chats and events to test with.

use std::fmt::Debug;
use std::sync::Arc;

use dunlin_model::account::{Address, Device};
use dunlin_model::chat::{ChatState, Decision, decide};
use dunlin_model::{
    Body, ChatCommand, ChatId, ChatKind, ChatLimits, ClientSeq, DecisionContext, DeviceId, DeviceNumber,
    Encryption, Event, EventKind, Role, Seq, Timestamp, UserId,
};

use crate::{Appended, Chats, Store, StoreError};

/// More than any test writes.
pub(super) const ALL: usize = 100_000;
/// More bytes than any test writes.
pub(super) const ALL_BYTES: usize = 1 << 30;
/// When the tests happen.
pub(super) const NOON: Timestamp = Timestamp(1_800_000_000_000);

/// An answer where the test injected no fault.
pub(super) fn answered<T>(answer: Result<T, StoreError>) -> T {
    answer.expect("a store without faults answers")
}

pub(super) fn user(number: u32) -> UserId {
    let mut bytes = [0xAA; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    UserId::from_bytes(bytes)
}

pub(super) fn chat(number: u32) -> ChatId {
    let mut bytes = [0xCC; 16];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    ChatId::from_bytes(bytes)
}

pub(super) fn device(of: u32) -> DeviceId {
    device_of(of, 1)
}

pub(super) fn device_of(of: u32, number: u32) -> DeviceId {
    DeviceId { user: user(of), number: DeviceNumber(number) }
}

pub(super) fn address(number: u32) -> Address {
    Address::parse(&format!("person{number}@example.org")).expect("an address in normal form")
}

pub(super) fn device_record(id: DeviceId) -> Device {
    Device {
        id,
        name: format!("device {}", id.number.0),
        created: NOON,
        revoked: None,
        generation: 1,
        refreshed: NOON,
        refresh_salt: [2; 16],
    }
}

pub(super) fn message(seq: u64, sender: DeviceId, number: u64, text: &str) -> Event {
    message_at(NOON, seq, sender, number, text)
}

pub(super) fn message_at(time: Timestamp, seq: u64, sender: DeviceId, number: u64, text: &str) -> Event {
    Event {
        seq: Seq(seq),
        time,
        sender,
        client_seq: ClientSeq(number),
        kind: EventKind::Message { body: Body::Text(text.into()), reply_to: None, attachments: Vec::new() },
        attestation: None,
    }
}

pub(super) fn group_created(time: Timestamp, members: &[u32]) -> Event {
    let owner = members.first().copied().unwrap_or_default();
    let others = members.iter().skip(1).map(|member| (user(*member), Role::Member));
    Event {
        seq: Seq::FIRST,
        time,
        sender: device(owner),
        client_seq: ClientSeq(1),
        kind: EventKind::Created {
            kind: ChatKind::Group,
            encryption: Encryption::None,
            name: "a group".into(),
            description: String::new(),
            members: std::iter::once((user(owner), Role::Owner)).chain(others).collect(),
        },
        attestation: None,
    }
}

/// Appends where nobody else writes.
pub(super) async fn write<S: Chats>(store: &S, chat: ChatId, event: &Event) {
    assert_eq!(answered(store.append(chat, event).await), Appended::Written, "at {}", event.seq);
}

/// Starts a group and posts one message at each of `times`.
pub(super) async fn group_with_messages<S: Chats>(store: &S, chat: ChatId, times: &[Timestamp]) {
    let first = times.first().copied().unwrap_or(NOON);
    write(store, chat, &group_created(first, &[1, 2])).await;
    for (seq, time) in (2..).zip(times) {
        write(store, chat, &message_at(*time, seq, device(1), seq, &format!("message {seq}"))).await;
    }
}

pub(super) async fn read_all<S: Chats>(store: &S, chat: ChatId) -> Vec<Event> {
    answered(store.read(chat, Seq::FIRST, Seq(u64::MAX), ALL, ALL_BYTES).await)
}

pub(super) async fn head<S: Chats>(store: &S, chat: ChatId) -> Seq {
    answered(store.heads(&[chat]).await).first().copied().expect("a head for each chat asked for")
}

pub(super) fn seqs(events: &[Event]) -> Vec<u64> {
    events.iter().map(|event| event.seq.0).collect()
}

/// Applies the log after the newest snapshot to it.
pub(super) async fn state_of<S: Chats>(store: &S, chat: ChatId) -> ChatState {
    let snapshot = answered(store.snapshot(chat).await);
    let mut state = snapshot.unwrap_or_else(|| ChatState::before_creation(chat));
    for event in answered(store.read(chat, state.head.next(), Seq(u64::MAX), ALL, ALL_BYTES).await) {
        state.apply(&event);
    }
    state
}

/// Decides on a command, appends what it becomes, and applies it.
pub(super) async fn act<S: Chats>(store: &S, state: &mut ChatState, sender: DeviceId, command: ChatCommand) {
    let number = ClientSeq(state.head.0 + 1);
    let context = DecisionContext::default();
    let decision = decide(state, &ChatLimits::default(), sender, number, command, &context);
    let Ok(Decision::Append(kind)) = decision else {
        unreachable!("the test asks for what is allowed, but: {decision:?}");
    };
    let event =
        Event { seq: state.head.next(), time: NOON, sender, client_seq: number, kind, attestation: None };
    write(store, state.id, &event).await;
    state.apply(&event);
}

/// Runs a task for each of `0..count` at once and returns what they found.
pub(super) async fn at_once<S, F, T>(store: &Arc<S>, count: u32, task: impl Fn(Arc<S>, u32) -> F) -> Vec<T>
where
    S: Store,
    F: Future<Output = T> + Send + 'static,
    T: Debug + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|number| tokio::spawn(task(Arc::clone(store), number))).collect();
    let mut found = Vec::new();
    for task in tasks {
        found.push(task.await.expect("a task of the test"));
    }
    found
}
