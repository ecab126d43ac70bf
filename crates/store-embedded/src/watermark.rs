//! The durable watermark: the number of the newest batch that was acknowledged, in a small file of its own.
//!
//! Every batch carries its number in a row; before anyone hears of the batch its number is written here too.
//! A store whose rows end below it, or that has a hole, lost something, and is not opened. The write goes to
//! the operating system only, one small write a batch, so it survives the end of the process; to disk it goes in
//! the background every 200 ms. That is enough: after a power cut the engine's own syncs keep what was
//! acknowledged, and the watermark, at worst 200 ms old, only guards against damage.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use dunlin_model::Timestamp;
use parking_lot::{Condvar, Mutex};

use crate::config::WATERMARK_SYNC_INTERVAL;

const RECORD_BYTES: usize = 24;
/// Records alternate between two sectors, so that a torn write leaves the one before.
const SLOT_BYTES: u64 = 512;

/// What was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Acknowledged {
    pub(crate) number: u64,
    pub(crate) at: Timestamp,
}

impl Acknowledged {
    fn to_bytes(self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..8].copy_from_slice(&self.number.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.at.0.to_le_bytes());
        let check = check(&bytes[..16]).to_le_bytes();
        bytes[16..].copy_from_slice(&check);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (chunks, _) = bytes.as_chunks::<8>();
        let [number, at, stored] = chunks else { return None };
        if check(bytes.get(..16)?) != u64::from_le_bytes(*stored) {
            return None;
        }
        Some(Self { number: u64::from_le_bytes(*number), at: Timestamp(u64::from_le_bytes(*at)) })
    }
}

/// FNV-1a, enough to tell a record from a torn or flipped one.
fn check(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3)
    })
}

/// The newest record in the file; `None` when there is no file.
pub(crate) fn read(path: &Path) -> io::Result<Option<Acknowledged>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let slot = |index: u64| {
        let start = usize::try_from(index * SLOT_BYTES).ok()?;
        Acknowledged::from_bytes(bytes.get(start..start + RECORD_BYTES)?)
    };
    match slot(0).into_iter().chain(slot(1)).max_by_key(|record| record.number) {
        Some(newest) => Ok(Some(newest)),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "neither of its two records is whole")),
    }
}

/// Makes the file anew, synced.
pub(crate) fn create(path: &Path, acknowledged: Acknowledged) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut bytes = vec![0; usize::try_from(SLOT_BYTES).unwrap_or(512) + RECORD_BYTES];
    let record = acknowledged.to_bytes();
    for start in [0, bytes.len() - RECORD_BYTES] {
        bytes[start..start + RECORD_BYTES].copy_from_slice(&record);
    }
    std::fs::write(&new, bytes)?;
    File::open(&new)?.sync_all()?;
    std::fs::rename(&new, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

/// The open file, and the thread that syncs it.
pub(crate) struct Watermark {
    shared: Arc<Shared>,
    syncer: Option<JoinHandle<()>>,
}

struct Shared {
    file: File,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    dirty: bool,
    closing: bool,
}

impl Watermark {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).open(path)?;
        let shared = Arc::new(Shared { file, state: Mutex::default(), wake: Condvar::new() });
        let for_syncer = Arc::clone(&shared);
        let syncer = std::thread::Builder::new()
            .name("dunlin-watermark".to_owned())
            .spawn(move || sync(&for_syncer))?;
        Ok(Self { shared, syncer: Some(syncer) })
    }

    /// Notes what is about to be acknowledged.
    pub(crate) fn note(&self, acknowledged: Acknowledged) -> io::Result<()> {
        write_at(&self.shared.file, &acknowledged.to_bytes(), acknowledged.number % 2 * SLOT_BYTES)?;
        let mut state = self.shared.state.lock();
        if !state.dirty {
            state.dirty = true;
            self.shared.wake.notify_one();
        }
        Ok(())
    }
}

impl Drop for Watermark {
    fn drop(&mut self) {
        self.shared.state.lock().closing = true;
        self.shared.wake.notify_one();
        if let Some(syncer) = self.syncer.take() {
            let _ = syncer.join();
        }
    }
}

/// Sleeps while nothing changes; after a change waits one interval, so that many share one sync.
fn sync(shared: &Shared) {
    loop {
        let mut state = shared.state.lock();
        while !state.dirty && !state.closing {
            shared.wake.wait(&mut state);
        }
        if !state.closing {
            shared.wake.wait_for(&mut state, WATERMARK_SYNC_INTERVAL);
        }
        let closing = state.closing;
        state.dirty = false;
        drop(state);
        if let Err(error) = shared.file.sync_data() {
            tracing::error!(%error, "the watermark of the embedded store could not be synced");
        }
        if closing {
            return;
        }
    }
}

#[cfg(unix)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::windows::fs::FileExt::seek_write(file, bytes, offset).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_whole_record_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("acknowledged");
        assert_eq!(read(&path).unwrap(), None);
        create(&path, Acknowledged::default()).unwrap();
        let watermark = Watermark::open(&path).unwrap();
        for number in 1..=5 {
            watermark.note(Acknowledged { number, at: Timestamp(number * 10) }).unwrap();
        }
        drop(watermark);
        assert_eq!(read(&path).unwrap(), Some(Acknowledged { number: 5, at: Timestamp(50) }));

        let mut bytes = std::fs::read(&path).unwrap();
        bytes[512] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(read(&path).unwrap().map(|record| record.number), Some(4), "the record of 5 is torn");
        bytes[0] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(read(&path).is_err());
    }
}
