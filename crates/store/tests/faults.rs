//! Faults on order, and a retention job that dies between any two of its steps.

use std::time::Duration;

use dunlin_model::chat::ChatState;
use dunlin_model::{
    Body, BodyGone, ChatId, ChatKind, ClientSeq, DeviceId, DeviceNumber, Encryption, Event, EventKind, Role,
    Seq, Timestamp, UserId,
};
use dunlin_store::memory::{Fault, MemoryStore, Operation};
use dunlin_store::retention::{RetentionPolicy, step};
use dunlin_store::{Appended, Chats, Inboxes, StoreError, Users};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const ANSWERS: &str = "a store without faults answers";
const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn chat() -> ChatId {
    ChatId::from_bytes([1; 16])
}

fn event(seq: u64, time: Timestamp) -> Event {
    let user = UserId::from_bytes([2; 16]);
    let kind = if seq == 1 {
        EventKind::Created {
            kind: ChatKind::Group,
            encryption: Encryption::None,
            name: "a group".into(),
            description: String::new(),
            members: vec![(user, Role::Owner)],
        }
    } else {
        EventKind::Message { body: Body::Text("hello".into()), reply_to: None, attachments: Vec::new() }
    };
    let sender = DeviceId { user, number: DeviceNumber(1) };
    Event { seq: Seq(seq), time, sender, client_seq: ClientSeq(seq), kind, attestation: None }
}

async fn log_of(store: &MemoryStore) -> Vec<Event> {
    store.read(chat(), Seq::FIRST, Seq(u64::MAX), 1_000, usize::MAX).await.expect(ANSWERS)
}

#[tokio::test]
async fn an_uncertain_append_is_settled_by_reading_its_place() {
    let store = MemoryStore::default();
    for (place, fault, there) in
        [(1, Fault::UncertainWritten, 1), (2, Fault::UncertainLost, 0), (2, Fault::UncertainWritten, 1)]
    {
        store.fail_next(Operation::Append, fault);
        let answer = store.append(chat(), &event(place, NOW)).await;
        assert!(matches!(answer, Err(StoreError::Uncertain(_))), "{fault:?}");
        let read = store.read(chat(), Seq(place), Seq(place), 1, usize::MAX).await.unwrap();
        assert_eq!(read.len(), there, "{fault:?}");
    }
    assert_eq!(store.append(chat(), &event(3, NOW)).await, Ok(Appended::Written));
    assert_eq!(log_of(&store).await, [event(1, NOW), event(2, NOW), event(3, NOW)]);
}

#[tokio::test]
async fn a_refused_append_was_certainly_not_written() {
    let store = MemoryStore::default();
    store.fail_next(Operation::Append, Fault::Unavailable);
    assert!(matches!(store.append(chat(), &event(1, NOW)).await, Err(StoreError::Unavailable(_))));
    assert_eq!(log_of(&store).await, []);
    assert_eq!(store.append(chat(), &event(1, NOW)).await, Ok(Appended::Written), "one fault, one failure");
}

#[tokio::test]
async fn a_fault_is_for_its_operation_only() {
    let store = MemoryStore::default();
    store.fail_next(Operation::ReadInbox, Fault::UncertainLost);
    assert_eq!(store.append(chat(), &event(1, NOW)).await, Ok(Appended::Written));
    let user = UserId::from_bytes([2; 16]);
    assert!(
        matches!(store.inbox(user, None, 1).await, Err(StoreError::Unavailable(_))),
        "a read is not uncertain"
    );
    assert_eq!(store.inbox(user, None, 1).await, Ok(vec![]));
}

#[tokio::test]
async fn a_store_out_of_reach_refuses_everything_until_it_is_back() {
    let store = MemoryStore::default();
    store.set_unavailable(true);
    assert!(store.append(chat(), &event(1, NOW)).await.is_err());
    assert!(store.user(UserId::from_bytes([2; 16])).await.is_err());
    store.set_unavailable(false);
    assert_eq!(log_of(&store).await, []);
    assert_eq!(store.append(chat(), &event(1, NOW)).await, Ok(Appended::Written));
}

