//! A server whose data came back from a backup.

use std::time::Duration;

use dunlin_client::content::Content;
use dunlin_client::query::{self, BodyView, Item, MessageView, Place};
use dunlin_client::{Action, Change};
use dunlin_model::{ChatCommand, ChatId, ChatKind, Encryption, Seq};

use crate::world::{Cryptography, World, device, user};

fn everyone_connects(world: &mut World) {
    for index in 0..world.peers.len() {
        world.connect(index);
        world.pass(Duration::from_secs(30));
    }
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

/// Three people; the first message is in the backup, the others are lost.
fn lost(cryptography: Cryptography) -> (World, ChatId) {
    let mut world = World::of_with(3, cryptography);
    let chat = world.group(0, &[2, 3]);
    world.say(0, chat, "1 kept");
    world.settle();
    let backup = world.server.clone();
    world.disconnect(2);
    world.say(0, chat, "2 lost");
    world.settle();
    world.say(1, chat, "3 lost");
    world.settle();
    world.restore(backup);
    (world, chat)
}

#[test]
fn what_was_lost_is_sent_again_and_the_chat_goes_on() {
    for cryptography in [Cryptography::StandIn, Cryptography::Mls] {
        let (mut world, chat) = lost(cryptography);
        everyone_connects(&mut world);
        for (index, words) in ["4 a", "5 b", "6 c"].into_iter().enumerate() {
            world.say(index, chat, words);
            world.settle();
        }
        // Who had lost nothing reads it all; the others have what they had said themselves, and what came after.
        let all = ["1 kept", "2 lost", "3 lost", "4 a", "5 b", "6 c"];
        assert_eq!(sorted(world.texts(2, chat)), all, "{cryptography:?}");
        for index in 0..2 {
            assert!(world.peers[index].saw(|change| matches!(change, Change::Restored { .. })));
            assert_eq!(world.peers[index].client.chat(chat).unwrap().marks.restored, None);
            // What the other one had said may have been sent again before this one was back: it is held aside.
            let others = ["3 lost", "2 lost"][index];
            let mut texts = world.texts(index, chat);
            texts.retain(|words| words != "-" && words != others);
            let expected: Vec<&str> = all.into_iter().filter(|words| *words != others).collect();
            assert_eq!(sorted(texts), expected, "{cryptography:?}");
            assert!(world.peers[index].keeps_aside(chat).contains(&others.to_owned()));
        }
        for peer in &world.peers {
            assert!(!peer.saw(|change| matches!(change, Change::Gap { .. } | Change::Distrusted { .. })));
        }
    }
}

#[test]
fn a_crash_at_any_point_of_it_loses_nothing() {
    for after in 0..60 {
        let (mut world, chat) = lost(Cryptography::StandIn);
        world.connect(0);
        for frame in 0..after {
            if frame % 2 == 0 {
                world.carry_up(0);
            } else {
                world.carry_down(0);
            }
        }
        world.restart(0);
        world.pass(Duration::from_secs(30));
        world.connect(1);
        world.connect(2);
        world.pass(Duration::from_secs(60));
        assert_eq!(sorted(world.texts(0, chat))[..2], ["1 kept", "2 lost"], "killed after {after}");
        assert_eq!(sorted(world.texts(2, chat)), ["1 kept", "2 lost", "3 lost"], "killed after {after}");
    }
}

#[test]
fn nothing_changes_where_nothing_was_lost() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    world.say(0, chat, "hello");
    world.settle();
    let backup = world.server.clone();
    let epoch = world.server.chats[&chat].state.keys.epoch;
    world.restore(backup);
    everyone_connects(&mut world);
    world.say(1, chat, "still here");
    world.settle();
    assert_eq!(world.texts(0, chat), ["hello", "still here"]);
    assert_eq!(world.server.chats[&chat].state.keys.epoch, epoch, "nobody had to enter anew");
}

