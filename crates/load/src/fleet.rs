//! Many clients in one place: what each has sent and stored, and one history of all of them.
//!
//! The fleet does no I/O. Frames come in through [`Fleet::handle`], frames to send gather in each client's
//! `out`; `connection` moves bytes between that and a socket. Everything runs on one thread, so that the
//! order of records is the order of events.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::task::Waker;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use dunlin_model::view::HistoryPage;
use dunlin_model::{Body, ChatCommand, ChatId, ClientSeq, ErrorCode, Event, EventKind, Retry, Seq};
use dunlin_wire::{ClientFrame, Command, Failure, Format, Outcome, POSITIONS_MAX, Position, ServerFrame};
use hdrhistogram::Histogram;
use tokio::net::tcp::OwnedWriteHalf;

use crate::accounts::Account;
use crate::check::{Chat, Device, Entry, History, Record};
use crate::framing::{Opcode, write_frame};

/// Ids of requests without a number of their own begin here; ids below are client sequence numbers.
const PLAIN_IDS: u64 = 1 << 48;
/// How long to wait before sending again what the server asked to have later.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// Complaints of the server that are told in full.
const COMPLAINTS_TOLD_MAX: usize = 10;
/// Longest latency that is told apart.
const LATENCY_MAX_US: u64 = 600_000_000;

/// What a scenario does when something happens to one of its clients.
pub(crate) trait Scenario: 'static {
    /// A command was answered, or expects no answer any more, and reached everyone it was to reach.
    fn completed(&mut self, fleet: &mut Fleet, client: usize, chat: Chat);

    /// A client stored an event that it did not have.
    fn stored(&mut self, fleet: &mut Fleet, client: usize, chat: Chat, event: &Event);
}

/// What became of the fleet's commands.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) sent: u64,
    pub(crate) accepted: u64,
    pub(crate) refused: u64,
    pub(crate) too_old: u64,
    pub(crate) retried: u64,
    pub(crate) delivered: u64,
    pub(crate) receipts: u64,
    pub(crate) disconnects: u64,
}

/// A command that is not done with.
struct Sending {
    chat: Chat,
    body: Option<u64>,
    frame: ClientFrame,
    /// When it was to be sent, by the scenario's plan: latency counts from here, whatever delayed it.
    intended: Duration,
    answered: bool,
    /// Other devices that are to store it.
    waiting: u32,
}

/// One device.
pub(crate) struct Client {
    pub(crate) account: Account,
    pub(crate) device: Device,
    pub(crate) write: Option<OwnedWriteHalf>,
    pub(crate) out: Vec<u8>,
    /// Wakes the connection's task when `out` could not be written at once.
    pub(crate) waker: Option<Waker>,
    pub(crate) caught_up: bool,
    is_dirty: bool,
    mask: [u8; 4],
    next_number: u64,
    sendings: BTreeMap<u64, Sending>,
    positions: HashMap<Chat, (Seq, Seq)>,
    unacknowledged: Vec<Chat>,
}

impl Client {
    /// How far the client has got in a chat.
    pub(crate) fn position(&self, chat: Chat) -> Seq {
        self.positions.get(&chat).map_or(Seq::ZERO, |(received, _)| *received)
    }
}

/// All clients of a scenario.
pub(crate) struct Fleet {
    pub(crate) history: History,
    pub(crate) clients: Vec<Client>,
    pub(crate) counts: Counts,
    pub(crate) latency_us: Histogram<u64>,
    pub(crate) complaints: Vec<String>,
    pub(crate) complaint_count: u64,
    pub(crate) pages: Vec<HistoryPage>,
    started: Instant,
    next_plain_id: u64,
    dirty: Vec<usize>,
    retries: Vec<(Duration, usize, u64)>,
    scratch: Vec<u8>,
}

