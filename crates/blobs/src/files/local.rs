//! Attachments as files of a directory on the local disk, in folders by two characters of their id.
//!
//! Parts are written at their place in one file, `<id>.parts/data`, and an empty file of its number says that one is
//! there. The complete file has the id as its name.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use dunlin_model::{Attachment, AttachmentId, AttachmentPart};
use futures_util::{StreamExt as _, stream};
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use super::{AttachmentFiles, ByteStream, FileError};

/// Bytes read or written at a time: all of a file that is ever in memory.
const PIECE_BYTES: usize = 256 * 1024;
/// Stands for the whole file where numbers of parts stand.
const WHOLE: u32 = 0;

/// Files of a directory. Only one process may use it at a time.
#[derive(Debug, Clone)]
pub struct LocalFiles {
    inner: Arc<Inner>,
}

#[derive(Debug)]
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
    hash: Sha256,
    left: u64,
    turn: Turn,
}

impl PartWriter {
    fn write(mut self, piece: &[u8]) -> Result<Self, FileError> {
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(length).ok_or(FileError::WrongLength)?;
        self.hash.update(piece);
        self.file.write_all(piece).map_err(FileError::Unavailable)?;
        Ok(self)
    }

    /// The bytes are durable before it is said that they are there.
    fn finish(self, part: &AttachmentPart) -> Result<(), FileError> {
        if self.left > 0 {
            return Err(FileError::WrongLength);
        }
        if <[u8; 32]>::from(self.hash.finalize()) != part.sha256 {
            return Err(FileError::WrongHash);
        }
        self.file.sync_data().map_err(FileError::Unavailable)?;
        self.turn.inner.mark(self.turn.place).map_err(FileError::Unavailable)
    }
}

impl LocalFiles {
    /// Opens the files in `folder`, or makes the directory. Blocks: call it before serving.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        Ok(Self { inner: Arc::new(Inner { folder: folder.to_owned(), busy: Mutex::default() }) })
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
        // From the part that is drawn at random: the beginning is the time.
        self.folder.join(name.get(20..22).unwrap_or_default()).join(name)
    }

    fn parts_folder(&self, id: AttachmentId) -> PathBuf {
        self.path(id).with_extension("parts")
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
        Ok(Some(PartWriter { file, hash: Sha256::new(), left: part.bytes, turn }))
    }

    fn mark(&self, (id, number): (AttachmentId, u32)) -> io::Result<()> {
        let folder = self.parts_folder(id);
        File::create(folder.join(number.to_string()))?.sync_all()?;
        sync_folder(&folder)
    }

    fn parts(&self, attachment: &Attachment) -> Vec<u32> {
        let (id, all) = (attachment.id, attachment.parts().map(|part| part.number));
        if self.path(id).exists() {
            return all.collect();
        }
        let folder = self.parts_folder(id);
        all.filter(|number| folder.join(number.to_string()).exists()).collect()
    }

    fn complete(self: &Arc<Self>, attachment: &Attachment) -> Result<(), FileError> {
        let _turn = self.turn(attachment.id, WHOLE)?;
        let (path, folder) = (self.path(attachment.id), self.parts_folder(attachment.id));
        if !path.exists() {
            if self.parts(attachment).len() != attachment.parts.len() {
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

    async fn parts(&self, attachment: &Attachment) -> Result<Vec<u32>, FileError> {
        let attachment = attachment.clone();
        self.blocking(move |inner| Ok(inner.parts(&attachment))).await
    }

    async fn complete(&self, attachment: &Attachment) -> Result<(), FileError> {
        let attachment = attachment.clone();
        self.blocking(move |inner| inner.complete(&attachment)).await
    }

    async fn size(&self, id: AttachmentId) -> Result<Option<u64>, FileError> {
        self.blocking(move |inner| match fs::metadata(inner.path(id)) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(FileError::Unavailable(error)),
        })
        .await
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

    async fn remove(&self, id: AttachmentId) -> Result<(), FileError> {
        self.blocking(move |inner| inner.remove(id).map_err(FileError::Unavailable)).await
    }
}
