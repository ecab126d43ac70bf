//! Faults between the writer and the disk, which only this crate can inject.

use std::sync::Arc;
use std::time::Duration;

use dunlin_model::clock::{ManualClock, SeededRandomness};
use dunlin_model::{
    Body, ChatId, ClientSeq, DeviceId, DeviceNumber, Event, EventKind, Progress, Seq, Timestamp, UserId,
};
use dunlin_store::{Appended, Chats, ProgressRaise, Progresses, StoreError};

use crate::{EmbeddedConfig, EmbeddedStore, OpenError, keys};

const CHAT: ChatId = ChatId::from_bytes([7; 16]);
const DEVICE: DeviceId = DeviceId { user: UserId::from_bytes([1; 16]), number: DeviceNumber(1) };

fn message(seq: u64) -> Event {
    Event {
        seq: Seq(seq),
        time: Timestamp(1_000 + seq),
        sender: DEVICE,
        client_seq: ClientSeq(seq),
        kind: EventKind::Message {
            body: Body::Text(format!("message {seq}")),
            reply_to: None,
            attachments: Vec::new(),
        },
        attestation: None,
    }
}

fn open(folder: &tempfile::TempDir, config: &EmbeddedConfig) -> Arc<EmbeddedStore> {
    let clock = Arc::new(ManualClock::at(Timestamp(1)));
    Arc::new(EmbeddedStore::open(folder.path(), config, clock, &SeededRandomness::new(1)).unwrap())
}

