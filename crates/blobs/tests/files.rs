//! Attachments on the local disk, and in memory, put in parts and read by range.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use dunlin_blobs::{AttachmentFiles, BlobHash, ByteStream, FileError, LocalFiles, MemoryFiles};
use dunlin_model::attachment::PART_BYTES;
use dunlin_model::{Attachment, AttachmentId, UserId};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

fn bytes_of(length: u64) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect()
}

fn attachment(bytes: &[u8]) -> Attachment {
    let hash = |bytes: &[u8]| BlobHash::of(bytes).0;
    let parts = bytes.chunks(usize::try_from(PART_BYTES).unwrap()).map(hash).collect();
    let (id, owner) = (AttachmentId::from_bytes([9; 16]), UserId::from_bytes([1; 16]));
    Attachment { id, owner, bytes: u64::try_from(bytes.len()).unwrap(), sha256: hash(bytes), parts }
}

/// In pieces of odd lengths.
fn body(bytes: &[u8]) -> ByteStream {
    let pieces: Vec<io::Result<Bytes>> =
        bytes.chunks(100_003).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces).boxed()
}

fn part_of(whole: &[u8], number: u32) -> &[u8] {
    whole.chunks(usize::try_from(PART_BYTES).unwrap()).nth(usize::try_from(number - 1).unwrap()).unwrap()
}

async fn put(
    files: &dyn AttachmentFiles,
    file: &Attachment,
    number: u32,
    bytes: &[u8],
) -> Result<(), FileError> {
    files.put_part(file.id, file.part(number).unwrap(), body(bytes)).await
}

async fn read(files: &dyn AttachmentFiles, id: AttachmentId, from: u64, to: u64) -> Vec<u8> {
    let pieces = files.read(id, from..to).await.unwrap().unwrap();
    pieces.try_collect::<Vec<Bytes>>().await.unwrap().concat()
}

fn both() -> (Vec<Arc<dyn AttachmentFiles>>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let local = LocalFiles::open(&folder.path().join("attachments")).unwrap();
    (vec![Arc::new(local), Arc::new(MemoryFiles::default())], folder)
}

#[tokio::test]
async fn a_file_is_there_once_all_its_parts_are_in_any_order() {
    let (all, _folder) = both();
    let whole = bytes_of(2 * PART_BYTES + 5);
    let file = attachment(&whole);
    for files in all {
        for number in [3, 1] {
            put(&*files, &file, number, part_of(&whole, number)).await.unwrap();
        }
        assert_eq!(files.parts(&file).await.unwrap(), [1, 3]);
        assert!(matches!(files.complete(&file).await, Err(FileError::Incomplete)));
        assert_eq!(files.size(file.id).await.unwrap(), None);
        assert!(files.read(file.id, 0..1).await.unwrap().is_none());
        put(&*files, &file, 2, part_of(&whole, 2)).await.unwrap();
        for _ in 0..2 {
            files.complete(&file).await.unwrap();
            assert_eq!(files.size(file.id).await.unwrap(), Some(file.bytes));
            assert_eq!(files.parts(&file).await.unwrap(), [1, 2, 3]);
        }
        assert!(read(&*files, file.id, 0, file.bytes).await == whole);
        let (from, to) = (PART_BYTES - 2, PART_BYTES + 700_000);
        let range = usize::try_from(from).unwrap()..usize::try_from(to).unwrap();
        assert!(read(&*files, file.id, from, to).await == whole[range]);
        for _ in 0..2 {
            files.remove(file.id).await.unwrap();
            assert_eq!(
                (files.size(file.id).await.unwrap(), files.parts(&file).await.unwrap()),
                (None, vec![])
            );
        }
    }
}

#[tokio::test]
async fn a_part_of_another_length_or_hash_is_not_there() {
    let (all, _folder) = both();
    let whole = bytes_of(700_000);
    let file = attachment(&whole);
    for files in all {
        let mut other = whole.clone();
        other[650_000] ^= 1;
        assert!(matches!(put(&*files, &file, 1, &other).await, Err(FileError::WrongHash)));
        assert!(matches!(put(&*files, &file, 1, &whole[1..]).await, Err(FileError::WrongLength)));
        let longer = [&whole[..], &[0]].concat();
        assert!(matches!(put(&*files, &file, 1, &longer).await, Err(FileError::WrongLength)));
        let cut =
            stream::iter([Ok(Bytes::copy_from_slice(&whole[..9])), Err(io::Error::other("cut"))]).boxed();
        let cut = files.put_part(file.id, file.part(1).unwrap(), cut).await;
        assert!(matches!(cut, Err(FileError::Body(_))));
        assert_eq!(files.parts(&file).await.unwrap(), [0; 0]);
        put(&*files, &file, 1, &whole).await.unwrap();
        files.complete(&file).await.unwrap();
    }
}

#[tokio::test]
async fn a_whole_of_another_hash_is_removed() {
    let (all, _folder) = both();
    let whole = bytes_of(PART_BYTES + 1);
    let file = Attachment { sha256: [0; 32], ..attachment(&whole) };
    for files in all {
        for number in [1, 2] {
            put(&*files, &file, number, part_of(&whole, number)).await.unwrap();
        }
        assert!(matches!(files.complete(&file).await, Err(FileError::WrongHash)));
        assert_eq!(files.parts(&file).await.unwrap(), [0; 0]);
        assert_eq!(files.size(file.id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn what_is_there_survives_a_restart_and_a_part_under_way_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let whole = bytes_of(PART_BYTES + 1);
    let file = attachment(&whole);
    let files = LocalFiles::open(folder.path()).unwrap();
    put(&files, &file, 2, part_of(&whole, 2)).await.unwrap();
    let half = part_of(&whole, 1)[..5_000_000].to_vec();
    let never_ends = stream::iter([Ok(Bytes::from(half))]).chain(stream::pending()).boxed();
    let under_way = files.put_part(file.id, file.part(1).unwrap(), never_ends);
    let busy = async {
        // Until the first has its turn, this one may have it, with nothing to put.
        loop {
            match put(&files, &file, 1, &[]).await {
                Err(FileError::Busy) => return,
                other => assert!(matches!(other, Err(FileError::WrongLength)), "{other:?}"),
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        done = under_way => panic!("{done:?}"),
        () = busy => {}
    }
    drop(files);
    let files = LocalFiles::open(folder.path()).unwrap();
    assert_eq!(files.parts(&file).await.unwrap(), [2]);
    put(&files, &file, 1, part_of(&whole, 1)).await.unwrap();
    files.complete(&file).await.unwrap();
    assert!(read(&files, file.id, 0, file.bytes).await == whole);
}
