//! Who may read what: the union of stays.

use super::*;
use crate::chat::Membership;

fn talk(chat: &mut Chat, up_to: u64) {
    while chat.state.head < Seq(up_to) {
        chat.does(OWNER, text("hello"));
    }
}

/// A stay from the start to 10, another from 50.
fn left_at_10_and_back_at_50() -> Chat {
    let mut chat = Chat::group();
    talk(&mut chat, 9);
    assert_eq!(chat.does(MEMBER, ChatCommand::Leave), Seq(10));
    talk(&mut chat, 49);
    assert_eq!(chat.does(MEMBER, join()), Seq(50));
    talk(&mut chat, 60);
    chat
}

#[test]
fn who_leaves_and_returns_reads_both_stays_and_nothing_between() {
    let chat = left_at_10_and_back_at_50();
    let readable: Vec<u64> = (0..=60).filter(|seq| chat.state.may_read(user(MEMBER), Seq(*seq))).collect();
    assert_eq!(readable, (1..=10).chain(50..=60).collect::<Vec<_>>(), "both ends included");
    assert!(!chat.state.may_read(user(STRANGER), Seq(1)));
}

#[test]
fn stays_tell_where_reading_goes_on_and_where_it_ends() {
    let stays = left_at_10_and_back_at_50().state.memberships_of(user(MEMBER));
    for (seq, next, last) in [(0, 1, None), (1, 1, Some(1)), (10, 10, Some(10)), (11, 50, Some(10))] {
        assert_eq!(stays.next_covered(Seq(seq)), Some(Seq(next)), "from {seq}");
        assert_eq!(stays.last_covered(Seq(seq)), last.map(Seq), "up to {seq}");
    }
    for (seq, next, last) in [(49, 50, 10), (50, 50, 50), (99, 99, 99)] {
        assert_eq!(stays.next_covered(Seq(seq)), Some(Seq(next)), "from {seq}");
        assert_eq!(stays.last_covered(Seq(seq)), Some(Seq(last)), "up to {seq}");
    }
    assert!(stays.is_open());
}

#[test]
fn after_the_last_stay_nothing_comes() {
    let mut chat = left_at_10_and_back_at_50();
    let removed = chat.does(ADMIN, ChatCommand::Remove { users: users(&[MEMBER]) });
    let stays = chat.state.memberships_of(user(MEMBER));
    assert!(!stays.is_open());
    assert_eq!(stays.next_covered(removed), Some(removed), "they learn of their removal");
    assert_eq!(stays.next_covered(removed.next()), None);
    assert_eq!(stays.last_covered(Seq(u64::MAX)), Some(removed));
}

#[test]
fn every_way_out_ends_a_stay_at_its_event() {
    for (who, command) in [
        (MEMBER, ChatCommand::Leave),
        (ADMIN, ChatCommand::Remove { users: users(&[MEMBER]) }),
        (ADMIN, ChatCommand::Ban { users: users(&[MEMBER]) }),
        (OWNER, ChatCommand::DeleteChat),
    ] {
        let mut chat = Chat::group();
        let seq = chat.does(who, command.clone());
        let stays = [Membership { from: Seq(1), to: Some(seq) }];
        assert_eq!(chat.state.memberships_of(user(MEMBER)).stays(), stays, "{command:?}");
        assert_eq!(chat.state.roster_changed, seq, "{command:?}");
    }
}

#[test]
fn every_way_in_begins_a_stay_at_its_event() {
    for (who, command) in [(ADMIN, ChatCommand::Add { users: users(&[STRANGER]) }), (STRANGER, join())] {
        let mut chat = Chat::group();
        let seq = chat.does(who, command);
        let stays = [Membership { from: seq, to: None }];
        assert_eq!(chat.state.memberships_of(user(STRANGER)).stays(), stays);
        assert_eq!(chat.state.roster_changed, seq);
    }
}

#[test]
fn what_does_not_change_who_is_there_leaves_the_roster_alone() {
    let mut chat = Chat::group();
    let (roster, memberships) = (chat.state.roster_changed, chat.state.memberships.clone());
    chat.does(OWNER, ChatCommand::Ban { users: users(&[STRANGER]) });
    chat.does(OWNER, rename("new"));
    chat.does(OWNER, ChatCommand::SetRole { user: user(MEMBER), role: Role::Admin });
    chat.does(MEMBER, text("hello"));
    assert_eq!((chat.state.roster_changed, chat.state.memberships), (roster, memberships));
}

#[test]
fn events_name_those_whose_stay_begins_or_ends() {
    let chat = Chat::group();
    for (who, command, expected) in [
        (ADMIN, ChatCommand::Add { users: users(&[STRANGER, FORMER]) }, users(&[FORMER, STRANGER])),
        (ADMIN, ChatCommand::Remove { users: users(&[MEMBER]) }, users(&[MEMBER])),
        (STRANGER, join(), users(&[STRANGER])),
        (OWNER, ChatCommand::Leave, users(&[OWNER])),
        (OWNER, ChatCommand::DeleteChat, users(&[OWNER, ADMIN, MEMBER, ANOTHER_MEMBER])),
        (MEMBER, text("hello"), users(&[])),
        (OWNER, rename("new"), users(&[])),
    ] {
        let event = chat.event(who, command).unwrap();
        assert_eq!(event.roster_changes(user(who), &chat.state), expected, "{event:?}");
    }
}
