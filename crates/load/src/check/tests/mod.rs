//! Every invariant has a small history that breaks it, and ones close to it that do not.

mod random;

use dunlin_model::view::SkipReason;
use dunlin_model::{ChatId, ClientSeq, DeviceId, DeviceNumber, Seq, UserId};

use super::{Chat, Device, Entry, History, Invariant, Policy, Record, check};

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;

/// A history of three devices in one chat, told in short sentences.
struct Story {
    history: History,
    devices: Vec<Device>,
    chat: Chat,
    policy: Policy,
}

impl Story {
    /// Alice and Bob are in the chat from its first event, Carol is not.
    fn new() -> Self {
        let mut history = History::default();
        let devices = (1..=3).map(|user| history.device(device_id(user))).collect();
        let chat = history.chat(ChatId::from_bytes([9; 16]));
        let mut story = Self { history, devices, chat, policy: Policy::default() };
        story.entitle(ALICE, 1, None);
        story.entitle(BOB, 1, None);
        story
    }

    fn entitle(&mut self, who: usize, from: u64, to: Option<u64>) {
        self.note(Record::Entitled {
            device: self.devices[who],
            chat: self.chat,
            from: Seq(from),
            to: to.map(Seq),
        });
    }

    fn send(&mut self, who: usize, number: u64) {
        let (device, chat) = (self.devices[who], self.chat);
        self.note(Record::Sent { device, number: ClientSeq(number), chat, body: Some(body_of(number)) });
    }

    fn accept(&mut self, who: usize, number: u64, seq: u64, repeated: bool) {
        let (device, chat) = (self.devices[who], self.chat);
        self.note(Record::Accepted { device, number: ClientSeq(number), chat, seq: Seq(seq), repeated });
    }

    fn refuse(&mut self, who: usize, number: u64) {
        let (device, chat) = (self.devices[who], self.chat);
        self.note(Record::Refused { device, number: ClientSeq(number), chat });
    }

    fn entry(&self, seq: u64, from: usize, number: u64) -> Entry {
        Entry {
            chat: self.chat,
            seq: Seq(seq),
            sender: self.devices[from],
            number: ClientSeq(number),
            body: Some(body_of(number)),
            time_ms: 1_000 + seq,
        }
    }

    fn push(&mut self, to: usize, seq: u64, from: usize, number: u64) {
        let entry = self.entry(seq, from, number);
        self.note(Record::Pushed { device: self.devices[to], entry });
    }

    fn skip(&mut self, who: usize, from: u64, to: u64, reason: SkipReason) {
        let (device, chat) = (self.devices[who], self.chat);
        self.note(Record::Skipped { device, chat, from: Seq(from), to: Seq(to), reason });
    }

    fn receipt(&mut self, viewer: usize, of: usize, delivered: u64, seen: u64) {
        self.note(Record::Receipt {
            viewer: self.devices[viewer],
            chat: self.chat,
            user: device_id(u8::try_from(of).unwrap() + 1).user,
            delivered: Seq(delivered),
            seen: Seq(seen),
        });
    }

    /// Alice sends `number`, it becomes `seq`, both get it.
    fn exchange(&mut self, number: u64, seq: u64) {
        self.send(ALICE, number);
        self.accept(ALICE, number, seq, false);
        self.push(ALICE, seq, ALICE, number);
        self.push(BOB, seq, ALICE, number);
    }

    fn note(&mut self, record: Record) {
        self.history.note(record);
    }

    fn broken(&self) -> Vec<Invariant> {
        let mut broken: Vec<Invariant> = check(&self.history, self.policy)
            .violations
            .iter()
            .map(|violation| violation.invariant)
            .collect();
        broken.sort_unstable();
        broken.dedup();
        broken
    }
}

fn device_id(user: u8) -> DeviceId {
    DeviceId { user: UserId::from_bytes([user; 16]), number: DeviceNumber(1) }
}

fn body_of(number: u64) -> u64 {
    number * 31
}

#[test]
fn a_plain_conversation_passes_and_is_counted() {
    let mut story = Story::new();
    story.exchange(1, 1);
    story.exchange(2, 2);
    story.receipt(ALICE, BOB, 2, 0);
    story.receipt(ALICE, BOB, 2, 2);
    let report = check(&story.history, story.policy);
    assert!(report.is_clean(), "{report}");
    assert_eq!((report.accepted, report.delivered, report.lost), (2, 2, 0));
}

#[test]
fn an_accepted_event_that_a_member_never_gets_breaks_i1() {
    let mut story = Story::new();
    story.send(ALICE, 1);
    story.accept(ALICE, 1, 1, false);
    story.push(ALICE, 1, ALICE, 1);
    assert_eq!(story.broken(), [Invariant::I1]);
    assert_eq!(check(&story.history, story.policy).lost, 1);
}

