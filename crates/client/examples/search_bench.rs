//! Indexes 100,000 synthetic messages in memory and prints what searches cost: CPU time, rows and bytes read.
//! `cargo run --release -p dunlin-client --example search_bench`

#![expect(clippy::unwrap_used, reason = "a measurement ends by panicking")]

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use dunlin_client::search::{self, Message, Query, Rows};
use dunlin_client::{Batch, Key, Order, Value};
use dunlin_model::{ChatId, Seq, Timestamp};
use rustix::time::{ClockId, clock_gettime};

const MESSAGES: u64 = 100_000;
const CHATS: u64 = 50;
const VOCABULARY: u64 = 50_000;
const WORDS_PER_MESSAGE: u64 = 20;
const RUNS: u32 = 20;

#[derive(Default)]
struct Vault {
    rows: BTreeMap<Key, Value>,
    rows_read: Cell<u64>,
    bytes_read: Cell<u64>,
}

impl Rows for Vault {
    fn get(&self, key: &[u8]) -> Option<Value> {
        let value = self.rows.get(key).cloned();
        self.rows_read.set(self.rows_read.get() + 1);
        self.bytes_read.set(self.bytes_read.get() + value.as_ref().map_or(0, |value| value.len() as u64));
        value
    }

    fn scan(&self, from: &[u8], until: &[u8], order: Order, limit: usize) -> Vec<(Key, Value)> {
        self.rows.scan(from, until, order, limit)
    }
}

/// Repeatable numbers (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Few words are common and most are rare: the logarithm of a rank is even, as Zipf's law has it.
    fn rank(&mut self) -> u64 {
        let bits = self.next() % VOCABULARY.ilog2() as u64 + 1;
        self.next() % (1 << bits)
    }
}

/// A word of two to five syllables that belongs to the rank.
fn word(rank: u64) -> String {
    const SYLLABLES: [&str; 16] =
        ["ka", "lo", "mi", "ren", "su", "ta", "vel", "do", "ni", "pra", "ge", "hul", "ba", "te", "or", "xi"];
    let mut numbers = Numbers(rank);
    let count = 2 + rank.checked_ilog2().unwrap_or_default() / 5;
    (0..count).map(|_| SYLLABLES[usize::try_from(numbers.next() % 16).unwrap()]).collect()
}

fn cpu_time() -> Duration {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap())
}

fn chat(number: u64) -> ChatId {
    ChatId::from_bytes([u8::try_from(number).unwrap(); 16])
}

fn fill(vault: &mut Vault) {
    let mut numbers = Numbers(1);
    let (mut written_rows, mut written_bytes, mut slowest) = (0, 0, Duration::ZERO);
    let mut spent = Duration::ZERO;
    for n in 1..=MESSAGES {
        // Half of the messages are in a fifth of the chats.
        let of = if numbers.next().is_multiple_of(2) { CHATS / 5 } else { CHATS };
        let message = Message { chat: chat(numbers.next() % of), seq: Seq(n), sent: Timestamp(1_000 * n) };
        let text: String = (0..WORDS_PER_MESSAGE).map(|_| word(numbers.rank()) + " ").collect();
        let mut batch = Batch::default();
        let before = cpu_time();
        search::add(vault, &mut batch, &message, &text).unwrap();
        let took = cpu_time().saturating_sub(before);
        spent += took;
        slowest = slowest.max(took);
        for (key, value) in batch {
            written_rows += 1;
            written_bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            match value {
                Some(value) => drop(vault.rows.insert(key, value)),
                None => drop(vault.rows.remove(&key)),
            }
        }
    }
    let held: usize = vault.rows.iter().map(|(key, value)| key.len() + value.len()).sum();
    println!("{MESSAGES} messages of {WORDS_PER_MESSAGE} words in {CHATS} chats");
    println!(
        "indexing: {:.1} us CPU each, the slowest {slowest:.1?}",
        spent.as_secs_f64() * 1e6 / MESSAGES as f64
    );
    println!(
        "written: {:.2} rows and {} bytes each",
        written_rows as f64 / MESSAGES as f64,
        written_bytes as u64 / MESSAGES
    );
    println!("held: {} rows, {} bytes for each message", vault.rows.len(), held as u64 / MESSAGES);
}

fn measure(vault: &Vault, what: &str, text: &str, chat: Option<ChatId>, limit: usize) {
    let query = Query { text, chat, limit };
    vault.rows_read.set(0);
    vault.bytes_read.set(0);
    let hits = search::find(vault, &query).unwrap().len();
    let (rows, bytes) = (vault.rows_read.get(), vault.bytes_read.get());
    let before = cpu_time();
    for _ in 0..RUNS {
        search::find(vault, &query).unwrap();
    }
    let took = cpu_time().saturating_sub(before) / RUNS;
    println!("{what:38} {text:24} {hits:5} hits {took:>10.1?} {rows:5} rows {:6} KiB", bytes / 1_024);
}

fn main() {
    let mut vault = Vault::default();
    fill(&mut vault);
    let (common, middling, rare) = (word(3), word(2_000), word(31_000));
    measure(&vault, "two letters", "ka", None, 50);
    measure(&vault, "two letters, most hits", "ka", None, 1_000);
    measure(&vault, "two letters, one quiet chat", "ka", Some(chat(40)), 50);
    measure(&vault, "two letters, one quiet chat, all hits", "ka", Some(chat(40)), 1_000);
    measure(&vault, "a common word", &common, None, 50);
    measure(&vault, "a middling word", &middling, None, 50);
    measure(&vault, "a rare word", &rare, None, 50);
    measure(&vault, "no such word", "zzz", None, 50);
    measure(&vault, "two common words", &format!("{common} {}", word(5)), None, 50);
    measure(&vault, "common and rare", &format!("{common} {rare}"), None, 50);
    measure(&vault, "three beginnings, few have all", &format!("ka lo {}", &rare[..4]), None, 50);
    measure(&vault, "ten beginnings of two letters", "ka lo mi re su ta ve do ni pr", None, 50);
}
