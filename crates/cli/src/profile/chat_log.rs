//! What was received of a chat: a file of JSON lines, only appended to, synced before `received` is said.
//!
//! The store of this terminal client until the client core brings its own. Lines are padded so that the text
//! of a message deleted for everyone can be overwritten where it stands. Readers take whole lines only, so a
//! line torn by a crash is nothing, and the next writer cuts it off.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use dunlin_model::view::{SkipReason, Skipped};
use dunlin_model::{BodyGone, Event, EventKind, Seq};
use serde::{Deserialize, Serialize};

use super::FileLock;
use super::files::{open_private, sync_dir};
use crate::failure::{Failure, Result};

/// Bytes by which a deleted body may be longer than what it replaces.
const DELETED_BODY_BYTES: usize = 24;
/// Bytes at the end of a file that are looked at first for its last entry.
const TAIL_BYTES: u64 = 64 * 1024;

/// One line of a chat's file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Entry {
    /// An event.
    Event(Event),
    /// A range that this device does not get.
    Skipped {
        /// First place.
        from: Seq,
        /// Last place.
        to: Seq,
        /// Why.
        reason: SkipWord,
    },
    /// The user deleted this message for themselves.
    Hidden(Seq),
}

/// [`SkipReason`] as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SkipWord {
    /// From before joining, or while not a member.
    NotEntitled,
    /// Removed after the retention time.
    Expired,
    /// Deleted by the reader for themselves.
    Hidden,
}

impl From<SkipReason> for SkipWord {
    fn from(reason: SkipReason) -> Self {
        match reason {
            SkipReason::NotEntitled => Self::NotEntitled,
            SkipReason::Expired => Self::Expired,
            SkipReason::Hidden => Self::Hidden,
        }
    }
}

impl Entry {
    /// The entry of a skipped range.
    pub(crate) fn skipped(range: Skipped) -> Self {
        Self::Skipped { from: range.from, to: range.to, reason: range.reason.into() }
    }

    /// The places it covers; `None` for what has no place of its own.
    pub(crate) fn places(&self) -> Option<(Seq, Seq)> {
        match self {
            Self::Event(event) => Some((event.seq, event.seq)),
            Self::Skipped { from, to, .. } => Some((*from, *to)),
            Self::Hidden(_) => None,
        }
    }
}

/// Places between what is stored and what arrived are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    /// What was stored last.
    pub(crate) last: Seq,
    /// What came next.
    pub(crate) next: Seq,
}

/// The file of one chat.
#[derive(Debug, Clone)]
pub(crate) struct ChatLog {
    path: PathBuf,
}

