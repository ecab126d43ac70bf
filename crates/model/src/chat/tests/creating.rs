//! How chats begin.

use super::*;

fn named(kind: ChatKind, encryption: Encryption, name: &str, description: &str) -> ChatCommand {
    ChatCommand::Create {
        kind,
        encryption,
        name: name.into(),
        description: description.into(),
        members: users(&[MEMBER]),
    }
}

#[test]
fn the_creator_owns_a_group_and_the_others_are_members() {
    let mut chat = Chat::before_creation();
    assert_eq!(chat.asks(OWNER, create(ChatKind::Group, &[MEMBER, OWNER, MEMBER])), Ok(Seq::FIRST));
    assert_eq!(chat.role(OWNER), Some(Role::Owner));
    assert_eq!(chat.role(MEMBER), Some(Role::Member));
    assert_eq!(chat.state.members.len(), 2, "naming someone twice, or oneself, changes nothing");
    assert_eq!((chat.state.created, chat.state.changed), (Timestamp(1_001), Timestamp(1_001)));
}

#[test]
fn a_group_of_one_is_a_group() {
    let mut chat = Chat::before_creation();
    assert_eq!(chat.asks(OWNER, create(ChatKind::Group, &[])), Ok(Seq::FIRST));
    assert_eq!(chat.role(OWNER), Some(Role::Owner));
}

#[test]
fn a_chat_is_created_once() {
    let group = Chat::group();
    for who in [OWNER, MEMBER, STRANGER] {
        let again = group.refuses(who, create(ChatKind::Group, &[MEMBER]));
        assert_eq!(again, Some(Refusal::AlreadyExists { seq: Seq::FIRST }));
    }
}

#[test]
fn nothing_happens_in_a_chat_before_it_is_created() {
    let nothing = Chat::before_creation();
    for command in [text("hello"), ChatCommand::Leave, join(), rename("new"), ChatCommand::DeleteChat] {
        assert_eq!(nothing.refuses(OWNER, command), Some(Refusal::NoSuchChat));
    }
}

#[test]
fn a_readable_group_or_channel_has_a_name() {
    for kind in [ChatKind::Group, ChatKind::Channel] {
        for blank in ["", "  \n"] {
            let refused = Chat::before_creation().refuses(OWNER, named(kind, Encryption::None, blank, ""));
            assert_eq!(refused, Some(Refusal::Empty { what: "The name" }));
        }
    }
}

#[test]
fn the_name_of_an_encrypted_chat_is_content() {
    for (name, description) in [("a name", ""), ("", "a description")] {
        let refused = Chat::before_creation()
            .refuses(OWNER, named(ChatKind::Group, Encryption::Mls, name, description));
        assert_eq!(refused, Some(Refusal::WrongEncryption));
    }
    let mut chat = Chat::before_creation();
    chat.signs(OWNER, named(ChatKind::Group, Encryption::Mls, "", ""));
    assert_eq!(chat.state.encryption, Encryption::Mls);
    assert_eq!(chat.refuses(OWNER, rename("new")), Some(Refusal::WrongEncryption));
}

#[test]
fn nobody_is_put_into_a_chat_by_someone_blocked() {
    for kind in [ChatKind::Direct, ChatKind::Group] {
        let chat = Chat::before_creation().blocking(&[MEMBER]);
        assert_eq!(chat.refuses(OWNER, create(kind, &[MEMBER])), Some(Refusal::Blocked));
    }
}
