//! What must be true of a world whose people are all back.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_client::Change;
use dunlin_client::chats::{Shown, StoredMessage, StubReason};
use dunlin_model::chat::ChatState;
use dunlin_model::{Body, ChatId, DeviceId, Epoch, Event, EventKind, Seq};

use super::run::Run;
use super::{Report, begins_epoch};
use crate::world::World;

pub(super) fn check(run: &Run) -> Report {
    let mut report = Report::default();
    for chat in &run.chats {
        Checked::new(run, *chat).check(&mut report);
    }
    for (index, peer) in run.world.peers.iter().enumerate() {
        let device = peer.device;
        for change in &peer.changes {
            let is_fault = match change {
                Change::Distrusted { .. } | Change::CommitFailed { .. } => true,
                Change::Gap { chat, sender, .. } => !may_be_missed(run, *chat, *sender),
                _ => false,
            };
            if is_fault {
                report.faults.push(format!("{device}: {change:?}"));
            }
        }
        for (id, chat) in peer.client.every_chat() {
            if chat.waiting_to_send() > 0 && !run.revoked.contains(&index) {
                report.faults.push(format!("{device} is stuck in {id}: {chat:#?}"));
            }
        }
    }
    check_what_was_said(run, &mut report);
    check_that_nothing_is_doubled(run, &mut report);
    if std::env::var("DUNLIN_SIM_DUMP").is_ok() {
        for peer in &run.world.peers {
            let refused =
                peer.changes.iter().filter(|change| matches!(change, Change::Refused { token: 0, .. }));
            eprintln!("{} of handshakes: {:?}", peer.device, refused.collect::<Vec<_>>());
        }
    }
    report
}

/// Whether the author could not tell, when numbering what followed, whether a message before it had been accepted: the part
/// of the log where it might have stood was removed before they came for it.
fn may_be_missed(run: &Run, chat: ChatId, author: DeviceId) -> bool {
    let (first, last) = ((author, chat, Seq::ZERO, Seq::ZERO), (author, chat, Seq(u64::MAX), Seq(u64::MAX)));
    run.world.server.expired.range(first..=last).next().is_some()
}

/// Who said something and was not told that it was refused sees it in the chat, once.
fn check_what_was_said(run: &Run, report: &mut Report) {
    let mut seen: BTreeMap<(usize, ChatId), BTreeMap<String, usize>> = BTreeMap::new();
    for said in run.said.iter().filter(|said| !run.revoked.contains(&said.by)) {
        let texts = seen.entry((said.by, said.chat)).or_insert_with(|| {
            let mut counts = BTreeMap::new();
            for text in run.world.texts(said.by, said.chat) {
                *counts.entry(text).or_default() += 1;
            }
            counts
        });
        let peer = &run.world.peers[said.by];
        let refused = run.refused.contains(&said.token);
        let count = texts.get(&said.words).copied().unwrap_or_default();
        // What a restored server does not take any more is refused a second time, and kept aside.
        let not_again =
            |change: &Change| matches!(change, Change::Refused { token: 0, .. } | Change::Restored { .. });
        let is_aside = count == 0 && peer.saw(not_again) && peer.keeps_aside(said.chat).contains(&said.words);
        if count != usize::from(!refused) && !is_aside {
            let device = peer.device;
            report
                .faults
                .push(format!("{device} said {:?}, refused: {refused}, sees it {count} times", said.words));
        }
    }
}

/// Nobody sees anything twice, whatever frames got lost and doubled.
fn check_that_nothing_is_doubled(run: &Run, report: &mut Report) {
    for (index, peer) in run.world.peers.iter().enumerate() {
        for chat in &run.chats {
            let mut texts = run.world.texts(index, *chat);
            texts.retain(|text| text != "-");
            texts.sort_unstable();
            for pair in texts.windows(2).filter(|pair| pair[0] == pair[1]) {
                report.faults.push(format!("{} sees {:?} twice in {chat}", peer.device, pair[0]));
            }
        }
    }
}

/// Ranges of chats, by the device that did not get them.
type Ranges = BTreeSet<(DeviceId, ChatId, Seq, Seq)>;

/// One chat's log, looked through from the start.
struct Checked<'a> {
    run: &'a Run,
    world: &'a World,
    id: ChatId,
    state: ChatState,
    epochs: BTreeSet<Epoch>,
    /// Devices that lost their place though they have a leaf: commits passed that they did not get, since their
    /// user was no member or the events were removed before they came for them.
    lost: BTreeMap<DeviceId, bool>,
}

