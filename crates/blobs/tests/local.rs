//! Blobs on the local disk, as their users see them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use dunlin_blobs::{BlobError, BlobHash, Blobs, Holder, LocalBlobs, MemoryBlobs};
use dunlin_model::{ChatId, Seq, Timestamp};

const LIMIT: usize = 64;
const BYTES: Bytes = Bytes::from_static(b"some bytes");

fn open(folder: &Path) -> LocalBlobs {
    LocalBlobs::open(folder, LIMIT).unwrap()
}

fn file_of(folder: &Path, hash: BlobHash) -> PathBuf {
    folder.join(&hash.to_string()[..2]).join(hash.to_string())
}

#[tokio::test]
async fn what_is_put_is_there_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (blobs, hash) = (open(folder.path()), BlobHash::of(&BYTES));
    assert_eq!(blobs.get(hash).await.unwrap(), None);
    assert_eq!(blobs.size(hash).await.unwrap(), None);
    for _ in 0..2 {
        blobs.put(hash, BYTES).await.unwrap();
    }
    drop(blobs);
    let blobs = open(folder.path());
    assert_eq!(blobs.get(hash).await.unwrap(), Some(BYTES));
    assert_eq!(blobs.size(hash).await.unwrap(), Some(10));
}

#[tokio::test]
async fn bytes_with_another_hash_and_too_many_bytes_are_refused_and_leave_nothing() {
    let folder = tempfile::tempdir().unwrap();
    refuses_what_is_wrong(&open(folder.path())).await;
    refuses_what_is_wrong(&MemoryBlobs::new(LIMIT)).await;
}

async fn refuses_what_is_wrong(blobs: &dyn Blobs) {
    let other = BlobHash::of(b"others");
    assert!(matches!(blobs.put(other, BYTES).await, Err(BlobError::WrongHash)));
    assert_eq!(blobs.get(other).await.unwrap(), None);
    let large = Bytes::from(vec![1; LIMIT + 1]);
    let put = blobs.put(BlobHash::of(&large), large.clone()).await;
    assert!(matches!(put, Err(BlobError::TooLarge { limit: LIMIT })));
    assert_eq!(blobs.size(BlobHash::of(&large)).await.unwrap(), None);
    let full = large.slice(..LIMIT);
    blobs.put(BlobHash::of(&full), full.clone()).await.unwrap();
    assert_eq!(blobs.get(BlobHash::of(&full)).await.unwrap(), Some(full));
}

#[tokio::test]
async fn damage_is_noticed_and_mended_by_putting_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let (blobs, hash) = (open(folder.path()), BlobHash::of(&BYTES));
    blobs.put(hash, BYTES).await.unwrap();
    for damaged in [&b"some bites"[..], b"some", b"", &[b'x'; 2 * LIMIT]] {
        fs::write(file_of(folder.path(), hash), damaged).unwrap();
        assert!(matches!(blobs.get(hash).await, Err(BlobError::Damaged(of)) if of == hash));
        blobs.put(hash, BYTES).await.unwrap();
        assert_eq!(blobs.get(hash).await.unwrap(), Some(BYTES));
    }
}

#[tokio::test]
async fn what_a_crash_left_unfinished_is_gone_at_the_next_opening() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let unfinished = folder.path().join("unfinished");
    fs::write(unfinished.join("3"), b"some by").unwrap();
    let blobs = open(folder.path());
    assert_eq!(fs::read_dir(&unfinished).unwrap().count(), 0);
    blobs.put(BlobHash::of(&BYTES), BYTES).await.unwrap();
    assert_eq!(fs::read_dir(&unfinished).unwrap().count(), 0);
}

#[tokio::test]
async fn the_same_blob_put_by_many_at_once_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let (blobs, hash) = (open(folder.path()), BlobHash::of(&BYTES));
    let puts = (0..8).map(|_| {
        let blobs = blobs.clone();
        tokio::spawn(async move { blobs.put(hash, BYTES).await })
    });
    for put in puts.collect::<Vec<_>>() {
        put.await.unwrap().unwrap();
    }
    assert_eq!(fs::read_dir(file_of(folder.path(), hash).parent().unwrap()).unwrap().count(), 1);
    assert_eq!(blobs.get(hash).await.unwrap(), Some(BYTES));
}

