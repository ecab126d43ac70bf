//! Pages of a chat and the list of chats, as a person reads them.

use std::time::Duration;

use dunlin_client::Action;
use dunlin_client::chats::StubReason;
use dunlin_client::content::{ChatMetadata, Content, PictureChange};
use dunlin_client::query::{self, BodyView, Happened, Item, MessageStatus, Place, Preview};
use dunlin_model::{ChatCommand, ChatId, ChatKind, Encryption, EventKind, Role, Seq};

use crate::world::{World, user};

fn group_of_three() -> (World, ChatId) {
    let mut world = World::of(3);
    let chat = world.group(0, &[2, 3]);
    (world, chat)
}

#[test]
fn pages_lead_from_the_newest_message_to_the_oldest_without_gap_or_overlap() {
    let (mut world, chat) = group_of_three();
    for number in 0..25 {
        world.say(number % 3, chat, &number.to_string());
        world.settle();
        let target = world.reference(0, chat, &number.to_string());
        world.send(1, chat, Content::reaction(target, "👍"));
        world.settle();
    }
    let rows = &world.peers[2].rows;
    for limit in [1, 4, 7, 100] {
        let (mut texts, mut before) = (Vec::new(), None);
        loop {
            let page = query::history(rows, chat, before, limit);
            assert!(page.items.len() <= limit);
            texts.extend(page.items.iter().filter_map(|item| match item {
                Item::Message(message) => Some(crate::world::words(message)),
                _ => None,
            }));
            before = page.next_before;
            if before.is_none() {
                break;
            }
        }
        let expected: Vec<String> = (0..25).rev().map(|number| number.to_string()).collect();
        assert_eq!(texts, expected, "pages of {limit}");
    }
}

#[test]
fn a_page_says_what_happened_to_the_chat_but_not_to_its_keys() {
    let (mut world, chat) = group_of_three();
    world.remove(0, chat, 3);
    world.settle();
    world.say(0, chat, "so much for that");
    world.settle();
    let happened: Vec<Happened> = world
        .page(1, chat)
        .items
        .into_iter()
        .rev()
        .filter_map(|item| match item {
            Item::Event(event) => Some(event.what),
            _ => None,
        })
        .collect();
    let [Happened::Event(created), Happened::Metadata(named), Happened::Event(removed)] = &happened[..]
    else {
        panic!("{happened:?}")
    };
    assert!(matches!(**created, EventKind::Created { .. }));
    assert_eq!(named.name.as_deref(), Some("Birds"));
    assert_eq!(**removed, EventKind::MembersRemoved { users: vec![user(3)] });
}

#[test]
fn what_waits_is_shown_before_it_is_accepted_and_after_a_restart() {
    let (mut world, chat) = group_of_three();
    world.say(0, chat, "sent");
    world.settle();
    let sent = world.reference(0, chat, "sent");
    world.disconnect(0);
    world.say(0, chat, "first");
    world.send(0, chat, Content::reply(sent, "second"));
    world.send(0, chat, Content::edit(sent, "edited"));
    world.send(0, chat, Content::reaction(sent, "👍"));
    world.crash(0);
    assert_eq!(world.shown(0, chat), ["edited", "first", "second"]);
    let messages = world.messages(0, chat);
    assert!(messages[0].edited.as_ref().unwrap().is_waiting);
    assert!(messages[0].reactions[0].is_own);
    assert_eq!(messages[1].status, Some(MessageStatus::Waiting));
    assert_eq!(messages[2].reply_to.as_ref().unwrap().preview, Preview::Text("edited".into()));
    assert_eq!(world.summary(0, chat).waiting, 4);
    // One is taken back before it leaves.
    let Place::Waiting(place) = messages[1].place else { panic!() };
    world.act(0, Action::Cancel { chat, place });
    world.act(0, Action::Delete { chat, seq: sent.seq });
    assert!(world.messages(0, chat)[0].is_being_deleted);
    world.connect(0);
    world.settle();
    for peer in 0..3 {
        assert_eq!(world.shown(peer, chat), ["(deleted)", "second"]);
    }
    assert_eq!(world.messages(0, chat)[1].status, Some(MessageStatus::Sent));
}

#[test]
fn a_withdrawn_reaction_is_gone_before_the_server_knows() {
    let (mut world, chat) = group_of_three();
    world.say(0, chat, "hello");
    world.settle();
    let hello = world.reference(0, chat, "hello");
    world.send(1, chat, Content::reaction(hello, "👍"));
    world.settle();
    world.disconnect(1);
    world.send(1, chat, Content::reaction_withdrawn(hello, "👍"));
    assert!(world.find_shown(1, chat, "hello").reactions.is_empty());
    assert_eq!(world.find_shown(0, chat, "hello").reactions.len(), 1);
}