impl<'a> Checked<'a> {
    fn new(run: &'a Run, id: ChatId) -> Self {
        Self {
            run,
            world: &run.world,
            id,
            state: ChatState::before_creation(id),
            epochs: BTreeSet::from([Epoch::default()]),
            lost: BTreeMap::new(),
        }
    }

    fn check(mut self, report: &mut Report) {
        let Some(log) = self.world.server.chats.get(&self.id) else { return };
        if std::env::var("DUNLIN_SIM_DUMP").is_ok() {
            self.dump(&log.events);
        }
        for event in &log.events {
            self.restored_before(event.seq);
            let before = self.state.clone();
            self.state.apply(event);
            if begins_epoch(&event.kind) {
                self.epoch_began(event, &before, report);
            }
            if let EventKind::Message { body, .. } = &event.kind {
                report.messages += 1;
                self.check_message(event, body, &before, report);
            }
        }
        self.check_everyone_is_in(report);
    }

    /// Who loses their place because the server came back from a backup when this was the next event.
    fn restored_before(&mut self, seq: Seq) {
        let (id, at) = (self.id, seq.previous());
        let server = &self.world.server;
        let beyond = server.rewound.get(&(id, at)).into_iter().flatten().copied();
        // Who cannot tell whether something was lost enters anew as well.
        let cannot_tell = |device: &DeviceId| {
            let gone_back = |change: &Change| matches!(change, Change::Restored { chat } if *chat == id);
            self.world.peers.iter().any(|peer| peer.device == *device && peer.saw(gone_back))
        };
        let first = self.world.peers.iter().map(|peer| peer.device).min();
        let compared = first.into_iter().flat_map(|first| server.compared.range((id, at, first)..));
        let compared = compared.take_while(|(chat, cursor, _)| (*chat, *cursor) == (id, at));
        let lost: Vec<DeviceId> =
            beyond.chain(compared.map(|(_, _, device)| *device).filter(cannot_tell)).collect();
        self.lost.extend(lost.into_iter().map(|device| (device, true)));
    }

    fn epoch_began(&mut self, event: &Event, before: &ChatState, report: &mut Report) {
        let seq = event.seq;
        report.epochs += 1;
        let epoch = self.state.keys.epoch;
        if !self.epochs.insert(epoch) || epoch <= before.keys.epoch {
            report.faults.push(format!("{} {seq}: epoch {epoch} is no next one", self.id));
        }
        for (device, since) in &self.state.keys.devices {
            let is_new = before.keys.devices.get(device) != Some(since);
            let misses = self.state.role(device.user).is_none()
                || self.expired_for(*device, seq)
                || (is_new && self.may_be_used_up(event, *device));
            if misses || is_new {
                self.lost.insert(*device, misses);
            }
        }
    }

    /// A server that came back from a backup offers key packages again that were used: who is added with one enters by
    /// themselves later.
    fn may_be_used_up(&self, event: &Event, device: DeviceId) -> bool {
        let restored = self.world.server.rewound.range((self.id, Seq::ZERO)..(self.id, event.seq));
        event.sender != device && restored.count() > 0
    }

    /// Whether the event was removed before the device came for it.
    fn expired_for(&self, device: DeviceId, seq: Seq) -> bool {
        self.is_among(&self.world.server.expired, device, seq)
    }

    /// The same, where a restoration brought it back since.
    fn came_back_for(&self, device: DeviceId, seq: Seq) -> bool {
        self.is_among(&self.world.server.came_back, device, seq)
    }

    fn is_among(&self, ranges: &Ranges, device: DeviceId, seq: Seq) -> bool {
        let first = (device, self.id, Seq::ZERO, Seq::ZERO);
        let last = (device, self.id, seq, Seq(u64::MAX));
        ranges.range(first..=last).any(|(_, _, _, to)| *to >= seq)
    }

    /// Whether a device that had got further than a restoration, and was revoked before it read the log again, holds
    /// this from the log that was lost: nobody tells it any more that something else stands there.
    fn is_of_lost_log(&self, index: usize, message: &StoredMessage, event: &Event) -> bool {
        let device = self.world.peers[index].device;
        let mut rewound = self.world.server.rewound.range((self.id, Seq::ZERO)..(self.id, event.seq));
        self.run.revoked.contains(&index)
            && rewound.any(|(_, beyond)| beyond.contains(&device))
            && (message.sender, message.client_seq) != (event.sender, event.client_seq)
    }

