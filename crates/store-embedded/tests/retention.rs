//! Expiry: bodies are emptied and events removed in bounded steps, and nothing that stays is hurt.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dunlin_model::chat::ChatState;
use dunlin_model::clock::{ManualClock, SeededRandomness};
use dunlin_model::{
    Body, BodyGone, ChatId, ClientSeq, DeviceId, DeviceNumber, Event, EventKind, Seq, Timestamp, UserId,
};
use dunlin_store::{Appended, Chats, ExpiringChat};
use dunlin_store_embedded::{EmbeddedConfig, EmbeddedStore};

const CHAT: ChatId = ChatId::from_bytes([7; 16]);
const OTHER: ChatId = ChatId::from_bytes([8; 16]);

fn event(seq: u64, time: u64) -> Event {
    Event {
        seq: Seq(seq),
        time: Timestamp(time),
        sender: DeviceId { user: UserId::from_bytes([1; 16]), number: DeviceNumber(1) },
        client_seq: ClientSeq(seq),
        kind: EventKind::Message {
            body: Body::Text(format!("message {seq}")),
            reply_to: None,
            attachments: Vec::new(),
        },
        attestation: None,
    }
}

fn open(folder: &tempfile::TempDir) -> EmbeddedStore {
    let clock = Arc::new(ManualClock::at(Timestamp(1)));
    let config = EmbeddedConfig::default();
    EmbeddedStore::open(folder.path(), &config, clock, &SeededRandomness::new(1)).unwrap()
}

async fn append(store: &EmbeddedStore, chat: ChatId, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        assert_eq!(store.append(chat, &event(seq, seq)).await, Ok(Appended::Written));
    }
}

async fn snapshot_at(store: &EmbeddedStore, chat: ChatId, head: u64) {
    let mut state = ChatState::before_creation(chat);
    state.head = Seq(head);
    store.save_snapshot(&state).await.unwrap();
}

fn gone(event: &Event) -> bool {
    matches!(&event.kind, EventKind::Message { body: Body::Gone(BodyGone::Expired), .. })
}

async fn all(store: &EmbeddedStore, chat: ChatId) -> Vec<Event> {
    store.read(chat, Seq(1), Seq(u64::MAX), usize::MAX, usize::MAX).await.unwrap()
}

#[tokio::test]
async fn bodies_expire_up_to_a_time_in_steps_that_others_fit_between() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    append(&store, CHAT, 1..=1_000).await;
    append(&store, OTHER, 1..=10).await;

    let expiring = store.expiring_bodies(Timestamp(901), 10).await.unwrap();
    assert_eq!(
        expiring,
        [ExpiringChat { chat: CHAT, up_to: Seq(900) }, ExpiringChat { chat: OTHER, up_to: Seq(10) }]
    );
    let before = store.stats().batches.load(Ordering::Relaxed);
    store.expire_bodies(CHAT, Seq(900)).await.unwrap();
    let steps = store.stats().batches.load(Ordering::Relaxed) - before;
    assert!(steps >= 7, "900 events in {steps} batches: each step is bounded");

    let events = all(&store, CHAT).await;
    assert_eq!(events.len(), 1_000);
    assert!(events[..900].iter().all(gone) && !events[900..].iter().any(gone));
    assert_eq!(
        store.expiring_bodies(Timestamp(901), 10).await.unwrap(),
        [ExpiringChat { chat: OTHER, up_to: Seq(10) }],
        "what is done does not come up again"
    );
    drop(store);
    let store = open(&folder);
    assert_eq!(
        store.expiring_bodies(Timestamp(2_000), 10).await.unwrap(),
        [ExpiringChat { chat: OTHER, up_to: Seq(10) }, ExpiringChat { chat: CHAT, up_to: Seq(1_000) }],
        "the oldest first, from an index that survives"
    );
}

#[tokio::test]
async fn what_was_deleted_does_not_become_expired() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    append(&store, CHAT, 1..=3).await;
    store.empty_body(CHAT, Seq(2), BodyGone::Deleted).await.unwrap();
    store.expire_bodies(CHAT, Seq(3)).await.unwrap();
    let bodies: Vec<bool> = all(&store, CHAT).await.iter().map(gone).collect();
    assert_eq!(bodies, [true, false, true]);
}

#[tokio::test]
async fn a_chat_whose_events_are_all_removed_keeps_its_head_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    append(&store, CHAT, 1..=1_000).await;
    assert_eq!(store.raise_floor(CHAT, Seq(1_000)).await, Ok(Seq::ZERO), "there is no snapshot");
    snapshot_at(&store, CHAT, 600).await;
    assert_eq!(store.raise_floor(CHAT, Seq(1_000)).await, Ok(Seq(600)), "not past the snapshot");
    assert_eq!(
        store.removable_events(Timestamp(5_000), 10).await.unwrap(),
        [ExpiringChat { chat: CHAT, up_to: Seq(1_000) }]
    );
    snapshot_at(&store, CHAT, 1_000).await;
    assert_eq!(store.raise_floor(CHAT, Seq(1_000)).await, Ok(Seq(1_000)));
    assert_eq!(store.removable_events(Timestamp(5_000), 10).await.unwrap(), []);
    assert_eq!(store.expiring_bodies(Timestamp(5_000), 10).await.unwrap(), []);
    drop(store);

    let store = open(&folder);
    assert_eq!(store.heads(&[CHAT]).await, Ok(vec![Seq(1_000)]));
    assert_eq!(store.floor(CHAT).await, Ok(Seq(1_000)));
    assert_eq!(all(&store, CHAT).await, []);
    assert_eq!(store.append(CHAT, &event(1, 1)).await, Ok(Appended::Taken));
    assert_eq!(store.append(CHAT, &event(1_001, 7_000)).await, Ok(Appended::Written));
    assert_eq!(
        store.removable_events(Timestamp(8_000), 10).await.unwrap(),
        [ExpiringChat { chat: CHAT, up_to: Seq(1_001) }],
        "the first event after all others expired is found again"
    );
}

#[tokio::test]
async fn a_clock_that_went_back_delays_expiry_and_never_hastens_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    for (seq, time) in [(1, 100), (2, 500), (3, 200), (4, 600)] {
        assert_eq!(store.append(CHAT, &event(seq, time)).await, Ok(Appended::Written));
    }
    let expiring = |before| store.expiring_bodies(Timestamp(before), 10);
    assert_eq!(expiring(100).await.unwrap(), []);
    assert_eq!(expiring(300).await.unwrap(), [ExpiringChat { chat: CHAT, up_to: Seq(1) }]);
    store.expire_bodies(CHAT, Seq(1)).await.unwrap();
    assert_eq!(expiring(300).await.unwrap(), []);
    assert_eq!(expiring(501).await.unwrap(), [ExpiringChat { chat: CHAT, up_to: Seq(3) }]);
}