impl Fleet {
    pub(crate) fn new(accounts: Vec<Account>, started: Instant) -> anyhow::Result<Self> {
        let mut history = History::default();
        let clients = (0u32..)
            .zip(accounts)
            .map(|(index, account)| Client {
                device: history.device(account.device),
                account,
                write: None,
                out: Vec::new(),
                waker: None,
                caught_up: false,
                is_dirty: false,
                mask: index.wrapping_mul(0x9E37_79B9).to_be_bytes(),
                next_number: 0,
                sendings: BTreeMap::new(),
                positions: HashMap::new(),
                unacknowledged: Vec::new(),
            })
            .collect();
        Ok(Self {
            history,
            clients,
            counts: Counts::default(),
            latency_us: Histogram::new_with_max(LATENCY_MAX_US, 3).context("latency histogram")?,
            complaints: Vec::new(),
            complaint_count: 0,
            pages: Vec::new(),
            started,
            next_plain_id: PLAIN_IDS,
            dirty: Vec::new(),
            retries: Vec::new(),
            scratch: Vec::new(),
        })
    }

    /// Time since the fleet began.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Sends a command on an existing chat, intended for `intended`, which `waiting` other devices are to store.
    pub(crate) fn submit(
        &mut self,
        client: usize,
        chat: Chat,
        command: ChatCommand,
        intended: Duration,
        waiting: u32,
    ) {
        let Some(id) = self.history.id_of(chat) else { return };
        let client_seq = self.next_number(client);
        let body = match &command {
            ChatCommand::Send { body, reply_to, attachments } => {
                Some(message_hash(body, *reply_to, attachments.len()))
            }
            _ => None,
        };
        let command = Command::Submit { chat: id, client_seq, command };
        self.send_numbered(client, chat, client_seq, command, body, intended, waiting);
    }

    /// Sends a text.
    pub(crate) fn send_text(
        &mut self,
        client: usize,
        chat: Chat,
        text: String,
        intended: Duration,
        waiting: u32,
    ) {
        let command = ChatCommand::Send { body: Body::Text(text), reply_to: None, attachments: Vec::new() };
        self.submit(client, chat, command, intended, waiting);
    }

    /// Creates a chat, whose id is known beforehand, with `waiting` other members.
    pub(crate) fn create_chat(
        &mut self,
        client: usize,
        command: ChatCommand,
        peer: Option<usize>,
        waiting: u32,
    ) -> Chat {
        let client_seq = self.next_number(client);
        let device = self.clients[client].account.device;
        let id = match peer {
            Some(peer) => ChatId::direct(device.user, self.clients[peer].account.device.user),
            None => ChatId::created_by(device, client_seq),
        };
        let chat = self.history.chat(id);
        let now = self.now();
        let command = Command::CreateChat { client_seq, command };
        self.send_numbered(client, chat, client_seq, command, None, now, waiting);
        chat
    }

    /// Says that the person saw everything the client holds of a chat.
    pub(crate) fn mark_seen(&mut self, client: usize, chat: Chat) {
        let (Some(id), Some(position)) =
            (self.history.id_of(chat), self.clients[client].positions.get_mut(&chat))
        else {
            return;
        };
        position.1 = position.0;
        let seq = position.0;
        self.send_frame(client, &ClientFrame { id: 0, command: Command::MarkSeen { chat: id, seq } });
    }

    /// Asks for the page of the past that ends before `before`; it will stand in `pages`.
    pub(crate) fn ask_history(&mut self, client: usize, chat: Chat, before: Option<Seq>) {
        let Some(id) = self.history.id_of(chat) else { return };
        let command = Command::History { chat: id, before, limit: None, sender: None };
        self.ask(client, command);
    }

