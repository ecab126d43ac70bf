//! Bodies that expire and events that go.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use dunlin_model::chat::ChatState;
use dunlin_model::{AttachmentId, Body, BodyGone, ChatId, Event, EventKind, Seq, Timestamp};

use super::fixtures::{
    ALL, NOON, answered, chat, device, group_with_messages, head, message, message_at, read_all, seqs,
    state_of, write,
};
use crate::retention::{RetentionPolicy, step};
use crate::{Appended, Chats, Store};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn bodies(events: &[Event]) -> Vec<(u64, Body)> {
    let body = |event: &Event| match &event.kind {
        EventKind::Message { body, .. } => Some((event.seq.0, body.clone())),
        _ => None,
    };
    events.iter().filter_map(body).collect()
}

/// The places of messages that still say something.
async fn with_bodies<S: Chats>(store: &S, chat: ChatId) -> Vec<u64> {
    let bodies = bodies(&read_all(store, chat).await);
    bodies.iter().filter(|(_, body)| !matches!(body, Body::Gone(_))).map(|(seq, _)| *seq).collect()
}

/// Deletion for everyone is final, whatever expires afterwards.
pub async fn a_deleted_body_stays_deleted_when_it_expires<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    group_with_messages(&*store, chat, &[NOON; 3]).await;
    answered(store.empty_body(chat, Seq(3), BodyGone::Deleted).await);
    answered(store.expire_bodies(chat, Seq(3)).await);
    answered(store.empty_body(chat, Seq(3), BodyGone::Expired).await);
    let expected = [
        (2, Body::Gone(BodyGone::Expired)),
        (3, Body::Gone(BodyGone::Deleted)),
        (4, Body::Text("message 4".into())),
    ];
    assert_eq!(bodies(&read_all(&*store, chat).await), expected);
    answered(store.empty_body(chat, Seq(2), BodyGone::Deleted).await);
    let second = bodies(&read_all(&*store, chat).await).into_iter().next();
    assert_eq!(second, Some((2, Body::Gone(BodyGone::Deleted))), "what expired can still be deleted");
}

/// Emptying takes text and attachments, keeps the place, and leaves other events alone.
pub async fn emptying_touches_messages_only<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    group_with_messages(&*store, chat, &[NOON]).await;
    let mut with_file = message(3, device(1), 3, "with a file");
    if let EventKind::Message { attachments, reply_to, .. } = &mut with_file.kind {
        attachments.push(AttachmentId::from_bytes([5; 16]));
        *reply_to = Some(Seq(2));
    }
    write(&*store, chat, &with_file).await;
    let mut expected = read_all(&*store, chat).await;
    for event in expected.iter_mut().skip(2) {
        event.empty_body(BodyGone::Deleted);
    }
    for seq in [0, 1, 3, 3, 4, 99, u64::MAX] {
        answered(store.empty_body(chat, Seq(seq), BodyGone::Deleted).await);
    }
    answered(store.empty_body(super::fixtures::chat(2), Seq(1), BodyGone::Deleted).await);
    assert_eq!(read_all(&*store, chat).await, expected);
    assert_eq!(head(&*store, chat).await, Seq(3));
    assert_eq!(head(&*store, super::fixtures::chat(2)).await, Seq::ZERO, "no chat came into being");
}

/// Expiry goes in the order of the log: an event with an older time behind a younger one waits.
pub async fn bodies_expire_up_to_the_first_younger_event<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    let (old, young) = (NOON - DAY * 40, NOON);
    group_with_messages(&*store, chat, &[old, old, young, old]).await;
    let before = NOON - DAY * 30;
    let listed = answered(store.expiring_bodies(before, ALL).await);
    assert_eq!(listed.iter().map(|old| (old.chat, old.up_to)).collect::<Vec<_>>(), [(chat, Seq(3))]);
    assert_eq!(answered(store.expiring_bodies(old, ALL).await), [], "as old as asked for is not older");
    answered(store.expire_bodies(chat, Seq(3)).await);
    answered(store.expire_bodies(chat, Seq(3)).await);
    assert_eq!(with_bodies(&*store, chat).await, [4, 5]);
    assert_eq!(answered(store.expiring_bodies(before, ALL).await), []);
    assert_eq!(head(&*store, chat).await, Seq(5));
}

