//! How far devices have got, last-seen times, and what users hide from themselves.

use std::collections::BTreeMap;
use std::sync::Arc;

use dunlin_model::{ChatId, DeviceId, Progress, Seq};

use super::fixtures::{NOON, answered, at_once, chat, device, device_of, user};
use crate::{ProgressRaise, Progresses, Store};

fn progress(start: u64, received: u64, seen: u64) -> Progress {
    Progress { start: Seq(start), received: Seq(received), seen: Seq(seen) }
}

fn raise(chat: ChatId, device: DeviceId, progress: Progress) -> ProgressRaise {
    ProgressRaise { chat, device, progress }
}

async fn of_device<S: Progresses>(store: &S, device: DeviceId, chat: ChatId) -> Progress {
    let registers = answered(store.device_progress(device, &[chat]).await);
    registers.first().copied().expect("a register for each chat asked for")
}

/// Each field keeps its highest value.
pub async fn progress_merges_field_by_field<S: Store>(store: Arc<S>) {
    assert_eq!(of_device(&*store, device(1), chat(1)).await, Progress::default());
    for (to, expected) in [
        (progress(0, 5, 2), progress(0, 5, 2)),
        (progress(3, 4, 4), progress(3, 5, 4)),
        (progress(1, 1, 1), progress(3, 5, 4)),
        (progress(3, 9, 0), progress(3, 9, 4)),
        (progress(0, 0, u64::MAX >> 2), progress(3, 9, u64::MAX >> 2)),
    ] {
        answered(store.raise_progress(&[raise(chat(1), device(1), to)]).await);
        assert_eq!(of_device(&*store, device(1), chat(1)).await, expected, "after {to:?}");
    }
    // Several raises of one register in one call count like several calls.
    let twice = [raise(chat(2), device(1), progress(0, 7, 0)), raise(chat(2), device(1), progress(0, 6, 6))];
    answered(store.raise_progress(&twice).await);
    assert_eq!(of_device(&*store, device(1), chat(2)).await, progress(0, 7, 6));
    answered(store.raise_progress(&[]).await);
}

/// Raises that race end at the highest of each field, and no reader sees one go down.
pub async fn progress_raised_at_once_keeps_the_highest_of_each_field<S: Store>(store: Arc<S>) {
    let value = |task: u32, round: u32| {
        let (task, round) = (u64::from(task), u64::from(round));
        progress((task * 5 + round) % 11, (task * 31 + round * 17) % 97, (task * 11 + round * 29) % 89)
    };
    at_once(&store, 8, |store, task| async move {
        let mut before = Progress::default();
        for round in 0..25 {
            let to = value(task, round);
            answered(store.raise_progress(&[raise(chat(1), device(1), to)]).await);
            let now = of_device(&*store, device(1), chat(1)).await;
            assert_eq!(now.merge(to).merge(before), now, "{now:?} after {to:?} and {before:?}");
            before = now;
        }
    })
    .await;
    let all = (0..8).flat_map(|task| (0..25).map(move |round| value(task, round)));
    assert_eq!(of_device(&*store, device(1), chat(1)).await, all.fold(Progress::default(), Progress::merge));
}

/// Chats and devices do not share registers; a chat lists all its devices, a device asks for many chats.
pub async fn progress_is_kept_for_each_device_and_chat<S: Store>(store: Arc<S>) {
    let devices = [device_of(1, 1), device_of(1, 2), device_of(2, 1)];
    let mut expected: BTreeMap<(ChatId, DeviceId), Progress> = BTreeMap::new();
    for (number, one) in (1..).zip(devices) {
        for in_chat in 1..=3_u32 {
            expected.insert((chat(in_chat), one), progress(0, number * 10 + u64::from(in_chat), number));
        }
    }
    let raises: Vec<_> = expected.iter().map(|((chat, device), to)| raise(*chat, *device, *to)).collect();
    answered(store.raise_progress(&raises).await);
    for in_chat in 1..=3 {
        let listed: BTreeMap<_, _> = answered(store.chat_progress(chat(in_chat)).await).into_iter().collect();
        let here: BTreeMap<_, _> = expected
            .iter()
            .filter(|((of, _), _)| *of == chat(in_chat))
            .map(|((_, device), to)| (*device, *to))
            .collect();
        assert_eq!(listed, here);
    }
    for one in devices {
        let asked = [chat(3), chat(9), chat(1), chat(3)];
        let answer = answered(store.device_progress(one, &asked).await);
        let registers: Vec<_> =
            asked.iter().map(|chat| expected.get(&(*chat, one)).copied().unwrap_or_default()).collect();
        assert_eq!(answer, registers, "in the order asked for");
    }
    assert_eq!(answered(store.chat_progress(chat(9)).await), []);
    assert_eq!(answered(store.device_progress(device(9), &[]).await), []);
}

/// A late report does not put a user back.
pub async fn last_seen_only_rises<S: Store>(store: Arc<S>) {
    assert_eq!(answered(store.last_seen(user(1)).await), None);
    let minute = std::time::Duration::from_secs(60);
    for (at, expected) in [(NOON, NOON), (NOON - minute, NOON), (NOON + minute, NOON + minute)] {
        answered(store.raise_last_seen(user(1), at).await);
        assert_eq!(answered(store.last_seen(user(1)).await), Some(expected));
    }
    at_once(&store, 8, |store, task| async move {
        answered(store.raise_last_seen(user(2), NOON + minute * task).await);
    })
    .await;
    assert_eq!(answered(store.last_seen(user(2)).await), Some(NOON + minute * 7));
}

/// Hidden places are the user's own, ascending, within range and limit.
pub async fn what_is_hidden_is_listed_within_range_and_limit<S: Store>(store: Arc<S>) {
    for seq in [9, 3, 5, 3, 300, 5] {
        answered(store.hide(user(1), chat(1), Seq(seq)).await);
    }
    answered(store.hide(user(2), chat(1), Seq(4)).await);
    answered(store.hide(user(1), chat(2), Seq(6)).await);
    let hidden = async |from: u64, to: u64, limit: usize| {
        answered(store.hidden(user(1), chat(1), Seq(from), Seq(to), limit).await)
    };
    assert_eq!(hidden(0, u64::MAX, 100).await, [Seq(3), Seq(5), Seq(9), Seq(300)]);
    assert_eq!(hidden(3, 9, 100).await, [Seq(3), Seq(5), Seq(9)]);
    assert_eq!(hidden(4, 8, 100).await, [Seq(5)]);
    assert_eq!(hidden(0, u64::MAX, 2).await, [Seq(3), Seq(5)]);
    assert_eq!(hidden(6, 8, 100).await, []);
    assert_eq!(hidden(9, 3, 100).await, []);
}
