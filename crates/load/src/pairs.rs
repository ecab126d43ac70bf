//! `pairs`: direct chats, both ends sending and both acknowledging.
//!
//! Closed loop: each of the two keeps `window` messages under way. A message is under way until its sender
//! was told that it is accepted and its recipient has stored it and answered `received`. Open loop: all
//! senders together offer `rate` messages per second, evenly spaced, whatever becomes of them.

use std::time::Duration;

use dunlin_model::{ChatCommand, ChatKind, Encryption, Event, Seq};

use crate::check::{Chat, Record};
use crate::fleet::{Fleet, Scenario};
use crate::pacer::{Planned, follow_plan};
use crate::stage::{Run, SETUP_WAIT, connect, on_one_thread, until};
use crate::target::{Target, TargetOptions};
use crate::text::text_of;

/// One-to-one chats, both ends sending
#[derive(Debug, Clone, clap::Args)]
pub struct PairsOptions {
    /// Pairs of users
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=50_000))]
    pub pairs: u32,
    /// How long to send
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub seconds: u64,
    /// Messages that each end keeps under way (closed loop)
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub window: u32,
    /// Messages per second of all together (open loop)
    #[arg(long, conflicts_with = "window", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: Option<u32>,
    /// Bytes of each message's text
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=16_384))]
    pub bytes: u32,
    /// Where the load goes
    #[command(flatten)]
    pub target: TargetOptions,
}

struct Pairs {
    /// The chat of each client; two neighbours share one.
    chats: Vec<Chat>,
    bytes: usize,
    is_closed_loop: bool,
    is_sending: bool,
    /// The plan of the open loop: the next message, how many there are, and when the first is due.
    next: u64,
    total: u64,
    rate: u64,
    start: Duration,
}

impl Pairs {
    fn new(options: &PairsOptions) -> Self {
        let rate = u64::from(options.rate.unwrap_or(1));
        Self {
            chats: Vec::new(),
            bytes: options.bytes as usize,
            is_closed_loop: options.rate.is_none(),
            is_sending: false,
            next: 0,
            total: if options.rate.is_some() { rate * options.seconds } else { 0 },
            rate,
            start: Duration::ZERO,
        }
    }

    fn send(&mut self, fleet: &mut Fleet, client: usize, intended: Duration) {
        if let Some(chat) = self.chats.get(client) {
            let text = text_of(fleet.counts.sent, self.bytes);
            fleet.send_text(client, *chat, text, intended, 1);
        }
    }
}

impl Scenario for Pairs {
    fn completed(&mut self, fleet: &mut Fleet, client: usize, _chat: Chat) {
        if self.is_sending && self.is_closed_loop {
            let now = fleet.now();
            self.send(fleet, client, now);
        }
    }

    fn stored(&mut self, _fleet: &mut Fleet, _client: usize, _chat: Chat, _event: &Event) {}
}

impl Planned for Pairs {
    fn due(&self) -> Option<Duration> {
        let offset = Duration::from_nanos(self.next.saturating_mul(1_000_000_000) / self.rate);
        (self.next < self.total).then(|| self.start + offset)
    }

    fn fire(&mut self, fleet: &mut Fleet) {
        if let (Some(intended), Ok(next)) = (self.due(), usize::try_from(self.next)) {
            self.send(fleet, next % self.chats.len().max(1), intended);
        }
        self.next += 1;
    }
}

/// Runs the scenario.
pub(crate) fn run(options: &PairsOptions) -> anyhow::Result<bool> {
    on_one_thread(|| run_here(options))
}

async fn run_here(options: &PairsOptions) -> anyhow::Result<bool> {
    let mut target = Target::open(&options.target).await?;
    let clients = options.pairs as usize * 2;
    let shared = connect(&mut target, clients, Pairs::new(options)).await?;
    shared.act(make_chats);
    until(&shared, SETUP_WAIT, |fleet| fleet.unfinished() == 0).await;
    let (length, json) = (Duration::from_secs(options.seconds), options.target.json);
    let run = Run::begin("pairs", &shared, &target, length, json)?;
    if options.rate.is_some() {
        shared.act(|fleet, scenario| scenario.start = fleet.now());
        follow_plan(&shared).await?;
    } else {
        shared.act(|fleet, scenario| {
            scenario.is_sending = true;
            let now = fleet.now();
            for client in (0..clients).cycle().take(clients * options.window as usize) {
                scenario.send(fleet, client, now);
            }
        });
        tokio::time::sleep(length).await;
        shared.act(|_, scenario| scenario.is_sending = false);
    }
    run.finish(&shared, &mut target, &options.target).await
}

/// Every second client makes a chat with the next one.
fn make_chats(fleet: &mut Fleet, scenario: &mut Pairs) {
    for client in (0..fleet.clients.len()).step_by(2) {
        let peer = client + 1;
        let command = ChatCommand::Create {
            kind: ChatKind::Direct,
            encryption: Encryption::None,
            name: String::new(),
            description: String::new(),
            members: vec![fleet.clients[peer].account.device.user],
        };
        let chat = fleet.create_chat(client, command, Some(peer), 1);
        for member in [client, peer] {
            let device = fleet.clients[member].device;
            fleet.history.note(Record::Entitled { device, chat, from: Seq::FIRST, to: None });
        }
        scenario.chats.extend([chat, chat]);
    }
}
