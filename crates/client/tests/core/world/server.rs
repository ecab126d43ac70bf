//! A server in memory that keeps the rules of `model` and nothing else: what it is asked it does at once.

mod blobs;
mod keys;
mod log;
mod pushes;
mod signals;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use dunlin_client::keys::stand_in::KeyUse;
use dunlin_model::view::HistoryPage;
use dunlin_model::{ChatId, DeviceId, DeviceNumber, ErrorCode, Seq, Timestamp, UserId};
use dunlin_wire::{ClientFrame, Command, Failure, Outcome, ServerFrame, Welcome};

pub(crate) use blobs::Blobs;
pub(crate) use log::Log;

#[derive(Default, Clone)]
pub(crate) struct Server {
    /// Raised by every restoration.
    incarnation: u32,
    /// Whether ciphertexts are the stand-in's, which show the key they use.
    watches_key_use: bool,
    pub(crate) chats: BTreeMap<ChatId, Log>,
    pub(crate) blobs: Blobs,
    devices: BTreeMap<UserId, BTreeSet<DeviceId>>,
    sessions: BTreeMap<DeviceId, pushes::Session>,
    cursors: BTreeMap<(DeviceId, ChatId), Seq>,
    keys: keys::KeyPackages,
    pub(crate) signals: signals::Signals,
    /// Users of whom no further certificate is taken.
    pub(crate) refuses_certificates: BTreeSet<UserId>,
    /// Chats of two of whom one has blocked the other.
    pub(crate) blocked: BTreeSet<ChatId>,
    relayed: BTreeMap<DeviceId, Vec<(DeviceNumber, Bytes)>>,
    /// Every key that a ciphertext was ever sent under, and what was sent.
    uses: BTreeMap<KeyUse, Vec<u8>>,
    /// Ranges that a device did not get because they were removed after the retention time.
    pub(crate) expired: BTreeSet<(DeviceId, ChatId, Seq, Seq)>,
    /// Of those, what stands in the log again since a restoration.
    pub(crate) came_back: BTreeSet<(DeviceId, ChatId, Seq, Seq)>,
    /// What was emptied after the retention time.
    pub(crate) emptied: BTreeSet<(ChatId, Seq)>,
    /// By chat and the head that a restoration left it: the devices that had got further.
    pub(crate) rewound: BTreeMap<(ChatId, Seq), BTreeSet<DeviceId>>,
    /// Where devices were when the server was restored.
    pub(crate) compared: BTreeSet<(ChatId, Seq, DeviceId)>,
}

impl Server {
    pub(crate) fn new(watches_key_use: bool) -> Self {
        Self { watches_key_use, ..Self::default() }
    }

    /// A new device; of a user who has others it begins at the heads.
    pub(crate) fn enrol(&mut self, device: DeviceId) {
        let devices = self.devices.entry(device.user).or_default();
        let is_first = devices.is_empty();
        devices.insert(device);
        if !is_first {
            for (id, log) in &self.chats {
                if let Some(last) = log.state.memberships_of(device.user).last_covered(log.state.head) {
                    self.cursors.insert((device, *id), last);
                }
            }
        }
    }

    pub(crate) fn connect(&mut self, device: DeviceId, now: Timestamp) -> Welcome {
        self.sessions.insert(device, pushes::Session::default());
        self.show_presence(device.user);
        Welcome {
            device,
            server_time: now,
            incarnation: self.incarnation.to_string(),
            heartbeat: Duration::from_secs(30),
            frame_bytes_max: 196_608,
            window_events: 256,
            requests_in_flight_max: 64,
        }
    }

    pub(crate) fn disconnect(&mut self, device: DeviceId) {
        self.sessions.remove(&device);
        self.signals.left.remove(&device);
        self.show_presence(device.user);
    }

    pub(crate) fn knows(&self, device: DeviceId) -> bool {
        self.devices.get(&device.user).is_some_and(|devices| devices.contains(&device))
    }

    /// What comes over a connection that is gone: it neither opens nor moves the connection of today.
    pub(crate) fn handle_late(&mut self, device: DeviceId, frame: ClientFrame, now: Timestamp) {
        if !matches!(frame.command, Command::Resume { .. }) {
            let _ = self.handle(device, frame, now);
        }
    }

    pub(crate) fn head(&self, chat: ChatId) -> u64 {
        self.chats.get(&chat).map_or(0, |log| log.state.head.0)
    }