/// Expiring is about what is there, not about what comes.
pub async fn expiring_beyond_the_head_does_not_touch_later_messages<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    let old = NOON - DAY * 40;
    group_with_messages(&*store, chat, &[old]).await;
    answered(store.expire_bodies(chat, Seq(100)).await);
    write(&*store, chat, &message_at(old, 3, device(1), 3, "later")).await;
    assert_eq!(with_bodies(&*store, chat).await, [3]);
    let listed = answered(store.expiring_bodies(NOON, ALL).await);
    assert_eq!(listed.iter().map(|old| (old.chat, old.up_to)).collect::<Vec<_>>(), [(chat, Seq(3))]);
    answered(store.expire_bodies(chat, Seq(3)).await);
    assert_eq!(with_bodies(&*store, chat).await, []);
}

/// Whoever takes what is listed and asks again gets through all chats.
pub async fn expiry_is_listed_within_the_limit_until_all_is_done<S: Store>(store: Arc<S>) {
    let old = NOON - DAY * 90;
    for number in 1..=10 {
        group_with_messages(&*store, chat(number), &[old, old]).await;
    }
    group_with_messages(&*store, chat(11), &[NOON]).await;
    let mut emptied = BTreeSet::new();
    while let listed = answered(store.expiring_bodies(NOON - DAY, 3).await)
        && !listed.is_empty()
    {
        assert!(listed.len() <= 3);
        for old in listed {
            answered(store.expire_bodies(old.chat, old.up_to).await);
            assert!(emptied.insert(old.chat), "{:?} was done", old.chat);
        }
    }
    assert_eq!(emptied, (1..=10).map(chat).collect());
    let mut removed = BTreeSet::new();
    while let listed = answered(store.removable_events(NOON - DAY, 3).await)
        && !listed.is_empty()
    {
        assert!(listed.len() <= 3);
        for old in listed {
            answered(store.save_snapshot(&state_of(&*store, old.chat).await).await);
            assert_eq!(answered(store.raise_floor(old.chat, old.up_to).await), Seq(3));
            assert!(removed.insert(old.chat), "{:?} was done", old.chat);
        }
    }
    assert_eq!(removed, emptied);
    assert_eq!(with_bodies(&*store, chat(11)).await, [2], "the young chat is untouched");
}

/// No event goes that no snapshot contains.
pub async fn the_floor_never_passes_the_snapshot<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    group_with_messages(&*store, chat, &[NOON; 5]).await;
    assert_eq!(answered(store.raise_floor(chat, Seq(4)).await), Seq::ZERO, "there is no snapshot");
    assert_eq!(seqs(&read_all(&*store, chat).await), [1, 2, 3, 4, 5, 6]);
    let mut state = ChatState::before_creation(chat);
    for event in read_all(&*store, chat).await.iter().take(3) {
        state.apply(event);
    }
    answered(store.save_snapshot(&state).await);
    assert_eq!(answered(store.raise_floor(chat, Seq(u64::MAX)).await), Seq(3));
    assert_eq!(answered(store.floor(chat).await), Seq(3));
    assert_eq!(seqs(&read_all(&*store, chat).await), [4, 5, 6]);
    assert_eq!(answered(store.raise_floor(super::fixtures::chat(2), Seq(5)).await), Seq::ZERO);
}

/// A lower floor changes nothing, and what is below the floor is not written again.
pub async fn the_floor_only_rises_and_reads_begin_above_it<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    group_with_messages(&*store, chat, &[NOON; 7]).await;
    answered(store.save_snapshot(&state_of(&*store, chat).await).await);
    for (asked, in_force) in [(2, 2), (5, 5), (3, 5), (5, 5), (0, 5)] {
        assert_eq!(answered(store.raise_floor(chat, Seq(asked)).await), Seq(in_force));
        assert_eq!(answered(store.floor(chat).await), Seq(in_force));
    }
    assert_eq!(seqs(&read_all(&*store, chat).await), [6, 7, 8]);
    let read = answered(store.read(chat, Seq(3), Seq(7), 1, 0).await);
    assert_eq!(seqs(&read), [6], "removed events count for nothing");
    for removed in [1, 5] {
        let event = message(removed, device(2), 99, "again");
        assert_eq!(answered(store.append(chat, &event).await), Appended::Taken);
    }
    assert_eq!(head(&*store, chat).await, Seq(8));
}

