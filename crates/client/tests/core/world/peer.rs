//! One device: a client, its vault, and its end of a connection.

use std::collections::{BTreeMap, VecDeque};

use dunlin_client::chats::{Shown, StoredMessage};
use dunlin_client::content::Content;
use dunlin_client::keys::stand_in::StandIn;
use dunlin_client::keys::{Keys, MlsKeys};
use dunlin_client::mls::DeviceIdentity;
use dunlin_client::{
    Account, Change, Client, Input, Key, LOST_MESSAGES_PREFIX, Order, Rows, Value, Want, query,
};
use dunlin_model::{Body, ChatId, DeviceCertificate, DeviceId, DeviceKey, EventKind, Seq, Timestamp};
use dunlin_wire::{ClientFrame, ServerFrame};
use ed25519_dalek::SigningKey;

/// By which cryptography devices keep chats from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cryptography {
    /// One that keeps MLS's rules and costs little.
    StandIn,
    /// MLS.
    Mls,
}

impl Cryptography {
    fn keys(
        self,
        device: DeviceId,
        opening: u64,
        rows: impl IntoIterator<Item = (Key, Value)>,
    ) -> Box<dyn Keys> {
        let (key, certificate) = certified(device);
        let seed = seed_of(device, opening, 1);
        match self {
            Self::StandIn => Box::new(StandIn::open(certificate, seed, rows)),
            Self::Mls => Box::new(MlsKeys::open(DeviceIdentity::new(key, certificate).unwrap(), seed, rows)),
        }
    }
}

/// Where in a step's effects a process dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// Nothing of the step is durable.
    BeforePersisting,
    /// All of it is durable, and so many frames have left.
    AfterSending(usize),
}

/// Rows that come few at a time, as those of a vault do where they are large.
pub(super) struct SmallPages<'a>(pub(super) &'a BTreeMap<Key, Value>);

impl Rows for SmallPages<'_> {
    fn get(&self, key: &[u8]) -> Option<Value> {
        self.0.get(key).cloned()
    }

    fn scan(&self, from: &[u8], until: &[u8], order: Order, limit: usize) -> Vec<(Key, Value)> {
        Rows::scan(self.0, from, until, order, limit.min(2))
    }
}

/// A device.
pub(crate) struct Peer {
    cryptography: Cryptography,
    pub(crate) device: DeviceId,
    pub(crate) client: Client,
    pub(crate) rows: BTreeMap<Key, Value>,
    pub(crate) connected: bool,
    pub(crate) up: VecDeque<ClientFrame>,
    pub(crate) down: VecDeque<ServerFrame>,
    pub(crate) wake_at: Option<Timestamp>,
    pub(crate) changes: Vec<Change>,
    pub(crate) reconnects: u32,
    /// The connection is gone, and this end does not know.
    pub(crate) severed: bool,
    /// The process dies in its next step.
    pub(crate) dies: Option<Death>,
    /// Rows written, those of the keys left out, and the bytes of the largest.
    pub(crate) written: (usize, usize),
    openings: u64,
}

/// Devices from this number on are of people who lost everything and have another identity key.
pub(crate) const REBORN: u32 = 100;

/// The identity key of a device's user.
pub(crate) fn identity(device: DeviceId) -> SigningKey {
    let mut seed = [if device.number.0 < REBORN { 0x55 } else { 0x56 }; 32];
    seed[..16].copy_from_slice(device.user.as_bytes());
    SigningKey::from_bytes(&seed)
}

pub(crate) fn certified(device: DeviceId) -> (SigningKey, DeviceCertificate) {
    let mut seed = [0x66; 32];
    seed[..16].copy_from_slice(device.user.as_bytes());
    seed[16..20].copy_from_slice(&device.number.0.to_be_bytes());
    let key = SigningKey::from_bytes(&seed);
    let public = DeviceKey(key.verifying_key().to_bytes());
    let certificate = DeviceCertificate::issue(&identity(device), device, public, Timestamp(1));
    (key, certificate)
}

fn seed_of(device: DeviceId, opening: u64, purpose: u8) -> [u8; 32] {
    let mut seed = [purpose; 32];
    seed[..16].copy_from_slice(device.user.as_bytes());
    seed[16..20].copy_from_slice(&device.number.0.to_be_bytes());
    seed[20..28].copy_from_slice(&opening.to_be_bytes());
    seed
}