    pub(crate) fn handle(
        &mut self,
        device: DeviceId,
        ClientFrame { id, command }: ClientFrame,
        now: Timestamp,
    ) -> Vec<ServerFrame> {
        let outcome = match command {
            Command::Resume { positions, more } => {
                for position in positions {
                    self.raise(device, position.chat, position.received);
                    self.note_receipt(device, position.chat, position.received, position.seen);
                }
                let low = self.keys.low(device);
                if let Some(session) = self.sessions.get_mut(&device) {
                    session.resumed = !more;
                    session.low.extend(low);
                }
                Outcome::Done
            }
            Command::Received { chat, seq } => {
                self.raise(device, chat, seq);
                self.note_receipt(device, chat, seq, Seq::ZERO);
                Outcome::Done
            }
            Command::MarkSeen { chat, seq } => {
                self.note_receipt(device, chat, seq, seq);
                Outcome::Done
            }
            Command::SetTyping { chat, typing } => self.typing(device, chat, typing),
            Command::HideMessage { chat, seq } => self.hide(device, chat, seq),
            Command::Presence { users } => self.presence(device, users),
            Command::Submit { chat, client_seq, command, attestation } => {
                self.submit(device, chat, client_seq, command, attestation, now)
            }
            Command::CreateChat { client_seq, command, attestation } => {
                self.create(device, client_seq, command, attestation, now)
            }
            Command::JoinChat { .. } => failed(ErrorCode::InvalidInvite),
            Command::ListChats { .. } => self.list(device),
            Command::History { chat, before, .. } => self.history(chat, before),
            Command::GetChat { chat } => self.details(device, chat),
            Command::UploadKeyPackages { suite, packages, last_resort } => {
                self.keys.upload(device, suite, packages, last_resort)
            }
            Command::ClaimKeyPackages { chat, change, suite, users } => {
                self.claim(device, chat, change, suite, &users)
            }
            Command::GetGroupInfo { chat } => self.group_info(device, chat),
            Command::RelayToDevices { device: to, payload } => self.relay(device, to, &payload),
            Command::SetCertificate(_) if self.refuses_certificates.contains(&device.user) => {
                failed(ErrorCode::AlreadyExists)
            }
            _ => Outcome::Done,
        };
        if id == 0 && !matches!(outcome, Outcome::Failed(_)) {
            return Vec::new();
        }
        vec![ServerFrame::Reply { id, outcome }]
    }

    fn relay(&mut self, from: DeviceId, to: Option<DeviceNumber>, payload: &Bytes) -> Outcome {
        let is_meant = |other: &&DeviceId| {
            other.user == from.user && **other != from && to.is_none_or(|to| to == other.number)
        };
        let meant: Vec<DeviceId> = self.sessions.keys().filter(is_meant).copied().collect();
        for device in &meant {
            self.relayed.entry(*device).or_default().push((from.number, payload.clone()));
        }
        Outcome::Relayed { reached: u32::try_from(meant.len()).unwrap() }
    }

    /// The data of `backup`, in place of today's.
    pub(crate) fn restore(&mut self, backup: Self) {
        let (incarnation, uses) = (self.incarnation + 1, std::mem::take(&mut self.uses));
        let sessions = BTreeMap::new();
        // Who passed over something, or got it emptied, has not read it, though it stands in the log again.
        let passed = self.expired.iter().chain(&self.came_back);
        let came_back = passed
            .map(|(device, chat, from, to)| (*device, *chat, *from, (*to).min(Seq(backup.head(*chat)))))
            .filter(|(_, _, from, to)| from <= to)
            .collect();
        let mut emptied = std::mem::take(&mut self.emptied);
        emptied.retain(|(chat, seq)| seq.0 <= backup.head(*chat));
        *self = Self { incarnation, uses, sessions, came_back, emptied, ..backup };
    }

    fn history(&self, chat: ChatId, before: Option<Seq>) -> Outcome {
        let log = self.chats.get(&chat);
        let place = before.map(Seq::previous).filter(|seq| log.is_some_and(|log| *seq > log.floor));
        let event = place.and_then(|seq| log?.event(seq).cloned());
        let page =
            HistoryPage { events: event.into_iter().collect(), skipped: Vec::new(), next_before: None };
        Outcome::History { chat, page }
    }

    fn raise(&mut self, device: DeviceId, chat: ChatId, seq: Seq) {
        let cursor = self.cursors.entry((device, chat)).or_default();
        *cursor = (*cursor).max(seq);
        if let Some(session) = self.sessions.get_mut(&device) {
            session.looked_at = None;
        }
    }
}

fn failed(code: ErrorCode) -> Outcome {
    Outcome::Failed(Failure::new(code, code.as_str()))
}
