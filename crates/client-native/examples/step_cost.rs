//! What one message costs a device from end to end, in CPU time: the whole step of the core, for the sender and for
//! the recipient, with the rows in memory and in the vault's file.
//! `cargo run --release -p dunlin-client-native --example step_cost [ROUNDS]`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a measurement fails by panicking")]

#[expect(dead_code, reason = "tests use the rest")]
#[expect(unused_imports, reason = "tests use the rest")]
#[path = "../../client/tests/core/world/mod.rs"]
mod world;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use dunlin_client::content::Content;
use dunlin_client::{Action, Batch, Client, Effects, Input, Key, Order, Rows, UserCommand, Value};
use dunlin_client_native::SystemRandomness;
use dunlin_client_native::vault::{Direction, KdfCost, KeyRange, Passphrase, Unlock, Vault};
use dunlin_model::{ChatId, Timestamp};
use dunlin_wire::{ClientFrame, Command, ServerFrame};

use world::{Cryptography, World};

/// People in a chat, one device each.
const SIZES: [u8; 2] = [2, 100];
/// Messages before those that count.
const WARM_UP: u32 = 50;

/// Where a device keeps its rows.
enum Store {
    Memory(BTreeMap<Key, Value>),
    File(Box<Vault>),
}

impl Store {
    fn commit(&mut self, batch: Batch) {
        match self {
            Self::Memory(rows) => {
                for (key, value) in batch {
                    match value {
                        Some(value) => rows.insert(key, value),
                        None => rows.remove(&key),
                    };
                }
            }
            Self::File(vault) => vault.commit(&batch).unwrap(),
        }
    }
}

impl Rows for Store {
    fn get(&self, key: &[u8]) -> Option<Value> {
        match self {
            Self::Memory(rows) => Rows::get(rows, key),
            Self::File(vault) => vault.get(key).unwrap(),
        }
    }

    fn scan(&self, from: &[u8], until: &[u8], order: Order, limit: usize) -> Vec<(Key, Value)> {
        match self {
            Self::Memory(rows) => rows.scan(from, until, order, limit),
            Self::File(vault) => {
                let direction = match order {
                    Order::Ascending => Direction::Ascending,
                    Order::Descending => Direction::Descending,
                };
                vault.scan(&KeyRange::between(from.to_vec(), until.to_vec()), direction, limit).unwrap().rows
            }
        }
    }
}

/// CPU time of this process so far: machines are shared.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

/// What steps cost in the fastest tenth of the rounds, for whoever shares a core slows the others; and what they wrote
/// in the last.
#[derive(Default)]
struct Cost {
    time: Duration,
    rows: usize,
    bytes: usize,
}

impl Cost {
    /// One step, from the input to its rows being written.
    fn step(&mut self, client: &mut Client, store: &mut Store, now: Timestamp, input: Input) -> Effects {
        let began = cpu_time();
        let mut effects = client.step(now, input, store);
        let batch = std::mem::take(&mut effects.persist);
        let sizes = batch.iter().map(|(key, value)| key.len() + value.map_or(0, <[u8]>::len));
        (self.rows, self.bytes) = (self.rows + batch.iter().count(), self.bytes + sizes.sum::<usize>());
        if !batch.is_empty() {
            store.commit(batch);
        }
        self.time += cpu_time() - began;
        effects
    }
}

/// Sending, learning that it was accepted, receiving.
type Costs = [Cost; 3];

/// One message from peer 0 to peer 1, carried by the server in memory.
fn exchange(world: &mut World, stores: &mut [Store; 2], chat: ChatId, costs: &mut Costs, token: u64) {
    world.now = world.now + Duration::from_millis(1);
    let now = world.now;
    let [sender_store, receiver_store] = stores;
    let [send, accepted, receive] = costs;
    let (sender, receiver) = (world.peers[0].device, world.peers[1].device);
    let action = Action::Send { chat, content: Content::text("hello ".repeat(33)) };
    let sent = send.step(
        &mut world.peers[0].client,
        sender_store,
        now,
        Input::Command(UserCommand { token, action }),
    );
    let is_message = |frame: &ClientFrame| matches!(frame.command, Command::Submit { .. });
    assert!(sent.send.iter().any(is_message), "it is sent at once");
    let mut down: VecDeque<ServerFrame> = VecDeque::new();
    for frame in sent.send {
        down.extend(world.server.handle(sender, frame, now));
    }
    down.extend(world.server.pushes(sender));
    carry(world, 0, sender_store, accepted, down);
    let down = world.server.pushes(receiver).into();
    let acknowledged = carry(world, 1, receiver_store, receive, down);
    assert!(acknowledged > 0, "it was received");
}