#[test]
fn an_event_whose_answer_was_lost_must_reach_everyone_too() {
    let mut story = Story::new();
    story.send(ALICE, 1);
    story.push(ALICE, 1, ALICE, 1);
    assert_eq!(story.broken(), [Invariant::I1]);
    story.push(BOB, 1, ALICE, 1);
    assert_eq!(story.broken(), []);
}

#[test]
fn denying_a_member_what_they_may_read_breaks_i1() {
    let mut story = Story::new();
    story.send(ALICE, 1);
    story.accept(ALICE, 1, 1, false);
    story.push(ALICE, 1, ALICE, 1);
    story.skip(BOB, 1, 1, SkipReason::NotEntitled);
    assert_eq!(story.broken(), [Invariant::I1]);
}

#[test]
fn a_retry_that_gets_its_place_again_passes() {
    let mut story = Story::new();
    story.exchange(1, 1);
    story.send(ALICE, 1);
    story.accept(ALICE, 1, 1, true);
    assert_eq!(story.broken(), []);
}

#[test]
fn a_retry_that_gets_a_second_place_breaks_i2() {
    let mut story = Story::new();
    story.exchange(1, 1);
    story.send(ALICE, 1);
    story.accept(ALICE, 1, 2, true);
    story.push(ALICE, 2, ALICE, 1);
    story.push(BOB, 2, ALICE, 1);
    assert_eq!(story.broken(), [Invariant::I2]);
}

#[test]
fn one_place_for_two_commands_breaks_i2() {
    let mut story = Story::new();
    story.exchange(1, 1);
    story.send(BOB, 1);
    story.accept(BOB, 1, 1, false);
    assert!(story.broken().contains(&Invariant::I2));
}

#[test]
fn a_retry_accepted_as_new_breaks_i2() {
    let mut story = Story::new();
    story.exchange(1, 1);
    story.send(ALICE, 1);
    story.accept(ALICE, 1, 1, false);
    assert_eq!(story.broken(), [Invariant::I2]);
}

#[test]
fn an_event_that_nobody_sent_or_that_was_refused_breaks_i2() {
    let mut story = Story::new();
    story.push(ALICE, 1, BOB, 7);
    story.push(BOB, 1, BOB, 7);
    assert_eq!(story.broken(), [Invariant::I2]);

    let mut story = Story::new();
    story.send(ALICE, 1);
    story.refuse(ALICE, 1);
    story.push(ALICE, 1, ALICE, 1);
    story.push(BOB, 1, ALICE, 1);
    assert_eq!(story.broken(), [Invariant::I2]);
}

#[test]
fn a_repeated_push_breaks_i3() {
    let mut story = Story::new();
    story.exchange(1, 1);
    story.push(BOB, 1, ALICE, 1);
    assert_eq!(story.broken(), [Invariant::I3]);
    assert_eq!(check(&story.history, story.policy).duplicated, 1);
}

#[test]
fn two_pushes_in_the_wrong_order_break_i3() {
    let mut story = Story::new();
    for number in [1, 2] {
        story.send(ALICE, number);
        story.accept(ALICE, number, number, false);
        story.push(ALICE, number, ALICE, number);
    }
    story.push(BOB, 2, ALICE, 2);
    story.push(BOB, 1, ALICE, 1);
    assert_eq!(story.broken(), [Invariant::I3]);
    assert_eq!(check(&story.history, story.policy).out_of_order, 2);
}

#[test]
fn a_gap_needs_an_announcement() {
    let mut story = Story::new();
    story.exchange(1, 1);
    story.entitle(CAROL, 2, None);
    story.send(ALICE, 2);
    story.accept(ALICE, 2, 2, false);
    story.push(ALICE, 2, ALICE, 2);
    story.push(BOB, 2, ALICE, 2);
    let mut announced = Story { history: story.history.clone(), devices: story.devices.clone(), ..story };
    announced.skip(CAROL, 1, 1, SkipReason::NotEntitled);
    announced.push(CAROL, 2, ALICE, 2);
    assert_eq!(announced.broken(), []);
    let without = announced
        .history
        .records()
        .iter()
        .copied()
        .filter(|record| !matches!(record, Record::Skipped { .. }))
        .collect();
    announced.history = announced.history.with_records(without);
    assert_eq!(announced.broken(), [Invariant::I3]);
}

#[test]
fn other_bytes_at_one_place_break_i4() {
    let mut story = Story::new();
    story.send(ALICE, 1);
    story.accept(ALICE, 1, 1, false);
    story.push(ALICE, 1, ALICE, 1);
    let mut emptied = story.history.clone();
    let entry = Entry { body: Some(99), ..story.entry(1, ALICE, 1) };
    story.note(Record::Pushed { device: story.devices[BOB], entry });
    assert_eq!(story.broken(), [Invariant::I4]);

    emptied.note(Record::Pushed { device: story.devices[BOB], entry: Entry { body: None, ..entry } });
    story.history = emptied.clone();
    assert_eq!(story.broken(), [], "a body may be emptied");

    let entry = Entry { time_ms: 1, body: None, ..entry };
    emptied.note(Record::Listed { device: story.devices[BOB], entry });
    story.history = emptied;
    assert_eq!(story.broken(), [Invariant::I4], "the rest may not change");
}

