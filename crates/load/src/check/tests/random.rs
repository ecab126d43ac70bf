//! Histories of a server without faults pass; the same with one thing changed do not.

use std::collections::BTreeMap;

use dunlin_model::view::SkipReason;
use dunlin_model::{ChatId, ClientSeq, Seq};
use proptest::prelude::*;

use super::super::{Chat, Device, Entry, History, Policy, Record, check};
use super::device_id;

const DEVICES: u8 = 4;
const CHATS: u8 = 3;

/// One step of a client or of the server.
#[derive(Debug, Clone, Copy)]
enum Step {
    Send { device: usize, chat: usize, answer_lost: bool },
    Retry { device: usize },
    Deliver { device: usize, chat: usize },
    Show { viewer: usize, of: usize, chat: usize },
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let (device, chat) = (0..usize::from(DEVICES), 0..usize::from(CHATS));
    prop_oneof![
        4 => (device.clone(), chat.clone(), any::<bool>())
            .prop_map(|(device, chat, answer_lost)| Step::Send { device, chat, answer_lost }),
        1 => device.clone().prop_map(|device| Step::Retry { device }),
        6 => (device.clone(), chat.clone()).prop_map(|(device, chat)| Step::Deliver { device, chat }),
        2 => (device.clone(), device, chat).prop_map(|(viewer, of, chat)| Step::Show { viewer, of, chat }),
        1 => Just(Step::Crash),
    ]
}

/// A server that does everything right, and the history of its clients.
struct Model {
    history: History,
    devices: Vec<Device>,
    chats: Vec<Chat>,
    logs: Vec<Vec<Entry>>,
    positions: BTreeMap<(usize, usize), usize>,
    numbers: Vec<u64>,
    unanswered: Vec<Vec<Entry>>,
}

impl Model {
    fn new() -> Self {
        let mut history = History::default();
        let devices: Vec<Device> = (1..=DEVICES).map(|user| history.device(device_id(user))).collect();
        let chats: Vec<Chat> = (1..=CHATS).map(|chat| history.chat(ChatId::from_bytes([chat; 16]))).collect();
        let count = devices.len();
        let mut model = Self {
            history,
            logs: vec![Vec::new(); chats.len()],
            positions: BTreeMap::new(),
            numbers: vec![0; count],
            unanswered: vec![Vec::new(); count],
            devices,
            chats,
        };
        for chat in 0..model.chats.len() {
            for device in 0..count {
                model.enter(device, chat);
            }
        }
        model
    }

    /// The last device comes into each chat at its third event.
    fn enter(&mut self, device: usize, chat: usize) {
        let from = Seq(if device + 1 == self.devices.len() { 3 } else { 1 });
        let (device, chat) = (self.devices[device], self.chats[chat]);
        self.history.note(Record::Entitled { device, chat, from, to: None });
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Send { device, chat, answer_lost } => self.send(device, chat, answer_lost),
            Step::Retry { device } => self.retry(device),
            Step::Deliver { device, chat } => {
                self.deliver(device, chat);
            }
            Step::Show { viewer, of, chat } => self.show(viewer, of, chat),
            Step::Crash => {
                self.history.note(Record::Crashed);
                for device in self.devices.clone() {
                    self.history.note(Record::Connected { device });
                }
            }
        }
    }

    fn send(&mut self, device: usize, chat: usize, answer_lost: bool) {
        self.numbers[device] += 1;
        let log = &mut self.logs[chat];
        let entry = Entry {
            chat: self.chats[chat],
            seq: Seq(log.len() as u64 + 1),
            sender: self.devices[device],
            number: ClientSeq(self.numbers[device]),
            body: Some(self.numbers[device] * 7 + device as u64),
            time_ms: 50 + log.len() as u64,
        };
        log.push(entry);
        self.note_sent(entry);
        if answer_lost {
            self.unanswered[device].push(entry);
        } else {
            self.note_accepted(entry, false);
        }
    }

    fn retry(&mut self, device: usize) {
        if let Some(entry) = self.unanswered[device].pop() {
            self.note_sent(entry);
            self.note_accepted(entry, true);
        }
    }

    fn deliver(&mut self, device: usize, chat: usize) -> bool {
        let position = self.positions.entry((device, chat)).or_default();
        let latecomer = device + 1 == self.devices.len();
        let id = self.devices[device];
        if latecomer && *position == 0 && self.logs[chat].len() >= 2 {
            *position = 2;
            let (chat, reason) = (self.chats[chat], SkipReason::NotEntitled);
            self.history.note(Record::Skipped { device: id, chat, from: Seq(1), to: Seq(2), reason });
            return true;
        }
        match self.logs[chat].get(*position) {
            Some(entry) if !(latecomer && *position < 2) => {
                *position += 1;
                self.history.note(Record::Pushed { device: id, entry: *entry });
                true
            }
            _ => false,
        }
    }

    fn show(&mut self, viewer: usize, of: usize, chat: usize) {
        let held = self.positions.get(&(of, chat)).copied().unwrap_or(0) as u64;
        let user = device_id(u8::try_from(of).unwrap() + 1).user;
        let (viewer, chat) = (self.devices[viewer], self.chats[chat]);
        self.history.note(Record::Receipt { viewer, chat, user, delivered: Seq(held), seen: Seq(held / 2) });
    }

    fn finish(mut self) -> History {
        for device in 0..self.devices.len() {
            while !self.unanswered[device].is_empty() {
                self.retry(device);
            }
            for chat in 0..self.chats.len() {
                while self.deliver(device, chat) {}
            }
        }
        self.history
    }

    fn note_sent(&mut self, entry: Entry) {
        let Entry { sender, number, chat, body, .. } = entry;
        self.history.note(Record::Sent { device: sender, number, chat, body });
    }

    fn note_accepted(&mut self, entry: Entry, repeated: bool) {
        let Entry { sender, number, chat, seq, .. } = entry;
        self.history.note(Record::Accepted { device: sender, number, chat, seq, repeated });
    }
}

