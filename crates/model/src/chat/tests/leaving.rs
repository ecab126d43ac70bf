//! Owners come and go; a chat with members has one.

use super::*;

fn set_role(who: u8, role: Role) -> ChatCommand {
    ChatCommand::SetRole { user: user(who), role }
}

#[test]
fn an_owner_who_leaves_is_followed_by_an_admin() {
    let mut chat = Chat::group();
    let left = EventKind::Left { new_owner: Some(user(ADMIN)) };
    assert_eq!(chat.event(OWNER, ChatCommand::Leave), Ok(left));
    chat.does(OWNER, ChatCommand::Leave);
    assert_eq!((chat.role(OWNER), chat.role(ADMIN)), (None, Some(Role::Owner)));
}

#[test]
fn of_equals_the_longest_there_follows() {
    let mut chat = Chat::group();
    chat.does(ADMIN, ChatCommand::Leave);
    chat.does(OWNER, ChatCommand::Add { users: users(&[0]) });
    chat.does(MEMBER, ChatCommand::Leave);
    chat.does(MEMBER, join());
    // Of 4 (from the beginning), 0 (added) and 3 (back last), 4 has been there longest.
    chat.does(OWNER, ChatCommand::Leave);
    assert_eq!(chat.role(ANOTHER_MEMBER), Some(Role::Owner));
    chat.does(ANOTHER_MEMBER, ChatCommand::Leave);
    assert_eq!(chat.role(0), Some(Role::Owner));
}

#[test]
fn an_admin_who_came_late_goes_before_a_member_who_came_early() {
    let mut chat = Chat::group();
    chat.does(ADMIN, ChatCommand::Leave);
    chat.does(OWNER, ChatCommand::Add { users: users(&[STRANGER]) });
    chat.does(OWNER, set_role(STRANGER, Role::Admin));
    chat.does(OWNER, ChatCommand::Leave);
    assert_eq!(chat.role(STRANGER), Some(Role::Owner));
}

#[test]
fn others_leave_without_changing_the_owner() {
    let mut chat = Chat::group();
    for who in [ADMIN, MEMBER] {
        assert_eq!(chat.event(who, ChatCommand::Leave), Ok(EventKind::Left { new_owner: None }));
        chat.does(who, ChatCommand::Leave);
    }
    assert_eq!(chat.role(OWNER), Some(Role::Owner));
}

#[test]
fn who_hands_the_chat_on_becomes_an_admin() {
    let mut chat = Chat::group();
    chat.does(OWNER, set_role(MEMBER, Role::Owner));
    assert_eq!((chat.role(OWNER), chat.role(MEMBER)), (Some(Role::Admin), Some(Role::Owner)));
    assert_eq!(chat.refuses(OWNER, ChatCommand::DeleteChat), Some(Refusal::RoleTooLow));
    chat.does(MEMBER, set_role(OWNER, Role::Member));
    assert_eq!(chat.role(OWNER), Some(Role::Member));
}

#[test]
fn a_role_does_not_survive_leaving() {
    let mut chat = Chat::group();
    chat.does(ADMIN, ChatCommand::Leave);
    chat.does(ADMIN, join());
    assert_eq!(chat.role(ADMIN), Some(Role::Member));
}

#[test]
fn nobody_comes_by_link_into_a_chat_that_all_have_left() {
    let mut chat = Chat::group();
    for who in [ADMIN, MEMBER, ANOTHER_MEMBER, OWNER] {
        chat.does(who, ChatCommand::Leave);
    }
    assert!(chat.state.members.is_empty());
    // They would be alone in a chat that nobody owns.
    assert_eq!(chat.refuses(STRANGER, join()), Some(Refusal::InvalidInvite));
}
