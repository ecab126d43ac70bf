//! A retry is recognised by the device's number, and by nothing else.

use super::*;
use crate::chat::NumberStatus;
use crate::limits::DEDUP_WINDOW_NUMBERS;

const WINDOW: u64 = DEDUP_WINDOW_NUMBERS as u64;

/// A group in which the member's phone used these numbers, in this order.
fn after(numbers: impl IntoIterator<Item = u64>) -> Chat {
    let mut chat = Chat::group();
    for number in numbers {
        let seq = chat.state.head.next();
        assert_eq!(chat.takes(device(MEMBER, 1), number, text("hello")), Ok(seq), "number {number}");
    }
    chat
}

fn too_old(newest: u64) -> Result<Seq, Refusal> {
    Err(Refusal::TooOld { newest })
}

#[test]
fn a_retry_gets_the_place_of_the_first_attempt() {
    let mut chat = after([1, 2, 3]);
    let first = Seq(chat.state.head.0 - 2);
    assert_eq!(chat.takes(device(MEMBER, 1), 1, text("hello")), Ok(first));
    assert_eq!(chat.takes(device(MEMBER, 1), 1, text("something else")), Ok(first), "the number decides");
    assert_eq!(chat.takes(device(MEMBER, 1), 1, ChatCommand::Leave), Ok(first));
    assert!(chat.role(MEMBER).is_some());
}

#[test]
fn numbers_belong_to_devices() {
    let mut chat = after([1]);
    let head = chat.state.head;
    assert_eq!(chat.takes(device(MEMBER, 2), 1, text("from the laptop")), Ok(head.next()));
    assert_eq!(chat.takes(device(ANOTHER_MEMBER, 1), 1, text("from someone else")), Ok(head.next().next()));
}

#[test]
fn a_retry_is_answered_before_any_refusal() {
    let mut chat = after([1]);
    let accepted = chat.state.head;
    chat.does(OWNER, ChatCommand::Ban { users: users(&[MEMBER]) });
    assert_eq!(chat.takes(device(MEMBER, 1), 1, text("hello")), Ok(accepted), "though banned since");
    assert_eq!(chat.takes(device(MEMBER, 1), 2, text("hello")), Err(Refusal::Banned));
    chat.limits.text_bytes_max = 0;
    chat.does(OWNER, ChatCommand::DeleteChat);
    assert_eq!(chat.takes(device(MEMBER, 1), 1, text("hello")), Ok(accepted), "though the chat is gone");
    let create_again = create(ChatKind::Group, &[]);
    assert_eq!(chat.takes(device(OWNER, 1), 1, create_again), Ok(Seq::FIRST), "creating is retried too");
}

#[test]
fn a_refused_number_is_not_used_up() {
    let mut chat = Chat::of_kind(ChatKind::Channel);
    assert_eq!(chat.takes(device(MEMBER, 1), 5, text("hello")), Err(Refusal::RoleTooLow));
    assert_eq!(chat.state.number_status(device(MEMBER, 1), ClientSeq(5)), NumberStatus::Fresh);
}

#[test]
fn numbers_may_have_gaps_and_come_out_of_order() {
    let mut chat = after([10, 30, 20, 5]);
    let head = chat.state.head;
    for (number, seq) in [(10, 3), (30, 2), (20, 1), (5, 0)] {
        assert_eq!(chat.takes(device(MEMBER, 1), number, text("hello")), Ok(Seq(head.0 - seq)));
    }
    assert_eq!(chat.takes(device(MEMBER, 1), 25, text("hello")), Ok(head.next()), "never used");
}

#[test]
fn a_number_that_left_the_window_is_too_old() {
    let mut chat = after(1..=WINDOW);
    let oldest = Seq(chat.state.head.0 - WINDOW + 1);
    assert_eq!(chat.takes(device(MEMBER, 1), 1, text("hello")), Ok(oldest), "just remembered");
    let next = chat.state.head.next();
    assert_eq!(chat.takes(device(MEMBER, 1), WINDOW + 1, text("hello")), Ok(next));
    assert_eq!(chat.takes(device(MEMBER, 1), 1, text("hello")), too_old(WINDOW + 1));
    assert_eq!(chat.takes(device(MEMBER, 1), 2, text("hello")), Ok(oldest.next()));
}

#[test]
fn a_number_below_a_full_window_is_too_old_even_if_it_was_never_used() {
    // It would be forgotten in the moment it is recorded, and its retry could not be told from a first try.
    let mut chat = after(1_000..1_000 + WINDOW);
    assert_eq!(chat.takes(device(MEMBER, 1), 7, text("hello")), too_old(999 + WINDOW));
    let mut chat = after(1_000..1_000 + WINDOW - 1);
    let seq = chat.takes(device(MEMBER, 1), 7, text("hello"));
    assert_eq!(seq, Ok(chat.state.head), "while the window has room it is taken");
    assert_eq!(chat.takes(device(MEMBER, 1), 7, text("hello")), seq, "and recognised");
}

#[test]
fn a_gap_within_the_window_can_still_be_filled() {
    let mut chat = after((1..WINDOW).chain([WINDOW + 10]));
    let seq = chat.takes(device(MEMBER, 1), WINDOW + 5, text("late"));
    assert_eq!(seq, Ok(chat.state.head));
    assert_eq!(chat.takes(device(MEMBER, 1), WINDOW + 5, text("late")), seq);
    assert_eq!(chat.takes(device(MEMBER, 1), 1, text("hello")), too_old(WINDOW + 10));
}

#[test]
fn numbers_start_at_one() {
    for mut chat in [Chat::group(), after([1]), after(1..=WINDOW + 1)] {
        assert_eq!(chat.takes(device(MEMBER, 1), 0, text("hello")), Err(Refusal::ClientSeqZero));
    }
    let mut chat = Chat::group();
    let last = chat.takes(device(MEMBER, 1), u64::MAX, text("hello"));
    assert_eq!(chat.takes(device(MEMBER, 1), u64::MAX, text("hello")), last, "and end where they end");
}

#[test]
fn an_event_applied_twice_counts_once() {
    let mut chat = after([1]);
    let before = chat.state.clone();
    let repeated = Event {
        seq: before.head,
        time: Timestamp(9_999),
        sender: device(ADMIN, 1),
        client_seq: ClientSeq(77),
        kind: EventKind::Left { new_owner: None },
        attestation: None,
    };
    chat.state.apply(&repeated);
    assert_eq!(chat.state, before);
}
