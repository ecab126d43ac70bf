//! Damage in a journal that another one follows: the batches behind it are gone, later ones are there.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking, their helpers too")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use dunlin_model::clock::{ManualClock, SeededRandomness};
use dunlin_model::{
    Body, ChatId, ClientSeq, DeviceId, DeviceNumber, Event, EventKind, Randomness, Seq, Timestamp, UserId,
};
use dunlin_store::{Appended, Chats};
use dunlin_store_embedded::{EmbeddedConfig, EmbeddedStore, OpenError};

const CHILD_FOLDER: &str = "DUNLIN_TEST_STORE";
const CHATS: u8 = 16;
const EVENTS: u64 = 90;
/// Incompressible, and together more than one journal takes.
const BODY_BYTES: usize = 60_000;
/// What the engine ends each batch with in its journal.
const BATCH_END: &[u8] = b"FJL\x03";

fn open(folder: &Path) -> Result<EmbeddedStore, OpenError> {
    let clock = Arc::new(ManualClock::at(Timestamp(1_790_000_000_000)));
    EmbeddedStore::open(folder, &EmbeddedConfig::default(), clock, &SeededRandomness::new(1))
}

fn event(seq: u64, randomness: &SeededRandomness) -> Event {
    let mut body = vec![0; BODY_BYTES];
    randomness.fill(&mut body);
    Event {
        seq: Seq(seq),
        time: Timestamp(seq),
        sender: DeviceId { user: UserId::from_bytes([1; 16]), number: DeviceNumber(1) },
        client_seq: ClientSeq(seq),
        kind: EventKind::Message { body: Body::Opaque(body.into()), reply_to: None, attachments: Vec::new() },
        attestation: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_child_that_writes_much_and_aborts() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let store = Arc::new(open(Path::new(&folder)).unwrap());
    let mut senders = Vec::new();
    for chat in 0..CHATS {
        let store = Arc::clone(&store);
        senders.push(tokio::spawn(async move {
            let randomness = SeededRandomness::new(u64::from(chat));
            for seq in 1..=EVENTS {
                let appended = store.append(ChatId::from_bytes([chat; 16]), &event(seq, &randomness)).await;
                assert_eq!(appended, Ok(Appended::Written));
            }
        }));
    }
    for sender in senders {
        sender.await.unwrap();
    }
    std::process::abort();
}

fn oldest_journal(folder: &Path) -> PathBuf {
    let journals = fs::read_dir(folder.join("engine")).unwrap().map(|entry| entry.unwrap().path());
    journals.filter(|path| path.extension().is_some_and(|extension| extension == "jnl")).min().unwrap()
}

#[tokio::test]
async fn damage_between_batches_is_refused_unless_all_is_in_tables() {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_child_that_writes_much_and_aborts"])
        .env(CHILD_FOLDER, folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(!status.success());

    // The engine takes a broken end of a batch for the end of the journal, cuts it off there, and says nothing.
    let journal = oldest_journal(folder.path());
    let mut bytes = fs::read(&journal).unwrap();
    let half = bytes.iter().rposition(|byte| *byte != 0).unwrap() / 2;
    let end = bytes[half..].windows(BATCH_END.len()).position(|window| window == BATCH_END).unwrap();
    bytes[half + end] ^= 4;
    fs::write(&journal, &bytes).unwrap();

    match open(folder.path()) {
        Err(OpenError::Lost { missing, .. }) => assert!(missing.count > 0 && missing.first <= missing.last),
        // The pattern may stand in a body, where the engine has a checksum.
        Err(OpenError::Engine { .. }) => {}
        Err(other) => unreachable!("{other}"),
        Ok(store) => {
            // The flush of the tables was faster than the abort; then nothing may be missing.
            for chat in 0..CHATS {
                let chat = ChatId::from_bytes([chat; 16]);
                let events = store.read(chat, Seq(1), Seq(EVENTS), usize::MAX, usize::MAX).await.unwrap();
                assert_eq!(events.len() as u64, EVENTS);
            }
        }
    }
}