#[test]
fn what_is_delivered_must_be_what_was_sent() {
    let mut story = Story::new();
    story.send(ALICE, 1);
    for device in [ALICE, BOB] {
        let entry = Entry { body: Some(99), ..story.entry(1, ALICE, 1) };
        story.note(Record::Pushed { device: story.devices[device], entry });
    }
    assert_eq!(story.broken(), [Invariant::I4]);
}

#[test]
fn a_place_below_what_was_accepted_before_breaks_i5() {
    let mut story = Story::new();
    story.send(ALICE, 1);
    story.accept(ALICE, 1, 2, false);
    story.send(BOB, 1);
    story.accept(BOB, 1, 1, false);
    for device in [ALICE, BOB] {
        story.push(device, 1, BOB, 1);
        story.push(device, 2, ALICE, 1);
    }
    assert_eq!(story.broken(), [Invariant::I5]);
}

#[test]
fn two_commands_under_way_at_once_may_stand_in_either_order() {
    let mut story = Story::new();
    story.send(ALICE, 1);
    story.send(BOB, 1);
    story.accept(ALICE, 1, 2, false);
    story.accept(BOB, 1, 1, false);
    for device in [ALICE, BOB] {
        story.push(device, 1, BOB, 1);
        story.push(device, 2, ALICE, 1);
    }
    assert_eq!(story.broken(), []);
}

#[test]
fn a_receipt_that_goes_down_breaks_i6_even_across_a_crash() {
    let mut story = Story::new();
    story.exchange(1, 1);
    story.exchange(2, 2);
    story.receipt(ALICE, BOB, 2, 0);
    story.note(Record::Crashed);
    story.note(Record::Connected { device: story.devices[ALICE] });
    story.receipt(ALICE, BOB, 1, 0);
    assert_eq!(story.broken(), [Invariant::I6]);
}

#[test]
fn a_receipt_above_what_the_member_holds_breaks_i6() {
    let mut story = Story::new();
    story.exchange(1, 1);
    story.receipt(ALICE, BOB, 2, 0);
    assert_eq!(story.broken(), [Invariant::I6]);
}

#[test]
fn expiry_before_its_time_breaks_i6() {
    let mut story = Story::new();
    story.send(ALICE, 1);
    story.accept(ALICE, 1, 1, false);
    story.push(ALICE, 1, ALICE, 1);
    story.skip(BOB, 1, 1, SkipReason::Expired);
    assert_eq!(story.broken(), [Invariant::I6]);
    story.policy.events_may_expire = true;
    assert_eq!(story.broken(), []);
}

#[test]
fn a_push_outside_of_a_stay_breaks_i10() {
    let mut story = Story::new();
    story.exchange(1, 1);
    let before = story.history.clone();
    story.push(CAROL, 1, ALICE, 1);
    assert_eq!(story.broken(), [Invariant::I10]);

    story.history = before;
    let entry = story.entry(1, ALICE, 1);
    story.note(Record::Listed { device: story.devices[CAROL], entry });
    assert_eq!(story.broken(), [Invariant::I10]);
    story.entitle(CAROL, 1, Some(1));
    story.push(CAROL, 1, ALICE, 1);
    assert_eq!(story.broken(), [], "entitlement may be said later");
}

#[test]
fn who_leaves_and_returns_gets_both_stays_and_an_announcement_between() {
    let mut story = Story::new();
    story.entitle(CAROL, 1, Some(1));
    story.entitle(CAROL, 3, None);
    for number in 1..=3 {
        story.exchange(number, number);
    }
    story.push(CAROL, 1, ALICE, 1);
    story.skip(CAROL, 2, 2, SkipReason::NotEntitled);
    assert_eq!(story.broken(), [Invariant::I1]);
    story.push(CAROL, 3, ALICE, 3);
    assert_eq!(story.broken(), []);
}

#[test]
fn sentences_carry_ids() {
    let mut story = Story::new();
    story.send(ALICE, 1);
    story.accept(ALICE, 1, 1, false);
    story.push(ALICE, 1, ALICE, 1);
    let report = check(&story.history, story.policy);
    let chat = ChatId::from_bytes([9; 16]);
    let sentence = format!("I1: device {} never got event 1 of chat {chat} (nor up to 1).", device_id(2));
    assert_eq!(report.violations[0].to_string(), sentence);
}