impl ChatLog {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// The last place that is stored, zero when there is none.
    pub(crate) fn last(&self) -> Result<Seq> {
        match File::open(&self.path) {
            Ok(mut file) => last_place(&mut file).map_err(|error| self.failure(&error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Seq::ZERO),
            Err(error) => Err(self.failure(&error)),
        }
    }

    /// Stores entries, durably. What is stored already is left out; `Gap` tells of what is missing before.
    pub(crate) fn append(&self, entries: &[Entry]) -> Result<std::result::Result<Seq, Gap>> {
        let _lock = FileLock::take(&self.path.with_extension("lock"))?;
        self.append_locked(entries).map_err(|error| self.failure(&error))
    }

    fn append_locked(&self, entries: &[Entry]) -> io::Result<std::result::Result<Seq, Gap>> {
        let is_new = !self.path.exists();
        let mut file =
            open_private(&self.path, OpenOptions::new().create(true).truncate(false).read(true).write(true))?;
        cut_torn_line(&mut file)?;
        let mut last = last_place(&mut file)?;
        let mut lines = Vec::new();
        let mut deleted = BTreeSet::new();
        for entry in entries {
            if let Some((from, to)) = entry.places() {
                if to <= last {
                    continue;
                }
                // A device that was linked later starts where it was linked.
                if from > last.next() && last > Seq::ZERO {
                    return Ok(Err(Gap { last, next: from }));
                }
                last = to;
            }
            if let Entry::Event(Event { kind: EventKind::MessageDeleted { target }, .. }) = entry {
                deleted.insert(*target);
            }
            write_line(&mut lines, entry)?;
        }
        file.seek(SeekFrom::End(0))?;
        file.write_all(&lines)?;
        if !deleted.is_empty() {
            empty_bodies(&mut file, &deleted)?;
        }
        file.sync_data()?;
        if is_new {
            sync_dir(&self.path)?;
        }
        Ok(Ok(last))
    }

    /// Reads from the start.
    pub(crate) fn reader(&self) -> LogReader {
        LogReader { path: self.path.clone(), offset: 0 }
    }

    fn failure(&self, error: &io::Error) -> Failure {
        Failure::file(&self.path, error)
    }
}

/// Reads a chat's file while it grows, whoever writes it.
#[derive(Debug)]
pub(crate) struct LogReader {
    path: PathBuf,
    offset: u64,
}

impl LogReader {
    /// The entries that came since the last call.
    pub(crate) fn more(&mut self) -> Result<Vec<Entry>> {
        read_from(&self.path, &mut self.offset).map_err(|error| Failure::file(&self.path, &error))
    }
}

fn read_from(path: &Path, offset: &mut u64) -> io::Result<Vec<Entry>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    if file.metadata()?.len() <= *offset {
        return Ok(Vec::new());
    }
    file.seek(SeekFrom::Start(*offset))?;
    let mut reader = BufReader::new(file);
    let mut entries = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let bytes = reader.read_until(b'\n', &mut line)?;
        if line.last() != Some(&b'\n') {
            return Ok(entries); // Not a whole line, or none: it is read when it is whole.
        }
        *offset += bytes as u64;
        entries.extend(serde_json::from_slice(&line).ok());
    }
}

/// Writes one line, with room for a deleted body.
fn write_line(out: &mut Vec<u8>, entry: &Entry) -> io::Result<()> {
    serde_json::to_writer(&mut *out, entry)?;
    if matches!(entry, Entry::Event(event) if event.is_message()) {
        out.resize(out.len() + DELETED_BODY_BYTES, b' ');
    }
    out.push(b'\n');
    Ok(())
}

/// Cuts off what a crash left of a line that was being written.
fn cut_torn_line(file: &mut File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let whole = end_of_last_line(file, length)?;
    if whole < length { file.set_len(whole) } else { Ok(()) }
}

