//! A small world to test in: one store, one relay, as many servers as a test wants.

use std::sync::Arc;
use std::time::Duration;

use dunlin_blobs::MemoryBlobs;
use dunlin_delivery::{
    Accepted, Delivery, DeliveryConfig, DeliveryError, Feed, PullBudget, Push, ResumeAt, Storage,
};
use dunlin_model::account::{Address, Device};
use dunlin_model::clock::{ManualClock, SeededRandomness};
use dunlin_model::mls::HANDSHAKE_BYTES_MAX;
use dunlin_model::{
    Body, ChatCommand, ChatId, ChatKind, ClientSeq, Clock as _, DeviceId, DeviceNumber, Encryption,
    EventKind, Seq, Timestamp, UserId,
};
use dunlin_relay::{InProcessRelay, ServerId};
use dunlin_store::memory::MemoryStore;
use dunlin_store::{Devices, Store, UserRecord, Users};

pub(crate) const START: Timestamp = Timestamp(1_800_000_000_000);

pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) blobs: Arc<MemoryBlobs>,
    pub(crate) relay: Arc<InProcessRelay>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) server: Arc<Delivery>,
    pub(crate) config: DeliveryConfig,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(DeliveryConfig::default(), 256).await
    }

    /// With these settings, and chats of either encryption.
    pub(crate) async fn with(mut config: DeliveryConfig, fan_out_members_max: usize) -> Self {
        config.encryptions = vec![Encryption::Mls, Encryption::None];
        let store = Arc::new(MemoryStore::new(fan_out_members_max));
        let blobs = Arc::new(MemoryBlobs::new(HANDSHAKE_BYTES_MAX));
        let relay = Arc::new(InProcessRelay::new());
        let clock = Arc::new(ManualClock::at(START));
        let server = start(&store, &blobs, &relay, &clock, &config, 1).await;
        Self { store, blobs, relay, clock, server, config }
    }

    /// Another server over the same store and relay; also what a restart gives.
    pub(crate) async fn another_server(&self, id: u64) -> Arc<Delivery> {
        start(&self.store, &self.blobs, &self.relay, &self.clock, &self.config, id).await
    }

    /// A registered user with one device.
    pub(crate) async fn person(&self, n: u8) -> DeviceId {
        let id = UserId::from_bytes([n; 16]);
        let address = Address::parse(&format!("person{n}@example.org")).unwrap();
        self.store.claim_address(&UserRecord { id, address, created: START }).await.unwrap();
        self.device(id, 1).await
    }

    pub(crate) async fn device(&self, user: UserId, number: u32) -> DeviceId {
        let id = DeviceId { user, number: DeviceNumber(number) };
        self.store.add_device(&device_record(id, self.clock.now())).await.unwrap();
        id
    }

    /// A group of `owner` with the others.
    pub(crate) async fn group(&self, owner: DeviceId, others: &[DeviceId]) -> ChatId {
        let command = ChatCommand::Create {
            kind: ChatKind::Group,
            encryption: Encryption::None,
            name: "Friends".into(),
            description: String::new(),
            members: others.iter().map(|other| other.user).collect(),
        };
        self.server.create_chat(owner, ClientSeq(1), command, None).await.unwrap().chat
    }

    pub(crate) async fn direct(&self, from: DeviceId, to: DeviceId) -> ChatId {
        let command = ChatCommand::Create {
            kind: ChatKind::Direct,
            encryption: Encryption::None,
            name: String::new(),
            description: String::new(),
            members: vec![to.user],
        };
        self.server.create_chat(from, ClientSeq(1), command, None).await.unwrap().chat
    }

    pub(crate) async fn send(&self, from: DeviceId, chat: ChatId, number: u64, text: &str) -> Accepted {
        send(&self.server, from, chat, number, text).await.unwrap()
    }

    pub(crate) async fn act(
        &self,
        from: DeviceId,
        chat: ChatId,
        number: u64,
        command: ChatCommand,
    ) -> Result<Accepted, DeliveryError> {
        self.server.submit_in_task(from, chat, ClientSeq(number), command, None).await
    }

    /// Connects and resumes from what the server knows.
    pub(crate) async fn connect(&self, device: DeviceId) -> Feed {
        connect(&self.server, device, &[]).await
    }
}

