//! What the store does about crashes, damage and a second process.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use dunlin_model::clock::{ManualClock, SeededRandomness};
use dunlin_model::{
    Body, ChatId, ClientSeq, DeviceId, DeviceNumber, Event, EventKind, Seq, Timestamp, UserId,
};
use dunlin_store::{Appended, Chats, Secrets};
use dunlin_store_embedded::{EmbeddedConfig, EmbeddedStore, OpenError};

const CHAT: ChatId = ChatId::from_bytes([7; 16]);
/// Set for the child process of a test: the directory to work in.
const CHILD_FOLDER: &str = "DUNLIN_TEST_STORE";

fn message(seq: u64) -> Event {
    Event {
        seq: Seq(seq),
        time: Timestamp(seq),
        sender: DeviceId { user: UserId::from_bytes([1; 16]), number: DeviceNumber(1) },
        client_seq: ClientSeq(seq),
        kind: EventKind::Message {
            body: Body::Text(format!("message {seq} {}", "x".repeat(200))),
            reply_to: None,
            attachments: Vec::new(),
        },
        attestation: None,
    }
}

fn open_with(folder: &Path, config: &EmbeddedConfig) -> Result<EmbeddedStore, OpenError> {
    let clock = Arc::new(ManualClock::at(Timestamp(1_790_000_000_000)));
    EmbeddedStore::open(folder, config, clock, &SeededRandomness::new(u64::from(config.accept_loss)))
}

fn open_as_restored(folder: &Path, seed: u64) -> EmbeddedStore {
    let clock = Arc::new(ManualClock::at(Timestamp(1_790_000_000_000)));
    let config = EmbeddedConfig { accept_loss: true, ..EmbeddedConfig::default() };
    EmbeddedStore::open(folder, &config, clock, &SeededRandomness::new(seed)).unwrap()
}

fn open(folder: &Path) -> Result<EmbeddedStore, OpenError> {
    open_with(folder, &EmbeddedConfig::default())
}

async fn append(store: &EmbeddedStore, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        assert_eq!(store.append(CHAT, &message(seq)).await, Ok(Appended::Written));
    }
}

async fn contents(store: &EmbeddedStore) -> Vec<Event> {
    store.read(CHAT, Seq(1), Seq(u64::MAX), usize::MAX, usize::MAX).await.unwrap()
}

fn journals(folder: &Path) -> Vec<PathBuf> {
    let mut journals: Vec<_> = fs::read_dir(folder.join("engine"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "jnl"))
        .collect();
    journals.sort();
    journals
}

/// Where the text of a message stands in a journal.
fn place_of(journal: &[u8], text: &str) -> usize {
    journal.windows(text.len()).position(|window| window == text.as_bytes()).unwrap()
}

/// A closed store with 100 messages, each in a batch of its own, and its journal.
async fn hundred_messages() -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    append(&open(folder.path()).unwrap(), 1..=100).await;
    let journal = journals(folder.path()).pop().unwrap();
    let mut bytes = fs::read(&journal).unwrap();
    // Without what is laid out in advance, to be quick.
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1);
    fs::write(&journal, &bytes).unwrap();
    (folder, journal, bytes)
}

#[tokio::test]
async fn what_was_written_is_there_after_closing_and_opening() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    append(&store, 1..=10).await;
    let incarnation = store.incarnation().await.unwrap();
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(contents(&store).await, (1..=10).map(message).collect::<Vec<_>>());
    assert_eq!(store.heads(&[CHAT]).await, Ok(vec![Seq(10)]));
    assert_eq!(store.append(CHAT, &message(10)).await, Ok(Appended::Taken));
    append(&store, 11..=11).await;
    assert_eq!(store.incarnation().await, Ok(incarnation));
}

#[tokio::test]
async fn the_child_of_the_abort_test() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let store = open(Path::new(&folder)).unwrap();
    let newest = store.heads(&[CHAT]).await.unwrap()[0].0;
    append(&store, newest + 1..=newest + 50).await;
    // What is on its way now may or may not be written.
    let event = message(newest + 51);
    let _ = tokio::time::timeout(std::time::Duration::ZERO, store.append(CHAT, &event)).await;
    std::process::abort();
}

#[tokio::test]
async fn a_process_that_dies_without_closing_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = 0;
    for _ in 0..5 {
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_child_of_the_abort_test"])
            .env(CHILD_FOLDER, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(!status.success());
        let store = open(folder.path()).unwrap();
        let events = contents(&store).await;
        let newest = events.len() as u64;
        assert!((acknowledged + 50..=acknowledged + 51).contains(&newest), "{newest} after {acknowledged}");
        assert_eq!(events, (1..=newest).map(message).collect::<Vec<_>>());
        acknowledged = newest;
    }
}

#[tokio::test]
async fn a_journal_cut_off_within_what_was_acknowledged_is_refused() {
    let (folder, journal, bytes) = hundred_messages().await;
    let cut = place_of(&bytes, "message 61 ");
    fs::write(&journal, &bytes[..cut]).unwrap();
    let Err(OpenError::Lost { missing, kept, .. }) = open(folder.path()) else { panic!("it was opened") };
    // The first batch is the store's own, so message n is in batch n + 1.
    assert_eq!((missing.first, missing.last, missing.count), (62, 101, 40));
    assert_eq!(missing.about, Timestamp(1_790_000_000_000));
    assert_eq!(fs::read(kept.join(journal.file_name().unwrap())).unwrap(), bytes[..cut]);

    let Err(error) = open(folder.path()) else { panic!("it was opened at the second try") };
    let text = error.to_string();
    assert!(text.contains("40 batches of writes between number 62 and 101"), "{text}");
    assert!(text.contains("2026-09-21 14:13:20 UTC"), "{text}");
}