/// Where the last whole line of the first `length` bytes ends.
fn end_of_last_line(file: &mut File, length: u64) -> io::Result<u64> {
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(TAIL_BYTES);
        let part = read_range(file, start, end)?;
        if let Some(at) = part.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// The last place in the file, found from its end.
fn last_place(file: &mut File) -> io::Result<Seq> {
    let length = file.metadata()?.len();
    let mut end = end_of_last_line(file, length)?;
    while end > 0 {
        let start = end_of_last_line(file, end - 1)?;
        let line = read_range(file, start, end)?;
        if let Some((_, to)) = serde_json::from_slice::<Entry>(&line).ok().and_then(|entry| entry.places()) {
            return Ok(to);
        }
        end = start;
    }
    Ok(Seq::ZERO)
}

fn read_range(file: &mut File, start: u64, end: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    Read::by_ref(file).take(end - start).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Overwrites the bodies of deleted messages where they stand.
fn empty_bodies(file: &mut File, deleted: &BTreeSet<Seq>) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    let mut found = Vec::new();
    let mut offset = 0_u64;
    for line in BufReader::new(&mut *file).split(b'\n') {
        let line = line?;
        let length = line.len();
        if let Ok(Entry::Event(mut event)) = serde_json::from_slice::<Entry>(&line)
            && deleted.contains(&event.seq)
            && event.is_message()
        {
            event.empty_body(BodyGone::Deleted);
            let mut emptied = serde_json::to_vec(&Entry::Event(event))?;
            if emptied.len() <= length {
                emptied.resize(length, b' ');
                found.push((offset, emptied));
            }
        }
        offset += length as u64 + 1;
    }
    for (offset, emptied) in found {
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(&emptied)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use dunlin_model::{Body, ClientSeq, DeviceId, DeviceNumber, Timestamp, UserId};

    use super::*;

    fn event(seq: u64, kind: EventKind) -> Entry {
        let sender = DeviceId { user: UserId::from_bytes([1; 16]), number: DeviceNumber(1) };
        Entry::Event(Event {
            seq: Seq(seq),
            time: Timestamp(seq),
            sender,
            client_seq: ClientSeq(seq),
            kind,
            attestation: None,
        })
    }

    fn message(seq: u64, text: &str) -> Entry {
        event(
            seq,
            EventKind::Message { body: Body::Text(text.into()), reply_to: None, attachments: Vec::new() },
        )
    }

    fn log_in(dir: &tempfile::TempDir) -> ChatLog {
        ChatLog::new(dir.path().join("chat.jsonl"))
    }

    #[test]
    fn entries_come_back_once_and_in_order_however_often_they_arrive() {
        let dir = tempfile::tempdir().unwrap();
        let log = log_in(&dir);
        let first = [message(1, "a"), message(2, "b")];
        assert_eq!(log.append(&first).unwrap(), Ok(Seq(2)));
        let again = [message(1, "a"), message(2, "b"), message(3, "c")];
        assert_eq!(log.append(&again).unwrap(), Ok(Seq(3)));
        assert_eq!(log.last().unwrap(), Seq(3));
        assert_eq!(log.reader().more().unwrap(), again);
    }

    #[test]
    fn a_gap_is_noticed_and_nothing_behind_it_is_stored() {
        let dir = tempfile::tempdir().unwrap();
        let log = log_in(&dir);
        log.append(&[message(5, "the device was linked here")]).unwrap().unwrap();
        assert_eq!(log.append(&[message(7, "x")]).unwrap(), Err(Gap { last: Seq(5), next: Seq(7) }));
        let range = Skipped { from: Seq(6), to: Seq(9), reason: SkipReason::Expired };
        assert_eq!(log.append(&[Entry::skipped(range), message(10, "x")]).unwrap(), Ok(Seq(10)));
    }

    #[test]
    fn a_line_torn_by_a_crash_is_cut_off_and_written_again() {
        let dir = tempfile::tempdir().unwrap();
        let log = log_in(&dir);
        log.append(&[message(1, "a"), message(2, &"long ".repeat(40_000))]).unwrap().unwrap();
        let mut file = OpenOptions::new().append(true).open(&log.path).unwrap();
        file.write_all(b"{\"event\":{\"seq\":3").unwrap();
        assert_eq!(log.last().unwrap(), Seq(2));
        assert_eq!(log.reader().more().unwrap().len(), 2);
        log.append(&[message(3, "c")]).unwrap().unwrap();
        assert_eq!(log.reader().more().unwrap().len(), 3);
    }

    #[test]
    fn a_reader_goes_on_where_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let log = log_in(&dir);
        let mut reader = log.reader();
        assert_eq!(reader.more().unwrap(), []);
        log.append(&[message(1, "a")]).unwrap().unwrap();
        assert_eq!(reader.more().unwrap(), [message(1, "a")]);
        log.append(&[Entry::Hidden(Seq(1))]).unwrap().unwrap();
        assert_eq!(reader.more().unwrap(), [Entry::Hidden(Seq(1))]);
        assert_eq!(log.last().unwrap(), Seq(1));
    }

    #[test]
    fn a_message_deleted_for_everyone_leaves_no_text_in_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let log = log_in(&dir);
        log.append(&[message(1, "s3cret"), message(2, "stays")]).unwrap().unwrap();
        log.append(&[event(3, EventKind::MessageDeleted { target: Seq(1) })]).unwrap().unwrap();
        assert!(!std::fs::read_to_string(&log.path).unwrap().contains("s3cret"));
        let entries = log.reader().more().unwrap();
        assert_eq!(entries.len(), 3);
        assert_eq!(entries[1], message(2, "stays"));
        assert!(matches!(&entries[0], Entry::Event(event) if event.seq == Seq(1)));
    }
}
