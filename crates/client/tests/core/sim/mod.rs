//! Random people on a random network, from a seed, and what must be true when everyone is back.

mod check;
mod random;

use std::time::Duration;

use dunlin_model::{ChatCommand, ChatId, ChatKind, Encryption, EventKind, Role};

use crate::world::{Cryptography, World, device, user};
use random::Random;

/// What a run is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// People; each begins with one device.
    pub(crate) people: u8,
    /// Things that happen before everyone comes back.
    pub(crate) steps: u32,
    /// By which cryptography.
    pub(crate) cryptography: Cryptography,
}

/// What came of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Messages accepted.
    pub(crate) messages: usize,
    /// Messages read by devices other than their author's.
    pub(crate) reads: usize,
    /// Epochs begun.
    pub(crate) epochs: usize,
    /// What is wrong; empty when nothing is.
    pub(crate) faults: Vec<String>,
}

struct Run {
    world: World,
    random: Random,
    chats: Vec<ChatId>,
    said: u32,
    people: u8,
    revoked: Vec<usize>,
}

/// One run; the same seed and options give the same run.
pub(crate) fn run(seed: u64, options: Options) -> Report {
    let mut run = Run {
        world: World::of_with(options.people, options.cryptography),
        random: Random::new(seed),
        chats: Vec::new(),
        said: 0,
        people: options.people,
        revoked: Vec::new(),
    };
    run.begin();
    for _ in 0..options.steps {
        run.happen();
    }
    run.come_back();
    check::check(&run.world, &run.chats, &run.revoked)
}

impl Run {
    fn begin(&mut self) {
        let others: Vec<u8> = (2..=self.people).filter(|_| self.random.one_in(2)).collect();
        self.chats.push(self.world.create(0, ChatKind::Group, Encryption::Mls, &others));
        // Both start the one direct chat.
        let direct = self.world.create(0, ChatKind::Direct, Encryption::Mls, &[2]);
        if self.random.one_in(2) {
            self.world.create(1, ChatKind::Direct, Encryption::Mls, &[1]);
        }
        self.chats.push(direct);
    }

    fn any_peer(&mut self) -> usize {
        self.random.below(self.world.peers.len())
    }

    fn happen(&mut self) {
        let index = self.any_peer();
        if self.revoked.contains(&index) {
            return;
        }
        match self.random.below(100) {
            0..50 => {
                for _ in 0..self.random.below(6) {
                    let index = self.any_peer();
                    self.world.carry_up(index);
                    self.world.carry_down(index);
                }
            }
            50..70 => self.say(index),
            70..75 => self.change_roster(index),
            75..77 => self.world.settle(),
            77..80 => {
                let time = Duration::from_secs(self.random.below(100) as u64);
                self.world.pass(time);
            }
            80..84 => self.double(index),
            84..89 => {
                if self.world.peers[index].connected {
                    self.world.disconnect(index);
                }
            }
            89..94 => {
                if !self.world.peers[index].connected {
                    self.world.connect(index);
                }
            }
            94..97 => {
                // What was persisted in this step is kept, what was to be sent is not.
                self.say(index);
                self.world.crash(index);
            }
            97 => self.link(),
            98 => self.revoke(index),
            _ => self.world.server.exhaust_packages(self.world.peers[index].device),
        }
    }

    fn say(&mut self, index: usize) {
        let chat = self.chats[self.random.below(self.chats.len())];
        self.said += 1;
        let words = format!("{} of {}", self.said, self.world.peers[index].device);
        self.world.say(index, chat, &words);
    }

    fn change_roster(&mut self, index: usize) {
        let chat = self.chats[0];
        let who = u8::try_from(1 + self.random.below(self.people.into())).unwrap();
        match self.random.below(10) {
            0..5 => self.world.add(index, chat, who),
            5..8 => self.world.remove(index, chat, who),
            8 => {
                self.world.submit(index, chat, ChatCommand::SetRole { user: user(who), role: Role::Admin });
            }
            _ => {
                self.world.submit(index, chat, ChatCommand::Leave);
            }
        }
    }

