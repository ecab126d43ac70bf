//! Direct chats: two users, no roles to speak of.

use super::*;

#[test]
fn a_direct_chat_has_two_members_and_no_owner() {
    let chat = Chat::direct();
    assert_eq!(chat.role(OWNER), Some(Role::Member));
    assert_eq!(chat.role(MEMBER), Some(Role::Member));
    assert_eq!(chat.state.peer_of(user(OWNER)), Some(user(MEMBER)));
    assert_eq!(chat.state.peer_of(user(MEMBER)), Some(user(OWNER)));
}

#[test]
fn a_direct_chat_is_between_two() {
    for others in [&[][..], &[OWNER], &[MEMBER, ADMIN]] {
        let refused = Chat::before_creation().refuses(OWNER, create(ChatKind::Direct, others));
        assert_eq!(refused, Some(Refusal::WrongKind), "with {others:?}");
    }
}

#[test]
fn whoever_starts_it_second_learns_that_it_is_there() {
    let chat = Chat::direct();
    let second = chat.refuses(MEMBER, create(ChatKind::Direct, &[OWNER]));
    assert_eq!(second, Some(Refusal::AlreadyExists { seq: Seq::FIRST }));
}

#[test]
fn a_direct_chat_is_talked_in_and_not_managed() {
    let mut chat = Chat::direct();
    for command in [
        ChatCommand::Add { users: users(&[STRANGER]) },
        ChatCommand::Remove { users: users(&[MEMBER]) },
        ChatCommand::Ban { users: users(&[MEMBER]) },
        ChatCommand::Unban { users: users(&[MEMBER]) },
        ChatCommand::SetRole { user: user(MEMBER), role: Role::Admin },
        ChatCommand::Leave,
        rename("ours"),
        invite(),
        ChatCommand::DeleteChat,
    ] {
        assert_eq!(chat.refuses(OWNER, command.clone()), Some(Refusal::WrongKind), "{command:?}");
    }
    assert_eq!(chat.refuses(STRANGER, join()), Some(Refusal::InvalidInvite));
    assert_eq!(chat.asks(OWNER, text("hello")), Ok(Seq(2)));
    assert_eq!(chat.asks(MEMBER, text("hello yourself")), Ok(Seq(3)));
}

#[test]
fn a_direct_chat_has_no_name() {
    let command = ChatCommand::Create {
        kind: ChatKind::Direct,
        encryption: Encryption::None,
        name: "ours".into(),
        description: String::new(),
        members: users(&[MEMBER]),
    };
    assert_eq!(Chat::before_creation().refuses(OWNER, command), Some(Refusal::WrongKind));
}

#[test]
fn who_is_blocked_cannot_write_in_a_direct_chat_but_can_in_a_group() {
    let direct = Chat::direct().blocking(&[MEMBER]);
    assert_eq!(direct.refuses(OWNER, text("hello")), Some(Refusal::Blocked));
    let group = Chat::group().blocking(&[MEMBER]);
    assert_eq!(group.refuses(OWNER, text("hello")), None);
}

#[test]
fn each_of_the_two_deletes_only_what_they_wrote() {
    let mut chat = Chat::direct();
    let target = chat.does(OWNER, text("hello"));
    chat.context.target_author = Some(user(OWNER));
    assert_eq!(chat.refuses(MEMBER, ChatCommand::DeleteMessage { target }), Some(Refusal::RoleTooLow));
    assert_eq!(chat.refuses(OWNER, ChatCommand::DeleteMessage { target }), None);
}