#[test]
fn a_chat_that_is_gone_altogether_is_started_again_by_who_started_it() {
    for kind in [ChatKind::Group, ChatKind::Direct] {
        let mut world = World::of(2);
        let backup = world.server.clone();
        let chat = world.create(0, kind, Encryption::Mls, &[2]);
        world.settle();
        world.say(0, chat, "from the first");
        world.say(1, chat, "from the second");
        world.settle();
        world.restore(backup);
        assert_eq!(world.server.head(chat), 0);
        everyone_connects(&mut world);
        world.pass(Duration::from_secs(60));
        assert_eq!(sorted(world.texts(0, chat)), ["from the first", "from the second"], "{kind:?}");
        assert!(world.texts(1, chat).contains(&"from the second".to_owned()), "{kind:?}");
        assert!(world.peers[1].keeps_aside(chat).contains(&"from the first".to_owned()));
        assert!(world.server.chats[&chat].state.keys.devices.contains_key(&device(2, 1)));
    }
}

#[test]
fn what_was_said_without_somebody_is_not_said_again_to_them() {
    let mut world = World::of(3);
    let chat = world.group(0, &[2, 3]);
    world.say(0, chat, "1 kept");
    world.settle();
    let backup = world.server.clone();
    world.remove(0, chat, 3);
    world.settle();
    world.say(0, chat, "2 not for the third");
    world.settle();
    // The server makes the third one a member again, and loses what came after.
    world.restore(backup);
    everyone_connects(&mut world);
    world.say(1, chat, "3 after");
    world.settle();
    assert!(world.texts(2, chat).contains(&"3 after".to_owned()), "{:?}", world.texts(2, chat));
    for index in 0..3 {
        assert!(!world.texts(index, chat).contains(&"2 not for the third".to_owned()), "peer {index}");
    }
    assert!(world.peers[0].keeps_aside(chat).contains(&"2 not for the third".to_owned()));
}

#[test]
fn own_edits_and_reactions_that_were_lost_are_said_again() {
    for cryptography in [Cryptography::StandIn, Cryptography::Mls] {
        let mut world = World::of_with(3, cryptography);
        let chat = world.group(0, &[2, 3]);
        world.say(0, chat, "1 kept");
        world.settle();
        let kept = world.reference(0, chat, "1 kept");
        let backup = world.server.clone();
        world.disconnect(2);
        world.send(0, chat, Content::edit(kept, "1 kept, once edited"));
        world.send(0, chat, Content::edit(kept, "1 kept, edited"));
        world.send(1, chat, Content::reaction(kept, "👍"));
        world.say(0, chat, "2 lost");
        world.settle();
        let lost = world.reference(0, chat, "2 lost");
        world.send(0, chat, Content::edit(lost, "2 lost, edited"));
        world.send(0, chat, Content::reaction(lost, "🙂"));
        world.settle();
        world.restore(backup);
        everyone_connects(&mut world);
        assert_eq!(world.shown(2, chat), ["1 kept, edited", "2 lost, edited"], "{cryptography:?}");
        let message = world.find_shown(2, chat, "1 kept, edited");
        assert_eq!(message.reactions.len(), 1);
        assert_eq!(message.reactions[0].users, [user(2)]);
        // Everyone had counted the same messages, and what was lost is not counted twice.
        world.say(0, chat, "3 after");
        world.say(1, chat, "4 after");
        world.settle();
        for peer in &world.peers {
            assert!(!peer.saw(|change| matches!(change, Change::Gap { .. })), "{cryptography:?}");
        }
    }
}

#[test]
fn an_edit_is_not_said_again_to_somebody_who_was_not_there() {
    let mut world = World::of(3);
    let chat = world.group(0, &[2, 3]);
    world.say(0, chat, "1 kept");
    world.settle();
    let kept = world.reference(0, chat, "1 kept");
    let backup = world.server.clone();
    world.remove(0, chat, 3);
    world.settle();
    world.send(0, chat, Content::edit(kept, "not for the third"));
    world.settle();
    world.restore(backup);
    everyone_connects(&mut world);
    assert_eq!(world.shown(2, chat)[..1], ["1 kept"]);
}

#[test]
fn what_is_held_is_read_a_page_at_a_time_and_said_again_in_its_order() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    world.say(0, chat, "0");
    world.settle();
    let backup = world.server.clone();
    let words: Vec<String> = (1..=query::HELD_ROWS_MAX).map(|number| number.to_string()).collect();
    for words in &words {
        world.say(0, chat, words);
        world.settle();
    }
    let page = query::held(&world.peers[0].rows, chat, Seq(1));
    assert_eq!(page.len(), query::HELD_ROWS_MAX, "and not all of it");
    world.restore(backup);
    world.connect(0);
    world.pass(Duration::from_secs(30));
    assert_eq!(world.texts(0, chat)[1..], words);
}