impl Peer {
    pub(crate) fn new(device: DeviceId, cryptography: Cryptography) -> Self {
        Self::opened_as(device, cryptography, 0)
    }

    fn opened_as(device: DeviceId, cryptography: Cryptography, opening: u64) -> Self {
        let (key, certificate) = certified(device);
        let account = Account::new(certificate, &key, Some(&identity(device)));
        let keys = cryptography.keys(device, opening, []);
        let client = Client::create(account, seed_of(device, opening, 2), keys);
        Self {
            cryptography,
            device,
            client,
            rows: BTreeMap::new(),
            connected: false,
            up: VecDeque::new(),
            down: VecDeque::new(),
            wake_at: None,
            changes: Vec::new(),
            reconnects: 0,
            severed: false,
            dies: None,
            written: (0, 0),
            openings: opening,
        }
    }

    /// Forgets everything that is not in the vault.
    pub(crate) fn reopen(&mut self) {
        self.openings += 1;
        self.connected = false;
        self.severed = false;
        self.up.clear();
        self.down.clear();
        self.wake_at = None;
        let (device, opening, cryptography) = (self.device, self.openings, self.cryptography);
        let rows = self
            .rows
            .clone()
            .into_iter()
            .filter(|(key, _)| !key.starts_with(b"m/") && !key.starts_with(b"l/"));
        let opened = Client::open(seed_of(device, opening, 2), rows, |_, rows| {
            cryptography.keys(device, opening, rows)
        });
        let (changes, reconnects) = (std::mem::take(&mut self.changes), self.reconnects);
        match opened {
            Some(client) => {
                self.client = client;
                self.changes = changes;
            }
            None => *self = Self { changes, reconnects, ..Self::opened_as(device, cryptography, opening) },
        }
    }

    /// One step, up to where the process dies, if it does: then it has to be opened again.
    pub(crate) fn step(&mut self, now: Timestamp, input: Input) -> Vec<Want> {
        let mut effects = self.client.step(now, input, &self.rows);
        match self.dies {
            Some(Death::BeforePersisting) => return Vec::new(),
            Some(Death::AfterSending(frames)) => {
                effects.send.truncate(frames);
                effects.wants.clear();
            }
            None => {}
        }
        for (key, value) in effects.persist {
            if !key.starts_with(b"k/") {
                let (rows, largest) = self.written;
                self.written = (rows + 1, largest.max(value.as_ref().map_or(0, Vec::len)));
            }
            match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
        self.up.extend(effects.send);
        self.changes.extend(effects.changes);
        self.wake_at = effects.wake_at;
        effects.wants
    }

    /// The texts that a device holds of logs that were lost.
    pub(crate) fn keeps_aside(&self, chat: ChatId) -> Vec<String> {
        let prefix = [LOST_MESSAGES_PREFIX, chat.as_bytes()].concat();
        let rows = self.rows.iter().filter(|(key, _)| key.starts_with(&prefix));
        let words = |message: StoredMessage| match message.envelope(chat)?.content {
            Content::Text(text) => Some(text.text),
            _ => None,
        };
        rows.filter_map(|(_, value)| StoredMessage::read(value)).filter_map(words).collect()
    }

    pub(crate) fn message(&self, chat: ChatId, seq: u64) -> Option<StoredMessage> {
        query::message(&self.rows, chat, Seq(seq))
    }

    pub(crate) fn text_at(&self, chat: ChatId, seq: u64) -> Option<String> {
        let message = self.message(chat, seq)?;
        match &message.shown {
            Shown::Stub(_) => Some("-".to_owned()),
            Shown::Event(kind) => match kind.as_ref() {
                EventKind::Message { body: Body::Text(text), .. } => Some(text.clone()),
                _ => None,
            },
            _ => match message.envelope(chat)?.content {
                Content::Text(text) => Some(text.text),
                _ => None,
            },
        }
    }

    pub(crate) fn saw(&self, matches: impl Fn(&Change) -> bool) -> bool {
        self.changes.iter().any(matches)
    }
}
