//! What a commit must carry out and must leave alone.

use super::*;

const NOT_THERE: &str = "it adds who is there or removes who is not";

#[test]
fn a_commit_moves_the_epoch_on_by_one() {
    let mut chat = Chat::keyed();
    chat.does(MEMBER, commits(commit(epoch(1, 1), &[], &[])));
    assert_eq!(chat.current(), epoch(1, 2));
    assert_eq!(chat.state.keys.changed, chat.state.head);
    assert_eq!(chat.leaves(), phones(&[OWNER, ADMIN, MEMBER]));
}

#[test]
fn an_epoch_takes_one_commit() {
    let mut chat = Chat::keyed();
    chat.does(MEMBER, commits(commit(epoch(1, 1), &[], &[])));
    let stale = Some(Refusal::StaleEpoch { current: epoch(1, 2) });
    assert_eq!(chat.refuses(OWNER, commits(commit(epoch(1, 1), &[], &[]))), stale);
    for other in [epoch(1, 3), epoch(2, 2), epoch(0, 2)] {
        assert_eq!(chat.refuses(OWNER, commits(commit(other, &[], &[]))), stale, "{other}");
    }
}

#[test]
fn there_is_nothing_to_commit_to_before_the_first_group() {
    let chat = Chat::encrypted();
    let stale = Some(Refusal::StaleEpoch { current: epoch(0, 0) });
    assert_eq!(chat.refuses(OWNER, commits(commit(epoch(0, 0), &[], &[]))), stale);
    assert_eq!(
        Chat::group().refuses(OWNER, commits(commit(epoch(0, 0), &[], &[]))),
        Some(Refusal::WrongEncryption)
    );
}

#[test]
fn only_a_device_with_a_leaf_commits_from_inside() {
    let chat = Chat::keyed();
    let nowhere = Some(Refusal::NotInGroup { current: epoch(1, 1) });
    assert_eq!(chat.refuses(ANOTHER_MEMBER, commits(commit(epoch(1, 1), &[], &[]))), nowhere);
}

#[test]
fn a_commit_adds_devices_of_members_only() {
    let mut chat = Chat::keyed();
    let adds = |of: u8| commits(commit(epoch(1, 1), &phones(&[of]), &[]));
    assert_eq!(chat.refuses(OWNER, adds(STRANGER)), Some(Refusal::TargetNotAMember));
    assert_eq!(chat.refuses(OWNER, adds(MEMBER)), invalid(NOT_THERE));
    chat.does(OWNER, adds(ANOTHER_MEMBER));
    assert_eq!(chat.leaves(), phones(&[OWNER, ADMIN, MEMBER, ANOTHER_MEMBER]));
}

#[test]
fn a_commit_removes_nobody_who_stays() {
    let chat = Chat::keyed();
    let removes = |of: u8| commits(commit(epoch(1, 1), &[], &phones(&[of])));
    assert_eq!(chat.refuses(OWNER, removes(MEMBER)), invalid("it removes a device of a member"));
    assert_eq!(chat.refuses(OWNER, removes(ANOTHER_MEMBER)), invalid(NOT_THERE));
}

#[test]
fn a_commit_carries_out_every_removal_that_waits() {
    let mut chat = Chat::keyed();
    chat.signs(OWNER, ChatCommand::Remove { users: users(&[MEMBER]) });
    chat.signs(ADMIN, ChatCommand::Leave);
    let waits = Some(Refusal::RemovalWaits { current: epoch(1, 1) });
    for too_few in [vec![], phones(&[MEMBER]), phones(&[ADMIN])] {
        assert_eq!(chat.refuses(OWNER, commits(commit(epoch(1, 1), &[], &too_few))), waits, "{too_few:?}");
    }
    chat.does(OWNER, commits(commit(epoch(1, 1), &[], &phones(&[ADMIN, MEMBER]))));
    assert_eq!(chat.leaves(), phones(&[OWNER]));
}

#[test]
fn the_devices_of_a_commit_are_in_order_and_each_is_there_once() {
    let mut chat = Chat::keyed();
    chat.signs(OWNER, ChatCommand::Add { users: users(&[STRANGER]) });
    let twice = phones(&[ANOTHER_MEMBER, ANOTHER_MEMBER]);
    for added in [twice, phones(&[STRANGER, ANOTHER_MEMBER])] {
        assert_eq!(chat.refuses(OWNER, commits(commit(epoch(1, 1), &added, &[]))), invalid(ORDER));
    }
}

