//! Holds a history against the invariants: once through the records in order, then once over what is known
//! at the end.

use std::collections::HashMap;

use dunlin_model::view::SkipReason;
use dunlin_model::{ClientSeq, Seq, UserId};

use super::chat_log::{ChatLog, Known, Reader, Sending};
use super::history::{Chat, Device, Entry, History, Record};
use super::report::{Invariant, Report};

/// What the circumstances of a history allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Policy {
    /// Whether the retention time passed for anything, so that events may have expired.
    pub events_may_expire: bool,
}

/// Checks a history that is over: everybody had the time to get what they are entitled to.
pub fn check(history: &History, policy: Policy) -> Report {
    let mut checker = Checker::new(history, policy);
    for record in history.records() {
        checker.record(*record);
    }
    checker.conclude();
    checker.report
}

/// How a place became known.
#[derive(Clone, Copy)]
enum How {
    Accepted,
    ShownTo(Device),
}

struct Checker<'a> {
    history: &'a History,
    policy: Policy,
    user_devices: HashMap<UserId, Vec<Device>>,
    chats: Vec<ChatLog>,
    report: Report,
}

impl<'a> Checker<'a> {
    fn new(history: &'a History, policy: Policy) -> Self {
        let mut user_devices: HashMap<UserId, Vec<Device>> = HashMap::new();
        for (index, id) in (0u32..).zip(history.devices()) {
            user_devices.entry(id.user).or_default().push(Device(index));
        }
        let chats = vec![ChatLog::default(); history.chats().len()];
        Self { history, policy, user_devices, chats, report: Report::default() }
    }

    fn record(&mut self, record: Record) {
        match record {
            Record::Entitled { device, chat, from, to } => {
                let entitled = &mut self.reader(chat, device).entitled;
                match entitled.iter_mut().find(|stay| stay.0 == from) {
                    Some(stay) => stay.1 = to,
                    None => entitled.push((from, to)),
                }
            }
            Record::Sent { device, number, chat, body } => self.sent(device, number, chat, body),
            Record::Accepted { device, number, chat, seq, repeated } => {
                self.accepted(device, number, chat, seq, repeated);
            }
            Record::Refused { device, number, chat } => self.refused(device, number, chat),
            Record::TooOld { device, number, chat } => {
                if !self.chats[chat.0 as usize].sendings.contains_key(&(device, number)) {
                    let what = self.command(device, number, chat);
                    self.violation(Invariant::I2, format!("{what} was called too old, but was never sent"));
                }
            }
            Record::Pushed { device, entry } => self.pushed(device, entry),
            Record::Listed { device, entry } => {
                self.event(entry, device);
                self.reader(entry.chat, device).listed.insert(entry.seq);
            }
            Record::Skipped { device, chat, from, to, reason } => {
                self.skipped(device, chat, (from, to), reason)
            }
            Record::Receipt { viewer, chat, user, delivered, seen } => {
                self.receipt(viewer, chat, user, delivered, seen);
            }
            Record::Connected { .. } => self.report.connections += 1,
            Record::Crashed => self.report.crashes += 1,
        }
    }

    fn sent(&mut self, device: Device, number: ClientSeq, chat: Chat, body: Option<u64>) {
        let log = &mut self.chats[chat.0 as usize];
        let known_before = log.highest;
        let sending = log.sendings.entry((device, number)).or_insert(Sending {
            body,
            known_before,
            seq: None,
            accepted: false,
            refused: false,
        });
        if sending.body != body {
            let what = self.command(device, number, chat);
            self.violation(
                Invariant::I4,
                format!("{what} was sent again with another body (a fault of the client)"),
            );
        }
    }

    fn accepted(&mut self, device: Device, number: ClientSeq, chat: Chat, seq: Seq, repeated: bool) {
        let body = match self.chats[chat.0 as usize].sendings.get_mut(&(device, number)) {
            Some(sending) => {
                let before = std::mem::replace(&mut sending.accepted, true);
                let body = sending.body;
                if before && !repeated {
                    let what = self.command(device, number, chat);
                    self.violation(
                        Invariant::I2,
                        format!("{what} was accepted twice as if it were new, now at {seq}"),
                    );
                } else if !before {
                    self.report.accepted += 1;
                }
                body
            }
            None => None,
        };
        self.place(chat, seq, Known { sender: device, number, body, time_ms: None }, How::Accepted);
    }