#[test]
fn the_list_of_chats_has_the_newest_first_and_says_what_is_new() {
    let mut world = World::of(3);
    let group = world.group(0, &[2, 3]);
    let direct = world.create(0, ChatKind::Direct, Encryption::Mls, &[2]);
    world.pass(Duration::from_secs(1));
    world.say(2, group, "in the\ngroup");
    world.settle();
    world.pass(Duration::from_secs(1));
    world.say(0, direct, "to you alone");
    world.settle();
    let list = query::chats(&world.peers[1].rows, 0, 10);
    assert_eq!(list.iter().map(|chat| chat.chat).collect::<Vec<_>>(), [direct, group]);
    let order = world.peers[1].client.chats_by_activity();
    let again = query::summaries(&world.peers[1].rows, order);
    assert_eq!(again.iter().map(|chat| chat.chat).collect::<Vec<_>>(), [direct, group]);
    assert_eq!((list[0].peer, list[0].title.as_str(), list[0].unread), (Some(user(1)), "", 1));
    assert_eq!((list[1].peer, list[1].title.as_str(), list[1].members), (None, "Birds", 3));
    assert_eq!(list[1].last.as_ref().unwrap().preview, Preview::Text("in the group".into()));
    world.pass(Duration::from_secs(1));
    world.act(1, Action::MarkSeen { chat: direct, seq: Seq(100) });
    world.act(1, Action::SetDraft { chat: group, text: "what I".into() });
    world.say(2, group, "and again");
    world.settle();
    world.restart(1);
    let list = query::chats(&world.peers[1].rows, 0, 1);
    assert_eq!((list.len(), list[0].chat, list[0].draft.as_str(), list[0].unread), (1, group, "what I", 2));
    let rest = query::chats(&world.peers[1].rows, 1, 10);
    assert_eq!((rest.len(), rest[0].chat, rest[0].unread), (1, direct, 0));
    world.act(1, Action::SetDraft { chat: group, text: String::new() });
    world.restart(1);
    assert_eq!(world.summary(1, group).draft, "");
}

#[test]
fn a_chat_that_was_made_offline_stands_in_the_list() {
    let mut world = World::of(2);
    world.disconnect(0);
    let chat = world.create(0, ChatKind::Group, Encryption::Mls, &[2]);
    world.say(0, chat, "soon");
    world.crash(0);
    let summary = world.summary(0, chat);
    assert_eq!((summary.title.as_str(), summary.members, summary.kind), ("Birds", 2, ChatKind::Group));
    assert_eq!(summary.last.unwrap().status, Some(MessageStatus::Waiting));
    // What does not exist is in no list, even when somebody writes to it.
    world.say(0, ChatId::from_bytes([9; 16]), "nobody is there");
    assert_eq!(query::chats(&world.peers[0].rows, 0, 10).len(), 1);
    world.connect(0);
    world.settle();
    assert_eq!(world.shown(1, chat), ["soon"]);
}

#[test]
fn what_a_group_is_about_and_looks_like_is_content_too() {
    let (mut world, chat) = group_of_three();
    let describe = |description: &str| {
        let metadata = ChatMetadata { description: Some(description.into()), ..ChatMetadata::default() };
        Content::ChatMetadata(metadata)
    };
    world.send(0, chat, describe("Whoever watches herons"));
    world.settle();
    let picture = crate::world::picture();
    let change = PictureChange::Set(Box::new(picture.clone()));
    let pictured = ChatMetadata { picture: Some(change), ..ChatMetadata::default() };
    world.send(0, chat, Content::ChatMetadata(pictured));
    world.settle();
    // The second loses the right while what they say is under way.
    let set_role = |role| ChatCommand::SetRole { user: user(2), role };
    world.submit(0, chat, set_role(Role::Admin));
    world.settle();
    world.submit(0, chat, set_role(Role::Member));
    world.send(1, chat, describe("Mine now"));
    world.settle();
    world.restart(2);
    for peer in 0..3 {
        let view = query::chat(&world.peers[peer].rows, chat).unwrap();
        assert_eq!(view.description, "Whoever watches herons");
        assert_eq!(view.picture.as_ref(), Some(&picture));
        assert_eq!(view.summary.title, "Birds");
        let refused = |item: &Item| matches!(item, Item::Message(message) if message.body == BodyView::Stub(StubReason::NotAllowed));
        assert!(world.page(peer, chat).items.iter().any(refused), "who has no right to is refused visibly");
    }
    assert!(!format!("{:?}", world.server.chats[&chat].state).contains("herons"));
}

#[test]
fn somebody_who_left_still_reads_what_they_had() {
    let (mut world, chat) = group_of_three();
    world.say(0, chat, "farewell");
    world.settle();
    world.submit(2, chat, ChatCommand::Leave);
    world.settle();
    let summary = world.summary(2, chat);
    assert!(!summary.is_member);
    assert_eq!(world.shown(2, chat), ["farewell"]);
}

#[test]
fn who_is_let_in_learns_what_the_group_is_called_and_others_are_told_nothing_new() {
    let mut world = World::of(4);
    let chat = world.group(0, &[2]);
    let described = ChatMetadata { description: Some("Herons".into()), ..ChatMetadata::default() };
    world.send(0, chat, Content::ChatMetadata(described));
    world.send(0, chat, Content::DisappearingTimer { seconds: 60 });
    world.settle();
    let shown = world.page(1, chat).items.len();
    world.add(0, chat, 3);
    world.settle();
    world.restart(2);
    let view = query::chat(&world.peers[2].rows, chat).unwrap();
    assert_eq!((view.summary.title.as_str(), view.description.as_str()), ("Birds", "Herons"));
    assert_eq!(view.timer, Some(Duration::from_mins(1)));
    assert_eq!(world.page(1, chat).items.len(), shown + 1, "somebody was added, and that is all");
}