#[tokio::test]
async fn a_flipped_bit_anywhere_in_the_journal_is_refused() {
    let (folder, journal, bytes) = hundred_messages().await;
    let start = place_of(&bytes, "message 50 ") - 40;
    let length = place_of(&bytes, "message 51 ") - place_of(&bytes, "message 50 ");
    let acknowledged = fs::read(folder.path().join("acknowledged")).unwrap();
    // One batch from end to end: start marker, rows, checksum, end marker, and the next start.
    for at in (start..start + length).step_by(3) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (at % 8);
        let copy = tempfile::tempdir().unwrap();
        copy_folder(folder.path(), copy.path());
        fs::write(copy.path().join("engine").join(journal.file_name().unwrap()), &damaged).unwrap();
        match open(copy.path()) {
            Err(OpenError::Lost { .. } | OpenError::Engine { .. }) => {}
            Err(other) => panic!("byte {at}: {other}"),
            Ok(store) => {
                // A bit that means nothing to the engine; then everything must be there.
                assert_eq!(contents(&store).await, (1..=100).map(message).collect::<Vec<_>>(), "byte {at}");
            }
        }
    }
    assert_eq!(fs::read(folder.path().join("acknowledged")).unwrap(), acknowledged);
}

#[tokio::test]
async fn an_engine_that_was_deleted_or_put_back_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    append(&open(folder.path()).unwrap(), 1..=10).await;
    let backup = tempfile::tempdir().unwrap();
    copy_folder(folder.path(), backup.path());
    append(&open(folder.path()).unwrap(), 11..=20).await;

    fs::remove_dir_all(folder.path().join("engine")).unwrap();
    let Err(OpenError::Lost { missing, .. }) = open(folder.path()) else { panic!("it was opened") };
    assert_eq!((missing.first, missing.last, missing.count), (1, 21, 21));

    fs::remove_dir_all(folder.path().join("engine")).unwrap();
    copy_folder(&backup.path().join("engine"), &folder.path().join("engine"));
    let Err(OpenError::Lost { missing, .. }) = open(folder.path()) else { panic!("it was opened") };
    assert_eq!((missing.first, missing.last, missing.count), (12, 21, 10));

    let before = open(backup.path()).unwrap().incarnation().await;
    fs::remove_file(backup.path().join("acknowledged")).unwrap();
    assert!(matches!(open(backup.path()), Err(OpenError::Format { .. })), "whether it is whole is unknown");
    let store =
        open_with(backup.path(), &EmbeddedConfig { accept_loss: true, ..EmbeddedConfig::default() }).unwrap();
    assert_ne!(store.incarnation().await, before, "then it counts as restored");
    assert_eq!(store.heads(&[CHAT]).await, Ok(vec![Seq(10)]));
}

#[tokio::test]
async fn a_loss_that_is_accepted_gives_the_store_a_new_incarnation() {
    let (folder, journal, bytes) = hundred_messages().await;
    let before = {
        let store = open(folder.path()).unwrap();
        store.incarnation().await.unwrap()
    };
    fs::write(&journal, &bytes[..place_of(&bytes, "message 61 ")]).unwrap();
    assert!(matches!(open(folder.path()), Err(OpenError::Lost { .. })));
    let store =
        open_with(folder.path(), &EmbeddedConfig { accept_loss: true, ..EmbeddedConfig::default() }).unwrap();
    let after = store.incarnation().await.unwrap();
    assert_ne!(before, after);
    append(&store, 61..=62).await;
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(store.incarnation().await, Ok(after));
    assert_eq!(contents(&store).await, (1..=62).map(message).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_whole_copy_that_is_put_back_counts_as_restored_when_it_is_said_so() {
    let folder = tempfile::tempdir().unwrap();
    append(&open(folder.path()).unwrap(), 1..=10).await;
    let backup = tempfile::tempdir().unwrap();
    copy_folder(folder.path(), backup.path());
    let later = open(folder.path()).unwrap();
    append(&later, 11..=20).await;
    let before = later.incarnation().await.unwrap();
    drop(later);

    // It lacks nothing that its own watermark knows of.
    assert_eq!(open(backup.path()).unwrap().incarnation().await, Ok(before));
    let restored = open_as_restored(backup.path(), 7);
    let after = restored.incarnation().await.unwrap();
    assert_ne!(after, before);
    assert_eq!(restored.heads(&[CHAT]).await, Ok(vec![Seq(10)]));
    append(&restored, 11..=12).await;
    drop(restored);

    let store = open(backup.path()).unwrap();
    assert_eq!(store.incarnation().await, Ok(after), "told once, it stays");
    assert_eq!(contents(&store).await, (1..=12).map(message).collect::<Vec<_>>());
    drop(store);
    // Whatever was put back since: each time is another one.
    assert_ne!(open_as_restored(backup.path(), 8).incarnation().await, Ok(after));
}

#[tokio::test]
async fn a_directory_is_open_in_one_place_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let Err(error) = open(folder.path()) else { panic!("it was opened twice") };
    assert!(matches!(error, OpenError::InUse(_)));
    assert!(error.to_string().contains("in use by another process"), "{error}");
    append(&store, 1..=1).await;
    drop(store);
    assert!(open(folder.path()).is_ok());
}

#[tokio::test]
async fn another_format_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()).unwrap());
    fs::write(folder.path().join("FORMAT"), "dunlin embedded store 2\n").unwrap();
    let Err(error) = open(folder.path()) else { panic!("it was opened") };
    assert!(error.to_string().contains("dunlin embedded store 2"), "{error}");
    fs::remove_file(folder.path().join("FORMAT")).unwrap();
    assert!(matches!(open(folder.path()), Err(OpenError::Format { .. })));
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