    fn refused(&mut self, device: Device, number: ClientSeq, chat: Chat) {
        let seq = match self.chats[chat.0 as usize].sendings.get_mut(&(device, number)) {
            Some(sending) => {
                sending.refused = true;
                sending.seq
            }
            None => None,
        };
        if let Some(seq) = seq {
            let what = self.command(device, number, chat);
            self.violation(Invariant::I2, format!("{what} was refused, but stands at {seq}"));
        }
    }

    fn pushed(&mut self, device: Device, entry: Entry) {
        self.event(entry, device);
        let (chat, seq) = (entry.chat, entry.seq);
        let reader = self.reader(chat, device);
        let before = reader.position;
        let first = reader.got.insert(seq);
        reader.position = before.max(seq);
        if !first {
            self.report.duplicated += 1;
            let what = self.place_of(chat, seq);
            self.tell(Invariant::I3, device, &format!("got {what} a second time"));
            return;
        }
        if entry.sender != device {
            self.report.delivered += 1;
        }
        if seq != before.next() {
            self.report.out_of_order += 1;
            let what = self.place_of(chat, seq);
            self.tell(Invariant::I3, device, &format!("got {what} when it was at {before}"));
        }
    }

    fn skipped(&mut self, device: Device, chat: Chat, range: (Seq, Seq), reason: SkipReason) {
        let (from, to) = range;
        let reader = self.reader(chat, device);
        let before = reader.position;
        reader.skipped.push((from, to, reason));
        reader.position = before.max(to);
        if from > to || from > before.next() {
            self.report.out_of_order += 1;
            let what = self.place_of(chat, from);
            self.tell(
                Invariant::I3,
                device,
                &format!("was told to skip from {what} to {to} when it was at {before}"),
            );
        }
        let had = self.reader(chat, device).got.ranges().find(|(begin, end)| *begin <= to && *end >= from);
        if let Some((got, _)) = had {
            let what = self.place_of(chat, got.max(from));
            self.tell(Invariant::I3, device, &format!("was told to skip {what}, which it has"));
        }
    }

    fn receipt(&mut self, viewer: Device, chat: Chat, user: UserId, delivered: Seq, seen: Seq) {
        let name = self.history.chat_id(chat);
        let held = self.user_devices.get(&user).map_or(Seq::ZERO, |devices| {
            let readers = &self.chats[chat.0 as usize].readers;
            devices
                .iter()
                .filter_map(|device| readers.get(device))
                .map(|reader| reader.position)
                .max()
                .unwrap_or_default()
        });
        let shown = self.reader(chat, viewer).receipts.entry(user).or_default();
        let before = *shown;
        *shown = (before.0.max(delivered), before.1.max(seen));
        for (what, before, now) in [("delivered", before.0, delivered), ("seen", before.1, seen)] {
            if now < before {
                let sentence =
                    format!("was shown that user {user} has {what} {now} of chat {name} after {before}");
                self.tell(Invariant::I6, viewer, &sentence);
            }
            if now > held {
                let sentence = format!(
                    "was shown that user {user} has {what} {now} of chat {name}, whose devices are at {held}"
                );
                self.tell(Invariant::I6, viewer, &sentence);
            }
        }
    }

    /// An event was seen: whatever is known of its place and of its number must agree.
    fn event(&mut self, entry: Entry, by: Device) {
        let known = Known {
            sender: entry.sender,
            number: entry.number,
            body: entry.body,
            time_ms: Some(entry.time_ms),
        };
        self.place(entry.chat, entry.seq, known, How::ShownTo(by));
    }

    fn place(&mut self, chat: Chat, seq: Seq, known: Known, how: How) {
        let log = &mut self.chats[chat.0 as usize];
        let Known { sender, number, .. } = known;
        log.highest = log.highest.max(seq);
        let before = *log.events.entry(seq).or_insert(known);
        if let Some(stored) = log.events.get_mut(&seq) {
            stored.time_ms = stored.time_ms.or(known.time_ms);
            stored.body = stored.body.or(known.body);
        }
        let sending = log.sendings.get_mut(&(sender, number)).map(|sending| {
            let before = *sending;
            sending.seq = before.seq.or(Some(seq));
            before
        });
        let agrees = (before.sender, before.number) == (sender, number);
        let fault = place_fault(sending, seq, known.body);
        let same = !differ(before.body, known.body) && !differ(before.time_ms, known.time_ms);
        if agrees && same && fault.is_none() {
            return;
        }
        let how = self.how(how);
        if !agrees {
            let (what, other) =
                (self.command(sender, number, chat), self.command(before.sender, before.number, chat));
            self.violation(Invariant::I2, format!("{what} {how} at {seq}, where {other} stands"));
        } else if !same {
            let what = self.place_of(chat, seq);
            self.violation(Invariant::I4, format!("{what} {how} with other content than before"));
        }
        if let Some((invariant, but)) = fault {
            let what = self.command(sender, number, chat);
            self.violation(invariant, format!("{what} {how} at {seq}, but {but}"));
        }
    }

