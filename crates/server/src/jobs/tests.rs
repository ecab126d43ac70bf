//! The jobs as the server runs them, over stores in memory and a clock that is moved by hand.

use bytes::Bytes;
use dunlin_blobs::{AttachmentFiles, BlobHash, Blobs as _, GrantKey, LocalFiles, MemoryBlobs, MemoryFiles};
use dunlin_delivery::{BLOBS_KEPT_MIN, DeliveryConfig, Storage};
use dunlin_model::account::Device;
use dunlin_model::clock::{ManualClock, SeededRandomness};
use dunlin_model::mls::HANDSHAKE_BYTES_MAX;
use dunlin_model::{
    Attachment, Body, ChatId, ChatKind, ClientSeq, DeviceId, DeviceNumber, Encryption, Epoch, Event,
    EventKind, GroupStart, Payload, Role, Seq, StartReason, Suite, UserId,
};
use dunlin_relay::{InProcessRelay, ServerId};
use dunlin_store::memory::MemoryStore;
use dunlin_store::{Appended, Attachments as _, Chats as _, Devices as _};

use super::*;

const START: Timestamp = Timestamp(1_800_000_000_000);
const CHAT: ChatId = ChatId::from_bytes([7; 16]);
const ADA: DeviceId = DeviceId { user: UserId::from_bytes([1; 16]), number: DeviceNumber(1) };
const INTERVAL: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3_600);

struct World {
    store: Arc<MemoryStore>,
    blobs: Arc<MemoryBlobs>,
    clock: Arc<ManualClock>,
    delivery: Arc<Delivery>,
}

impl World {
    /// With somebody in an encrypted chat.
    async fn new() -> Self {
        Self::with(Arc::new(MemoryFiles::default())).await
    }

    async fn with(files: Arc<dyn AttachmentFiles>) -> Self {
        let config = DeliveryConfig { attachments_removed_when_fetched: true, ..DeliveryConfig::default() };
        let store = Arc::new(MemoryStore::new(256));
        let blobs = Arc::new(MemoryBlobs::new(HANDSHAKE_BYTES_MAX));
        let clock = Arc::new(ManualClock::at(START));
        let delivery = Delivery::start(
            Arc::clone(&store) as _,
            Storage { blobs: Arc::clone(&blobs) as _, files },
            Arc::new(InProcessRelay::new()),
            ServerId(1),
            Arc::clone(&clock) as _,
            Arc::new(SeededRandomness::new(1)),
            config,
        );
        let world = Self { delivery: delivery.await.unwrap(), store, blobs, clock };
        let device = Device {
            id: ADA,
            name: "test".into(),
            created: START,
            revoked: None,
            refreshed: START,
            generation: 1,
            refresh_salt: [0; 16],
        };
        world.store.add_device(&device).await.unwrap();
        world
            .append(
                1,
                EventKind::Created {
                    kind: ChatKind::Group,
                    encryption: Encryption::Mls,
                    name: String::new(),
                    description: String::new(),
                    members: vec![(ADA.user, Role::Owner)],
                },
            )
            .await;
        world
    }

    fn starts_jobs(&self, section: RetentionSection) {
        let (store, clock) = (Arc::clone(&self.store) as _, Arc::clone(&self.clock) as _);
        tokio::spawn(run(store, Arc::clone(&self.delivery), clock, section, 30 * DAY));
    }

    async fn append(&self, seq: u64, kind: EventKind) {
        let (time, client_seq) = (self.clock.now(), ClientSeq(seq));
        let event = Event { seq: Seq(seq), time, sender: ADA, client_seq, kind, attestation: None };
        assert_eq!(self.store.append(CHAT, &event).await, Ok(Appended::Written));
    }

    /// Puts a part of a handshake as clients do.
    async fn puts(&self, bytes: Bytes) -> Payload {
        let (hash, length) = (BlobHash::of(&bytes), u32::try_from(bytes.len()).unwrap());
        self.delivery.blob_to_put(ADA, CHAT, hash, u64::from(length)).await.unwrap();
        self.blobs.put(hash, bytes).await.unwrap();
        Payload::Stored { hash: hash.0, bytes: length }
    }

    async fn count(&self) -> usize {
        self.blobs.list(None, usize::MAX).await.unwrap().len()
    }
}

