//! Devices that lose their place while their user stays.

use super::*;

fn laptop() -> DeviceId {
    device(MEMBER, 2)
}

/// In which the member's laptop has a leaf too.
fn with_laptop() -> Chat {
    let mut chat = Chat::keyed();
    chat.does(OWNER, commits(commit(epoch(1, 1), &[laptop()], &[])));
    chat
}

#[test]
fn a_revoked_device_is_out_with_the_next_commit_and_nothing_is_sent_before() {
    let mut chat = with_laptop();
    chat.revokes(laptop());
    assert_eq!(chat.state.keys.waiting_removals(&chat.state.members), [laptop()]);
    let waits = Some(Refusal::RemovalWaits { current: epoch(1, 2) });
    assert_eq!(chat.refuses(MEMBER, message(epoch(1, 2))), waits);
    assert_eq!(chat.refuses(OWNER, commits(commit(epoch(1, 2), &[], &[]))), waits);
    chat.does(MEMBER, commits(commit(epoch(1, 2), &[], &[laptop()])));
    assert_eq!(chat.refuses(OWNER, message(epoch(1, 3))), None);
}

#[test]
fn a_revoked_device_neither_commits_nor_comes_back() {
    let mut chat = with_laptop();
    chat.revokes(laptop());
    let by_laptop = |command| chat.decides(laptop(), 1, command).err();
    let out = Some(Refusal::TargetNotAMember);
    assert_eq!(by_laptop(commits(commit(epoch(1, 2), &[], &[laptop()]))), out);
    assert_eq!(by_laptop(commits(external(epoch(1, 2), &[]))), out);
    assert_eq!(by_laptop(starts(start(2, StartReason::Broken, &[laptop()]))), out);
    assert!(by_laptop(message(epoch(1, 2))).is_some());
    chat.does(OWNER, commits(commit(epoch(1, 2), &[], &[laptop()])));
    assert_eq!(chat.refuses(OWNER, commits(commit(epoch(1, 3), &[laptop()], &[]))), out);
    let again = starts(start(2, StartReason::Broken, &[device(OWNER, 1), laptop()]));
    assert_eq!(chat.refuses(OWNER, again), out);
}

#[test]
fn a_revocation_is_said_once_and_only_of_members_of_encrypted_chats() {
    let mut chat = with_laptop();
    assert_eq!(chat.state.revocation(device(STRANGER, 1)), None);
    assert_eq!(Chat::group().state.revocation(laptop()), None);
    assert!(Chat::encrypted().state.revocation(laptop()).is_some(), "it cannot come in later either");
    chat.revokes(laptop());
    assert_eq!(chat.state.revocation(laptop()), None);
    chat.does(OWNER, ChatCommand::DeleteChat);
    assert_eq!(chat.state.revocation(device(MEMBER, 1)), None);
}

#[test]
fn what_the_server_says_uses_none_of_the_devices_numbers() {
    let mut chat = with_laptop();
    chat.revokes(laptop());
    assert!(!chat.state.numbers.contains_key(&laptop()));
}