/// Changes the record at `at` so that the history is wrong; `None` where that record has no such change.
fn mutate(records: &[Record], at: usize, how: u8) -> Option<Vec<Record>> {
    let mut changed = records.to_vec();
    match (records[at], how % 5) {
        (Record::Pushed { .. }, 0) => drop(changed.remove(at)),
        (Record::Pushed { .. }, 1) => changed.insert(at, records[at]),
        (Record::Pushed { device, entry }, 2) => {
            changed[at] = Record::Pushed { device, entry: Entry { body: Some(u64::MAX), ..entry } };
        }
        (Record::Pushed { device, entry }, 3) => {
            changed[at] = Record::Pushed {
                device,
                entry: Entry { number: ClientSeq(entry.number.0 + 1_000), ..entry },
            };
        }
        (Record::Pushed { device, entry }, _) => {
            let next = (at + 1..records.len()).find(|next| {
                matches!(records[*next], Record::Pushed { device: other, entry: later }
                    if other == device && later.chat == entry.chat)
            })?;
            changed.swap(at, next);
        }
        (Record::Accepted { device, number, chat, seq, repeated }, _) => {
            changed[at] = Record::Accepted { device, number, chat, seq: seq.next(), repeated };
        }
        (Record::Sent { .. }, _) => {
            let (Record::Sent { device, number, .. }, true) = (records[at], how.is_multiple_of(2)) else {
                return None;
            };
            changed.retain(|record| {
                !matches!(record, Record::Sent { device: d, number: n, .. } if (*d, *n) == (device, number))
            });
        }
        (Record::Receipt { viewer, chat, user, delivered, seen }, 0) if delivered > Seq::ZERO => {
            let lower = delivered.previous();
            changed.insert(at + 1, Record::Receipt { viewer, chat, user, delivered: lower, seen });
        }
        (Record::Receipt { viewer, chat, user, seen, .. }, 1) => {
            changed[at] = Record::Receipt { viewer, chat, user, delivered: Seq(u64::MAX), seen };
        }
        (Record::Skipped { device, chat, .. }, _) => {
            changed.remove(at);
            let goes_on = changed.iter().any(|record| {
                matches!(record, Record::Pushed { device: d, entry } if (*d, entry.chat) == (device, chat))
            });
            return goes_on.then_some(changed); // At the end of a log nothing was left out yet.
        }
        _ => return None,
    }
    Some(changed)
}

proptest! {
    #[test]
    fn a_server_without_faults_passes(steps in prop::collection::vec(step(), 0..120)) {
        let mut model = Model::new();
        for step in steps {
            model.run(step);
        }
        let history = model.finish();
        let report = check(&history, Policy::default());
        prop_assert!(report.is_clean(), "{}", report);
    }

    #[test]
    fn one_change_is_caught(
        steps in prop::collection::vec(step(), 4..120),
        at in any::<prop::sample::Index>(),
        how in any::<u8>(),
    ) {
        let mut model = Model::new();
        for step in steps {
            model.run(step);
        }
        let history = model.finish();
        let start = at.index(history.records().len());
        let changed = (0..history.records().len())
            .map(|offset| (start + offset) % history.records().len())
            .find_map(|at| mutate(history.records(), at, how));
        if let Some(changed) = changed {
            let report = check(&history.with_records(changed), Policy::default());
            prop_assert!(!report.is_clean());
        }
    }
}