#[test]
fn a_name_reads_back_from_its_text_in_one_form_only() {
    let hash = BlobHash::of(&BYTES);
    assert_eq!(hash.to_string().parse(), Ok(hash));
    assert!(hash.to_string().to_uppercase().parse::<BlobHash>().is_err());
    for wrong in ["", "00", "../../../../etc/passwd", &"0".repeat(63), &"0".repeat(66)] {
        assert!(wrong.parse::<BlobHash>().is_err(), "{wrong}");
    }
}

fn held_by(chat: u8, after: u64, held: u64) -> Holder {
    Holder { chat: ChatId::from_bytes([chat; 16]), after: Seq(after), held: Timestamp(held) }
}

#[tokio::test]
async fn a_blob_goes_when_the_last_chat_lets_go_of_it() {
    let folder = tempfile::tempdir().unwrap();
    goes_with_the_last_chat(&open(folder.path())).await;
    goes_with_the_last_chat(&MemoryBlobs::new(LIMIT)).await;
    // Of what is there at a restart, nothing is forgotten.
    let (blobs, hash) = (open(folder.path()), BlobHash::of(&BYTES));
    blobs.hold(hash, held_by(3, 1, 1)).await.unwrap();
    drop(blobs);
    assert_eq!(open(folder.path()).holders(hash).await.unwrap(), [held_by(3, 1, 1)]);
}

async fn goes_with_the_last_chat(blobs: &dyn Blobs) {
    let hash = BlobHash::of(&BYTES);
    // Held before it is put, twice by one chat: the event may stand after the first time already.
    for holder in [held_by(1, 5, 100), held_by(1, 9, 200), held_by(2, 7, 150)] {
        blobs.hold(hash, holder).await.unwrap();
    }
    let mut holders = blobs.holders(hash).await.unwrap();
    holders.sort_unstable_by_key(|holder| holder.chat);
    assert_eq!(holders, [held_by(1, 5, 200), held_by(2, 7, 150)]);
    assert_eq!(blobs.list(None, 10).await.unwrap(), [hash], "what was not put yet is listed too");
    blobs.put(hash, BYTES).await.unwrap();
    assert!(!blobs.let_go(hash, held_by(1, 5, 200)).await.unwrap());
    assert_eq!(blobs.get(hash).await.unwrap(), Some(BYTES), "the other chat needs it");
    blobs.hold(hash, held_by(2, 8, 300)).await.unwrap();
    assert!(!blobs.let_go(hash, held_by(2, 7, 150)).await.unwrap());
    assert_eq!(blobs.get(hash).await.unwrap(), Some(BYTES), "it was held again");
    assert!(blobs.let_go(hash, held_by(2, 7, 300)).await.unwrap());
    assert_eq!(blobs.get(hash).await.unwrap(), None);
    assert_eq!(blobs.list(None, 10).await.unwrap(), []);
    assert!(!blobs.let_go(hash, held_by(2, 7, 300)).await.unwrap());
}

#[tokio::test]
async fn blobs_are_listed_by_their_hashes_from_any_place() {
    let folder = tempfile::tempdir().unwrap();
    let local = open(folder.path());
    let memory = MemoryBlobs::new(LIMIT);
    for blobs in [&local as &dyn Blobs, &memory] {
        let mut hashes = Vec::new();
        for n in 0..40_u8 {
            let bytes = Bytes::from(vec![n]);
            hashes.push(BlobHash::of(&bytes));
            blobs.put(BlobHash::of(&bytes), bytes).await.unwrap();
        }
        hashes.sort_unstable();
        let (mut listed, mut after) = (Vec::new(), None);
        while let Some(last) = {
            let page = blobs.list(after, 7).await.unwrap();
            assert!(page.len() <= 7);
            listed.extend_from_slice(&page);
            page.last().copied()
        } {
            after = Some(last);
        }
        assert_eq!(listed, hashes);
    }
}