    fn check_message(&self, event: &Event, body: &Body, before: &ChatState, report: &mut Report) {
        let (id, seq) = (self.id, event.seq);
        // A device that was revoked right after may never have seen its own message come back.
        let readers = self.world.peers.iter().enumerate().filter(|(index, peer)| {
            peer.message(id, seq.0).is_some_and(|message| {
                matches!(message.shown, Shown::Content(_)) && !self.is_of_lost_log(*index, &message, event)
            })
        });
        let words = readers
            .map(|(_, peer)| peer)
            .min_by_key(|peer| peer.device != event.sender)
            .and_then(|peer| peer.text_at(id, seq.0));
        for (index, peer) in self.world.peers.iter().enumerate() {
            let device = peer.device;
            let is_reader = before.keys.devices.contains_key(&device) && before.role(device.user).is_some();
            // Who lost their place may still read what was written before a commit that they missed.
            let reads = is_reader && self.lost.get(&device) != Some(&true);
            let message =
                peer.message(id, seq.0).filter(|message| !self.is_of_lost_log(index, message, event));
            let shown = message.as_ref().map(|message| &message.shown);
            // What was said again for newcomers was read by the others too, and shows nothing.
            let has_it = matches!(shown, Some(Shown::Content(_) | Shown::Nothing | Shown::Folded { .. }));
            let excused = match shown {
                None => {
                    let read_again =
                        |change: &Change| matches!(change, Change::Restored { chat } if *chat == id);
                    let came_back = self.came_back_for(device, seq) && !peer.saw(read_again);
                    came_back || self.expired_for(device, seq)
                }
                // What it passed over may be there again after a restoration, when its keys are forgotten.
                Some(Shown::Stub(StubReason::BeforeEntry)) => self.came_back_for(device, seq),
                // It may have been emptied before the restoration, when the device came for it.
                Some(Shown::Gone(_)) => {
                    matches!(body, Body::Gone(_)) || self.world.server.emptied.contains(&(id, seq))
                }
                _ => false,
            };
            if reads && !has_it && !excused && !self.run.revoked.contains(&index) {
                report.faults.push(format!("{device} cannot read {id} {seq} by {}: {shown:?}", event.sender));
            }
            let may = is_reader || device == event.sender;
            if has_it && (!may || peer.text_at(id, seq.0) != words) {
                report.faults.push(format!("{device} reads what it should not, {id} {seq}"));
            }
            if let Some(Shown::Stub(reason)) = shown
                && *reason != StubReason::BeforeEntry
                && !self.run.revoked.contains(&index)
            {
                report.faults.push(format!("{device} has a stub at {id} {seq}: {reason:?}"));
            }
            report.reads += usize::from(has_it && device != event.sender);
        }
    }

    /// In the end every device of a member has its place, and is at the head.
    fn check_everyone_is_in(&self, report: &mut Report) {
        let (id, state) = (self.id, &self.state);
        for (index, peer) in self.world.peers.iter().enumerate() {
            if self.run.revoked.contains(&index) || state.role(peer.device.user).is_none() {
                continue;
            }
            let device = peer.device;
            let cursor = peer.client.chat(id).map(|chat| chat.marks.cursor);
            if cursor != Some(state.head) {
                report.faults.push(format!("{device} is at {cursor:?} of {} in {id}", state.head));
            }
            let epoch = peer.client.keys().epoch(id);
            if state.keys.epoch.generation > 0 && epoch != Some(state.keys.epoch) {
                report.faults.push(format!("{device} has keys of {epoch:?}, not of {}", state.keys.epoch));
            }
        }
    }

    /// Prints the log and what everyone made of its messages.
    fn dump(&self, events: &[Event]) {
        for event in events {
            let kind = format!("{:?}", event.kind);
            eprintln!("{} {} by {} {:.160}", self.id, event.seq, event.sender, kind);
            for peer in self.world.peers.iter().filter(|_| event.is_message()) {
                let message = peer.message(self.id, event.seq.0);
                let envelope = message.as_ref().and_then(|message| message.envelope(self.id));
                let counter = envelope.map(|envelope| envelope.sender_counter);
                let shown = message.map(|message| match message.shown {
                    Shown::Stub(reason) => format!("{reason:?}"),
                    Shown::Gone(reason) => format!("{reason:?}"),
                    _ => "text".to_owned(),
                });
                eprintln!("      {} {shown:?} {counter:?}", peer.device);
            }
        }
    }
}