#[tokio::test]
async fn a_retention_job_that_dies_at_any_step_is_done_by_the_next() {
    let faults = [Fault::Unavailable, Fault::UncertainLost, Fault::UncertainWritten];
    let operations = [Operation::Retire, Operation::SaveSnapshot, Operation::ReadChats];
    for (operation, fault) in operations.iter().flat_map(|operation| faults.map(|fault| (*operation, fault)))
    {
        for calls_before in 0..8 {
            dies_and_is_resumed(operation, fault, calls_before).await;
        }
    }
}

async fn dies_and_is_resumed(operation: Operation, fault: Fault, calls_before: usize) {
    let store = MemoryStore::default();
    let mut expected = ChatState::before_creation(chat());
    for seq in 1..=6 {
        let event = event(seq, if seq <= 4 { NOW - DAY * 90 } else { NOW });
        store.append(chat(), &event).await.expect(ANSWERS);
        expected.apply(&event);
    }
    store.fail_after(operation, calls_before, fault);
    let policy = RetentionPolicy::default();
    let interrupted = step(&store, NOW, &policy, 10).await.is_err();
    let at = format!("{operation:?} {fault:?} after {calls_before} calls");
    store.forget_faults();

    // Whatever was done, snapshot and log together still know everything.
    let mut state =
        store.snapshot(chat()).await.expect(ANSWERS).unwrap_or_else(|| ChatState::before_creation(chat()));
    assert!(
        state.head >= store.floor(chat()).await.expect(ANSWERS),
        "{at}: the floor is not past the snapshot"
    );
    for event in store.read(chat(), state.head.next(), Seq(99), 99, usize::MAX).await.expect(ANSWERS) {
        assert_eq!(event.seq, state.head.next(), "{at}");
        state.apply(&event);
    }
    assert_eq!(state, expected, "{at}");

    while step(&store, NOW, &policy, 10).await.expect(ANSWERS).more {}
    assert_eq!(store.floor(chat()).await, Ok(Seq(4)), "{at}, interrupted: {interrupted}");
    let left: Vec<Seq> = log_of(&store).await.iter().map(|event| event.seq).collect();
    assert_eq!(left, [Seq(5), Seq(6)], "{at}");
}

#[tokio::test]
async fn events_are_never_removed_before_their_bodies_may_go() {
    let store = MemoryStore::default();
    for seq in 1..=3 {
        store.append(chat(), &event(seq, NOW - DAY * 10)).await.unwrap();
    }
    let policy = RetentionPolicy { bodies: DAY * 30, events: DAY };
    assert!(!step(&store, NOW, &policy, 10).await.unwrap().more);
    assert_eq!(log_of(&store).await.len(), 3);
    let policy = RetentionPolicy { bodies: DAY, events: DAY * 30 };
    assert!(step(&store, NOW, &policy, 10).await.unwrap().more);
    let gone =
        |event: &&Event| matches!(event.kind, EventKind::Message { body: Body::Gone(BodyGone::Expired), .. });
    assert_eq!(log_of(&store).await.iter().filter(gone).count(), 2, "emptied, but in their places");
}

#[tokio::test]
async fn a_damaged_chat_does_not_keep_others_from_expiring() {
    let store = MemoryStore::default();
    let (damaged, sound) = (chat(), ChatId::from_bytes([9; 16]));
    for chat in [damaged, sound] {
        store.append(chat, &event(1, NOW - DAY * 90)).await.unwrap();
    }
    // Listed twice, then the floor of the first chat: its snapshot is what cannot be read.
    store.fail_after(Operation::ReadChats, 3, Fault::Damaged);
    let done = step(&store, NOW, &RetentionPolicy::default(), 10).await.unwrap();
    assert_eq!(done.removed.iter().map(|old| old.chat).collect::<Vec<_>>(), [sound]);
    store.fail_after(Operation::ReadChats, 3, Fault::Damaged);
    let left = step(&store, NOW, &RetentionPolicy::default(), 10).await;
    assert!(matches!(left, Err(StoreError::Damaged(_))), "when nothing else is left to do it is told");
    assert_eq!(store.floor(damaged).await, Ok(Seq::ZERO));
}
