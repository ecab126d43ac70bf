//! What a group costs at several sizes, in CPU time and bytes, storage writes included: to create, to join, to send and
//! to receive 200 bytes, to bring fresh keys. `cargo run --release -p dunlin-client --example mls_cost`.
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

use std::time::Duration;

use dunlin_client::mls::{
    DeviceIdentity, Group, GroupName, PAST_EPOCHS_MAX, Provider, Suite, VerifiedKeyPackage, key_packages,
};
use dunlin_model::clock::Timestamp;
use dunlin_model::identity::{DeviceCertificate, DeviceKey};
use dunlin_model::ids::{ChatId, DeviceId, DeviceNumber, UserId};
use ed25519_dalek::SigningKey;

/// Messages for each figure, all by one sender, unless told otherwise.
const ROUNDS: u32 = 1000;
/// People and devices of each.
const SHAPES: [(u32, u16); 5] = [(2, 1), (5, 1), (100, 1), (100, 3), (1_024, 1)];
/// DESIGN: groups of more devices use the suite without ML-KEM.
const HYBRID_DEVICES_MAX: u32 = 256;
const PLAINTEXT: [u8; 200] = [7; 200];
const NAME: GroupName = GroupName { chat: ChatId::from_bytes([9; 16]), generation: 0 };

struct Device {
    provider: Provider,
    identity: DeviceIdentity,
}

impl Device {
    fn new(person: u32, number: u16) -> Self {
        let mut seed = [1; 32];
        seed[..4].copy_from_slice(&person.to_be_bytes());
        let identity = SigningKey::from_bytes(&seed);
        seed[4..6].copy_from_slice(&number.to_be_bytes());
        seed[6] = 0;
        let key = SigningKey::from_bytes(&seed);
        let mut user = [0; 16];
        user[..4].copy_from_slice(&person.to_be_bytes());
        let device = DeviceId { user: UserId::from_bytes(user), number: DeviceNumber(u32::from(number)) };
        let public = DeviceKey(key.verifying_key().to_bytes());
        let certificate = DeviceCertificate::issue(&identity, device, public, Timestamp(5));
        Self { provider: Provider::new(seed), identity: DeviceIdentity::new(key, certificate).unwrap() }
    }
}

/// CPU time of this process so far: machines are shared.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

/// CPU time, rows and bytes of storage that one message costs.
struct Message {
    cost: Duration,
    rows: usize,
    stored: usize,
}

/// What a group costs.
struct Costs {
    create: Duration,
    join: Duration,
    update: Duration,
    apply: Duration,
    send: Message,
    receive: Message,
    welcome: usize,
    group_info: usize,
    commit: usize,
    message: usize,
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = cpu_time();
    let result = work();
    (result, cpu_time() - start)
}

/// The cost of each of so many rounds, in the fastest tenth of them: whoever shares a core slows the others. Rows
/// and bytes are those of the last.
fn measure(device: &Device, rounds: u32, mut round: impl FnMut()) -> Message {
    let _ = device.provider.state().take_changes();
    let mut last = None;
    let tenth = (rounds / 10).max(1);
    let mut cost = Duration::MAX;
    for _ in 0..10 {
        let ((), time) = timed(|| {
            for _ in 0..tenth {
                round();
                last = Some(device.provider.state().take_changes());
            }
        });
        cost = cost.min(time / tenth);
    }
    let (mut rows, mut stored) = (0, 0);
    for (key, value) in last.iter().flat_map(|changes| changes.iter()) {
        rows += 1;
        stored += key.len() + value.map_or(0, <[u8]>::len);
    }
    Message { cost, rows, stored }
}

fn costs(suite: Suite, people: u32, each: u16, rounds: u32) -> Costs {
    let mut devices: Vec<Device> =
        (0..people).flat_map(|person| (1..=each).map(move |number| Device::new(person, number))).collect();
    let packages: Vec<_> = devices
        .iter()
        .skip(1)
        .map(|device| {
            let made = key_packages::make(&device.provider, &device.identity, suite).unwrap();
            VerifiedKeyPackage::parse(&devices[0].provider, &made.message).unwrap()
        })
        .collect();
    let first = devices.swap_remove(0);
    // The last member took its place.
    let second = devices.swap_remove(0);
    let (created, create) =
        timed(|| Group::create(&first.provider, &first.identity, NAME, suite, &packages).unwrap());
    let (mut sender, started) = created;
    let welcome = started.welcome.unwrap();
    let (joined, join) = timed(|| Group::join(&second.provider, &welcome).unwrap());
    let mut receiver = joined;
    // All epochs that are kept, and every sender's ratchet in use.
    let (mut update, mut apply, mut commit_bytes) = (Duration::ZERO, Duration::ZERO, 0);
    for _ in 0..PAST_EPOCHS_MAX {
        let commit;
        (commit, update) = timed(|| {
            let commit = sender.commit(&first.provider, &first.identity, &[], &[]).unwrap();
            sender.merge_pending(&first.provider).unwrap();
            commit
        });
        commit_bytes = commit.commit.len();
        ((), apply) = timed(|| {
            let staged = receiver.stage(&second.provider, &commit.commit).unwrap();
            receiver.merge(&second.provider, staged).unwrap();
        });
    }
    let mut messages = Vec::new();
    let send = measure(&first, rounds, || {
        messages.push(sender.encrypt(&first.provider, &first.identity, b"", &PLAINTEXT).unwrap());
    });
    let message = messages.last().map_or(0, Vec::len);
    let mut messages = messages.into_iter();
    let receive = measure(&second, rounds, || {
        receiver.decrypt(&second.provider, &messages.next().unwrap()).unwrap();
    });
    let (welcome, group_info) = (welcome.len(), started.group_info.len());
    Costs { create, join, update, apply, send, receive, welcome, group_info, commit: commit_bytes, message }
}

fn main() {
    let rounds = std::env::args().nth(1).map_or(ROUNDS, |rounds| rounds.parse().unwrap());
    println!("200-byte messages; CPU time, machines differ; bytes as they travel");
    println!(
        "{:7} {:>9}  {:>10} {:>9} {:>9} {:>9} {:>8} {:>8} {:>8} {:>9} {:>9} {:>9}  stored per message",
        "suite",
        "people",
        "create ms",
        "join ms",
        "update ms",
        "apply ms",
        "send us",
        "recv us",
        "message",
        "commit",
        "welcome",
        "info"
    );
    for suite in [Suite::X25519, Suite::Hybrid] {
        for (people, each) in SHAPES {
            if suite == Suite::Hybrid && people * u32::from(each) > HYBRID_DEVICES_MAX {
                continue;
            }
            show(suite, people, each, &costs(suite, people, each, rounds));
        }
    }
}

fn show(suite: Suite, people: u32, each: u16, costs: &Costs) {
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    println!(
        "{:7} {:>5} x {each}  {:>10.1} {:>9.2} {:>9.2} {:>9.2} {:>8.1} {:>8.1} {:>8} {:>9} {:>9} {:>9}  sender {} rows \
         {} bytes, receiver {} rows {} bytes",
        format!("{suite:?}"),
        people,
        millis(costs.create),
        millis(costs.join),
        millis(costs.update),
        millis(costs.apply),
        micros(costs.send.cost),
        micros(costs.receive.cost),
        costs.message,
        costs.commit,
        costs.welcome,
        costs.group_info,
        costs.send.rows,
        costs.send.stored,
        costs.receive.rows,
        costs.receive.stored,
    );
}
