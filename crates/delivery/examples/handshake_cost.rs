//! What looking into handshakes costs a server, at several group sizes:
//! `cargo run --release -p dunlin-delivery --example handshake_cost`.
#![expect(clippy::unwrap_used, reason = "a measurement fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use dunlin_blobs::{BlobHash, Blobs, MemoryBlobs};
use dunlin_client::keys::{Keys, MlsKeys, Prepared};
use dunlin_client::mls::DeviceIdentity;
use dunlin_delivery::{Delivery, DeliveryConfig, Storage};
use dunlin_model::account::Device;
use dunlin_model::chat::{ChatState, draft};
use dunlin_model::clock::{ManualClock, SeededRandomness};
use dunlin_model::mls::HANDSHAKE_BYTES_MAX;
use dunlin_model::{
    Attestation, ChatCommand, ChatId, ChatKind, ChatLimits, ClientSeq, Commit, DecisionContext,
    DeviceCertificate, DeviceId, DeviceKey, DeviceNumber, Encryption, GroupStart, Payload, StartReason,
    Suite, Timestamp, UserId,
};
use dunlin_relay::{InProcessRelay, ServerId};
use dunlin_store::memory::MemoryStore;
use dunlin_store::{Certificates, Devices, Store};
use ed25519_dalek::SigningKey;

const START: Timestamp = Timestamp(1_800_000_000_000);
const ROUNDS: u32 = 5;

/// CPU time of this process so far: machines are shared.
fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap())
}

struct Peer {
    id: DeviceId,
    key: SigningKey,
    certificate: DeviceCertificate,
    keys: MlsKeys,
}

impl Peer {
    fn new(number: u32) -> Self {
        let bytes: [u8; 16] = [[1; 4], [2; 4], [3; 4], number.to_be_bytes()].concat().try_into().unwrap();
        let id = DeviceId { user: UserId::from_bytes(bytes), number: DeviceNumber(1) };
        let key = SigningKey::from_bytes(&bytes.repeat(2).try_into().unwrap());
        let public = DeviceKey(key.verifying_key().to_bytes());
        let certificate = DeviceCertificate::issue(&key, id, public, START);
        let identity = DeviceIdentity::new(key.clone(), certificate.clone()).unwrap();
        let keys = MlsKeys::create(identity, bytes.repeat(2).try_into().unwrap());
        Self { id, key, certificate, keys }
    }
}

struct World {
    store: Arc<MemoryStore>,
    blobs: Arc<MemoryBlobs>,
    relay: Arc<InProcessRelay>,
}

impl World {
    async fn server(&self, id: u64) -> Arc<Delivery> {
        let store: Arc<dyn Store> = Arc::clone(&self.store) as _;
        let clock = Arc::new(ManualClock::at(START));
        let randomness = Arc::new(SeededRandomness::new(id));
        let blobs = Storage::in_memory(Arc::clone(&self.blobs) as _);
        let relay = Arc::clone(&self.relay) as _;
        let config = DeliveryConfig::default();
        Delivery::start(store, blobs, relay, ServerId(id), clock, randomness, config).await.unwrap()
    }

    async fn payload(&self, bytes: &bytes::Bytes) -> Payload {
        let hash = BlobHash::of(bytes);
        self.blobs.put(hash, bytes.clone()).await.unwrap();
        Payload::Stored { hash: hash.0, bytes: u32::try_from(bytes.len()).unwrap() }
    }

    async fn commit(&self, prepared: &Prepared, external: bool) -> ChatCommand {
        ChatCommand::Commit(Box::new(Commit {
            epoch: prepared.epoch,
            external,
            added: prepared.added.clone(),
            removed: Vec::new(),
            commit: self.payload(&prepared.commit).await,
            welcome: None,
            group_info: self.payload(&prepared.group_info).await,
        }))
    }
}

/// The CPU time of one submission.
async fn timed(
    server: &Arc<Delivery>,
    from: DeviceId,
    chat: ChatId,
    n: u64,
    command: ChatCommand,
) -> Duration {
    let began = cpu_time();
    server.submit_in_task(from, chat, ClientSeq(n), command, None).await.unwrap();
    cpu_time() - began
}

