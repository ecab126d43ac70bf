//! What the way of a write costs: appends by many waiting senders, registers, tail reads, opening.
//!
//! `cargo bench -p dunlin-store-embedded --bench append -- [MESSAGES] [CHATS] [FOLDER]`; the defaults take
//! less than a minute. CPU time is that of the whole process, by thread from `/proc`.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use dunlin_model::clock::SeededRandomness;
use dunlin_model::{
    Body, ChatId, ClientSeq, Clock, DeviceId, DeviceNumber, Event, EventKind, Progress, Seq, Timestamp,
    UserId,
};
use dunlin_store::{Appended, Chats, ProgressRaise, Progresses};
use dunlin_store_embedded::{EmbeddedConfig, EmbeddedStore, LATENCY_BOUNDS_US};

const BODY_BYTES: usize = 200;
const WAITING: [u64; 4] = [1, 16, 64, 512];
const READS: u64 = 100_000;

struct RealClock(Instant);

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let messages = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(200_000_u64);
    let chats = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(20_000_u64);
    let folder = arguments.next().unwrap_or_else(|| ".".to_owned());
    let folder = tempfile::tempdir_in(folder).expect("the folder can be written to");
    println!("{messages} messages of {BODY_BYTES} bytes in {chats} chats for each line");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");

    let mut heads = vec![0; usize::try_from(chats).expect("chats fit in memory")];
    let store = open(folder.path());
    for waiting in WAITING {
        // A lone sender waits for each sync: fewer messages tell as much.
        let messages = if waiting == 1 { messages / 20 } else { messages };
        let measured = Measured::start(&store);
        runtime.block_on(append_all(&store, &mut heads, messages, waiting));
        measured.print(&store, &format!("append, {waiting} waiting"), messages);
    }
    let measured = Measured::start(&store);
    runtime.block_on(raise_all(&store, chats, messages));
    measured.print(&store, "raise progress, 64 waiting", messages);
    let measured = Measured::start(&store);
    let expiry = runtime.spawn(expire_all(Arc::clone(&store)));
    runtime.block_on(append_all(&store, &mut heads, messages, 64));
    expiry.abort();
    measured.print(&store, "append, 64 waiting, while bodies expire", messages);
    for count in [1, 10, 50] {
        let measured = Measured::start(&store);
        runtime.block_on(read_tails(&store, chats, &heads, count));
        measured.print(&store, &format!("read a tail of {count}"), READS);
    }

    println!("on disk: {} MiB", store.disk_bytes().unwrap_or_default() / 1024 / 1024);
    drop(store);
    let opening = Instant::now();
    let store = open(folder.path());
    println!("opening with {} events: {:.3} s", heads.iter().sum::<u64>(), opening.elapsed().as_secs_f64());
    let last = chats - 1;
    let head = runtime.block_on(store.heads(&[chat(last)])).expect("heads can be read");
    assert_eq!(head, [Seq(*heads.last().expect("there are chats"))]);
}

fn open(folder: &Path) -> Arc<EmbeddedStore> {
    let clock = Arc::new(RealClock(Instant::now()));
    let randomness = SeededRandomness::new(1);
    Arc::new(EmbeddedStore::open(folder, &EmbeddedConfig::default(), clock, &randomness).expect("it opens"))
}

fn chat(number: u64) -> ChatId {
    // Spread like real ids, which are random.
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&number.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_be_bytes());
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ChatId::from_bytes(bytes)
}

fn device(number: u64) -> DeviceId {
    DeviceId { user: UserId::from_bytes(*chat(number).as_bytes()), number: DeviceNumber(1) }
}

/// Sends as `waiting` senders do who each wait for the answer; sender n has the chats n, n + waiting, ….
async fn append_all(store: &Arc<EmbeddedStore>, heads: &mut [u64], messages: u64, waiting: u64) {
    let mut senders = Vec::new();
    for sender in 0..waiting {
        let store = Arc::clone(store);
        let mut own: Vec<(u64, u64)> = (sender..heads.len() as u64)
            .step_by(usize::try_from(waiting).expect("small"))
            .map(|number| (number, heads[usize::try_from(number).expect("small")]))
            .collect();
        let count = messages / waiting;
        senders.push(tokio::spawn(async move {
            for index in 0..count {
                let place = usize::try_from(index).expect("small") % own.len();
                let (number, head) = &mut own[place];
                *head += 1;
                let event = message(*number, *head);
                let appended = store.append(chat(*number), &event).await;
                assert_eq!(appended, Ok(Appended::Written));
            }
            own
        }));
    }
    for sender in senders {
        for (number, head) in sender.await.expect("a sender ends") {
            heads[usize::try_from(number).expect("small")] = head;
        }
    }
}

