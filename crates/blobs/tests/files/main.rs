//! Attachments in memory, on the local disk and in an object store that speaks S3: what holds of each, and what is its own.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod local;
mod orphans;
mod s3;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use dunlin_blobs::{
    AttachmentFiles, BlobHash, ByteStream, FileError, Found, GrantKey, LocalFiles, MemoryFiles, Upload,
};
use dunlin_model::attachment::{PART_BYTES, UploadName};
use dunlin_model::{Attachment, AttachmentId, UserId};
use dunlin_testkit_s3::S3Server;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

pub(crate) fn bytes_of(length: u64) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect()
}

pub(crate) fn attachment(bytes: &[u8]) -> Attachment {
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

pub(crate) fn part_of(whole: &[u8], number: u32) -> &[u8] {
    whole.chunks(usize::try_from(PART_BYTES).unwrap()).nth(usize::try_from(number - 1).unwrap()).unwrap()
}

/// An upload as its owner sees it.
pub(crate) struct Uploading<'a> {
    pub(crate) files: &'a dyn AttachmentFiles,
    pub(crate) file: &'a Attachment,
    pub(crate) name: Option<UploadName>,
}

impl<'a> Uploading<'a> {
    pub(crate) async fn begin(files: &'a dyn AttachmentFiles, file: &'a Attachment) -> Self {
        let name = files.begin(file).await.unwrap();
        assert_eq!(name.is_some(), files.names_uploads(file));
        Self { files, file, name }
    }

    pub(crate) fn upload(&self) -> Upload<'_> {
        Upload { attachment: self.file, name: self.name.as_ref() }
    }

    /// Puts a part, here or by the request that is signed for it.
    pub(crate) async fn put(&self, number: u32, bytes: &[u8]) -> Result<(), String> {
        let part = self.file.part(number).unwrap();
        if let Some(here) = self.files.here() {
            return here.put_part(self.file.id, part, body(bytes)).await.map_err(|error| error.to_string());
        }
        s3::put(&self.files.to_put(self.upload(), &part, s3::now()), bytes).await
    }

    pub(crate) async fn there(&self) -> Vec<u32> {
        self.files.progress(self.upload()).await.unwrap().there
    }

    /// Some of the complete file's bytes.
    pub(crate) async fn read(&self, from: u64, to: u64) -> Vec<u8> {
        if let Some(here) = self.files.here() {
            let pieces = here.read(self.file.id, from..to).await.unwrap().unwrap();
            return pieces.try_collect::<Vec<Bytes>>().await.unwrap().concat();
        }
        let request = self.files.to_get(self.file.id, self.file.bytes, s3::now());
        s3::get(&request, Some((from, to))).await.unwrap().1
    }
}

/// Each kind of storage, empty.
pub(crate) struct Storages {
    pub(crate) all: Vec<Arc<dyn AttachmentFiles>>,
    pub(crate) folder: tempfile::TempDir,
    pub(crate) server: S3Server,
}

pub(crate) fn storages() -> Storages {
    let (folder, server) = (tempfile::tempdir().unwrap(), S3Server::start());
    let local = LocalFiles::open(&folder.path().join("attachments"), GrantKey::new([7; 32])).unwrap();
    let all: Vec<Arc<dyn AttachmentFiles>> =
        vec![Arc::new(local), Arc::new(MemoryFiles::default()), Arc::new(s3::files(&server))];
    Storages { all, folder, server }
}

#[tokio::test]
async fn a_file_is_there_once_all_its_parts_are_in_any_order() {
    let whole = bytes_of(2 * PART_BYTES + 5);
    let file = attachment(&whole);
    let storages = storages();
    for files in &storages.all {
        let upload = Uploading::begin(&**files, &file).await;
        for number in [3, 1] {
            upload.put(number, part_of(&whole, number)).await.unwrap();
        }
        assert_eq!(upload.there().await, [1, 3]);
        assert!(matches!(files.complete(upload.upload()).await, Err(FileError::Incomplete)));
        assert_eq!(files.found(&file).await.unwrap(), Found::Missing);
        upload.put(2, part_of(&whole, 2)).await.unwrap();
        for _ in 0..2 {
            files.complete(upload.upload()).await.unwrap();
            assert_eq!(files.found(&file).await.unwrap(), Found::Whole);
            assert_eq!(upload.there().await, [1, 2, 3]);
        }
        assert!(files.progress(upload.upload()).await.unwrap().complete);
        assert!(upload.read(0, file.bytes).await == whole);
        let (from, to) = (PART_BYTES - 2, PART_BYTES + 700_000);
        let range = usize::try_from(from).unwrap()..usize::try_from(to).unwrap();
        assert!(upload.read(from, to).await == whole[range]);
        if let Some(name) = &upload.name {
            files.abandon(file.id, name).await.unwrap();
        }
        assert_eq!(files.found(&file).await.unwrap(), Found::Whole, "a complete upload cannot be ended");
        for _ in 0..2 {
            files.remove(file.id).await.unwrap();
            assert_eq!(files.found(&file).await.unwrap(), Found::Missing);
        }
    }
}

#[tokio::test]
async fn what_has_one_part_is_complete_or_becomes_so() {
    let whole = bytes_of(700_000);
    let file = attachment(&whole);
    let storages = storages();
    for files in &storages.all {
        let upload = Uploading::begin(&**files, &file).await;
        assert_eq!(upload.there().await, [0; 0]);
        assert!(matches!(files.complete(upload.upload()).await, Err(FileError::Incomplete)));
        upload.put(1, &whole).await.unwrap();
        assert_eq!(upload.there().await, [1]);
        for _ in 0..2 {
            files.complete(upload.upload()).await.unwrap();
        }
        let longer = Attachment { bytes: file.bytes + 1, ..file.clone() };
        assert_eq!(files.found(&longer).await.unwrap(), Found::WrongLength);
        assert!(upload.read(0, file.bytes).await == whole);
    }
}

#[tokio::test]
async fn a_part_of_another_length_or_hash_is_not_there() {
    // One that is simply put, and one that is put in parts.
    for length in [700_000, PART_BYTES + 700_000] {
        let whole = bytes_of(length);
        let file = attachment(&whole);
        let storages = storages();
        for files in &storages.all {
            let upload = Uploading::begin(&**files, &file).await;
            let number = u32::try_from(file.parts.len()).unwrap();
            let part = part_of(&whole, number);
            let mut other = part.to_vec();
            other[650_000] ^= 1;
            upload.put(number, &other).await.unwrap_err();
            upload.put(number, &part[1..]).await.unwrap_err();
            upload.put(number, &[part, &[0]].concat()).await.unwrap_err();
            assert_eq!(upload.there().await, [0; 0]);
            upload.put(number, part).await.unwrap();
            assert_eq!(upload.there().await, [number]);
        }
    }
}

/// As it is on the local disk, where the whole is read once; of an object store see `s3.rs`.
#[tokio::test]
async fn a_whole_of_another_hash_is_removed() {
    let whole = bytes_of(PART_BYTES + 1);
    let file = Attachment { sha256: [0; 32], ..attachment(&whole) };
    let storages = storages();
    for files in storages.all.iter().filter(|files| files.here().is_some()) {
        let upload = Uploading::begin(&**files, &file).await;
        for number in [1, 2] {
            upload.put(number, part_of(&whole, number)).await.unwrap();
        }
        assert!(matches!(files.complete(upload.upload()).await, Err(FileError::WrongHash)));
        assert_eq!(upload.there().await, [0; 0]);
        assert_eq!(files.found(&file).await.unwrap(), Found::Missing);
    }
}