    fn double(&mut self, index: usize) {
        let peer = &mut self.world.peers[index];
        if let Some(frame) = peer.up.front().cloned() {
            peer.up.push_front(frame);
        }
        if let Some(frame) = peer.down.front().cloned() {
            peer.down.push_front(frame);
        }
    }

    fn link(&mut self) {
        let who = u8::try_from(1 + self.random.below(self.people.into())).unwrap();
        let number = 2 + self.world.peers.iter().filter(|peer| peer.device.user == user(who)).count();
        if number <= 3 {
            let number = u32::try_from(number).unwrap();
            self.world.enrol(device(who, number));
        }
    }

    fn revoke(&mut self, index: usize) {
        let revoked = self.world.peers[index].device;
        if revoked.number.0 > 1 {
            let now = self.world.now;
            self.world.disconnect(index);
            self.world.server.revoke(revoked, now);
            self.world.push_all();
            self.revoked.push(index);
        }
    }

    /// Everyone connects, says something, and waits long enough.
    fn come_back(&mut self) {
        for _ in 0..2 {
            for index in 0..self.world.peers.len() {
                if !self.world.peers[index].connected && !self.revoked.contains(&index) {
                    self.world.connect(index);
                }
            }
            self.world.pass(Duration::from_mins(10));
            for index in 0..self.world.peers.len() {
                if !self.revoked.contains(&index) {
                    self.say(index);
                }
            }
            self.world.pass(Duration::from_mins(10));
        }
    }
}

/// Epochs that the events of a log begin.
pub(crate) const fn begins_epoch(kind: &EventKind) -> bool {
    matches!(kind, EventKind::GroupStarted(_) | EventKind::Committed(_))
}

/// Runs of the short set that the tests make.
const SEEDS: u64 = 60;
const SEEDS_WITH_MLS: u64 = 8;

/// A number from the environment: `cargo xtask sim` sets them.
fn asked<T: std::str::FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok().and_then(|value| value.parse().ok())
}

fn run_seeds(seeds: u64, options: Options) {
    let began = cpu_seconds();
    let from: u64 = asked("DUNLIN_SIM_FROM").unwrap_or(0);
    let seeds: u64 = asked("DUNLIN_SIM_SEEDS").unwrap_or(seeds);
    let people = asked("DUNLIN_SIM_PEOPLE").unwrap_or(options.people);
    let steps = asked("DUNLIN_SIM_STEPS").unwrap_or(options.steps);
    let mut total = Report::default();
    for seed in from..from.saturating_add(seeds) {
        let report = run(seed, Options { people, steps, ..options });
        let mls = if options.cryptography == Cryptography::Mls { " --mls" } else { "" };
        assert!(
            report.faults.is_empty(),
            "cargo xtask sim --seeds 1 --from {seed} --people {people} --steps {steps}{mls}: {:#?}",
            report.faults
        );
        total.messages += report.messages;
        total.reads += report.reads;
        total.epochs += report.epochs;
        if (seed + 1 - from).is_multiple_of(100) {
            println!("{} of {seeds} seeds", seed + 1 - from);
        }
    }
    assert!(total.reads > 0 && total.epochs > 0, "{total:?}");
    println!(
        "{seeds} seeds from {from}, {people} people, {steps} steps, {:?}: {} messages, {} read, {} epochs, \
         none undecryptable, nobody stuck; {:.1} CPU seconds",
        options.cryptography,
        total.messages,
        total.reads,
        total.epochs,
        cpu_seconds() - began
    );
}

fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds and nanoseconds of one process")]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    seconds
}

#[test]
fn whatever_happens_members_read_every_message_and_nobody_else_does() {
    run_seeds(SEEDS, Options { people: 5, steps: 400, cryptography: Cryptography::StandIn });
}

#[test]
fn the_same_holds_with_mls() {
    run_seeds(SEEDS_WITH_MLS, Options { people: 4, steps: 150, cryptography: Cryptography::Mls });
}
