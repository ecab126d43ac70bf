//! Blobs as files of a directory on the local disk, in 256 folders by the first byte of their hash.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{BlobError, BlobHash, Blobs};

/// Where files are written before they have their name; what is left there by a crash is removed at opening.
const UNFINISHED: &str = "unfinished";

/// Blobs in a directory. Only one process may use it at a time.
#[derive(Debug, Clone)]
pub struct LocalBlobs {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    bytes_max: usize,
    /// Numbers the files under way.
    next: AtomicU64,
}

impl LocalBlobs {
    /// Opens the blobs in `folder`, or makes the directory. Blocks: call it before serving.
    ///
    /// # Errors
    /// When the directory cannot be made or written.
    pub fn open(folder: &Path, bytes_max: usize) -> io::Result<Self> {
        let unfinished = folder.join(UNFINISHED);
        match fs::remove_dir_all(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&unfinished)?,
        }
        let inner = Inner { folder: folder.to_owned(), bytes_max, next: AtomicU64::new(0) };
        Ok(Self { inner: Arc::new(inner) })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, BlobError> + Send + 'static,
    ) -> Result<T, BlobError> {
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || work(&inner))
            .await
            .unwrap_or_else(|error| Err(BlobError::Unavailable(io::Error::other(error))))
    }
}

impl Inner {
    fn path(&self, hash: BlobHash) -> PathBuf {
        let name = hash.to_string();
        let (folder, _) = name.split_at(2);
        self.folder.join(folder).join(&name)
    }

    fn put(&self, hash: BlobHash, bytes: &[u8]) -> Result<(), BlobError> {
        if bytes.len() > self.bytes_max {
            return Err(BlobError::TooLarge { limit: self.bytes_max });
        }
        if BlobHash::of(bytes) != hash {
            return Err(BlobError::WrongHash);
        }
        // What is damaged on disk is put anew: hence read, and not only found.
        if matches!(self.get(hash), Ok(Some(_))) {
            return Ok(());
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.folder.join(UNFINISHED).join(number.to_string());
        let written = self.write(&unfinished, &self.path(hash), bytes);
        if written.is_err() {
            // The error that is told is the first one.
            let _ = fs::remove_file(&unfinished);
        }
        written.map_err(BlobError::Unavailable)
    }

    /// The content is synced before it has its name, and the name before anyone hears of it.
    fn write(&self, unfinished: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(unfinished)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        let folder = path.parent().unwrap_or(&self.folder);
        if !folder.exists() {
            fs::create_dir_all(folder)?;
            sync_folder(&self.folder)?;
        }
        fs::rename(unfinished, path)?;
        sync_folder(folder)
    }

    fn get(&self, hash: BlobHash) -> Result<Option<Bytes>, BlobError> {
        let file = match File::open(self.path(hash)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(BlobError::Unavailable)?,
        };
        let mut bytes = Vec::new();
        // A file that is longer than any blob is not read to its end.
        let limit = u64::try_from(self.bytes_max).unwrap_or(u64::MAX).saturating_add(1);
        file.take(limit).read_to_end(&mut bytes).map_err(BlobError::Unavailable)?;
        if BlobHash::of(&bytes) == hash { Ok(Some(bytes.into())) } else { Err(BlobError::Damaged(hash)) }
    }

    fn size(&self, hash: BlobHash) -> Result<Option<u64>, BlobError> {
        match fs::metadata(self.path(hash)) {
            Ok(found) => Ok(Some(found.len())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(BlobError::Unavailable(error)),
        }
    }
}

/// Makes names in a directory durable. Where directories cannot be opened (Windows), renaming does.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[async_trait]
impl Blobs for LocalBlobs {
    fn bytes_max(&self) -> usize {
        self.inner.bytes_max
    }

    async fn put(&self, hash: BlobHash, bytes: Bytes) -> Result<(), BlobError> {
        self.blocking(move |inner| inner.put(hash, &bytes)).await
    }

    async fn get(&self, hash: BlobHash) -> Result<Option<Bytes>, BlobError> {
        self.blocking(move |inner| inner.get(hash)).await
    }

    async fn size(&self, hash: BlobHash) -> Result<Option<u64>, BlobError> {
        self.blocking(move |inner| inner.size(hash)).await
    }
}
