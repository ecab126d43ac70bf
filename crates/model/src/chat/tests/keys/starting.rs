//! Generations: when a new group may begin, and what it begins with.

use super::*;

/// As the owner starts it, with the owner and the admin in it.
fn next(generation: u32, reason: StartReason) -> GroupStart {
    start(generation, reason, &phones(&[OWNER, ADMIN]))
}

fn classic(start: GroupStart) -> GroupStart {
    GroupStart { suite: Suite::CLASSIC, ..start }
}

#[test]
fn generations_come_one_after_the_other() {
    let mut chat = Chat::encrypted();
    for generation in [0, 2] {
        let stale = Some(Refusal::StaleEpoch { current: epoch(0, 0) });
        assert_eq!(chat.refuses(OWNER, starts(next(generation, StartReason::First))), stale);
    }
    chat.does(OWNER, starts(next(1, StartReason::First)));
    assert_eq!((chat.current(), chat.leaves()), (epoch(1, 1), phones(&[OWNER, ADMIN])));
    let stale = Some(Refusal::StaleEpoch { current: epoch(1, 1) });
    assert_eq!(chat.refuses(ADMIN, starts(next(1, StartReason::First))), stale, "of two only one is first");
    chat.does(OWNER, starts(next(2, StartReason::Broken)));
    assert_eq!(chat.current(), epoch(2, 1));
}

#[test]
fn messages_of_the_generation_before_are_refused() {
    let mut chat = Chat::keyed();
    chat.does(OWNER, starts(next(2, StartReason::Broken)));
    let stale = Some(Refusal::StaleEpoch { current: epoch(2, 1) });
    assert_eq!(chat.refuses(OWNER, message(epoch(1, 1))), stale);
    assert_eq!(chat.refuses(OWNER, message(epoch(2, 1))), None);
    let nowhere = Some(Refusal::NotInGroup { current: epoch(2, 1) });
    assert_eq!(chat.refuses(MEMBER, message(epoch(2, 1))), nowhere, "who got no leaf in it");
}

#[test]
fn the_first_group_is_started_as_the_first_and_later_ones_are_not() {
    let chat = Chat::encrypted();
    for reason in [StartReason::NobodyLeft, StartReason::Broken, StartReason::SuiteChange] {
        assert_eq!(chat.refuses(OWNER, starts(next(1, reason))), invalid(REASON), "{reason:?}");
    }
    assert_eq!(Chat::keyed().refuses(OWNER, starts(next(2, StartReason::First))), invalid(REASON));
}

#[test]
fn a_group_without_a_device_of_a_member_is_followed_by_another() {
    let mut chat = Chat::keyed();
    let alone = |generation| start(generation, StartReason::NobodyLeft, &phones(&[ANOTHER_MEMBER]));
    assert_eq!(chat.refuses(ANOTHER_MEMBER, starts(alone(2))), invalid(REASON), "others can commit");
    for leaver in [OWNER, ADMIN, MEMBER] {
        chat.signs(leaver, ChatCommand::Leave);
    }
    assert_eq!(chat.refuses(ANOTHER_MEMBER, starts(classic(alone(2)))), invalid(REASON), "same suite");
    chat.does(ANOTHER_MEMBER, starts(alone(2)));
    assert_eq!(chat.refuses(ANOTHER_MEMBER, message(epoch(2, 1))), None, "no removal waits in a new group");
}

#[test]
fn any_member_may_replace_a_broken_group_but_not_its_suite() {
    let chat = Chat::keyed();
    let broken = || start(2, StartReason::Broken, &phones(&[MEMBER]));
    assert_eq!(chat.refuses(MEMBER, starts(broken())), None);
    assert_eq!(chat.refuses(MEMBER, starts(classic(broken()))), invalid(REASON));
}

#[test]
fn an_admin_changes_the_suite_and_a_member_does_not() {
    let mut chat = Chat::keyed();
    let change = |of: u8| classic(start(2, StartReason::SuiteChange, &phones(&[of])));
    assert_eq!(chat.refuses(MEMBER, starts(change(MEMBER))), invalid(REASON));
    assert_eq!(chat.refuses(OWNER, starts(change(OWNER))), None);
    let same = start(2, StartReason::SuiteChange, &phones(&[ADMIN]));
    assert_eq!(chat.refuses(ADMIN, starts(same)), invalid(REASON), "that is no change");
    let unknown = GroupStart { suite: Suite(0x0002), ..change(ADMIN) };
    assert_eq!(chat.refuses(ADMIN, starts(unknown)), invalid(REASON));
    chat.does(ADMIN, starts(change(ADMIN)));
    assert_eq!(chat.state.keys.suite, Some(Suite::CLASSIC));
}

#[test]
fn either_of_two_changes_the_suite_of_a_direct_chat() {
    let mut chat = Chat::before_creation();
    chat.signs(OWNER, create_encrypted(ChatKind::Direct, &[MEMBER]));
    chat.does(OWNER, starts(start(1, StartReason::First, &phones(&[OWNER, MEMBER]))));
    let change = classic(start(2, StartReason::SuiteChange, &phones(&[MEMBER])));
    assert_eq!(chat.refuses(MEMBER, starts(change)), None);
}

#[test]
fn the_founder_is_in_the_group_and_everyone_in_it_is_a_member() {
    let chat = Chat::encrypted();
    let with = |devices: &[DeviceId]| starts(start(1, StartReason::First, devices));
    assert_eq!(chat.refuses(OWNER, with(&phones(&[ADMIN]))), invalid(ORDER));
    assert_eq!(chat.refuses(OWNER, with(&phones(&[ADMIN, OWNER]))), invalid(ORDER));
    assert_eq!(chat.refuses(OWNER, with(&phones(&[OWNER, OWNER]))), invalid(ORDER));
    let stranger = with(&phones(&[OWNER, STRANGER]));
    assert_eq!(chat.refuses(OWNER, stranger), Some(Refusal::TargetNotAMember));
    assert_eq!(chat.refuses(STRANGER, with(&phones(&[STRANGER]))), Some(Refusal::NoSuchChat));
}

#[test]
fn a_readable_chat_has_no_group() {
    let chat = Chat::group();
    assert_eq!(chat.refuses(OWNER, starts(next(1, StartReason::First))), Some(Refusal::WrongEncryption));
}
