//! Attachments as files of a directory on the local disk, in folders by two characters of their id.
//!
//! Parts are written at their place in one file, `<id>.parts/data`, and an empty file of its number says that one is
//! there. The complete file has the id as its name.

use std::collections::{BTreeSet, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use dunlin_model::{Attachment, AttachmentId, AttachmentPart, Timestamp};
use futures_util::{StreamExt as _, stream};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::arriving::Arriving;
use super::{
    AttachmentFiles, ByteStream, FileError, FileGrant, FilesHere, Found, Listed, Progress, SignedRequest,
    Stored, Upload,
};
use crate::GrantKey;

/// Bytes read or written at a time: all of a file that is ever in memory.
const PIECE_BYTES: usize = 256 * 1024;
/// Stands for the whole file where numbers of parts stand.
const WHOLE: u32 = 0;

/// What the folder of an upload is called after its attachment.
const PARTS: &str = ".parts";

/// Files of a directory. Only one process may use it at a time.
#[derive(Clone)]
pub struct LocalFiles {
    inner: Arc<Inner>,
    key: Arc<GrantKey>,
}

struct Inner {
    folder: PathBuf,
    /// Parts that are being written now; `WHOLE` for a file that is being completed.
    busy: Mutex<HashSet<(AttachmentId, u32)>>,
}

/// Ends, when dropped, that nobody else may write a part.
struct Turn {
    inner: Arc<Inner>,
    place: (AttachmentId, u32),
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.inner.busy.lock().remove(&self.place);
    }
}

/// A part on its way to the disk. Holds the turn, so that a write that outlives the request that asked for it
/// still comes before anyone else's.
struct PartWriter {
    file: File,
    arriving: Arriving,
    turn: Turn,
}

impl PartWriter {
    fn write(mut self, piece: &[u8]) -> Result<Self, FileError> {
        self.arriving.take(piece)?;
        self.file.write_all(piece).map_err(FileError::Unavailable)?;
        Ok(self)
    }

    /// The bytes are durable before it is said that they are there.
    fn finish(self, part: &AttachmentPart) -> Result<(), FileError> {
        self.arriving.finish(part)?;
        self.file.sync_data().map_err(FileError::Unavailable)?;
        self.turn.inner.mark(self.turn.place).map_err(FileError::Unavailable)
    }
}

impl LocalFiles {
    /// Opens the files in `folder`, or makes the directory; `key` signs their addresses. Blocks: call it before serving.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn open(folder: &Path, key: GrantKey) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let inner = Inner { folder: folder.to_owned(), busy: Mutex::default() };
        Ok(Self { inner: Arc::new(inner), key: Arc::new(key) })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Arc<Inner>) -> Result<T, FileError> + Send + 'static,
    ) -> Result<T, FileError> {
        let inner = Arc::clone(&self.inner);
        off(move || work(&inner)).await
    }
}

async fn off<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(FileError::Unavailable(io::Error::other(error))))
}

impl Inner {
    fn path(&self, id: AttachmentId) -> PathBuf {
        let name = id.to_string();
        self.folder.join(group(&name)).join(name)
    }

    fn parts_folder(&self, id: AttachmentId) -> PathBuf {
        self.path(id).with_extension(PARTS.trim_start_matches('.'))
    }

    fn data(&self, id: AttachmentId) -> PathBuf {
        self.parts_folder(id).join("data")
    }

    fn turn(self: &Arc<Self>, id: AttachmentId, number: u32) -> Result<Turn, FileError> {
        let mut busy = self.busy.lock();
        let is_free = match number {
            WHOLE => !busy.iter().any(|(of, _)| *of == id),
            _ => !busy.contains(&(id, WHOLE)),
        };
        if !is_free || !busy.insert((id, number)) {
            return Err(FileError::Busy);
        }
        Ok(Turn { inner: Arc::clone(self), place: (id, number) })
    }

