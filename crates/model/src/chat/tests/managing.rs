//! Who may do what: each command, by everyone, in groups and channels.

use super::*;

const EVERYONE: [u8; 6] = [OWNER, ADMIN, MEMBER, FORMER, BANNED, STRANGER];

/// What the command meets in a chat of `kind`, in the order of `EVERYONE`; `None` where it is allowed.
#[track_caller]
fn meets(kind: ChatKind, command: &ChatCommand, expected: [Option<Refusal>; 6]) {
    let chat = Chat::of_kind(kind);
    for (who, expected) in EVERYONE.into_iter().zip(expected) {
        assert_eq!(chat.refuses(who, command.clone()), expected, "{who} asks for {command:?} in a {kind:?}");
    }
}

/// What outsiders are told, after the answers to owner, admin and member.
fn insiders(answers: [Option<Refusal>; 3]) -> [Option<Refusal>; 6] {
    let [owner, admin, member] = answers;
    [owner, admin, member, Some(Refusal::NotAMember), Some(Refusal::Banned), Some(Refusal::NoSuchChat)]
}

const LOW: Option<Refusal> = Some(Refusal::RoleTooLow);

#[test]
fn every_member_posts_in_a_group_and_only_managers_in_a_channel() {
    meets(ChatKind::Group, &text("hello"), insiders([None, None, None]));
    meets(ChatKind::Channel, &text("hello"), insiders([None, None, LOW]));
}

#[test]
fn owner_and_admins_manage_members_below_them() {
    for kind in [ChatKind::Group, ChatKind::Channel] {
        for command in [
            ChatCommand::Add { users: users(&[FORMER]) },
            ChatCommand::Remove { users: users(&[ANOTHER_MEMBER]) },
            ChatCommand::Ban { users: users(&[ANOTHER_MEMBER, STRANGER]) },
            ChatCommand::Unban { users: users(&[BANNED]) },
            rename("new"),
            ChatCommand::SetInvite { secret_hash: None },
        ] {
            meets(kind, &command, insiders([None, None, LOW]));
        }
    }
}

#[test]
fn only_the_owner_appoints_and_deletes() {
    for kind in [ChatKind::Group, ChatKind::Channel] {
        for command in [
            ChatCommand::SetRole { user: user(ANOTHER_MEMBER), role: Role::Admin },
            ChatCommand::SetRole { user: user(ANOTHER_MEMBER), role: Role::Owner },
            ChatCommand::DeleteChat,
        ] {
            meets(kind, &command, insiders([None, LOW, LOW]));
        }
    }
}

#[test]
fn every_member_may_leave() {
    for kind in [ChatKind::Group, ChatKind::Channel] {
        meets(kind, &ChatCommand::Leave, insiders([None, None, None]));
    }
}

#[test]
fn who_has_the_link_may_come_in_unless_banned_or_there() {
    let there = Some(Refusal::NothingToDo);
    let answers = [there.clone(), there.clone(), there, None, Some(Refusal::Banned), None];
    for kind in [ChatKind::Group, ChatKind::Channel] {
        meets(kind, &join(), answers.clone());
    }
    let mut chat = Chat::group();
    let wrong = ChatCommand::Join { secret: b"a guess".as_slice().into() };
    assert_eq!(chat.refuses(STRANGER, wrong), Some(Refusal::InvalidInvite));
    chat.does(STRANGER, join());
    assert_eq!(chat.role(STRANGER), Some(Role::Member));
    chat.does(ADMIN, ChatCommand::SetInvite { secret_hash: None });
    assert_eq!(chat.refuses(FORMER, join()), Some(Refusal::InvalidInvite), "a link that was withdrawn");
    assert_eq!(chat.refuses(ADMIN, ChatCommand::SetInvite { secret_hash: None }), Some(Refusal::NothingToDo));
}

#[test]
fn nobody_removes_or_bans_their_equals_or_betters() {
    let mut chat = Chat::group();
    chat.does(OWNER, ChatCommand::SetRole { user: user(ANOTHER_MEMBER), role: Role::Admin });
    for target in [OWNER, ADMIN, ANOTHER_MEMBER] {
        for command in [
            ChatCommand::Remove { users: users(&[target]) },
            ChatCommand::Ban { users: users(&[MEMBER, target]) },
        ] {
            assert_eq!(chat.refuses(ADMIN, command), LOW, "target {target}");
        }
    }
    for target in [ADMIN, ANOTHER_MEMBER, MEMBER] {
        assert_eq!(chat.refuses(OWNER, ChatCommand::Remove { users: users(&[target]) }), None);
    }
    assert_eq!(
        chat.refuses(OWNER, ChatCommand::Remove { users: users(&[OWNER]) }),
        LOW,
        "one leaves instead"
    );
}