/// Lets a task run until the writer has what it sent.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Waits until so many writes wait for the writer.
async fn waits(store: &EmbeddedStore, count: usize) {
    for _ in 0..2_000 {
        if store.waiting_writes() == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{} writes wait, and not {count}", store.waiting_writes());
}

/// Waits until a commit is held: whatever is written from now on is in the next one.
async fn held(store: &EmbeddedStore) {
    for _ in 0..2_000 {
        if store.engine.faults.is_holding() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nothing came as far as a commit");
}

/// Begins a write, and waits until it is in the commit that is held.
async fn with_the_writer<F: Future<Output: std::fmt::Debug> + Unpin>(store: &EmbeddedStore, write: &mut F) {
    tokio::select! {
        biased;
        written = write => panic!("commits are held, and it is {written:?}"),
        () = held(store) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_seen_before_it_is_synced() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, &EmbeddedConfig::default());
    assert_eq!(store.append(CHAT, &message(1)).await, Ok(Appended::Written));

    let hold = store.engine.faults.hold_commits();
    let raise = ProgressRaise {
        chat: CHAT,
        device: DEVICE,
        progress: Progress { received: Seq(1), ..Progress::default() },
    };
    let (append, raised) = (Arc::clone(&store), Arc::clone(&store));
    let append = tokio::spawn(async move { append.append(CHAT, &message(2)).await });
    let raised = tokio::spawn(async move { raised.raise_progress(&[raise]).await });
    settle().await;
    assert!(!append.is_finished() && !raised.is_finished());
    assert_eq!(store.heads(&[CHAT]).await, Ok(vec![Seq(1)]));
    assert_eq!(store.read(CHAT, Seq(1), Seq(9), 9, 9_999).await, Ok(vec![message(1)]));
    assert_eq!(store.device_progress(DEVICE, &[CHAT]).await, Ok(vec![Progress::default()]));

    drop(hold);
    assert_eq!(append.await.unwrap(), Ok(Appended::Written));
    assert_eq!(raised.await.unwrap(), Ok(()));
    assert_eq!(store.heads(&[CHAT]).await, Ok(vec![Seq(2)]));
    assert_eq!(store.device_progress(DEVICE, &[CHAT]).await, Ok(vec![raise.progress]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_ends_all_writing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, &EmbeddedConfig { batch_writes_max: 1, ..EmbeddedConfig::default() });
    store.append(CHAT, &message(1)).await.unwrap();

    let hold = store.engine.faults.hold_commits();
    store.engine.faults.fail_commits();
    let (first, second) = (Arc::clone(&store), Arc::clone(&store));
    let first = tokio::spawn(async move { first.append(CHAT, &message(2)).await });
    held(&store).await;
    let second = tokio::spawn(async move { second.append(CHAT, &message(3)).await });
    waits(&store, 1).await;
    drop(hold);

    assert!(matches!(first.await.unwrap(), Err(StoreError::Uncertain(_))), "it was in the batch that failed");
    assert!(matches!(second.await.unwrap(), Err(StoreError::Unavailable(_))), "it never got into a batch");
    let later = store.append(CHAT, &message(2)).await;
    assert!(
        matches!(&later, Err(StoreError::Unavailable(why)) if why.contains("the disk is gone")),
        "{later:?}"
    );
    let reason = tokio::time::timeout(Duration::from_secs(5), store.failed()).await.unwrap();
    assert!(reason.contains("the disk is gone"), "{reason}");
    assert_eq!(store.heads(&[CHAT]).await, Ok(vec![Seq(1)]), "reads go on, of what is durable");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_append_is_written_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, &EmbeddedConfig::default());
    let hold = store.engine.faults.hold_commits();
    for seq in 1..=20 {
        // One after the other, each given up while the disk hangs.
        let event = message(seq);
        let given_up = tokio::time::timeout(Duration::from_millis(2), store.append(CHAT, &event)).await;
        assert!(given_up.is_err());
    }
    drop(hold);
    // Whatever is asked now stands behind them in the queue.
    assert_eq!(store.append(CHAT, &message(20)).await, Ok(Appended::Taken));
    assert_eq!(store.append(CHAT, &message(21)).await, Ok(Appended::Written));
    let events = store.read(CHAT, Seq(1), Seq(99), 99, 99_999).await.unwrap();
    assert_eq!(events, (1..=21).map(message).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_waits_and_then_refuses() {
    let folder = tempfile::tempdir().unwrap();
    let config = EmbeddedConfig {
        waiting_writes_max: 2,
        batch_writes_max: 1,
        queue_wait_max: Duration::from_secs(2),
        ..EmbeddedConfig::default()
    };
    let store = open(&folder, &config);
    let hold = store.engine.faults.hold_commits();
    let one = message(1);
    let mut first = Box::pin(store.append(CHAT, &one));
    with_the_writer(&store, &mut first).await;
    let mut accepted = Vec::new();
    for chat in 2..=3 {
        let (store, chat) = (Arc::clone(&store), ChatId::from_bytes([chat; 16]));
        accepted.push(tokio::spawn(async move { store.append(chat, &message(1)).await }));
    }
    waits(&store, 2).await;
    let refused = store.append(CHAT, &message(2)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");

    let patient = Arc::clone(&store);
    let patient = tokio::spawn(async move { patient.append(CHAT, &message(2)).await });
    settle().await;
    drop(hold);
    assert_eq!(first.await, Ok(Appended::Written));
    for append in accepted {
        assert_eq!(append.await.unwrap(), Ok(Appended::Written));
    }
    assert_eq!(patient.await.unwrap(), Ok(Appended::Written));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_together_is_written_together() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, &EmbeddedConfig::default());
    let hold = store.engine.faults.hold_commits();
    let one = message(1);
    let mut first = Box::pin(store.append(CHAT, &one));
    with_the_writer(&store, &mut first).await;
    let mut appends = Vec::new();
    for number in 100..200_u8 {
        let store = Arc::clone(&store);
        let chat = ChatId::from_bytes([number; 16]);
        appends.push(tokio::spawn(async move { store.append(chat, &message(1)).await }));
    }
    waits(&store, 100).await;
    drop(hold);
    assert_eq!(first.await, Ok(Appended::Written));
    for append in appends {
        assert_eq!(append.await.unwrap(), Ok(Appended::Written));
    }
    let batches = store.stats().batches.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(batches, 2, "the first alone, the others while it was synced");
}

#[tokio::test(flavor = "multi_thread")]
async fn registers_raised_together_become_one_row_with_the_largest_values() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, &EmbeddedConfig::default());
    let hold = store.engine.faults.hold_commits();
    let one = message(1);
    let mut first = Box::pin(store.append(CHAT, &one));
    with_the_writer(&store, &mut first).await;
    let mut raises = Vec::new();
    for received in [3, 9, 1, 7] {
        let store = Arc::clone(&store);
        let progress = Progress { received: Seq(received), seen: Seq(10 - received), start: Seq::ZERO };
        let raise = ProgressRaise { chat: CHAT, device: DEVICE, progress };
        raises.push(tokio::spawn(async move { store.raise_progress(&[raise, raise]).await }));
    }
    waits(&store, 4).await;
    drop(hold);
    assert_eq!(first.await, Ok(Appended::Written));
    let rows = || store.stats().rows.load(std::sync::atomic::Ordering::Relaxed);
    for raise in raises {
        raise.await.unwrap().unwrap();
    }
    assert_eq!(rows(), 5, "the event with its three rows of retention, and one register");
    let largest = Progress { received: Seq(9), seen: Seq(9), start: Seq::ZERO };
    assert_eq!(store.device_progress(DEVICE, &[CHAT]).await, Ok(vec![largest]));
    store.raise_progress(&[ProgressRaise { chat: CHAT, device: DEVICE, progress: largest }]).await.unwrap();
    assert_eq!(rows(), 5, "raising again writes nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_in_the_middle_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder, &EmbeddedConfig::default());
    for seq in 1..=10 {
        store.append(CHAT, &message(seq)).await.unwrap();
    }
    // What a damaged journal does when later batches are in another one.
    store.engine.commit(vec![(keys::batch(5), None)]).unwrap();
    drop(store);
    let clock = Arc::new(ManualClock::at(Timestamp(1)));
    let opened =
        EmbeddedStore::open(folder.path(), &EmbeddedConfig::default(), clock, &SeededRandomness::new(1));
    let Err(OpenError::Lost { missing, .. }) = opened else { panic!("it was opened") };
    assert_eq!((missing.first, missing.last, missing.count), (5, 5, 1));
}
