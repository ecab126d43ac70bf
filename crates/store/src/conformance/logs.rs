//! Logs that grow by put-if-absent.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use dunlin_model::{Event, Seq};

use super::fixtures::{answered, at_once, chat, device, head, message, read_all, seqs, write};
use crate::{Appended, Store};

const WRITERS: u32 = 12;
const EACH: u64 = 20;

/// A log grows at its end, one by one; a place that is taken stays as it is.
pub async fn only_the_place_after_the_head_can_be_written<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    for wrong in [0, 2, 3, u64::MAX] {
        let event = message(wrong, device(1), 1, "too early");
        assert_eq!(answered(store.append(chat, &event).await), Appended::Taken, "at {wrong}");
    }
    assert_eq!(head(&*store, chat).await, Seq::ZERO);
    let (first, second) = (message(1, device(1), 1, "first"), message(2, device(2), 1, "second"));
    write(&*store, chat, &first).await;
    write(&*store, chat, &second).await;
    for wrong in [0, 1, 2, 4, u64::MAX] {
        let event = message(wrong, device(3), 7, "late");
        assert_eq!(answered(store.append(chat, &event).await), Appended::Taken, "at {wrong}");
    }
    assert_eq!(read_all(&*store, chat).await, [first, second]);
    assert_eq!(head(&*store, chat).await, Seq(2));
}

/// Of many who write the same place at once, one does.
pub async fn one_of_those_who_race_for_a_place_gets_it<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    for place in 1..=10 {
        let answers = at_once(&store, WRITERS, |store, writer| async move {
            let event = message(place, device(writer), place, &format!("by {writer}"));
            (answered(store.append(chat, &event).await), event)
        })
        .await;
        let winners: Vec<&Event> = answers
            .iter()
            .filter(|(answer, _)| *answer == Appended::Written)
            .map(|(_, event)| event)
            .collect();
        assert_eq!(winners.len(), 1, "place {place} went to {winners:?}");
        let there = answered(store.read(chat, Seq(place), Seq(place), 1, 0).await);
        assert_eq!(there.iter().collect::<Vec<_>>(), winners, "what stands there is what won");
    }
}

/// Many tasks append to one chat while another reads it: no gap, no double, and nothing that was read
/// changes.
pub async fn appends_by_many_leave_no_gap_and_no_double<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    let done = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (store, done) = (Arc::clone(&store), Arc::clone(&done));
        async move {
            let mut seen: Vec<Event> = Vec::new();
            loop {
                let last_round = done.load(Ordering::SeqCst);
                let now = read_all(&*store, chat).await;
                assert!(now.starts_with(&seen), "what was read stays");
                assert_eq!(seqs(&now), (1..=now.len() as u64).collect::<Vec<_>>(), "no gap at any time");
                assert!(head(&*store, chat).await.0 >= now.len() as u64, "the head is not behind a read");
                seen = now;
                if last_round {
                    return seen;
                }
                tokio::task::yield_now().await;
            }
        }
    });
    at_once(&store, WRITERS, |store, writer| async move {
        for number in 1..=EACH {
            loop {
                let place = head(&*store, chat).await.next();
                let event = message(place.0, device(writer), number, "hello");
                if answered(store.append(chat, &event).await) == Appended::Written {
                    break;
                }
            }
        }
    })
    .await;
    done.store(true, Ordering::SeqCst);
    let log = reader.await.expect("the reader");
    let total = u64::from(WRITERS) * EACH;
    assert_eq!(log.len() as u64, total);
    let numbers: BTreeSet<_> = log.iter().map(|event| (event.sender, event.client_seq)).collect();
    assert_eq!(numbers.len() as u64, total, "each number once");
    for writer in 0..WRITERS {
        let in_order: Vec<u64> = log
            .iter()
            .filter(|event| event.sender == device(writer))
            .map(|event| event.client_seq.0)
            .collect();
        assert_eq!(in_order, (1..=EACH).collect::<Vec<_>>(), "in the order one writer wrote");
    }
}

/// Who does not know whether an append happened appends again, and reads their own event.
pub async fn a_retried_append_finds_its_event_in_the_place<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    let event = message(1, device(1), 1, "once");
    write(&*store, chat, &event).await;
    assert_eq!(answered(store.append(chat, &event).await), Appended::Taken);
    let there = answered(store.read(chat, event.seq, event.seq, 1, usize::MAX).await);
    assert_eq!(there, [event], "device and number tell whose it is");
    assert_eq!(head(&*store, chat).await, Seq(1));
}

/// A dropped future leaves a whole event or none, at once or later; appending again settles it.
pub async fn an_append_whose_future_is_dropped_happened_or_did_not<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    for place in 1..=60_u64 {
        let event = message(place, device(1), place, "perhaps");
        let attempt = tokio::spawn({
            let (store, event) = (Arc::clone(&store), event.clone());
            async move { store.append(chat, &event).await }
        });
        for _ in 0..place % 7 {
            tokio::task::yield_now().await;
        }
        attempt.abort();
        let there = answered(store.read(chat, Seq(place), Seq(place), 1, usize::MAX).await);
        if there.is_empty() && answered(store.append(chat, &event).await) == Appended::Written {
            continue;
        }
        let there = answered(store.read(chat, Seq(place), Seq(place), 1, usize::MAX).await);
        assert_eq!(there, [event], "only the event itself can have taken its place");
    }
    assert_eq!(seqs(&read_all(&*store, chat).await), (1..=60).collect::<Vec<_>>());
}

/// The same places in two chats are different places.
pub async fn chats_do_not_share_a_log<S: Store>(store: Arc<S>) {
    let (here, there) = (chat(1), chat(2));
    let (a, b) = (message(1, device(1), 1, "here"), message(1, device(1), 1, "there"));
    write(&*store, here, &a).await;
    write(&*store, there, &b).await;
    assert_eq!(read_all(&*store, here).await, [a]);
    assert_eq!(read_all(&*store, there).await, [b]);
}
