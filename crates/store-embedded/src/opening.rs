//! Opening: one process, one format, nothing lost.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use dunlin_model::{Clock, Randomness};
use dunlin_store::StoreError;

use crate::config::{BATCHES_REMEMBERED, EmbeddedConfig};
use crate::engine::Engine;
use crate::numbering::{self, Missing, Numbers};
use crate::watermark::{self, Acknowledged, Watermark};
use crate::{keys, rows};

/// The format that this code writes, as it stands in the file `FORMAT`.
const FORMAT: &str = "dunlin embedded store 1\n";

/// Bytes copied at once when journals are kept.
const COPY_CHUNK_BYTES: usize = 256 * 1024;

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("the store in {0} is in use by another process")]
    InUse(PathBuf),
    /// Made by another version of Dunlin, or not a store at all.
    #[error("{path} is not a store that this version can read: {reason}")]
    Format {
        /// The directory.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// Writes that had been acknowledged are gone.
    #[error(
        "the store in {path} has lost what it had acknowledged: {missing}. Its journal or its tables were \
         damaged or put back. Restore a backup; or open it once with accept_loss, as a restored store, so \
         that clients send again what they have. What the engine's journals held is kept in {kept}"
    )]
    Lost {
        /// The directory.
        path: PathBuf,
        /// What is missing.
        missing: Missing,
        /// Copies of the journals as they were found.
        kept: PathBuf,
    },
    /// The engine found damage, or failed.
    #[error("the engine cannot open {path}: {reason}")]
    Engine {
        /// The engine's directory.
        path: PathBuf,
        /// What it says.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A store that was found whole.
pub(crate) struct Opened {
    pub(crate) engine: Engine,
    pub(crate) watermark: Watermark,
    /// The number of the newest batch.
    pub(crate) number: u64,
    /// Held while the store is open.
    pub(crate) lock: File,
}

pub(crate) fn open(
    folder: &Path,
    config: &EmbeddedConfig,
    clock: &dyn Clock,
    randomness: &dyn Randomness,
) -> Result<Opened, OpenError> {
    fs::create_dir_all(folder).map_err(in_file(folder))?;
    let lock = lock(folder)?;
    let engine_folder = folder.join("engine");
    check_format(folder, &engine_folder)?;
    let watermark_path = folder.join("acknowledged");
    let acknowledged = read_watermark(folder, &watermark_path, &engine_folder, config)?;
    let kept = folder.join("journals-before-opening");
    keep_journals(&engine_folder, &kept).map_err(in_file(&kept))?;
    let engine_error = |reason: String| OpenError::Engine { path: engine_folder.clone(), reason };
    let engine = open_engine(&engine_folder, config).map_err(engine_error)?;
    let read_error = |error: StoreError| engine_error(error.to_string());
    let numbers = Numbers::read(&engine).map_err(read_error)?;
    let missing = numbers.missing(acknowledged);
    if let Some(missing) = missing {
        if !config.accept_loss {
            return Err(OpenError::Lost { path: folder.to_owned(), missing, kept });
        }
        tracing::warn!(%missing, "opening a store that lost acknowledged writes, as told to");
    } else if config.accept_loss {
        tracing::warn!("opening a store that lacks nothing that it knows of as a restored one, as told to");
    }
    let mut number = numbers.newest();
    let made = engine.get(&keys::incarnation()).map_err(read_error)?.is_some();
    // Whether an older copy was put back with its own `acknowledged` cannot be told: whoever opens it says so.
    if !made || config.accept_loss {
        number = number.max(acknowledged.number) + 1;
        let record = Acknowledged { number, at: clock.now() };
        begin(&engine, &numbers.gaps(acknowledged), record, randomness).map_err(engine_error)?;
        watermark::create(&watermark_path, record).map_err(in_file(&watermark_path))?;
    }
    remove_folder(&kept).map_err(in_file(&kept))?;
    let watermark = Watermark::open(&watermark_path).map_err(in_file(&watermark_path))?;
    Ok(Opened { engine, watermark, number, lock })
}

/// What was acknowledged; nothing, for whoever accepts the loss, if the file is gone.
fn read_watermark(
    folder: &Path,
    path: &Path,
    engine_folder: &Path,
    config: &EmbeddedConfig,
) -> Result<Acknowledged, OpenError> {
    if let Some(acknowledged) = watermark::read(path).map_err(in_file(path))? {
        return Ok(acknowledged);
    }
    let is_gone = engine_folder.exists();
    if is_gone && !config.accept_loss {
        return Err(OpenError::Format {
            path: folder.to_owned(),
            reason: "the file `acknowledged` is missing, so whether writes were lost cannot be told"
                .to_owned(),
        });
    }
    if !is_gone {
        // Before the engine's folder, so that a store without this file is never a new one.
        watermark::create(path, Acknowledged::default()).map_err(in_file(path))?;
    }
    Ok(Acknowledged::default())
}

/// Some damage makes the engine panic (it asserts what it replays); here that is a refusal like any other.
fn open_engine(folder: &Path, config: &EmbeddedConfig) -> Result<Engine, String> {
    match catch_unwind(AssertUnwindSafe(|| Engine::open(folder, config.cache_bytes))) {
        Ok(opened) => opened.map_err(|error| error.to_string()),
        Err(_) => Err("it panicked while replaying its journals, which are damaged".to_owned()),
    }
}

/// Gives the store a new incarnation; the numbers given up for lost no longer count as missing.
fn begin(
    engine: &Engine,
    given_up: &[u64],
    record: Acknowledged,
    randomness: &dyn Randomness,
) -> Result<(), String> {
    let mut incarnation = [0; 8];
    randomness.fill(&mut incarnation);
    let mut changes = vec![(keys::incarnation(), Some(rows::numbers([u64::from_le_bytes(incarnation)])))];
    // The slot of the new number belongs to it alone.
    let given_up = given_up.iter().filter(|number| **number + BATCHES_REMEMBERED > record.number);
    changes.extend(given_up.map(|number| numbering::row(Acknowledged { number: *number, at: record.at })));
    changes.push(numbering::row(record));
    engine.commit(changes)
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("LOCK");
    let file =
        OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(in_file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
        Err(TryLockError::Error(source)) => Err(OpenError::Io { path, source }),
    }
}

fn check_format(folder: &Path, engine_folder: &Path) -> Result<(), OpenError> {
    let path = folder.join("FORMAT");
    match fs::read_to_string(&path) {
        Ok(text) if text == FORMAT => Ok(()),
        Ok(text) => Err(OpenError::Format {
            path: folder.to_owned(),
            reason: format!("its format is {:?}, this version reads {:?}", text.trim(), FORMAT.trim()),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !engine_folder.exists() => {
            fs::write(&path, FORMAT).map_err(in_file(&path))?;
            File::open(&path).and_then(|file| file.sync_all()).map_err(in_file(&path))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(OpenError::Format {
            path: folder.to_owned(),
            reason: "the file `FORMAT` is missing".to_owned(),
        }),
        Err(source) => Err(OpenError::Io { path, source }),
    }
}

/// Copies the journals before the engine replays them: where it finds damage it cuts them off there, and what
/// stood behind the damage would be gone for good. The copies go when the store was found whole. Copies that
/// an earlier refusal left stay as they are.
fn keep_journals(engine_folder: &Path, kept: &Path) -> io::Result<()> {
    if !engine_folder.exists() || kept.exists() {
        return Ok(());
    }
    let unfinished = kept.with_extension("unfinished");
    remove_folder(&unfinished)?;
    fs::create_dir_all(&unfinished)?;
    for entry in fs::read_dir(engine_folder)? {
        let path = entry?.path();
        if let (Some("jnl"), Some(name)) = (path.extension().and_then(|ext| ext.to_str()), path.file_name()) {
            copy_sparse(&path, &unfinished.join(name))?;
        }
    }
    fs::rename(&unfinished, kept)
}

/// Journals are laid out in advance, so most of a young one is a hole.
fn copy_sparse(from: &Path, to: &Path) -> io::Result<()> {
    let (mut from, mut to) = (File::open(from)?, File::create(to)?);
    let mut chunk = vec![0; COPY_CHUNK_BYTES];
    let mut length = 0;
    loop {
        let read = from.read(&mut chunk)?;
        let bytes = chunk.get(..read).unwrap_or_default();
        if bytes.is_empty() {
            return to.set_len(length);
        }
        if bytes.iter().any(|byte| *byte != 0) {
            to.seek(io::SeekFrom::Start(length))?;
            to.write_all(bytes)?;
        }
        length += read as u64;
    }
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn in_file(path: &Path) -> impl FnOnce(io::Error) -> OpenError + use<> {
    let path = path.to_owned();
    move |source| OpenError::Io { path, source }
}