#[tokio::test(start_paused = true)]
async fn each_run_looks_at_the_blobs_after_those_of_the_run_before() {
    let world = World::new().await;
    for n in 0..=BLOBS_PER_RUN {
        world.puts(n.to_be_bytes().to_vec().into()).await;
    }
    world.starts_jobs(RetentionSection::default());
    let mut counts = Vec::new();
    tokio::time::sleep(INTERVAL / 2).await;
    counts.push(world.count().await);
    world.clock.advance(BLOBS_KEPT_MIN);
    for _ in 0..2 {
        tokio::time::sleep(INTERVAL).await;
        counts.push(world.count().await);
    }
    // All but the last were looked at first, and stayed, since they had been put a moment ago.
    assert_eq!(counts, [BLOBS_PER_RUN + 1, BLOBS_PER_RUN, 0]);
    assert_eq!(world.delivery.metrics().blobs_removed.get(), BLOBS_PER_RUN as u64 + 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_device_waits_for_stays_as_long_as_the_events_that_name_it() {
    let section = RetentionSection { days: 2, event_days: 5, ..RetentionSection::default() };
    let world = World::new().await;
    world.starts_jobs(section);
    let welcome = world.puts(Bytes::from_static(b"a large Welcome")).await;
    let group_info = world.puts(Bytes::from_static(b"a large GroupInfo")).await;
    let start = GroupStart {
        epoch: Epoch { generation: 1, number: 1 },
        suite: Suite::HYBRID,
        reason: StartReason::First,
        devices: vec![ADA],
        welcome: Some(welcome),
        group_info,
    };
    world.append(2, EventKind::GroupStarted(Box::new(start))).await;
    world.clock.advance(DAY * 5 - Duration::from_millis(1));
    tokio::time::sleep(INTERVAL * 2).await;
    assert_eq!(world.count().await, 2);
    world.clock.advance(Duration::from_millis(1));
    tokio::time::sleep(INTERVAL * 2).await;
    assert_eq!(world.count().await, 1, "the newest GroupInfo stays");
}

#[tokio::test(start_paused = true)]
async fn an_attachment_that_cannot_be_removed_holds_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let files = LocalFiles::open(folder.path(), GrantKey::new([7; 32])).unwrap();
    let world = World::with(Arc::new(files)).await;
    let randomness = SeededRandomness::new(3);
    let path = |id: AttachmentId| {
        let name = id.to_string();
        folder.path().join(name.get(20..22).unwrap()).join(&name)
    };
    let mut ids = Vec::new();
    for after_days in [0, 0, 1] {
        world.clock.advance(DAY * after_days);
        ids.push(AttachmentId::created_at(world.clock.now(), &randomness));
    }
    ids.sort();
    let [stuck, old, unknown] = ids[..] else { panic!("{ids:?}") };
    for id in [stuck, old] {
        let attachment = Attachment { id, owner: ADA.user, bytes: 1, sha256: [1; 32], parts: vec![[1; 32]] };
        world.store.add_attachment(&attachment).await.unwrap();
    }
    for id in [old, unknown] {
        std::fs::create_dir_all(path(id).parent().unwrap()).unwrap();
        std::fs::write(path(id), "x").unwrap();
    }
    // No file, so it cannot be removed as one.
    std::fs::create_dir_all(path(stuck)).unwrap();

    world.clock.advance(DAY * 40);
    world.starts_jobs(RetentionSection::default());
    let metrics = world.delivery.metrics();
    for _ in 0..100_000 {
        if metrics.attachments_removed.get() == 1 && metrics.attachments_orphaned.get() == 1 {
            break;
        }
        tokio::time::sleep(STEP_PAUSE).await;
    }
    assert_eq!(world.store.attachment(old).await.unwrap(), None);
    assert!(path(stuck).exists() && !path(old).exists() && !path(unknown).exists());
    assert!(world.store.attachment(stuck).await.unwrap().is_some(), "it is tried again");
}

#[tokio::test(start_paused = true)]
async fn who_has_left_is_looked_for_among_recipients_once_an_hour() {
    let world = World::new().await;
    world.starts_jobs(RetentionSection::default());
    tokio::time::sleep(INTERVAL / 2).await;
    // Nobody is waited for any more: the one who had it was the last but for its owner.
    let id = AttachmentId::created_at(world.clock.now(), &SeededRandomness::new(3));
    let attachment = Attachment { id, owner: ADA.user, bytes: 1, sha256: [1; 32], parts: vec![[1; 32]] };
    world.store.add_attachment(&attachment).await.unwrap();
    world.store.bind_attachment(id, CHAT).await.unwrap();
    let body = Body::Text("look".into());
    world.append(2, EventKind::Message { body, reply_to: None, attachments: vec![id] }).await;
    world.store.note_fetched(id, UserId::from_bytes([2; 16]), Seq(2)).await.unwrap();
    let removed = &world.delivery.metrics().attachments_removed;
    world.clock.advance(FETCHED_INTERVAL - Duration::from_millis(1));
    tokio::time::sleep(INTERVAL * 2).await;
    assert_eq!(removed.get(), 0);
    world.clock.advance(Duration::from_millis(1));
    tokio::time::sleep(INTERVAL * 2).await;
    assert_eq!(removed.get(), 1);
}