    /// `None` when the part is there already.
    fn begin(
        self: &Arc<Self>,
        id: AttachmentId,
        part: &AttachmentPart,
    ) -> Result<Option<PartWriter>, FileError> {
        let turn = self.turn(id, part.number)?;
        let folder = self.parts_folder(id);
        if self.path(id).exists() || folder.join(part.number.to_string()).exists() {
            return Ok(None);
        }
        let open = || {
            fs::create_dir_all(&folder)?;
            let mut file = OpenOptions::new().create(true).truncate(false).write(true).open(self.data(id))?;
            file.seek(SeekFrom::Start(part.offset))?;
            Ok(file)
        };
        let file = open().map_err(FileError::Unavailable)?;
        Ok(Some(PartWriter { file, arriving: Arriving::new(part), turn }))
    }

    fn mark(&self, (id, number): (AttachmentId, u32)) -> io::Result<()> {
        let folder = self.parts_folder(id);
        File::create(folder.join(number.to_string()))?.sync_all()?;
        sync_folder(&folder)
    }

    fn progress(&self, attachment: &Attachment) -> Progress {
        if self.path(attachment.id).exists() {
            return Progress::complete(attachment);
        }
        let folder = self.parts_folder(attachment.id);
        let all = attachment.parts().map(|part| part.number);
        Progress {
            complete: false,
            there: all.filter(|part| folder.join(part.to_string()).exists()).collect(),
        }
    }

    /// In the order of their folders, then of their ids.
    fn list(&self, after: Option<AttachmentId>, limit: usize) -> io::Result<Listed> {
        let after = after.map(|after| after.to_string()).map(|name| (group(&name).to_owned(), name));
        // A file system, and a file manager, leave things of their own at the top.
        let is_group = |name: &String| group_like(name) && self.folder.join(name).is_dir();
        let folders = names(&self.folder)?.into_iter().filter(is_group);
        let mut stored = Vec::new();
        for folder in folders.filter(|name| after.as_ref().is_none_or(|(last, _)| last <= name)) {
            let within = names(&self.folder.join(&folder))?.into_iter();
            let ids: BTreeSet<String> =
                within.map(|name| name.strip_suffix(PARTS).unwrap_or(&name).to_owned()).collect();
            let is_next = |id: &&String| {
                after.as_ref().is_none_or(|(in_folder, last)| *in_folder < folder || last < *id)
            };
            let ids = ids.iter().filter(is_next).filter_map(|id| id.parse().ok());
            stored.extend(ids.map(|id| Stored { id, upload: None }));
            if stored.len() >= limit {
                stored.truncate(limit);
                return Ok(Listed { next: stored.last().map(|last| last.id), stored });
            }
        }
        Ok(Listed { stored, next: None })
    }

    fn complete(self: &Arc<Self>, attachment: &Attachment) -> Result<(), FileError> {
        let _turn = self.turn(attachment.id, WHOLE)?;
        let (path, folder) = (self.path(attachment.id), self.parts_folder(attachment.id));
        if !path.exists() {
            if self.progress(attachment).there.len() != attachment.parts.len() {
                return Err(FileError::Incomplete);
            }
            let data = self.data(attachment.id);
            let found = fs::metadata(&data).map_err(FileError::Unavailable)?.len();
            if found != attachment.bytes
                || hash_of(&data).map_err(FileError::Unavailable)? != attachment.sha256
            {
                fs::remove_dir_all(&folder).map_err(FileError::Unavailable)?;
                return Err(FileError::WrongHash);
            }
            let place = || {
                fs::rename(&data, &path)?;
                sync_folder(path.parent().unwrap_or(&self.folder))?;
                sync_folder(&self.folder)
            };
            place().map_err(FileError::Unavailable)?;
        }
        remove_folder(&folder).map_err(FileError::Unavailable)
    }

