//! A whole server in memory, listening on a loopback port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use dunlin_accounts::{Accounts, AccountsConfig, Credentials, LogSender};
use dunlin_delivery::{Delivery, DeliveryConfig, Storage};
use dunlin_gateway::{Gateway, GatewayConfig};
use dunlin_model::clock::{ManualClock, SeededRandomness};
use dunlin_model::{Body, ChatCommand, ChatId, ChatKind, ClientSeq, Encryption, Seq, Timestamp, UserId};
use dunlin_relay::{InProcessRelay, ServerId};
use dunlin_store::Store;
use dunlin_store::memory::{FAN_OUT_MEMBERS_MAX, MemoryStore};
use dunlin_wire::Format;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::client::Client;

pub(crate) const START: Timestamp = Timestamp(1_800_000_000_000);
/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How long a test waits for what must not come.
pub(crate) const QUIET: Duration = Duration::from_millis(200);

pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) delivery: Arc<Delivery>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) address: SocketAddr,
    id: u64,
    _stop: watch::Sender<bool>,
}

/// What a test may want otherwise.
pub(crate) struct Settings {
    pub(crate) gateway: GatewayConfig,
    pub(crate) delivery: DeliveryConfig,
    pub(crate) tls: Option<TlsAcceptor>,
}

impl Default for Settings {
    /// The defaults, without rates: tests come faster than people.
    fn default() -> Self {
        let gateway = GatewayConfig {
            frames_per_second: 1_000_000,
            frames_burst: 1_000_000,
            requests_per_user_per_second: 1_000_000,
            requests_per_user_burst: 1_000_000,
            handshakes_per_address_per_second: 10_000,
            ..GatewayConfig::default()
        };
        let encryptions = vec![Encryption::Mls, Encryption::None];
        let delivery = DeliveryConfig { encryptions, ..DeliveryConfig::default() };
        Self { gateway, delivery, tls: None }
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    /// With other settings of connections.
    pub(crate) async fn configured(change: impl FnOnce(&mut GatewayConfig)) -> Self {
        let mut settings = Settings::default();
        change(&mut settings.gateway);
        Self::with(settings).await
    }

    /// With a window of so many events.
    pub(crate) async fn with_window(window_events: u32) -> Self {
        let mut settings = Settings::default();
        settings.delivery.window_events = window_events;
        Self::with(settings).await
    }

    pub(crate) async fn with(settings: Settings) -> Self {
        let store = Arc::new(MemoryStore::new(FAN_OUT_MEMBERS_MAX));
        let clock = Arc::new(ManualClock::at(START));
        Self::over(store, clock, settings, 1).await
    }

    /// What a restart leaves: the store and the time, and nothing that was in memory.
    pub(crate) async fn restarted(&self) -> Self {
        Self::over(Arc::clone(&self.store), Arc::clone(&self.clock), Settings::default(), self.id + 1).await
    }

    async fn over(store: Arc<MemoryStore>, clock: Arc<ManualClock>, settings: Settings, id: u64) -> Self {
        let randomness = Arc::new(SeededRandomness::new(id));
        let shared: Arc<dyn Store> = Arc::clone(&store) as _;
        let accounts = Accounts::open(
            Arc::clone(&shared),
            Arc::clone(&clock) as _,
            Arc::clone(&randomness) as _,
            Arc::new(LogSender),
            AccountsConfig::default(),
        );
        let accounts = Arc::new(accounts.await.unwrap());
        let relay = Arc::new(InProcessRelay::new());
        let delivery = Delivery::start(
            shared,
            Storage::in_memory(Arc::new(dunlin_blobs::MemoryBlobs::new(
                dunlin_model::mls::HANDSHAKE_BYTES_MAX,
            ))),
            relay,
            ServerId(id),
            Arc::clone(&clock) as _,
            Arc::clone(&randomness) as _,
            settings.delivery,
        );
        let delivery = delivery.await.unwrap();
        let revoked = Arc::clone(&delivery);
        accounts.on_revoked(Arc::new(move |device| revoked.revoke_device(device)));
        let gateway = Gateway::start(
            Arc::clone(&delivery),
            Arc::clone(&accounts),
            Arc::clone(&clock) as _,
            randomness,
            settings.gateway,
            1,
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let route = gateway.websocket_route();
        tokio::spawn(dunlin_gateway::accept(Arc::clone(&gateway), listener, settings.tls, route, stopped));
        Self { store, clock, accounts, delivery, gateway, address, id, _stop: stop }
    }

    /// So many registered people, each with one device.
    pub(crate) async fn people<const N: usize>(&self) -> [Credentials; N] {
        let people = self.accounts.test_accounts(N, 1).await.unwrap();
        people.try_into().unwrap_or_else(|_| panic!("{N} people"))
    }

    /// One person with so many devices.
    pub(crate) async fn devices<const N: usize>(&self) -> [Credentials; N] {
        let devices = self.accounts.test_accounts(1, N).await.unwrap();
        devices.try_into().unwrap_or_else(|_| panic!("{N} devices"))
    }

    /// A connection of a device that said nothing yet.
    pub(crate) async fn connect(&self, who: &Credentials, format: Format) -> Client {
        Client::connect(self.address, &who.access_token, format).await
    }

    /// A connection that has resumed, stating nothing.
    pub(crate) async fn online(&self, who: &Credentials, format: Format) -> Client {
        let mut client = self.connect(who, format).await;
        client.resume(&[]).await;
        client
    }

    /// Past the socket: a message from `who`, for when the way in is not what is tested.
    pub(crate) async fn post(&self, who: &Credentials, chat: ChatId, number: u64, body: &str) -> Seq {
        self.act(who, chat, number, text(body)).await
    }

    /// Past the socket: any command.
    pub(crate) async fn act(
        &self,
        who: &Credentials,
        chat: ChatId,
        number: u64,
        command: ChatCommand,
    ) -> Seq {
        let number = ClientSeq(number);
        self.delivery.submit_in_task(who.device, chat, number, command, None).await.unwrap().seq
    }

    /// Past the socket: a group of `owner` (whose number 1 is used for it) with the others.
    pub(crate) async fn group(&self, owner: &Credentials, others: &[&Credentials]) -> ChatId {
        let members = others.iter().map(|other| other.device.user).collect();
        let command = create(ChatKind::Group, "Friends", members);
        self.delivery.create_chat(owner.device, ClientSeq(1), command, None).await.unwrap().chat
    }

    /// That the server still serves: two strangers meet and talk.
    pub(crate) async fn assert_serves(&self) {
        let [ada, bob] = self.people::<2>().await;
        let mut sender = self.online(&ada, Format::Json).await;
        let mut reader = self.online(&bob, Format::Proto).await;
        let chat = sender.create(create(ChatKind::Direct, "", vec![bob.device.user])).await;
        sender.send(chat, "still here?").await;
        assert_eq!(reader.events_up_to(chat, 2).await, ["1 +Created", "2 still here?"]);
    }
}

pub(crate) fn create(kind: ChatKind, name: &str, members: Vec<UserId>) -> ChatCommand {
    let (name, description) = (name.to_owned(), String::new());
    ChatCommand::Create { kind, encryption: Encryption::None, name, description, members }
}

pub(crate) fn text(text: &str) -> ChatCommand {
    ChatCommand::Send {
        body: Body::Text(text.to_owned()),
        reply_to: None,
        attachments: Vec::new(),
        epoch: None,
    }
}

/// What must come, comes within the patience of a test.
pub(crate) async fn soon<T>(what: &str, wanted: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, wanted).await {
        Ok(came) => came,
        Err(_) => panic!("{what} never came"),
    }
}

/// Waits until something holds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    soon(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}