/// Head, snapshot and the next append are right where no event is left.
pub async fn an_idle_chat_whose_events_are_all_gone_goes_on_after_its_head<S: Store>(store: Arc<S>) {
    let chat = chat(1);
    group_with_messages(&*store, chat, &[NOON - DAY * 90; 4]).await;
    let state = state_of(&*store, chat).await;
    answered(store.expire_bodies(chat, Seq(5)).await);
    answered(store.save_snapshot(&state).await);
    assert_eq!(answered(store.raise_floor(chat, Seq(5)).await), Seq(5));
    assert_eq!(read_all(&*store, chat).await, []);
    assert_eq!(head(&*store, chat).await, Seq(5));
    assert_eq!(answered(store.snapshot(chat).await), Some(state.clone()));
    assert_eq!(answered(store.expiring_bodies(NOON, ALL).await), []);
    assert_eq!(answered(store.removable_events(NOON, ALL).await), []);
    for wrong in [1, 5, 7] {
        let event = message(wrong, device(2), 9, "wrong");
        assert_eq!(answered(store.append(chat, &event).await), Appended::Taken, "at {wrong}");
    }
    let next = message(6, device(2), 9, "after a long time");
    write(&*store, chat, &next).await;
    assert_eq!(read_all(&*store, chat).await, [next]);
    assert_eq!(head(&*store, chat).await, Seq(6));
    assert_eq!(state_of(&*store, chat).await.memberships, state.memberships);
}

/// Two young messages after old ones: what the job leaves at the end.
async fn old_and_young<S: Chats>(store: &S, chats: u32) {
    let (ancient, old) = (NOON - DAY * 90, NOON - DAY * 40);
    for number in 1..=chats {
        group_with_messages(store, chat(number), &[ancient, ancient, old, NOON]).await;
    }
}

async fn assert_retired<S: Chats>(store: &S, chats: u32, states: &[ChatState]) {
    for (number, state) in (1..=chats).zip(states) {
        assert_eq!(answered(store.floor(chat(number)).await), Seq(3));
        assert_eq!(seqs(&read_all(store, chat(number)).await), [4, 5]);
        assert_eq!(with_bodies(store, chat(number)).await, [5]);
        assert_eq!(&state_of(store, chat(number)).await, state, "the chat itself is what it was");
    }
}

/// Step by step the job does what the policy asks for, and then finds nothing.
pub async fn the_retention_job_empties_removes_and_then_rests<S: Store>(store: Arc<S>) {
    old_and_young(&*store, 7).await;
    let states = [state_of(&*store, chat(1)).await, state_of(&*store, chat(2)).await];
    let policy = RetentionPolicy::default();
    let mut steps = 0;
    while let done = answered(step(&*store, NOON, &policy, 2).await)
        && done.more
    {
        assert!(done.emptied.len() <= 2 && done.removed.len() <= 2, "{done:?}");
        steps += 1;
        assert!(steps < 50, "it goes on and on: {done:?}");
    }
    assert!(steps >= 4, "7 chats, 2 in a step");
    assert_retired(&*store, 2, &states).await;
    assert_eq!(answered(store.removable_events(NOON - policy.events, ALL).await), []);
}

/// A job that is dropped at any point leaves nothing that the next run does not bring to the same end.
pub async fn the_retention_job_goes_on_where_it_was_cut_off<S: Store>(store: Arc<S>) {
    old_and_young(&*store, 5).await;
    let mut states = Vec::new();
    for number in 1..=5 {
        states.push(state_of(&*store, chat(number)).await);
    }
    let policy = RetentionPolicy::default();
    for yields in 0..20 {
        let job = tokio::spawn({
            let store = Arc::clone(&store);
            async move { step(&*store, NOON, &policy, 1).await }
        });
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        job.abort();
        for (number, state) in (1..=5).zip(&states) {
            assert_eq!(&state_of(&*store, chat(number)).await, state, "nothing is lost in between");
        }
    }
    while answered(step(&*store, NOON, &policy, 10).await).more {}
    assert_retired(&*store, 5, &states).await;
    let long_ago = Timestamp::default();
    assert!(!answered(step(&*store, long_ago, &policy, 10).await).more, "a clock far behind removes nothing");
}