fn message(number: u64, head: u64) -> Event {
    let body: String = (0..BODY_BYTES)
        .map(|at| {
            let mixed = (number ^ head.rotate_left(20) ^ at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            char::from(b'a' + u8::try_from(mixed >> 59).unwrap_or(0) % 26)
        })
        .collect();
    Event {
        seq: Seq(head),
        time: Timestamp(1_790_000_000_000 + head),
        sender: device(number),
        client_seq: ClientSeq(head),
        kind: EventKind::Message { body: Body::Text(body), reply_to: None, attachments: Vec::new() },
        attestation: None,
    }
}

async fn raise_all(store: &Arc<EmbeddedStore>, chats: u64, raises: u64) {
    let next = Arc::new(AtomicU64::new(0));
    let mut raisers = Vec::new();
    for _ in 0..64 {
        let (store, next) = (Arc::clone(store), Arc::clone(&next));
        raisers.push(tokio::spawn(async move {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= raises {
                    return;
                }
                let number = index % chats;
                let progress = Progress { received: Seq(1 + index / chats), ..Progress::default() };
                let raise = ProgressRaise { chat: chat(number), device: device(number), progress };
                store.raise_progress(&[raise]).await.expect("it is raised");
            }
        }));
    }
    for raiser in raisers {
        raiser.await.expect("a raiser ends");
    }
}

async fn expire_all(store: Arc<EmbeddedStore>) {
    loop {
        let expiring = store.expiring_bodies(Timestamp(u64::MAX), 100).await.expect("expiry is read");
        for old in expiring {
            store.expire_bodies(old.chat, old.up_to).await.expect("bodies expire");
        }
    }
}

async fn read_tails(store: &EmbeddedStore, chats: u64, heads: &[u64], count: u64) {
    for index in 0..READS {
        let number = index.wrapping_mul(7_919) % chats;
        let head = heads[usize::try_from(number).expect("small")];
        let from = Seq((head + 1).saturating_sub(count).max(1));
        let events = store.read(chat(number), from, Seq(head), 50, 1 << 20).await.expect("it is read");
        assert_eq!(events.len() as u64, head - from.0 + 1);
    }
}

/// Counters at the beginning of a measurement.
struct Measured {
    began: Instant,
    cpu: BTreeMap<String, f64>,
    batches: u64,
    commits: [u64; LATENCY_BOUNDS_US.len() + 1],
    syncing: Duration,
}

impl Measured {
    fn start(store: &EmbeddedStore) -> Self {
        let stats = store.stats();
        Self {
            began: Instant::now(),
            cpu: cpu_seconds(),
            batches: stats.batches.load(Ordering::Relaxed),
            commits: stats.commit.counts(),
            syncing: stats.commit.sum(),
        }
    }

    fn print(&self, store: &EmbeddedStore, name: &str, count: u64) {
        let seconds = self.began.elapsed().as_secs_f64();
        let stats = store.stats();
        let cpu: Vec<(String, f64)> = cpu_seconds()
            .into_iter()
            .map(|(thread, cpu)| (thread.clone(), cpu - self.cpu.get(&thread).unwrap_or(&0.0)))
            .filter(|(_, cpu)| *cpu > 0.005)
            .collect();
        let total: f64 = cpu.iter().map(|(_, cpu)| cpu).sum();
        let threads: Vec<String> =
            cpu.iter().map(|(thread, cpu)| format!("{thread} {:.2} µs", cpu * 1e6 / count as f64)).collect();
        println!(
            "{name}: {:.0} a second, {:.0} a CPU-second ({:.2} µs each: {})",
            count as f64 / seconds,
            count as f64 / total,
            total * 1e6 / count as f64,
            threads.join(", ")
        );
        let batches = stats.batches.load(Ordering::Relaxed) - self.batches;
        if batches > 0 {
            let mut commits = stats.commit.counts();
            commits.iter_mut().zip(self.commits).for_each(|(now, before)| *now -= before);
            println!(
                "    {batches} batches of {:.1}; commit mean {:.3} ms, p50 ≤ {} µs, p99 ≤ {} µs",
                count as f64 / batches as f64,
                (stats.commit.sum() - self.syncing).as_secs_f64() * 1e3 / batches as f64,
                quantile(&commits, 0.5),
                quantile(&commits, 0.99)
            );
        }
    }
}

fn quantile(counts: &[u64], quantile: f64) -> String {
    let wanted = counts.iter().sum::<u64>() as f64 * quantile;
    let mut seen = 0;
    for (count, bound) in counts.iter().zip(LATENCY_BOUNDS_US) {
        seen += count;
        if seen as f64 >= wanted {
            return bound.to_string();
        }
    }
    "more".to_owned()
}

/// CPU time of the threads that live, by name (Linux; elsewhere nothing).
fn cpu_seconds() -> BTreeMap<String, f64> {
    let mut seconds = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        let spent = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        let nanoseconds: f64 =
            spent.split_whitespace().next().and_then(|text| text.parse().ok()).unwrap_or(0.0);
        *seconds.entry(name.trim().to_owned()).or_insert(0.0) += nanoseconds / 1e9;
    }
    seconds
}
