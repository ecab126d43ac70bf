//! Random operations, one after the other, against a model that is as simple as can be. Seeds are fixed, so
//! that a failure is found again; each message names seed and step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dunlin_model::chat::ChatState;
use dunlin_model::clock::SeededRandomness;
use dunlin_model::{
    Body, BodyGone, ChatId, Event, EventKind, InboxMark, Progress, Randomness, Seq, Timestamp,
};

use super::fixtures::{ALL, ALL_BYTES, answered, chat, device, device_of, message_at, user};
use crate::{Appended, ProgressRaise, Store};

const SEEDS: u64 = 3;
const STEPS: u32 = 250;
const CHATS: u32 = 3;
/// Times are below this, in no order.
const TIMES: u64 = 30;

/// Draws numbers.
struct Dice(SeededRandomness);

impl Dice {
    fn below(&self, end: u64) -> u64 {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        u64::from_le_bytes(bytes) % end
    }

    fn small(&self, end: u64) -> u32 {
        u32::try_from(self.below(end)).unwrap_or_default()
    }

    fn seq(&self, end: u64) -> Seq {
        Seq(self.below(end))
    }
}

/// A log as a list that forgets nothing: place `n` is at `n - 1`.
#[derive(Default)]
struct Log {
    events: Vec<Event>,
    floor: u64,
    snapshot: u64,
}

impl Log {
    fn head(&self) -> u64 {
        self.events.len() as u64
    }

    fn left(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().filter(|event| event.seq.0 > self.floor)
    }

    fn removable(&self, before: Timestamp) -> Option<Seq> {
        self.left().take_while(|event| event.time < before).last().map(|event| event.seq)
    }
}

fn says_something(event: &Event) -> bool {
    matches!(&event.kind, EventKind::Message { body, .. } if !matches!(body, Body::Gone(_)))
}

/// Appends, reads, snapshots, deletions and expiry.
pub async fn random_operations_on_chats_agree_with_a_model<S: Store>(store: Arc<S>) {
    for seed in 0..SEEDS {
        let dice = Dice(SeededRandomness::new(seed));
        let mut logs: BTreeMap<ChatId, Log> = BTreeMap::new();
        let first_chat = u32::try_from(seed).unwrap_or_default() * 100;
        for number in 0..CHATS {
            logs.insert(chat(first_chat + number), Log::default());
        }
        for step in 0..STEPS {
            let at = format!("seed {seed}, step {step}");
            let number = dice.small(u64::from(CHATS));
            let here = chat(first_chat + number);
            if let Some(log) = logs.get_mut(&here) {
                change(&*store, here, log, &dice, &at).await;
                look(&*store, here, log, &dice, &at).await;
            }
            look_for_old(&*store, &logs, Timestamp(dice.below(TIMES + 5)), &at).await;
        }
        let heads = answered(store.heads(&logs.keys().copied().collect::<Vec<_>>()).await);
        assert_eq!(heads, logs.values().map(|log| Seq(log.head())).collect::<Vec<_>>(), "seed {seed}");
    }
}

async fn change<S: Store>(store: &S, here: ChatId, log: &mut Log, dice: &Dice, at: &str) {
    let about = log.head() + 3;
    match dice.below(12) {
        0..=6 => {
            // Mostly the right place.
            let place = if dice.below(5) == 0 { dice.below(about) } else { log.head() + 1 };
            let time = Timestamp(dice.below(TIMES));
            let event = message_at(time, place, device(dice.small(3)), dice.below(9), at);
            let expected = if place == log.head() + 1 { Appended::Written } else { Appended::Taken };
            assert_eq!(answered(store.append(here, &event).await), expected, "{at}: at {place}");
            if expected == Appended::Written {
                log.events.push(event);
            }
        }
        7 => {
            let (seq, why) =
                (dice.seq(about), if dice.below(2) == 0 { BodyGone::Deleted } else { BodyGone::Expired });
            answered(store.empty_body(here, seq, why).await);
            log.events.iter_mut().filter(|event| event.seq == seq).for_each(|event| event.empty_body(why));
        }
        8 => {
            let up_to = dice.seq(about);
            answered(store.expire_bodies(here, up_to).await);
            for event in log.events.iter_mut().filter(|event| event.seq <= up_to) {
                event.empty_body(BodyGone::Expired);
            }
        }
        9 | 10 => {
            let head = dice.below(log.head() + 1);
            let state = ChatState { head: Seq(head), ..ChatState::before_creation(here) };
            if head > 0 {
                answered(store.save_snapshot(&state).await);
                log.snapshot = log.snapshot.max(head);
            }
        }
        _ => {
            let floor = dice.below(about);
            log.floor = log.floor.max(floor.min(log.snapshot));
            assert_eq!(answered(store.raise_floor(here, Seq(floor)).await), Seq(log.floor), "{at}");
        }
    }
}

