//! Blobs on the local disk, as their users see them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use dunlin_blobs::{BlobError, BlobHash, Blobs, LocalBlobs, MemoryBlobs};

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