async fn start(
    store: &Arc<MemoryStore>,
    blobs: &Arc<MemoryBlobs>,
    relay: &Arc<InProcessRelay>,
    clock: &Arc<ManualClock>,
    config: &DeliveryConfig,
    id: u64,
) -> Arc<Delivery> {
    let store: Arc<dyn Store> = Arc::clone(store) as _;
    let randomness = Arc::new(SeededRandomness::new(id));
    let clock = Arc::clone(clock) as _;
    let blobs = Storage::in_memory(Arc::clone(blobs) as _);
    let relay = Arc::clone(relay) as _;
    Delivery::start(store, blobs, relay, ServerId(id), clock, randomness, config.clone()).await.unwrap()
}

fn device_record(id: DeviceId, created: Timestamp) -> Device {
    Device {
        id,
        name: "test".into(),
        created,
        revoked: None,
        refreshed: created,
        generation: 1,
        refresh_salt: [0; 16],
    }
}

pub(crate) fn text(text: &str) -> ChatCommand {
    ChatCommand::Send { body: Body::Text(text.into()), reply_to: None, attachments: Vec::new(), epoch: None }
}

pub(crate) async fn send(
    server: &Arc<Delivery>,
    from: DeviceId,
    chat: ChatId,
    number: u64,
    body: &str,
) -> Result<Accepted, DeliveryError> {
    server.submit_in_task(from, chat, ClientSeq(number), text(body), None).await
}

pub(crate) async fn connect(server: &Arc<Delivery>, device: DeviceId, positions: &[ResumeAt]) -> Feed {
    let mut feed = server.connect(device).await.unwrap();
    feed.resume(positions).await.unwrap();
    feed
}

/// All that a feed gives without anything being acknowledged, as short lines: `3 hello`, `4 +changed`,
/// `1-2 NotEntitled`, `caught up`, `delivered 3 seen 0`.
pub(crate) async fn pull(feed: &mut Feed) -> Vec<String> {
    let mut pushes = Vec::new();
    while feed.pull(PullBudget { events: 1_000 }, &mut pushes).await.unwrap() {}
    pushes.iter().map(line).collect()
}

/// What [`pull`] gives, without the lines that are no events.
pub(crate) async fn pull_events(feed: &mut Feed) -> Vec<String> {
    let lines = pull(feed).await;
    lines.into_iter().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect()
}

fn line(push: &Push) -> String {
    match push {
        Push::Event { entry, .. } => {
            let what = match &entry.event.kind {
                EventKind::Message { body: Body::Text(text), .. } => text.clone(),
                EventKind::Message { body, .. } => format!("{body:?}"),
                other => {
                    let debug = format!("{other:?}");
                    format!("+{}", debug.split([' ', '{']).next().unwrap_or_default())
                }
            };
            format!("{} {what}", entry.event.seq)
        }
        Push::Skipped { range, .. } => format!("{}-{} {:?}", range.from, range.to, range.reason),
        Push::CaughtUp => "caught up".into(),
        Push::Status { receipt, .. } => format!("delivered {} seen {}", receipt.delivered, receipt.seen),
        Push::Presence(presence) => {
            let seen = presence.last_seen.map_or("", |_| ", seen last");
            format!("online {}{seen}", presence.online)
        }
        Push::Typing { typing, .. } => format!("typing {typing}"),
        Push::KeyPackagesLow { suite, left } => format!("suite {} has {left} left", suite.0),
        Push::Relayed { device, payload } => {
            format!("from {}: {}", device.0, String::from_utf8_lossy(payload))
        }
        Push::Hidden { seq, .. } => format!("hidden {seq}"),
    }
}

/// Waits until the feed's session rings, for at most a few seconds.
pub(crate) async fn rung(feed: &Feed) {
    let session = Arc::clone(feed.session());
    tokio::time::timeout(Duration::from_secs(5), session.rung()).await.expect("the session is woken");
}

/// Pulls until a line appears, for at most a few seconds.
pub(crate) async fn pull_until(feed: &mut Feed, wanted: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for _ in 0..500 {
        lines.extend(pull(feed).await);
        if lines.iter().any(|line| line == wanted) {
            return lines;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{wanted:?} never came; got {lines:?}");
}

pub(crate) fn seq(n: u64) -> Seq {
    Seq(n)
}