/// Steps with these frames and whatever the server answers; gives how many acknowledgements that made.
fn carry(
    world: &mut World,
    index: usize,
    store: &mut Store,
    cost: &mut Cost,
    mut down: VecDeque<ServerFrame>,
) -> usize {
    let (now, device) = (world.now, world.peers[index].device);
    let mut acknowledged = 0;
    while let Some(frame) = down.pop_front() {
        let effects = cost.step(&mut world.peers[index].client, store, now, Input::Frame(frame));
        for frame in effects.send {
            acknowledged += usize::from(matches!(frame.command, Command::Received { .. }));
            down.extend(world.server.handle(device, frame, now));
        }
        down.extend(world.server.pushes(device));
    }
    acknowledged
}

/// The rows of a peer so far, where they are to be measured.
fn store(world: &World, index: usize, dir: Option<&std::path::Path>) -> Store {
    let rows = world.peers[index].rows.clone();
    let Some(dir) = dir else { return Store::Memory(rows) };
    // The cheapest that argon2 allows: opening is not measured.
    let cost = KdfCost { memory_kib: 8, passes: 1, lanes: 1 };
    let unlock = Unlock::Passphrase { passphrase: Passphrase::new("measured".to_owned()), cost };
    let mut vault = Vault::create(&dir.join(index.to_string()), &unlock, Arc::new(SystemRandomness)).unwrap();
    let mut batch = Batch::default();
    for (key, value) in rows {
        batch.put(key, value);
    }
    vault.commit(&batch).unwrap();
    Store::File(Box::new(vault))
}

fn measure(people: u8, rounds: u32, dir: Option<&std::path::Path>) {
    let mut world = World::of_with(people, Cryptography::Mls);
    let chat = world.group(0, &(2..=people).collect::<Vec<u8>>());
    world.say(0, chat, "the keys are made");
    world.settle();
    let mut stores = [store(&world, 0, dir), store(&world, 1, dir)];
    let mut token = 1_000_000;
    let mut exchange_many = |rounds: u32| {
        let mut costs = Costs::default();
        for _ in 0..rounds {
            token += 1;
            exchange(&mut world, &mut stores, chat, &mut costs, token);
        }
        costs
    };
    exchange_many(WARM_UP);
    let tenth = (rounds / 10).max(1);
    let mut fastest = exchange_many(tenth);
    for _ in 1..10 {
        for (fastest, cost) in fastest.iter_mut().zip(exchange_many(tenth)) {
            fastest.time = fastest.time.min(cost.time);
            (fastest.rows, fastest.bytes) = (cost.rows, cost.bytes);
        }
    }
    let [send, accepted, receive] = fastest.map(|cost| {
        let micros = cost.time.as_secs_f64() * 1e6 / f64::from(tenth);
        let tenth = tenth as usize;
        format!("{micros:>7.1} {:>5} {:>6}", cost.rows / tenth, cost.bytes / tenth)
    });
    let place = if dir.is_some() { "file" } else { "memory" };
    println!("{people:>6} {place:>7}  {send}  {accepted}  {receive}");
}

fn main() {
    let rounds = std::env::args().nth(1).map_or(1_000, |rounds| rounds.parse().unwrap());
    println!("200-byte messages; CPU time of the whole step with its rows written, rows, bytes");
    println!("{:>6} {:>7}  {:>20}  {:>20}  {:>20}", "people", "rows in", "send", "accepted", "receive");
    for people in SIZES {
        measure(people, rounds, None);
        let dir = tempfile::tempdir().unwrap();
        measure(people, rounds, Some(dir.path()));
    }
}
