//! Blobs as files of a directory on the local disk, in 256 folders by the first byte of their hash. Beside a blob
//! stands, for each chat that it is for, a small file of its name, a full stop and the chat's id.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use dunlin_model::ChatId;
use parking_lot::Mutex;

use crate::{BlobError, BlobHash, Blobs, Holder};

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
    /// Held while it is read and written which chats a blob is for.
    holding: Mutex<()>,
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
        let inner = Inner {
            folder: folder.to_owned(),
            bytes_max,
            next: AtomicU64::new(0),
            holding: Mutex::default(),
        };
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
        self.put_file(&self.path(hash), bytes).map_err(BlobError::Unavailable)
    }

    /// Puts a file at its place, whole or not at all.
    fn put_file(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.folder.join(UNFINISHED).join(number.to_string());
        let written = self.write(&unfinished, path, bytes);
        if written.is_err() {
            // The error that is told is the first one.
            let _ = fs::remove_file(&unfinished);
        }
        written
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

impl Inner {
    fn holder_path(&self, hash: BlobHash, chat: ChatId) -> PathBuf {
        self.path(hash).with_extension(chat.to_string())
    }

    fn hold(&self, hash: BlobHash, holder: Holder) -> io::Result<()> {
        let _held = self.holding.lock();
        let before = self.holder(hash, holder.chat)?;
        let holder = before.map_or(holder, |before| before.merge(holder));
        self.put_file(&self.holder_path(hash, holder.chat), &holder.to_bytes())
    }

    fn holder(&self, hash: BlobHash, chat: ChatId) -> io::Result<Option<Holder>> {
        let bytes = match fs::read(self.holder_path(hash, chat)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let damaged = || io::Error::other("who holds a blob cannot be read");
        Holder::from_bytes(chat, &bytes).ok_or_else(damaged).map(Some)
    }

    /// The names of the files of one folder: of blobs, and of chats that hold them.
    fn names(&self, folder: u8) -> io::Result<Vec<(BlobHash, Option<ChatId>)>> {
        let folder = self.folder.join(data_encoding::HEXLOWER.encode(&[folder]));
        let files = match fs::read_dir(folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            files => files?,
        };
        let mut names = Vec::new();
        for file in files {
            let name = file?.file_name();
            let Some(name) = name.to_str() else { continue };
            let (hash, chat) = name.split_once('.').map_or((name, None), |(hash, chat)| (hash, Some(chat)));
            // What is not ours is left alone.
            let Ok(hash) = hash.parse() else { continue };
            match chat.map(str::parse) {
                None => names.push((hash, None)),
                Some(Ok(chat)) => names.push((hash, Some(chat))),
                Some(Err(_)) => {}
            }
        }
        Ok(names)
    }

    fn holders(&self, hash: BlobHash) -> io::Result<Vec<Holder>> {
        let _held = self.holding.lock();
        let [first, ..] = hash.0;
        let mut holders = Vec::new();
        for (of, chat) in self.names(first)? {
            if let Some(chat) = chat.filter(|_| of == hash) {
                holders.extend(self.holder(hash, chat)?);
            }
        }
        Ok(holders)
    }

    fn list(&self, after: Option<BlobHash>, limit: usize) -> io::Result<Vec<BlobHash>> {
        let first = after.map_or(0, |BlobHash([first, ..])| first);
        let mut found = BTreeSet::new();
        for folder in first..=u8::MAX {
            let hashes = self.names(folder)?.into_iter().map(|(hash, _)| hash);
            found.extend(hashes.filter(|hash| after.is_none_or(|after| *hash > after)));
            if found.len() >= limit {
                break;
            }
        }
        Ok(found.into_iter().take(limit).collect())
    }

    fn let_go(&self, hash: BlobHash, holder: Holder) -> io::Result<bool> {
        let _held = self.holding.lock();
        let ([first, ..], chat) = (hash.0, holder.chat);
        if self.holder(hash, chat)?.is_some_and(|now| now.held != holder.held) {
            return Ok(false);
        }
        let others =
            self.names(first)?.into_iter().any(|(of, by)| of == hash && by.is_some_and(|by| by != chat));
        // The blob first: after a crash in between the chat still holds it, and lets go of it again.
        let removed = !others && remove_if_there(&self.path(hash))?;
        remove_if_there(&self.holder_path(hash, chat))?;
        Ok(removed)
    }
}

fn remove_if_there(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed.map(|()| true),
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

    async fn hold(&self, hash: BlobHash, holder: Holder) -> Result<(), BlobError> {
        self.blocking(move |inner| inner.hold(hash, holder).map_err(BlobError::Unavailable)).await
    }

    async fn holders(&self, hash: BlobHash) -> Result<Vec<Holder>, BlobError> {
        self.blocking(move |inner| inner.holders(hash).map_err(BlobError::Unavailable)).await
    }

    async fn list(&self, after: Option<BlobHash>, limit: usize) -> Result<Vec<BlobHash>, BlobError> {
        self.blocking(move |inner| inner.list(after, limit).map_err(BlobError::Unavailable)).await
    }

    async fn let_go(&self, hash: BlobHash, holder: Holder) -> Result<bool, BlobError> {
        self.blocking(move |inner| inner.let_go(hash, holder).map_err(BlobError::Unavailable)).await
    }
}