    /// The client is connected: it restates where it stands and sends again what was not answered.
    pub(crate) fn connected(&mut self, client: usize, write: OwnedWriteHalf) {
        let device = self.clients[client].device;
        self.history.note(Record::Connected { device });
        let this = &mut self.clients[client];
        this.write = Some(write);
        this.out.clear();
        this.unacknowledged.clear();
        this.caught_up = false;
        let mut positions: Vec<Position> = this
            .positions
            .iter()
            .filter_map(|(chat, (received, seen))| {
                let chat = self.history.id_of(*chat)?;
                Some(Position { chat, received: *received, seen: *seen })
            })
            .collect();
        positions.truncate(POSITIONS_MAX);
        self.ask(client, Command::Resume { positions });
        let unanswered: Vec<u64> = self.clients[client]
            .sendings
            .iter()
            .filter(|(_, sending)| !sending.answered)
            .map(|(number, _)| *number)
            .collect();
        for number in unanswered {
            self.send_again(client, number);
        }
    }

    /// The client's connection ended.
    pub(crate) fn disconnected(&mut self, client: usize) {
        self.counts.disconnects += 1;
        let this = &mut self.clients[client];
        this.write = None;
        this.waker = None;
        this.out.clear();
    }

    /// Takes in one frame from the server.
    pub(crate) fn handle<S: Scenario>(&mut self, scenario: &mut S, client: usize, frame: ServerFrame) {
        match frame {
            ServerFrame::Reply { id, outcome } => self.reply(scenario, client, id, outcome),
            ServerFrame::Event { chat, event } => self.event(scenario, client, chat, &event),
            ServerFrame::Skipped { chat, range } => {
                let (chat, device) = (self.history.chat(chat), self.clients[client].device);
                let (from, to, reason) = (range.from, range.to, range.reason);
                self.history.note(Record::Skipped { device, chat, from, to, reason });
                self.advance(client, chat, to);
            }
            ServerFrame::StatusUpdate { chat, receipt } => {
                self.counts.receipts += 1;
                let (chat, viewer) = (self.history.chat(chat), self.clients[client].device);
                let (user, delivered, seen) = (receipt.user, receipt.delivered, receipt.seen);
                self.history.note(Record::Receipt { viewer, chat, user, delivered, seen });
            }
            ServerFrame::CaughtUp => self.clients[client].caught_up = true,
            ServerFrame::Welcome(welcome) => {
                if welcome.device != self.clients[client].account.device {
                    self.complain(format!("welcomed as {} instead", welcome.device));
                }
            }
            ServerFrame::PresenceUpdate(_)
            | ServerFrame::Typing { .. }
            | ServerFrame::MessageHidden { .. }
            | ServerFrame::Draining { .. } => {}
        }
    }

    /// Acknowledges what came since the last time, once for each chat.
    pub(crate) fn acknowledge(&mut self, client: usize) {
        while let Some(chat) = self.clients[client].unacknowledged.pop() {
            if let Some(id) = self.history.id_of(chat) {
                let seq = self.clients[client].position(chat);
                self.send_frame(client, &ClientFrame { id: 0, command: Command::Received { chat: id, seq } });
            }
        }
    }

    /// Sends again what the server asked to have later and whose pause is over.
    pub(crate) fn retry_due(&mut self) {
        let now = self.now();
        let (due, later) = self.retries.drain(..).partition(|(at, _, _)| *at <= now);
        self.retries = later;
        let due: Vec<(Duration, usize, u64)> = due;
        for (_, client, number) in due {
            if number == 0 {
                self.clients[client].unacknowledged =
                    self.clients[client].positions.keys().copied().collect();
                self.acknowledge(client);
            } else {
                self.send_again(client, number);
            }
        }
    }

    /// Writes what gathered, one write for each connection; what does not fit is left to its task.
    pub(crate) fn flush(&mut self) {
        for client in self.dirty.drain(..) {
            let Client { write, out, waker, is_dirty, .. } = &mut self.clients[client];
            *is_dirty = false;
            let Some(write) = write else {
                out.clear();
                continue;
            };
            match write.try_write(out) {
                Ok(written) if written == out.len() => out.clear(),
                Ok(written) => drop(out.drain(..written)),
                Err(_) => {} // Blocked, or broken: the task finds out which.
            }
            if !out.is_empty()
                && let Some(waker) = waker
            {
                waker.wake_by_ref();
            }
        }
    }