#[test]
fn what_was_put_aside_is_asked_for_as_it_was_said_newest_first_and_page_by_page() {
    let mut world = World::of(3);
    let chat = world.group(0, &[2, 3]);
    world.say(0, chat, "1 kept");
    world.settle();
    let backup = world.server.clone();
    world.disconnect(0);
    world.say(1, chat, "2 lost");
    world.settle();
    let second = world.reference(1, chat, "2 lost");
    world.send(1, chat, Content::edit(second, "2 lost and changed"));
    world.send(1, chat, Content::reply(second, "3 an answer"));
    world.settle();
    // Only the third one comes back: it has said none of it, and so nothing is said again.
    let before = world.server.head(chat);
    world.restore(backup);
    world.connect(2);
    world.pass(Duration::from_secs(60));

    let rows = &world.peers[2].rows;
    let asked = |before, limit| worded(query::set_aside(rows, chat, before, limit));
    let aside = asked(None, 10);
    let words: Vec<&str> = aside.iter().map(|(_, words)| words.as_str()).collect();
    assert_eq!(words, ["3 an answer", "2 lost and changed"]);
    let [newest, oldest] = [&aside[0].0, &aside[1].0];
    assert_eq!(newest.place, Place::At(Seq(before)));
    assert_eq!((oldest.sender, oldest.place), (device(2, 1), Place::At(second.seq)));
    assert_eq!((oldest.status, oldest.reference), (None, None), "nothing can be said of it any more");
    assert_eq!(oldest.edited.as_ref().unwrap().original, "2 lost");
    assert_eq!(asked(None, 1), aside[..1]);
    assert_eq!(asked(Some((newest.time, Seq(before))), 10), aside[1..]);
    assert_eq!(asked(Some((oldest.time, second.seq)), 10), []);
    assert_eq!(query::set_aside(&world.peers[1].rows, chat, None, 10), [], "it has not come back");
}

/// Messages and what they say.
fn worded(items: Vec<Item>) -> Vec<(MessageView, String)> {
    let message = |item| match item {
        Item::Message(message) => {
            let BodyView::Text(text) = &message.body else { return None };
            let words = text.text.clone();
            Some((*message, words))
        }
        Item::Event(_) | Item::Notice(_) => None,
    };
    items.into_iter().filter_map(message).collect()
}

/// Three people; the second one's message was accepted, and they do not know.
fn unheard(cryptography: Cryptography) -> (World, ChatId) {
    let mut world = World::of_with(3, cryptography);
    let chat = world.group(0, &[2, 3]);
    world.say(0, chat, "1 all");
    world.settle();
    world.say(1, chat, "2 said once");
    world.sever(1, usize::MAX);
    while world.arrive_late() {}
    world.settle();
    assert_eq!(world.texts(0, chat).last().unwrap(), "2 said once");
    (world, chat)
}

fn assert_said_once(world: &World, chat: ChatId, cryptography: Cryptography) {
    for index in [0, 1, 2] {
        let mut texts = world.texts(index, chat);
        texts.retain(|words| words.contains("said"));
        assert_eq!(texts, ["2 said once", "3 said after"], "{cryptography:?}, {index}");
    }
}

/// More than a month goes by, in which all that stands in the log expires.
fn expire_all(world: &mut World, chat: ChatId) {
    world.pass(Duration::from_hours(24 * 31));
    let now = world.now;
    world.server.expire(chat, now, true);
}

/// What a device had sent stands in the log that came back, and expired before the device heard of it.
#[test]
fn what_was_accepted_and_expired_before_its_author_knew_is_not_said_twice() {
    for cryptography in [Cryptography::StandIn, Cryptography::Mls] {
        let (mut world, chat) = unheard(cryptography);
        let backup = world.server.clone();
        world.restore(backup);
        // What stood at its cursor is gone too, so that it has nothing to compare.
        expire_all(&mut world, chat);
        everyone_connects(&mut world);
        world.say(1, chat, "3 said after");
        world.settle();
        assert_said_once(&world, chat, cryptography);
        for peer in &world.peers {
            assert!(!peer.saw(|change| matches!(change, Change::Gap { .. } | Change::Distrusted { .. })));
        }
    }
}