async fn look<S: Store>(store: &S, here: ChatId, log: &Log, dice: &Dice, at: &str) {
    let (from, to, count) = (dice.seq(log.head() + 3), dice.seq(log.head() + 3), dice.small(9) as usize);
    let read = answered(store.read(here, from, to, count, ALL_BYTES).await);
    let expected: Vec<Event> =
        log.left().filter(|event| from <= event.seq && event.seq <= to).take(count).cloned().collect();
    assert_eq!(read, expected, "{at}: from {from} to {to}, at most {count}");
    assert_eq!(answered(store.floor(here).await), Seq(log.floor), "{at}");
    assert_eq!(answered(store.heads(&[here]).await), [Seq(log.head())], "{at}");
    let snapshot = answered(store.snapshot(here).await).map_or(0, |state| state.head.0);
    assert_eq!(snapshot, log.snapshot, "{at}");
}

/// What is listed as old is old, and what is old is listed.
async fn look_for_old<S: Store>(store: &S, logs: &BTreeMap<ChatId, Log>, before: Timestamp, at: &str) {
    let bodies: BTreeMap<ChatId, Seq> =
        answered(store.expiring_bodies(before, ALL).await).iter().map(|old| (old.chat, old.up_to)).collect();
    let events: BTreeMap<ChatId, Seq> =
        answered(store.removable_events(before, ALL).await).iter().map(|old| (old.chat, old.up_to)).collect();
    for (chat, log) in logs {
        assert_eq!(events.get(chat).copied(), log.removable(before), "{at}: before {before}");
        let listed = bodies.get(chat).copied().unwrap_or_default();
        let too_young =
            log.left().find(|event| event.seq <= listed && says_something(event) && event.time >= before);
        assert_eq!(too_young, None, "{at}: up to {listed} before {before}");
        let missed = log.left().take_while(|event| event.time < before);
        let missed = missed.filter(|event| says_something(event)).find(|event| event.seq > listed);
        assert_eq!(missed, None, "{at}: up to {listed} before {before}");
    }
}

/// Inboxes, progress, last-seen times and hidden messages.
pub async fn random_operations_on_registers_agree_with_a_model<S: Store>(store: Arc<S>) {
    for seed in 0..SEEDS {
        let dice = Dice(SeededRandomness::new(1_000 + seed));
        let first = u32::try_from(seed).unwrap_or_default() * 100;
        let mut inboxes: BTreeMap<(u32, ChatId), InboxMark> = BTreeMap::new();
        let mut progresses: BTreeMap<(ChatId, u32), Progress> = BTreeMap::new();
        let mut hidden: BTreeSet<(u32, ChatId, Seq)> = BTreeSet::new();
        for step in 0..STEPS {
            let at = format!("seed {seed}, step {step}");
            let (of, here) = (first + dice.small(3), chat(first + dice.small(u64::from(CHATS))));
            match dice.below(3) {
                0 => {
                    let mark = InboxMark { head: dice.seq(50), closed: dice.below(3) == 0 };
                    answered(store.raise_inbox(here, mark, &[user(of), user(first)]).await);
                    for user in [of, first] {
                        let row = inboxes.entry((user, here)).or_insert(mark);
                        *row = mark.max(*row);
                    }
                }
                1 => {
                    let progress =
                        Progress { start: dice.seq(5), received: dice.seq(50), seen: dice.seq(50) };
                    let device = device_of(first, of);
                    answered(store.raise_progress(&[ProgressRaise { chat: here, device, progress }]).await);
                    let register = progresses.entry((here, of)).or_default();
                    *register = register.merge(progress);
                }
                _ => {
                    let seq = dice.seq(40);
                    answered(store.hide(user(of), here, seq).await);
                    hidden.insert((of, here, seq));
                }
            }
            let inbox = answered(store.inbox(user(of), None, ALL).await);
            let expected: Vec<_> = inboxes
                .iter()
                .filter(|((user, _), _)| *user == of)
                .map(|((_, chat), mark)| (*chat, *mark))
                .collect();
            assert_eq!(inbox.iter().map(|row| (row.chat, row.mark)).collect::<Vec<_>>(), expected, "{at}");
            let registers = answered(store.device_progress(device_of(first, of), &[here]).await);
            assert_eq!(registers, [progresses.get(&(here, of)).copied().unwrap_or_default()], "{at}");
            let (from, to, limit) = (dice.seq(40), dice.seq(40), dice.small(9) as usize);
            let listed = answered(store.hidden(user(of), here, from, to, limit).await);
            let expected: Vec<Seq> = hidden
                .iter()
                .filter(|(user, chat, seq)| *user == of && *chat == here && from <= *seq && *seq <= to)
                .map(|(_, _, seq)| *seq)
                .take(limit)
                .collect();
            assert_eq!(listed, expected, "{at}: hidden from {from} to {to}, at most {limit}");
        }
    }
}
