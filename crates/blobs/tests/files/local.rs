//! The local disk.

use std::io;

use bytes::Bytes;
use dunlin_blobs::{AttachmentFiles as _, FileError, FilesHere as _, GrantKey, LocalFiles};
use dunlin_model::Attachment;
use dunlin_model::attachment::PART_BYTES;
use futures_util::{StreamExt as _, stream};

use crate::{Uploading, attachment, body, bytes_of, part_of};

async fn put(files: &LocalFiles, file: &Attachment, number: u32, bytes: &[u8]) -> Result<(), FileError> {
    files.put_part(file.id, file.part(number).unwrap(), body(bytes)).await
}

#[tokio::test]
async fn why_a_part_is_not_taken_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let files = LocalFiles::open(folder.path(), GrantKey::new([7; 32])).unwrap();
    let whole = bytes_of(700_000);
    let file = attachment(&whole);
    let mut other = whole.clone();
    other[650_000] ^= 1;
    assert!(matches!(put(&files, &file, 1, &other).await, Err(FileError::WrongHash)));
    assert!(matches!(put(&files, &file, 1, &whole[1..]).await, Err(FileError::WrongLength)));
    let longer = [&whole[..], &[0]].concat();
    assert!(matches!(put(&files, &file, 1, &longer).await, Err(FileError::WrongLength)));
    let cut = stream::iter([Ok(Bytes::copy_from_slice(&whole[..9])), Err(io::Error::other("cut"))]).boxed();
    let cut = files.put_part(file.id, file.part(1).unwrap(), cut).await;
    assert!(matches!(cut, Err(FileError::Body(_))));
    assert_eq!(Uploading::begin(&files, &file).await.there().await, [0; 0]);
}

#[tokio::test]
async fn what_is_there_survives_a_restart_and_a_part_under_way_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let open = || LocalFiles::open(folder.path(), GrantKey::new([7; 32])).unwrap();
    let whole = bytes_of(PART_BYTES + 1);
    let file = attachment(&whole);
    let files = open();
    put(&files, &file, 2, part_of(&whole, 2)).await.unwrap();
    let half = part_of(&whole, 1)[..5_000_000].to_vec();
    // Whoever has the turn first: this one takes it, sooner or later.
    let under_way = async {
        loop {
            let never_ends = stream::iter([Ok(Bytes::from(half.clone()))]).chain(stream::pending()).boxed();
            match files.put_part(file.id, file.part(1).unwrap(), never_ends).await {
                Err(FileError::Busy) => tokio::task::yield_now().await,
                done => return done,
            }
        }
    };
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
    let files = open();
    let upload = Uploading::begin(&files, &file).await;
    assert_eq!(upload.there().await, [2]);
    upload.put(1, part_of(&whole, 1)).await.unwrap();
    files.complete(upload.upload()).await.unwrap();
    assert!(upload.read(0, file.bytes).await == whole);
}