    /// Commands that were not answered, or did not reach everyone.
    pub(crate) fn unfinished(&self) -> usize {
        self.clients.iter().map(|client| client.sendings.len()).sum()
    }

    /// Puts a frame behind what waits to be written.
    pub(crate) fn send_raw(&mut self, client: usize, opcode: Opcode, payload: &[u8]) {
        let this = &mut self.clients[client];
        if this.write.is_none() {
            return;
        }
        write_frame(&mut this.out, opcode, this.mask, payload);
        if !this.is_dirty {
            this.is_dirty = true;
            self.dirty.push(client);
        }
    }

    fn send_frame(&mut self, client: usize, frame: &ClientFrame) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        dunlin_wire::encode_client(Format::Proto, frame, &mut scratch);
        self.send_raw(client, Opcode::Binary, &scratch);
        self.scratch = scratch;
    }

    fn ask(&mut self, client: usize, command: Command) {
        self.next_plain_id += 1;
        self.send_frame(client, &ClientFrame { id: self.next_plain_id, command });
    }

    fn next_number(&mut self, client: usize) -> ClientSeq {
        let number = &mut self.clients[client].next_number;
        *number += 1;
        ClientSeq(*number)
    }

    #[expect(clippy::too_many_arguments, reason = "the one place where all that is known of a command meets")]
    fn send_numbered(
        &mut self,
        client: usize,
        chat: Chat,
        number: ClientSeq,
        command: Command,
        body: Option<u64>,
        intended: Duration,
        waiting: u32,
    ) {
        self.counts.sent += 1;
        let device = self.clients[client].device;
        self.history.note(Record::Sent { device, number, chat, body });
        let frame = ClientFrame { id: number.0, command };
        self.send_frame(client, &frame);
        let sending = Sending { chat, body, frame, intended, answered: false, waiting };
        self.clients[client].sendings.insert(number.0, sending);
    }

    fn send_again(&mut self, client: usize, number: u64) {
        let Some(sending) = self.clients[client].sendings.remove(&number) else { return };
        self.counts.retried += 1;
        let (device, chat, body) = (self.clients[client].device, sending.chat, sending.body);
        self.history.note(Record::Sent { device, number: ClientSeq(number), chat, body });
        self.send_frame(client, &sending.frame);
        self.clients[client].sendings.insert(number, sending);
    }

    fn reply<S: Scenario>(&mut self, scenario: &mut S, client: usize, id: u64, outcome: Outcome) {
        let device = self.clients[client].device;
        match outcome {
            Outcome::Accepted { chat, seq, repeated, .. } => {
                let (chat, number) = (self.history.chat(chat), ClientSeq(id));
                self.history.note(Record::Accepted { device, number, chat, seq, repeated });
                if let Some(sending) = self.clients[client].sendings.get_mut(&id) {
                    self.counts.accepted += u64::from(!sending.answered);
                    sending.answered = true;
                }
                self.finish_if_done(scenario, client, id);
            }
            Outcome::Failed(failure) => self.failed(scenario, client, id, &failure),
            Outcome::History { chat, page } => {
                let chat = self.history.chat(chat);
                for event in &page.events {
                    let entry = self.entry(chat, event);
                    self.history.note(Record::Listed { device, entry });
                }
                self.pages.push(page);
            }
            _ => {}
        }
    }

    fn failed<S: Scenario>(&mut self, scenario: &mut S, client: usize, id: u64, failure: &Failure) {
        let device = self.clients[client].device;
        let Some(sending) = self.clients[client].sendings.get_mut(&id) else {
            if id == 0 && failure.retry == Retry::Later {
                // An acknowledgement was refused: all are said again.
                self.retries.push((self.started.elapsed() + RETRY_PAUSE, client, 0));
            }
            self.complain(format!("{}: {}", failure.code, failure.message));
            return;
        };
        let (chat, number) = (sending.chat, ClientSeq(id));
        match (failure.code, failure.retry) {
            (_, Retry::Later) => {
                let pause = failure.retry_after.unwrap_or(RETRY_PAUSE).max(RETRY_PAUSE);
                self.retries.push((self.started.elapsed() + pause, client, id));
                return;
            }
            (ErrorCode::TooOld, _) => {
                self.counts.too_old += 1;
                self.history.note(Record::TooOld { device, number, chat });
            }
            _ => {
                self.counts.refused += 1;
                self.history.note(Record::Refused { device, number, chat });
            }
        }
        if let Some(sending) = self.clients[client].sendings.get_mut(&id) {
            (sending.answered, sending.waiting) = (true, 0);
        }
        self.complain(format!("{}: {}", failure.code, failure.message));
        self.finish_if_done(scenario, client, id);
    }

    fn event<S: Scenario>(&mut self, scenario: &mut S, client: usize, chat: ChatId, event: &Event) {
        let chat = self.history.chat(chat);
        let entry = self.entry(chat, event);
        let device = self.clients[client].device;
        self.history.note(Record::Pushed { device, entry });
        if !self.advance(client, chat, event.seq) {
            return; // A repetition: the checker tells.
        }
        let (sender, number) = (self.history.index_of(entry.sender), event.client_seq.0);
        if sender != client {
            self.counts.delivered += 1;
            let now = self.now();
            let sending = self.clients.get_mut(sender).and_then(|sender| sender.sendings.get_mut(&number));
            if let Some(sending) = sending {
                sending.waiting = sending.waiting.saturating_sub(1);
                let latency = now.saturating_sub(sending.intended).as_micros();
                self.latency_us.saturating_record(u64::try_from(latency).unwrap_or(u64::MAX));
            }
            self.finish_if_done(scenario, sender, number);
        }
        scenario.stored(self, client, chat, event);
    }

    fn finish_if_done<S: Scenario>(&mut self, scenario: &mut S, client: usize, number: u64) {
        let Some(this) = self.clients.get_mut(client) else { return };
        if let Some(sending) = this.sendings.get(&number)
            && sending.answered
            && sending.waiting == 0
        {
            let chat = sending.chat;
            this.sendings.remove(&number);
            scenario.completed(self, client, chat);
        }
    }

    /// Moves the client's position in a chat; false when it was there already.
    fn advance(&mut self, client: usize, chat: Chat, seq: Seq) -> bool {
        let this = &mut self.clients[client];
        let position = this.positions.entry(chat).or_default();
        if seq <= position.0 {
            return false;
        }
        position.0 = seq;
        if !this.unacknowledged.contains(&chat) {
            this.unacknowledged.push(chat);
        }
        true
    }

    fn entry(&mut self, chat: Chat, event: &Event) -> Entry {
        Entry {
            chat,
            seq: event.seq,
            sender: self.history.device(event.sender),
            number: event.client_seq,
            body: event_hash(event),
            time_ms: event.time.0,
        }
    }

    fn complain(&mut self, what: String) {
        self.complaint_count += 1;
        if self.complaints.len() < COMPLAINTS_TOLD_MAX {
            self.complaints.push(what);
        }
    }
}

/// A hash of what an event says; `None` when that was emptied.
fn event_hash(event: &Event) -> Option<u64> {
    match &event.kind {
        EventKind::Message { body: Body::Gone(_), .. } => None,
        EventKind::Message { body, reply_to, attachments } => {
            Some(message_hash(body, *reply_to, attachments.len()))
        }
        change => {
            let mut hash = DefaultHasher::new();
            format!("{change:?}").hash(&mut hash);
            Some(hash.finish())
        }
    }
}

fn message_hash(body: &Body, reply_to: Option<Seq>, attachments: usize) -> u64 {
    let mut hash = DefaultHasher::new();
    match body {
        Body::Text(text) => hash.write(text.as_bytes()),
        Body::Opaque(bytes) => hash.write(bytes),
        Body::Gone(_) => {}
    }
    hash.write_u64(reply_to.map_or(0, |seq| seq.0));
    hash.write_usize(attachments);
    hash.finish()
}