    fn remove(&self, id: AttachmentId) -> io::Result<()> {
        remove_folder(&self.parts_folder(id))?;
        match fs::remove_file(self.path(id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The folder of an attachment: from the part of its name that is drawn at random, since the beginning is the time.
fn group(name: &str) -> &str {
    name.get(20..22).unwrap_or_default()
}

/// Whether a name could be that of such a folder.
fn group_like(name: &str) -> bool {
    name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The names in a directory, in order; of one that is not there none.
fn names(folder: &Path) -> io::Result<BTreeSet<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries?,
    };
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn hash_of(path: &Path) -> io::Result<[u8; 32]> {
    let (mut file, mut hash, mut piece) = (File::open(path)?, Sha256::new(), vec![0; PIECE_BYTES]);
    loop {
        let count = file.read(&mut piece)?;
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else {
            return Ok(hash.finalize().into());
        };
        hash.update(read);
    }
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes names in a directory durable. Where directories cannot be opened (Windows), renaming does.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

/// The next piece of a file, and the file with what is left of the range.
fn next_piece(mut file: File, left: u64) -> io::Result<(Bytes, (File, u64))> {
    let mut piece = vec![0; usize::try_from(left).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES))];
    file.read_exact(&mut piece)?;
    let left = left - piece.len() as u64;
    Ok((piece.into(), (file, left)))
}

#[async_trait]
impl AttachmentFiles for LocalFiles {
    async fn progress(&self, upload: Upload<'_>) -> Result<Progress, FileError> {
        let attachment = upload.attachment.clone();
        self.blocking(move |inner| Ok(inner.progress(&attachment))).await
    }

    fn to_put(&self, upload: Upload<'_>, part: &AttachmentPart, now: Timestamp) -> SignedRequest {
        FileGrant::to_put(upload.attachment.id, *part, now).request(&self.key)
    }

    async fn complete(&self, upload: Upload<'_>) -> Result<(), FileError> {
        let attachment = upload.attachment.clone();
        self.blocking(move |inner| inner.complete(&attachment)).await
    }

    /// The hash was checked when the file was completed.
    async fn found(&self, attachment: &Attachment) -> Result<Found, FileError> {
        let (id, bytes) = (attachment.id, attachment.bytes);
        self.blocking(move |inner| match fs::metadata(inner.path(id)) {
            Ok(found) if found.len() == bytes => Ok(Found::Whole),
            Ok(_) => Ok(Found::WrongLength),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Missing),
            Err(error) => Err(FileError::Unavailable(error)),
        })
        .await
    }

    fn to_get(&self, id: AttachmentId, bytes: u64, now: Timestamp) -> SignedRequest {
        FileGrant::to_get(id, bytes, now).request(&self.key)
    }

    async fn remove(&self, id: AttachmentId) -> Result<(), FileError> {
        self.blocking(move |inner| inner.remove(id).map_err(FileError::Unavailable)).await
    }

    async fn list(&self, after: Option<AttachmentId>, limit: usize) -> Result<Listed, FileError> {
        self.blocking(move |inner| inner.list(after, limit).map_err(FileError::Unavailable)).await
    }

    fn here(&self) -> Option<&dyn FilesHere> {
        Some(self)
    }
}

#[async_trait]
impl FilesHere for LocalFiles {
    fn key(&self) -> &GrantKey {
        &self.key
    }

    async fn put_part(
        &self,
        id: AttachmentId,
        part: AttachmentPart,
        mut body: ByteStream,
    ) -> Result<(), FileError> {
        let begun = self.blocking(move |inner| inner.begin(id, &part)).await?;
        let Some(mut writer) = begun else { return Ok(()) };
        let mut waiting = Vec::with_capacity(PIECE_BYTES);
        while let Some(piece) = body.next().await {
            waiting.extend_from_slice(&piece.map_err(FileError::Body)?);
            if waiting.len() >= PIECE_BYTES {
                let full = std::mem::replace(&mut waiting, Vec::with_capacity(PIECE_BYTES));
                writer = off(move || writer.write(&full)).await?;
            }
        }
        off(move || writer.write(&waiting)?.finish(&part)).await
    }

    async fn read(&self, id: AttachmentId, range: Range<u64>) -> Result<Option<ByteStream>, FileError> {
        let opened = self.blocking(move |inner| match File::open(inner.path(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            opened => {
                let mut file = opened.map_err(FileError::Unavailable)?;
                file.seek(SeekFrom::Start(range.start)).map_err(FileError::Unavailable)?;
                Ok(Some((file, range.end.saturating_sub(range.start))))
            }
        });
        let Some(begun) = opened.await? else { return Ok(None) };
        let pieces = stream::try_unfold(begun, |(file, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let reading = tokio::task::spawn_blocking(move || next_piece(file, left));
            reading.await.map_err(io::Error::other)?.map(Some)
        });
        Ok(Some(pieces.boxed()))
    }
}