    fn how(&self, how: How) -> String {
        match how {
            How::Accepted => "was accepted".to_owned(),
            How::ShownTo(device) => format!("was shown to device {}", self.history.device_id(device)),
        }
    }

    fn conclude(&mut self) {
        let chats = std::mem::take(&mut self.chats);
        for (index, log) in (0u32..).zip(&chats) {
            for (device, reader) in &log.readers {
                self.conclude_reader(Chat(index), log, *device, reader);
            }
        }
        self.chats = chats;
    }

    fn conclude_reader(&mut self, chat: Chat, log: &ChatLog, device: Device, reader: &Reader) {
        for (from, to) in &reader.entitled {
            let end = to.map_or(log.highest, |to| to.min(log.highest));
            for (begin, end) in reader.got.missing(*from, end) {
                let mut untold = 0u64;
                for seq in (begin.0..=end.0).map(Seq) {
                    let what = self.place_of(chat, seq);
                    match reader.skip_of(seq) {
                        Some(SkipReason::Expired) if self.policy.events_may_expire => continue,
                        Some(SkipReason::Expired) => {
                            self.tell(
                                Invariant::I6,
                                device,
                                &format!("was told that {what} expired, which it cannot have"),
                            );
                        }
                        Some(_) => {
                            self.tell(Invariant::I1, device, &format!("was denied {what}, which it may read"))
                        }
                        None if untold == 0 => {
                            untold += 1;
                            self.tell(Invariant::I1, device, &format!("never got {what} (nor up to {end})"));
                        }
                        None => {}
                    }
                    self.report.lost += 1;
                }
            }
        }
        for (places, how) in [(&reader.got, "was pushed"), (&reader.listed, "was listed")] {
            for (begin, end) in places.ranges() {
                if let Some(seq) = (begin.0..=end.0).map(Seq).find(|seq| !reader.is_entitled_to(*seq)) {
                    self.not_entitled(device, chat, seq, how);
                }
            }
        }
    }

    fn reader(&mut self, chat: Chat, device: Device) -> &mut Reader {
        self.chats[chat.0 as usize].readers.entry(device).or_default()
    }

    fn not_entitled(&mut self, device: Device, chat: Chat, seq: Seq, how: &str) {
        let what = self.place_of(chat, seq);
        self.tell(Invariant::I10, device, &format!("{how} {what}, to which it is not entitled"));
    }

    fn place_of(&self, chat: Chat, seq: Seq) -> String {
        format!("event {seq} of chat {}", self.history.chat_id(chat))
    }

    fn command(&self, device: Device, number: ClientSeq, chat: Chat) -> String {
        format!(
            "command {number} of device {} to chat {}",
            self.history.device_id(device),
            self.history.chat_id(chat)
        )
    }

    fn tell(&mut self, invariant: Invariant, device: Device, what: &str) {
        let device = self.history.device_id(device);
        self.violation(invariant, format!("device {device} {what}"));
    }

    fn violation(&mut self, invariant: Invariant, mut sentence: String) {
        match self.report.crashes {
            0 => sentence.push('.'),
            crashes => sentence.push_str(&format!(" (after crash {crashes}).")),
        }
        self.report.violation(invariant, sentence);
    }
}

/// What is wrong with a command standing at `seq`, given what was known of it before.
fn place_fault(sending: Option<Sending>, seq: Seq, body: Option<u64>) -> Option<(Invariant, String)> {
    let Some(sending) = sending else {
        return Some((Invariant::I2, "was never sent".to_owned()));
    };
    match sending.seq {
        _ if sending.refused => Some((Invariant::I2, "had been refused".to_owned())),
        Some(other) if other != seq => Some((Invariant::I2, format!("has the place {other}"))),
        Some(_) => None,
        None if seq <= sending.known_before => {
            Some((Invariant::I5, format!("{} was known before it was sent", sending.known_before)))
        }
        None if differ(sending.body, body) => {
            Some((Invariant::I4, "said something else when it was sent".to_owned()))
        }
        None => None,
    }
}

/// Whether both are known and differ.
fn differ(a: Option<u64>, b: Option<u64>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a != b)
}
