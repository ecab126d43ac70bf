//! Messages, answers and deletion.

use super::*;
use crate::AttachmentId;

fn send(body: Body) -> ChatCommand {
    ChatCommand::Send { body, reply_to: None, attachments: Vec::new(), epoch: None }
}

/// In the first epoch of an encrypted chat.
fn send_encrypted(body: Body, reply_to: Option<Seq>) -> ChatCommand {
    let epoch = Some(crate::Epoch { generation: 1, number: 1 });
    ChatCommand::Send { body, reply_to, attachments: Vec::new(), epoch }
}

fn reply(to: Seq) -> ChatCommand {
    ChatCommand::Send {
        body: Body::Text("indeed".into()),
        reply_to: Some(to),
        attachments: Vec::new(),
        epoch: None,
    }
}

#[test]
fn a_message_says_something_or_carries_something() {
    let chat = Chat::group();
    for body in [Body::Text(String::new()), Body::Opaque([].as_slice().into())] {
        assert_eq!(chat.refuses(MEMBER, send(body)), Some(Refusal::Empty { what: "A message" }));
    }
    let picture = ChatCommand::Send {
        body: Body::Text(String::new()),
        reply_to: None,
        attachments: vec![AttachmentId::from_bytes([1; 16])],
        epoch: None,
    };
    assert_eq!(chat.refuses(MEMBER, picture), None);
}

#[test]
fn text_stays_out_of_encrypted_chats() {
    let (chat, opaque) = (Chat::keyed(), || Body::Opaque([1].as_slice().into()));
    let refused = chat.refuses(MEMBER, send_encrypted(Body::Text("hello".into()), None));
    assert_eq!(refused, Some(Refusal::WrongEncryption));
    assert_eq!(chat.refuses(MEMBER, send_encrypted(opaque(), None)), None);
    let answer = send_encrypted(opaque(), Some(Seq(1)));
    assert_eq!(chat.refuses(MEMBER, answer), Some(Refusal::WrongEncryption));
}

#[test]
fn a_body_that_is_gone_cannot_be_sent() {
    let gone = || Body::Gone(crate::BodyGone::Deleted);
    assert_eq!(Chat::group().refuses(MEMBER, send(gone())), Some(Refusal::WrongEncryption));
    let refused = Chat::keyed().refuses(MEMBER, send_encrypted(gone(), None));
    assert_eq!(refused, Some(Refusal::WrongEncryption));
}

#[test]
fn an_answer_names_what_its_sender_can_read() {
    let mut chat = Chat::group();
    let before = chat.does(OWNER, text("before"));
    chat.does(STRANGER, join());
    let after = chat.does(OWNER, text("after"));
    assert_eq!(chat.refuses(MEMBER, reply(before)), None);
    assert_eq!(chat.refuses(STRANGER, reply(before)), Some(Refusal::NoSuchMessage));
    assert_eq!(chat.refuses(STRANGER, reply(after)), None);
    for nowhere in [Seq::ZERO, after.next(), Seq(u64::MAX)] {
        assert_eq!(chat.refuses(MEMBER, reply(nowhere)), Some(Refusal::NoSuchMessage), "{nowhere}");
    }
}

#[test]
fn managers_delete_what_those_below_them_wrote() {
    let mut chat = Chat::group();
    let target = chat.does(MEMBER, text("hello"));
    for (who, author, allowed) in [
        (MEMBER, MEMBER, true),
        (ANOTHER_MEMBER, MEMBER, false),
        (MEMBER, FORMER, false),
        (ADMIN, MEMBER, true),
        (ADMIN, FORMER, true),
        (ADMIN, OWNER, false),
        (OWNER, ADMIN, true),
        (OWNER, OWNER, true),
    ] {
        chat.context.target_author = Some(user(author));
        let refused = chat.refuses(who, ChatCommand::DeleteMessage { target });
        assert_eq!(refused.is_none(), allowed, "{who} deletes what {author} wrote: {refused:?}");
    }
}

#[test]
fn only_messages_that_the_asker_can_read_are_deleted() {
    let mut chat = Chat::group();
    let before = chat.does(MEMBER, text("before"));
    chat.does(STRANGER, join());
    chat.does(OWNER, ChatCommand::SetRole { user: user(STRANGER), role: Role::Admin });
    chat.context.target_author = Some(user(MEMBER));
    let refused = chat.refuses(STRANGER, ChatCommand::DeleteMessage { target: before });
    assert_eq!(refused, Some(Refusal::NoSuchMessage), "from before they came");
    chat.context.target_author = None;
    let refused = chat.refuses(OWNER, ChatCommand::DeleteMessage { target: Seq::FIRST });
    assert_eq!(refused, Some(Refusal::NoSuchMessage), "not a message");
}

#[test]
fn emptying_a_body_keeps_the_first_deletion() {
    let mut event = Event {
        seq: Seq(2),
        time: Timestamp(0),
        sender: device(MEMBER, 1),
        client_seq: ClientSeq(1),
        kind: EventKind::Message {
            body: Body::Text("hello".into()),
            reply_to: Some(Seq(1)),
            attachments: vec![AttachmentId::from_bytes([1; 16])],
        },
        attestation: None,
    };
    let gone =
        |why| EventKind::Message { body: Body::Gone(why), reply_to: Some(Seq(1)), attachments: Vec::new() };
    event.empty_body(crate::BodyGone::Expired);
    assert_eq!(event.kind, gone(crate::BodyGone::Expired));
    for why in [crate::BodyGone::Deleted, crate::BodyGone::Expired] {
        event.empty_body(why);
        assert_eq!(event.kind, gone(crate::BodyGone::Deleted), "what is deleted does not just expire");
    }
}
