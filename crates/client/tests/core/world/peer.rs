//! One device: a client, its vault, and its end of a connection.

use std::collections::{BTreeMap, VecDeque};

use dunlin_client::chats::{Shown, StoredMessage};
use dunlin_client::content::Content;
use dunlin_client::keys::stand_in::StandIn;
use dunlin_client::{Account, Change, Client, Input, Key, Value, Want, query};
use dunlin_model::{Body, ChatId, DeviceCertificate, DeviceId, DeviceKey, EventKind, Seq, Timestamp};
use dunlin_wire::{ClientFrame, ServerFrame};
use ed25519_dalek::SigningKey;

/// A device.
pub(crate) struct Peer {
    pub(crate) device: DeviceId,
    pub(crate) client: Client,
    pub(crate) rows: BTreeMap<Key, Value>,
    pub(crate) connected: bool,
    pub(crate) up: VecDeque<ClientFrame>,
    pub(crate) down: VecDeque<ServerFrame>,
    pub(crate) wake_at: Option<Timestamp>,
    pub(crate) changes: Vec<Change>,
    pub(crate) reconnects: u32,
    openings: u64,
}

/// The identity key of a device's user.
pub(crate) fn identity(device: DeviceId) -> SigningKey {
    let mut seed = [0x55; 32];
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
    pub(crate) fn new(device: DeviceId) -> Self {
        let (key, certificate) = certified(device);
        let account = Account::new(certificate.clone(), &key, Some(&identity(device)));
        let keys = StandIn::open(certificate, seed_of(device, 0, 1), []);
        let client = Client::create(account, seed_of(device, 0, 2), Box::new(keys));
        Self {
            device,
            client,
            rows: BTreeMap::new(),
            connected: false,
            up: VecDeque::new(),
            down: VecDeque::new(),
            wake_at: None,
            changes: Vec::new(),
            reconnects: 0,
            openings: 0,
        }
    }

    /// Forgets everything that is not in the vault.
    pub(crate) fn reopen(&mut self) {
        self.openings += 1;
        self.connected = false;
        self.up.clear();
        self.down.clear();
        self.wake_at = None;
        let (device, opening) = (self.device, self.openings);
        let rows = self.rows.clone().into_iter().filter(|(key, _)| !key.starts_with(b"m/"));
        let opened = Client::open(seed_of(device, opening, 2), rows, |account, rows| {
            let certificate = account.certificate().clone();
            Box::new(StandIn::open(certificate, seed_of(device, opening, 1), rows))
        });
        match opened {
            Some(client) => self.client = client,
            None => *self = Self { openings: opening, ..Self::new(device) },
        }
    }

    pub(crate) fn step(&mut self, now: Timestamp, input: Input) -> Vec<Want> {
        let effects = self.client.step(now, input);
        for (key, value) in effects.persist {
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