#[test]
fn an_external_commit_concerns_its_sender_only() {
    let mut chat = Chat::keyed();
    chat.signs(OWNER, ChatCommand::Add { users: users(&[STRANGER]) });
    let sole = invalid("an external commit concerns its sender only");
    let newcomer = phones(&[ANOTHER_MEMBER]);
    for added in [vec![], phones(&[STRANGER]), phones(&[ANOTHER_MEMBER, STRANGER])] {
        assert_eq!(chat.refuses(ANOTHER_MEMBER, commits(external(epoch(1, 1), &added))), sole, "{added:?}");
    }
    let removing = Commit { removed: phones(&[MEMBER]), ..external(epoch(1, 1), &newcomer) };
    assert_eq!(chat.refuses(ANOTHER_MEMBER, commits(removing)), sole);
    let again = external(epoch(1, 1), &phones(&[MEMBER]));
    assert_eq!(chat.refuses(MEMBER, commits(again)), sole, "it replaces its own leaf: that is no addition");
    chat.does(MEMBER, commits(external(epoch(1, 1), &[])));
    assert_eq!(chat.state.keys.devices.get(&device(MEMBER, 1)), Some(&chat.state.head));
    chat.does(ANOTHER_MEMBER, commits(external(epoch(1, 2), &newcomer)));
    assert_eq!(chat.leaves(), phones(&[OWNER, ADMIN, MEMBER, ANOTHER_MEMBER]));
}

#[test]
fn a_device_may_enter_while_a_removal_waits_and_the_removal_goes_on_waiting() {
    let mut chat = Chat::keyed();
    chat.signs(OWNER, ChatCommand::Remove { users: users(&[MEMBER]) });
    chat.does(ANOTHER_MEMBER, commits(external(epoch(1, 1), &phones(&[ANOTHER_MEMBER]))));
    let waits = Some(Refusal::RemovalWaits { current: epoch(1, 2) });
    assert_eq!(chat.refuses(ANOTHER_MEMBER, message(epoch(1, 2))), waits);
    assert_eq!(chat.refuses(MEMBER, commits(external(epoch(1, 2), &[]))), Some(Refusal::NotAMember));
}

#[test]
fn a_group_has_as_many_devices_as_its_suite_and_the_settings_allow() {
    let many = |count: usize| (1..=u32::try_from(count).unwrap_or(u32::MAX)).map(|n| device(OWNER, n));
    let first = |count: usize| start(1, StartReason::First, &many(count).collect::<Vec<_>>());
    let mut chat = Chat::encrypted();
    let full = Some(too_many("devices", HYBRID_DEVICES_MAX));
    assert_eq!(chat.refuses(OWNER, starts(first(HYBRID_DEVICES_MAX + 1))), full);
    let classic = GroupStart { suite: Suite::CLASSIC, ..first(HYBRID_DEVICES_MAX + 1) };
    assert_eq!(chat.refuses(OWNER, starts(classic.clone())), None);
    chat.does(OWNER, starts(first(HYBRID_DEVICES_MAX)));
    assert_eq!(chat.refuses(MEMBER, commits(external(epoch(1, 1), &phones(&[MEMBER])))), full);
    chat.limits.devices_max = 5;
    assert_eq!(
        chat.refuses(MEMBER, commits(external(epoch(1, 1), &phones(&[MEMBER])))),
        Some(too_many("devices", 5))
    );
    let mut chat = Chat::encrypted();
    chat.limits.devices_max = 5;
    assert_eq!(chat.refuses(OWNER, starts(classic)), Some(too_many("devices", 5)));
}

#[test]
fn the_parts_of_a_handshake_are_small_enough_for_where_they_stand() {
    let chat = Chat::keyed();
    let too_large = Some(Refusal::TooLarge { what: "A part of the handshake", limit: HANDSHAKE_BYTES_MAX });
    let stored =
        |bytes: usize| Payload::Stored { hash: [1; 32], bytes: u32::try_from(bytes).unwrap_or(u32::MAX) };
    let plain = || commit(epoch(1, 1), &[], &[]);
    for part in [payload(INLINE_BYTES_MAX + 1), stored(HANDSHAKE_BYTES_MAX + 1)] {
        for wrong in [
            Commit { commit: part.clone(), ..plain() },
            Commit { group_info: part.clone(), ..plain() },
            Commit { welcome: Some(part.clone()), ..plain() },
        ] {
            assert_eq!(chat.refuses(OWNER, commits(wrong)), too_large);
        }
    }
    for part in [payload(INLINE_BYTES_MAX), stored(HANDSHAKE_BYTES_MAX)] {
        assert_eq!(chat.refuses(OWNER, commits(Commit { commit: part, ..plain() })), None);
    }
}
