//! Everything has a limit, and past it an error that names it (I11).

use super::*;
use crate::AttachmentId;
use crate::limits::{
    BANNED_MAX, DESCRIPTION_BYTES_MAX, MEMBERSHIPS_PER_USER_MAX, NAME_BYTES_MAX, PICTURE_BYTES_MAX,
    USERS_PER_COMMAND_MAX,
};

fn send(body: Body, attachments: usize) -> ChatCommand {
    let attachments = vec![AttachmentId::from_bytes([1; 16]); attachments];
    ChatCommand::Send { body, reply_to: None, attachments, epoch: None }
}

fn many(count: usize) -> Vec<UserId> {
    let id = |number: usize| {
        let mut bytes = [0xEE; 16];
        bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
        UserId::from_bytes(bytes)
    };
    (0..count).map(id).collect()
}

#[test]
fn bodies_are_as_long_as_configured() {
    let mut chat = Chat::group();
    chat.limits.text_bytes_max = 10;
    chat.limits.opaque_bytes_max = 20;
    let text = |bytes: usize| send(Body::Text("x".repeat(bytes)), 0);
    let opaque = |bytes: usize| send(Body::Opaque(vec![0; bytes].into()), 0);
    assert_eq!(chat.refuses(MEMBER, text(10)), None);
    assert_eq!(chat.refuses(MEMBER, text(11)), Some(Refusal::TooLarge { what: "The text", limit: 10 }));
    assert_eq!(chat.refuses(MEMBER, opaque(20)), None);
    assert_eq!(chat.refuses(MEMBER, opaque(21)), Some(Refusal::TooLarge { what: "The body", limit: 20 }));
}

#[test]
fn a_message_has_as_many_attachments_as_configured() {
    let mut chat = Chat::group();
    chat.limits.attachments_max = 2;
    assert_eq!(chat.refuses(MEMBER, send(Body::Text("x".into()), 2)), None);
    assert_eq!(chat.refuses(MEMBER, send(Body::Text("x".into()), 3)), Some(too_many("attachments", 2)));
}

#[test]
fn a_chat_has_as_many_members_as_configured_however_they_come() {
    let mut chat = Chat::group();
    chat.limits.members_max = 5;
    let full = Some(too_many("members", 5));
    assert_eq!(chat.refuses(OWNER, ChatCommand::Add { users: users(&[FORMER, STRANGER]) }), full);
    chat.does(FORMER, join());
    assert_eq!(chat.refuses(STRANGER, join()), full);
    assert_eq!(chat.refuses(OWNER, ChatCommand::Add { users: users(&[STRANGER]) }), full);
    let mut new = Chat::before_creation();
    new.limits.members_max = 5;
    assert_eq!(new.refuses(OWNER, create(ChatKind::Group, &[2, 3, 4, 5, 6])), full);
    assert_eq!(new.refuses(OWNER, create(ChatKind::Group, &[2, 3, 4, 5])), None);
}

#[test]
fn a_smaller_limit_removes_nobody() {
    let mut chat = Chat::group();
    chat.limits.members_max = 1;
    assert_eq!(chat.refuses(MEMBER, text("hello")), None);
    assert_eq!(chat.state.members.len(), 4);
}

#[test]
fn names_descriptions_and_pictures_end_somewhere() {
    let chat = Chat::group();
    let update = |name: usize, description: usize, picture: usize| {
        let text = |bytes: usize| (bytes > 0).then(|| "x".repeat(bytes));
        ChatCommand::Update { name: text(name), description: text(description), picture: text(picture) }
    };
    let longest = update(NAME_BYTES_MAX, DESCRIPTION_BYTES_MAX, PICTURE_BYTES_MAX);
    assert_eq!(chat.refuses(OWNER, longest), None);
    for (command, what, limit) in [
        (update(NAME_BYTES_MAX + 1, 0, 0), "The name", NAME_BYTES_MAX),
        (update(0, DESCRIPTION_BYTES_MAX + 1, 0), "The description", DESCRIPTION_BYTES_MAX),
        (update(0, 0, PICTURE_BYTES_MAX + 1), "The picture", PICTURE_BYTES_MAX),
    ] {
        assert_eq!(chat.refuses(OWNER, command), Some(Refusal::TooLarge { what, limit }));
    }
}

#[test]
fn one_command_names_so_many_users() {
    let chat = Chat::group();
    let too_many = Some(too_many("users in one command", USERS_PER_COMMAND_MAX));
    let users = many(USERS_PER_COMMAND_MAX + 1);
    for command in [
        ChatCommand::Add { users: users.clone() },
        ChatCommand::Remove { users: users.clone() },
        ChatCommand::Ban { users: users.clone() },
        ChatCommand::Unban { users },
    ] {
        assert_eq!(chat.refuses(OWNER, command), too_many);
    }
    assert_eq!(chat.refuses(OWNER, ChatCommand::Ban { users: many(USERS_PER_COMMAND_MAX) }), None);
}

#[test]
fn the_list_of_the_banned_ends_somewhere() {
    let mut chat = Chat::group();
    let mut left = many(BANNED_MAX - 1); // One is banned from the beginning.
    while !left.is_empty() {
        let next = left.split_off(left.len().saturating_sub(USERS_PER_COMMAND_MAX));
        chat.does(OWNER, ChatCommand::Ban { users: next });
    }
    assert_eq!(chat.state.banned.len(), BANNED_MAX);
    let one_more = ChatCommand::Ban { users: users(&[STRANGER]) };
    assert_eq!(chat.refuses(OWNER, one_more), Some(too_many("banned users", BANNED_MAX)));
}

#[test]
fn nobody_returns_without_end() {
    let mut chat = Chat::group();
    for _ in 0..MEMBERSHIPS_PER_USER_MAX {
        chat.does(STRANGER, join());
        chat.does(STRANGER, ChatCommand::Leave);
    }
    let refused = Some(too_many("returns to this chat", MEMBERSHIPS_PER_USER_MAX));
    assert_eq!(chat.refuses(STRANGER, join()), refused);
    assert_eq!(chat.refuses(OWNER, ChatCommand::Add { users: users(&[STRANGER]) }), refused);
    assert_eq!(chat.refuses(MEMBER, text("hello")), None, "it is their own limit");
}