/// What a device learned late to have been accepted, when it had expired, comes back with the log.
#[test]
fn what_had_expired_before_its_author_knew_and_comes_back_is_not_said_twice() {
    for cryptography in [Cryptography::StandIn, Cryptography::Mls] {
        let (mut world, chat) = unheard(cryptography);
        let backup = world.server.clone();
        world.disconnect(1);
        expire_all(&mut world, chat);
        world.connect(1);
        world.pass(Duration::from_secs(30));
        assert_eq!(world.texts(1, chat).last().unwrap(), "2 said once");
        world.restore(backup);
        everyone_connects(&mut world);
        world.say(1, chat, "3 said after");
        world.settle();
        assert_said_once(&world, chat, cryptography);
        assert!(!world.texts(1, chat).contains(&"-".to_owned()), "{cryptography:?}");
        // Its author has it as the others do.
        let is_it = |seq: &u64| world.peers[0].text_at(chat, *seq).as_deref() == Some("2 said once");
        let seq = (1..=world.server.head(chat)).find(is_it).unwrap();
        let times = [0, 1].map(|index: usize| world.peers[index].message(chat, seq).unwrap().time);
        assert_eq!(times[0], times[1], "{cryptography:?}");
    }
}

/// The owner was deleting a message when the server was restored to before it; another one stands in its place now.
#[test]
fn what_takes_the_place_of_a_message_that_was_being_deleted_stays() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    world.say(0, chat, "1 kept");
    world.settle();
    world.disconnect(0);
    world.say(1, chat, "2 kept, and expires");
    world.settle();
    let backup = world.server.clone();
    world.connect(0);
    world.settle();
    for words in ["3 lost", "4 lost"] {
        world.say(0, chat, words);
        world.settle();
    }
    let target = Seq(world.server.head(chat));
    world.act(0, Action::Submit { chat, command: ChatCommand::DeleteMessage { target } });
    world.sever(0, 0);
    world.restore(backup);
    expire_all(&mut world, chat);
    world.connect(1);
    world.pass(Duration::from_secs(30));
    while Seq(world.server.head(chat)) < target {
        world.say(1, chat, "5 another");
        world.settle();
    }
    assert_eq!(world.peers[1].text_at(chat, target.0).unwrap(), "5 another");
    world.connect(0);
    world.pass(Duration::from_secs(60));
    assert_eq!(world.peers[0].client.chat(chat).unwrap().marks.restored, None);
    assert_eq!(world.peers[1].text_at(chat, target.0).unwrap(), "5 another");
    assert!(world.peers[0].saw(|change| matches!(change, Change::Refused { .. })));
}

/// The log that goes on from a backup comes to an epoch of the same name, with other keys.
#[test]
fn what_waits_is_not_said_with_keys_of_a_log_that_was_lost() {
    for cryptography in [Cryptography::StandIn, Cryptography::Mls] {
        let mut world = World::of_with(2, cryptography);
        let chat = world.group(0, &[2]);
        for index in [0, 1] {
            world.say(index, chat, "1 kept");
            world.settle();
        }
        let backup = world.server.clone();
        let epoch = |world: &World| world.server.chats[&chat].state.keys.epoch;
        // Only the second one is there, brings fresh keys, and says something with them that does not arrive.
        world.disconnect(0);
        world.pass(Duration::from_hours(24 * 8));
        world.say(1, chat, "2 lost");
        world.settle();
        let lost = epoch(&world);
        world.say(1, chat, "3 said again");
        world.sever(1, 0);
        world.restore(backup);
        // The first one comes as far, and all of it expires.
        world.connect(0);
        world.pass(Duration::from_secs(30));
        world.say(0, chat, "2 instead");
        world.settle();
        assert_eq!(epoch(&world), lost, "by name");
        expire_all(&mut world, chat);
        world.connect(1);
        world.pass(Duration::from_secs(30));
        for index in [0, 1] {
            assert_eq!(world.texts(index, chat).last().unwrap(), "3 said again", "{cryptography:?}, {index}");
        }
    }
}
