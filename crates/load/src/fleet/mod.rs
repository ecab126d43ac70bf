//! Many clients in one place: what each has sent and stored, and one history of all of them.
//!
//! The fleet does no I/O. Frames come in through [`Fleet::handle`], frames to send gather in each client's
//! `out`; `connection` moves bytes between that and a socket. Everything runs on one thread, so that the
//! order of records is the order of events.

mod incoming;
mod outgoing;

use std::collections::{BTreeMap, HashMap};
use std::task::Waker;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use dunlin_model::view::HistoryPage;
use dunlin_model::{Event, Seq};
use dunlin_wire::{ClientFrame, Command, POSITIONS_MAX, Position};
use hdrhistogram::Histogram;
use tokio::net::tcp::OwnedWriteHalf;

use crate::accounts::Account;
use crate::check::{Chat, Device, History, Record};

/// Ids of requests without a number of their own begin here; ids below are client sequence numbers.
const PLAIN_IDS: u64 = 1 << 48;
/// How long to wait before sending again what the server asked to have later.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
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
        self.ask(client, Command::Resume { positions, more: false });
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

    /// Commands that were not answered, or did not reach everyone.
    pub(crate) fn unfinished(&self) -> usize {
        self.clients.iter().map(|client| client.sendings.len()).sum()
    }
}