async fn run(suite: Suite, count: u32) {
    let (store, relay) = (Arc::new(MemoryStore::new(256)), Arc::new(InProcessRelay::new()));
    let world = World { store, blobs: Arc::new(MemoryBlobs::new(HANDSHAKE_BYTES_MAX)), relay };
    let server = world.server(1).await;
    let mut peers: Vec<Peer> = (0..=count).map(Peer::new).collect();
    for peer in &peers {
        let (id, name) = (peer.id, String::new());
        let device = Device {
            id,
            name,
            created: START,
            revoked: None,
            refreshed: START,
            generation: 1,
            refresh_salt: [0; 16],
        };
        world.store.add_device(&device).await.unwrap();
        world.store.put_certificate(&peer.certificate).await.unwrap();
    }
    let mut founder = peers.swap_remove(0);
    // Created in the store at once: that people exist is not what is measured.
    let chat = ChatId::created_by(founder.id, ClientSeq(1));
    let members = peers.iter().map(|peer| peer.id.user).collect();
    let (name, description) = (String::new(), String::new());
    let create = ChatCommand::Create {
        kind: ChatKind::Group,
        encryption: Encryption::Mls,
        name,
        description,
        members,
    };
    let before = ChatState::before_creation(chat);
    let limits = ChatLimits { members_max: usize::MAX, ..ChatLimits::default() };
    let kind = draft(&before, &limits, founder.id, create, &DecisionContext::default()).unwrap();
    let attestation =
        Attestation::sign(&founder.key, &founder.certificate, &before, ClientSeq(1), &kind).map(Box::new);
    let event = dunlin_model::Event {
        seq: dunlin_model::Seq(1),
        time: START,
        sender: founder.id,
        client_seq: ClientSeq(1),
        kind,
        attestation,
    };
    dunlin_store::Chats::append(&*world.store, chat, &Arc::new(event)).await.unwrap();
    let mut entering = peers.swap_remove(0);
    let packages: Vec<_> = peers
        .iter_mut()
        .map(|peer| (peer.id, peer.keys.key_packages(suite, 1, false).unwrap().remove(0)))
        .collect();
    let prepared = founder.keys.start(chat, 1, suite, &packages).unwrap();
    let mut devices = prepared.added.clone();
    devices.push(founder.id);
    devices.sort_unstable();
    let start = ChatCommand::StartGroup(Box::new(GroupStart {
        epoch: prepared.epoch,
        suite,
        reason: StartReason::First,
        devices,
        welcome: match &prepared.welcome {
            Some(welcome) => Some(world.payload(welcome).await),
            None => None,
        },
        group_info: world.payload(&prepared.group_info).await,
    }));
    let started = timed(&server, founder.id, chat, 2, start).await;
    founder.keys.merge_pending(chat).unwrap();
    let (mut kept, mut anew) = (Duration::ZERO, Duration::ZERO);
    for round in 0..ROUNDS {
        let prepared = founder.keys.commit(chat, &[], &[]).unwrap();
        let command = world.commit(&prepared, false).await;
        kept += timed(&server, founder.id, chat, u64::from(round) + 10, command).await;
        founder.keys.merge_pending(chat).unwrap();
    }
    for round in 0..ROUNDS {
        let another = world.server(u64::from(round) + 2).await;
        // So that what is measured is the group, and not the loading of the chat.
        another.group_info(founder.id, chat).await.unwrap();
        let prepared = founder.keys.commit(chat, &[], &[]).unwrap();
        let command = world.commit(&prepared, false).await;
        anew += timed(&another, founder.id, chat, u64::from(round) + 50, command).await;
        founder.keys.merge_pending(chat).unwrap();
    }
    let info = founder.keys.commit(chat, &[], &[]).unwrap();
    let command = world.commit(&info, false).await;
    timed(&server, founder.id, chat, 90, command).await;
    let mut prepared = entering.keys.enter(chat, 1, &info.group_info).unwrap();
    prepared.added = vec![entering.id];
    let command = world.commit(&prepared, true).await;
    let entered = timed(&server, entering.id, chat, 2, command).await;
    println!(
        "{:#06x} {count:>5} devices: start {started:>9.1?}, commit {:>9.1?} kept, {:>9.1?} anew, entry {entered:>9.1?}, group info {} bytes",
        suite.0,
        kept / ROUNDS,
        anew / ROUNDS,
        info.group_info.len()
    );
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    for (suite, count) in [
        (Suite::HYBRID, 2),
        (Suite::HYBRID, 15),
        (Suite::HYBRID, 100),
        (Suite::HYBRID, 255),
        (Suite::CLASSIC, 1_023),
    ] {
        run(suite, count).await;
    }
}
