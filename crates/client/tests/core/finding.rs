//! Search finds what is there, and nothing that is not any more.

use std::time::Duration;

use dunlin_client::content::Content;
use dunlin_client::query::{self, Item};
use dunlin_client::search::{self, Query};
use dunlin_client::{Action, Change};
use dunlin_model::{Body, ChatCommand, ChatKind, Encryption};

use crate::world::World;

#[test]
fn everyone_finds_what_was_said_authors_included() {
    let mut world = World::of(3);
    let chat = world.group(0, &[2, 3]);
    let other = world.create(0, ChatKind::Direct, Encryption::Mls, &[2]);
    world.say(0, chat, "the Heron landed");
    world.pass(Duration::from_secs(1));
    world.say(1, other, "no heron here");
    world.settle();
    world.restart(0);
    assert_eq!(world.found(0, "hero"), ["no heron here", "the Heron landed"]);
    assert_eq!(world.found(1, "héron"), ["no heron here", "the Heron landed"]);
    assert_eq!(world.found(2, "heron"), ["the Heron landed"]);
    let query = Query { text: "heron", chat: Some(other), limit: 10 };
    assert_eq!(query::find(&world.peers[0].rows, &query).unwrap().len(), 1);
}

#[test]
fn an_edited_message_is_found_by_what_it_says_now() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    world.say(0, chat, "a heron");
    world.settle();
    let target = world.reference(0, chat, "a heron");
    world.send(0, chat, Content::edit(target, "an egret"));
    world.settle();
    for peer in 0..2 {
        assert!(world.found(peer, "heron").is_empty());
        assert_eq!(world.found(peer, "egret"), ["an egret"]);
    }
}

#[test]
fn a_hidden_message_is_not_found_by_this_person_only() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    world.say(0, chat, "a heron");
    world.settle();
    let seq = world.place(1, chat, "a heron");
    world.act(1, Action::Hide { chat, seq });
    world.settle();
    assert!(world.found(1, "heron").is_empty());
    assert_eq!(world.found(0, "heron"), ["a heron"]);
}

#[test]
fn chats_that_the_server_can_read_are_searched_too() {
    let mut world = World::of(2);
    let chat = world.create(0, ChatKind::Direct, Encryption::None, &[2]);
    let body = Body::Text("a heron in the open".to_owned());
    let said = ChatCommand::Send { body, reply_to: None, attachments: Vec::new(), epoch: None };
    world.submit(0, chat, said);
    world.settle();
    for peer in 0..2 {
        assert_eq!(world.found(peer, "heron"), ["a heron in the open"]);
    }
    let seq = world.place(0, chat, "a heron in the open");
    world.act(0, Action::Delete { chat, seq });
    world.settle();
    assert!(world.found(1, "heron").is_empty());
}

#[test]
fn hundreds_of_messages_are_found_each_where_it_stands() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    for number in 0..200 {
        world.say(number % 2, chat, &format!("word{number} common"));
        world.settle();
    }
    world.restart(1);
    let rows = &world.peers[1].rows;
    let found = query::find(rows, &Query { text: "word57 com", chat: None, limit: 10 }).unwrap();
    assert_eq!(found.len(), 1);
    let query::Place::At(seq) = found[0].message.place else { panic!() };
    assert!(
        matches!(query::view(rows, chat, seq), Some(Item::Message(message)) if *message == found[0].message)
    );
    assert_eq!(world.found(1, "common").len(), 100, "as many as were asked for");
}

#[test]
fn a_damaged_index_is_noticed_and_made_anew_while_messages_come() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    for number in 0..300 {
        world.say(0, chat, &format!("word{number} common"));
    }
    world.settle();
    let target = world.reference(0, chat, "word7 common");
    world.send(0, chat, Content::edit(target, "other words"));
    world.settle();
    // A row of the index is lost, and another is nonsense.
    let index = search::PREFIX;
    let list = world.peers[1].rows.keys().filter(|key| key.starts_with(index)).cloned().collect::<Vec<_>>();
    for key in list.iter().filter(|key| key.len() < index.len() + 2) {
        world.peers[1].rows.insert(key.clone(), vec![0xFF; 30]);
    }
    world.say(0, chat, "after the damage");
    world.settle();
    assert!(world.peers[1].saw(|change| *change == Change::SearchDamaged));
    assert_eq!(world.shown(1, chat).last().unwrap(), "after the damage", "the chat goes on");
    world.act(1, Action::RebuildSearch);
    world.say(0, chat, "while it is mended");
    world.settle();
    world.crash(1);
    world.connect(1);
    for _ in 0..10 {
        world.pass(Duration::from_millis(20));
        world.say(0, chat, "and still");
    }
    world.pass(Duration::from_secs(10));
    assert_eq!(world.found(1, "damage"), ["after the damage"]);
    assert_eq!(world.found(1, "mended"), ["while it is mended"]);
    assert_eq!(world.found(1, "still").len(), 10);
    assert_eq!(world.found(1, "word299"), ["word299 common"]);
    assert_eq!(world.found(1, "other"), ["other words"]);
    assert!(
        world.found(1, "word7").iter().all(|found| found.starts_with("word7") && found != "word7 common")
    );
    assert_eq!(world.peers[1].wake_at, None, "it is done");
}
