//! The one thread that writes. It takes the first write that waits, then everything else that waits, commits
//! all of it with one sync, answers, and looks again: while it syncs, the next batch gathers. Batches begin a
//! moment apart, so that under load more share a sync; a lone write waits for nothing. After a failed commit
//! nothing is written any more: whether that batch is on disk nobody
//! knows (`Uncertain`), and what comes later is refused (`Unavailable`).

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use dunlin_model::Clock;
use dunlin_store::StoreError;
use tokio::sync::{mpsc, watch};

use crate::cache::Generations;
use crate::config::{BATCHES_PER_MEMTABLE_MAX, COMMIT_INTERVAL, EmbeddedConfig};
use crate::engine::Engine;
use crate::marks::MarksCache;
use crate::numbering;
use crate::operation::Operation;
use crate::staging::{Registers, Staged, Staging};
use crate::stats::{StoreStats, add};
use crate::watermark::{Acknowledged, Watermark};

/// What the writer works with.
pub(crate) struct Writer {
    pub(crate) engine: Engine,
    pub(crate) marks: Arc<MarksCache>,
    pub(crate) stats: Arc<StoreStats>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) watermark: Watermark,
    /// The number of the newest batch in the store.
    pub(crate) number: u64,
    pub(crate) failure: watch::Sender<Option<String>>,
}

impl Writer {
    /// Starts the thread. It ends when the queue is closed and everything in it is written.
    pub(crate) fn start(
        self,
        queue: mpsc::Receiver<Operation>,
        config: &EmbeddedConfig,
    ) -> std::io::Result<JoinHandle<()>> {
        let limits = (config.batch_writes_max.max(1), config.batch_bytes_max);
        let registers = Generations::new(config.registers_cached_max);
        std::thread::Builder::new().name("dunlin-writer".to_owned()).spawn(move || {
            let mut alarm = Alarm { failure: self.failure.clone() };
            self.run(queue, registers, limits, &mut alarm);
        })
    }

    fn run(
        mut self,
        mut queue: mpsc::Receiver<Operation>,
        mut registers: Registers,
        (writes_max, bytes_max): (usize, usize),
        alarm: &mut Alarm,
    ) {
        let mut committed_at = None;
        while let Some(first) = queue.blocking_recv() {
            let now = self.clock.monotonic();
            if let Some(rest) = rest_of_interval(committed_at, now) {
                std::thread::sleep(rest);
            }
            committed_at = Some(self.clock.monotonic());
            let engine = self.engine.clone();
            let marks = Arc::clone(&self.marks);
            let mut staging = Staging::new(&engine, &marks, &mut registers);
            staging.add(first);
            let mut writes = 1;
            while writes < writes_max && staging.bytes < bytes_max {
                let Ok(next) = queue.try_recv() else { break };
                staging.add(next);
                writes += 1;
            }
            add(&self.stats.writes, writes);
            let (bytes, appended) = (staging.bytes, staging.appended);
            if let Err(reason) = self.commit(staging.finish(), bytes, appended) {
                alarm.raise(&reason);
                refuse_all(queue, &reason);
                return;
            }
        }
    }

    fn commit(&mut self, staged: Staged, bytes: usize, appended: usize) -> Result<(), String> {
        let Staged { mut changes, marks, settled } = staged;
        if !changes.is_empty() {
            let rows = changes.len();
            let record = Acknowledged { number: self.number + 1, at: self.clock.now() };
            changes.push(numbering::row(record));
            let started = self.clock.monotonic();
            let committed = self.engine.commit(changes).and_then(|()| {
                // Before anyone hears of the batch, so that its loss would be noticed.
                self.watermark
                    .note(record)
                    .map_err(|error| format!("the watermark cannot be written: {error}"))
            });
            if let Err(reason) = committed {
                for answer in settled {
                    answer.answer(Err(StoreError::Uncertain(reason.clone())));
                }
                return Err(reason);
            }
            self.number = record.number;
            self.stats.commit.record(self.clock.monotonic().saturating_sub(started));
            add(&self.stats.batches, 1);
            add(&self.stats.rows, rows);
            add(&self.stats.bytes, bytes);
            add(&self.stats.appended, appended);
            // Before the answers: whoever hears of an append finds the head.
            for (chat, marks) in marks {
                self.marks.publish(chat, marks);
            }
        }
        for answer in settled {
            answer.answer(Ok(()));
        }
        if self.number.is_multiple_of(BATCHES_PER_MEMTABLE_MAX) {
            self.engine.rotate()?;
        }
        Ok(())
    }
}

/// What is left of [`COMMIT_INTERVAL`] since the last batch began.
fn rest_of_interval(began: Option<Duration>, now: Duration) -> Option<Duration> {
    COMMIT_INTERVAL.checked_sub(now.saturating_sub(began?))
}

/// Makes the end of writing known, also when the thread panics.
struct Alarm {
    failure: watch::Sender<Option<String>>,
}

impl Alarm {
    fn raise(&mut self, reason: &str) {
        tracing::error!(reason, "the embedded store cannot write any more");
        self.failure.send_replace(Some(reason.to_owned()));
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.raise("the writer's thread panicked");
        }
    }
}

fn refuse_all(mut queue: mpsc::Receiver<Operation>, reason: &str) {
    queue.close();
    while let Some(operation) = queue.blocking_recv() {
        operation.refuse(StoreError::Unavailable(reason.to_owned()));
    }
}
