//! What encrypting and decrypting a 200-byte message costs at several group sizes, storage writes included:
//! `cargo run --release -p dunlin-client --example mls_cost`.
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

use std::time::Duration;

use dunlin_client::mls::{
    DeviceIdentity, Group, GroupName, PAST_EPOCHS_MAX, Provider, Suite, VerifiedKeyPackage, key_packages,
};
use dunlin_model::clock::Timestamp;
use dunlin_model::identity::{DeviceCertificate, DeviceKey};
use dunlin_model::ids::{ChatId, DeviceId, DeviceNumber, UserId};
use ed25519_dalek::SigningKey;

const ROUNDS: u32 = 1000;
const PLAINTEXT: [u8; 200] = [7; 200];
const NAME: GroupName = GroupName { chat: ChatId::from_bytes([9; 16]), generation: 0 };

struct Device {
    provider: Provider,
    identity: DeviceIdentity,
}

impl Device {
    fn new(number: u32) -> Self {
        let mut seed = [1; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        let key = SigningKey::from_bytes(&seed);
        let mut user = [0; 16];
        user[..4].copy_from_slice(&number.to_be_bytes());
        let device = DeviceId { user: UserId::from_bytes(user), number: DeviceNumber(1) };
        let public = DeviceKey(key.verifying_key().to_bytes());
        let certificate = DeviceCertificate::issue(&key, device, public, Timestamp(5));
        Self { provider: Provider::new(seed), identity: DeviceIdentity::new(key, certificate).unwrap() }
    }
}

/// CPU time of this process so far: machines are shared.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

/// The CPU time per round, and the rows and bytes that one round writes.
fn measure(device: &Device, mut round: impl FnMut()) -> (Duration, usize, usize) {
    let _ = device.provider.state().take_changes();
    let mut written = 0;
    let (mut rows, mut bytes) = (0, 0);
    let start = cpu_time();
    for _ in 0..ROUNDS {
        round();
        let changes = device.provider.state().take_changes();
        written += 1;
        if written == ROUNDS {
            for (key, value) in changes.iter() {
                rows += 1;
                bytes += key.len() + value.map_or(0, <[u8]>::len);
            }
        }
    }
    ((cpu_time() - start) / ROUNDS, rows, bytes)
}

fn run(suite: Suite, count: u32) {
    let mut devices: Vec<Device> = (0..count).map(Device::new).collect();
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
    let start = cpu_time();
    let (mut sender, started) =
        Group::create(&first.provider, &first.identity, NAME, suite, &packages).unwrap();
    let created = cpu_time() - start;
    let start = cpu_time();
    let mut receiver = Group::join(&second.provider, started.welcome.as_ref().unwrap()).unwrap();
    let joined = cpu_time() - start;
    // All epochs that are kept, and every sender's ratchet in use.
    let mut updated = Duration::ZERO;
    for _ in 0..PAST_EPOCHS_MAX {
        let commit = sender.commit(&first.provider, &first.identity, &[], &[]).unwrap();
        sender.merge_pending(&first.provider).unwrap();
        let start = cpu_time();
        let staged = receiver.stage(&second.provider, &commit.commit).unwrap();
        receiver.merge(&second.provider, staged).unwrap();
        updated = cpu_time() - start;
    }
    let (encrypt, rows, bytes) = {
        let mut messages = Vec::new();
        let cost = measure(&first, || {
            messages.push(sender.encrypt(&first.provider, &first.identity, b"", &PLAINTEXT).unwrap());
        });
        let mut messages = messages.into_iter();
        let decrypt = measure(&second, || {
            receiver.decrypt(&second.provider, &messages.next().unwrap()).unwrap();
        });
        println!(
            "{suite:?} {count:>5} members: decrypt {:>7.1} µs ({} rows, {} bytes)",
            decrypt.0.as_secs_f64() * 1e6,
            decrypt.1,
            decrypt.2
        );
        cost
    };
    println!(
        "{suite:?} {count:>5} members: encrypt {:>7.1} µs ({rows} rows, {bytes} bytes); create {:.1} ms, join {:.1} ms, \
         apply an update {:.1} ms; group info {} bytes, welcome {} bytes",
        encrypt.as_secs_f64() * 1e6,
        created.as_secs_f64() * 1e3,
        joined.as_secs_f64() * 1e3,
        updated.as_secs_f64() * 1e3,
        started.group_info.len(),
        started.welcome.as_ref().map_or(0, Vec::len),
    );
}

fn main() {
    for suite in [Suite::X25519, Suite::Hybrid] {
        for count in [2, 5, 100, 1024] {
            run(suite, count);
        }
    }
}