#[test]
fn removing_names_members_only() {
    let remove = ChatCommand::Remove { users: users(&[MEMBER, FORMER]) };
    assert_eq!(Chat::group().refuses(OWNER, remove), Some(Refusal::TargetNotAMember));
    let promote = ChatCommand::SetRole { user: user(STRANGER), role: Role::Admin };
    assert_eq!(Chat::group().refuses(OWNER, promote), Some(Refusal::TargetNotAMember));
}

#[test]
fn commands_that_change_nothing_are_refused() {
    for command in [
        ChatCommand::Add { users: Vec::new() },
        ChatCommand::Add { users: users(&[MEMBER]) },
        ChatCommand::Remove { users: Vec::new() },
        ChatCommand::Ban { users: users(&[BANNED]) },
        ChatCommand::Unban { users: users(&[MEMBER]) },
        ChatCommand::SetRole { user: user(ADMIN), role: Role::Admin },
        ChatCommand::SetRole { user: user(OWNER), role: Role::Member },
        rename("a chat"),
        ChatCommand::Update { name: None, description: None, picture: None },
        invite(),
    ] {
        assert_eq!(Chat::group().refuses(OWNER, command.clone()), Some(Refusal::NothingToDo), "{command:?}");
    }
}

#[test]
fn an_update_says_only_what_changes() {
    let command = ChatCommand::Update {
        name: Some("a chat".into()),
        description: Some("of birds".into()),
        picture: Some(String::new()),
    };
    let expected = EventKind::Updated { name: None, description: Some("of birds".into()), picture: None };
    assert_eq!(Chat::group().event(OWNER, command), Ok(expected));
    assert_eq!(Chat::group().refuses(OWNER, rename(" ")), Some(Refusal::Empty { what: "The name" }));
}

#[test]
fn adding_names_only_those_who_come_in() {
    let command = ChatCommand::Add { users: users(&[STRANGER, MEMBER, STRANGER, FORMER]) };
    let expected = EventKind::MembersAdded { users: users(&[FORMER, STRANGER]) };
    assert_eq!(Chat::group().event(ADMIN, command), Ok(expected));
}

#[test]
fn banned_users_stay_out_until_they_are_unbanned() {
    let mut chat = Chat::group();
    chat.does(ADMIN, ChatCommand::Ban { users: users(&[MEMBER, STRANGER]) });
    assert_eq!(chat.role(MEMBER), None);
    for who in [MEMBER, STRANGER] {
        assert_eq!(chat.refuses(who, join()), Some(Refusal::Banned));
        assert_eq!(chat.refuses(who, text("hello")), Some(Refusal::Banned));
        let add = ChatCommand::Add { users: users(&[who]) };
        assert_eq!(chat.refuses(OWNER, add), Some(Refusal::Banned));
    }
    chat.does(ADMIN, ChatCommand::Unban { users: users(&[MEMBER, FORMER]) });
    assert_eq!(chat.role(MEMBER), None, "to be let in again is not to be in");
    assert_eq!(chat.refuses(MEMBER, text("hello")), Some(Refusal::NotAMember));
    chat.does(MEMBER, join());
    assert_eq!(chat.role(MEMBER), Some(Role::Member));
    assert_eq!(chat.refuses(STRANGER, join()), Some(Refusal::Banned), "the other one is banned still");
}

#[test]
fn nobody_is_added_by_someone_blocked() {
    let chat = Chat::group().blocking(&[STRANGER]);
    let add = ChatCommand::Add { users: users(&[FORMER, STRANGER]) };
    assert_eq!(chat.refuses(OWNER, add), Some(Refusal::Blocked));
}

#[test]
fn a_deleted_chat_takes_nothing_and_has_no_members() {
    let mut chat = Chat::group();
    chat.does(OWNER, ChatCommand::DeleteChat);
    assert!(chat.state.deleted && chat.state.members.is_empty());
    for command in [text("hello"), ChatCommand::Leave, join(), rename("new"), ChatCommand::DeleteChat] {
        assert_eq!(chat.refuses(OWNER, command), Some(Refusal::ChatDeleted));
    }
    assert_eq!(chat.state.invite, None);
}
