//! What becomes of a message after it was said: edits, reactions, replies, deletion.

use std::time::Duration;

use dunlin_client::Action;
use dunlin_client::content::{Content, ContentDigest, Reference};
use dunlin_client::query::{Preview, ReactionView};
use dunlin_model::ChatId;

use crate::world::{World, device, user};

/// Three people in a group; the first has said "hello".
fn greeted() -> (World, ChatId) {
    let mut world = World::of(3);
    let chat = world.group(0, &[2, 3]);
    world.say(0, chat, "hello");
    world.settle();
    (world, chat)
}

fn reaction(emoji: &str, users: &[u8], is_own: bool) -> ReactionView {
    ReactionView { emoji: emoji.to_owned(), users: users.iter().map(|n| user(*n)).collect(), is_own }
}

#[test]
fn an_edit_shows_in_the_place_of_the_message_and_says_what_was_there() {
    let (mut world, chat) = greeted();
    world.say(1, chat, "between");
    world.settle();
    let hello = world.reference(0, chat, "hello");
    world.send(0, chat, Content::edit(hello, "hello there"));
    world.settle();
    world.send(0, chat, Content::edit(hello, "hello you"));
    world.settle();
    world.restart(2);
    for peer in 0..3 {
        assert_eq!(world.shown(peer, chat), ["hello you", "between"]);
        let edited = world.find_shown(peer, chat, "hello you");
        assert_eq!(edited.edited.unwrap().original, "hello");
        assert_eq!(edited.reference, Some(hello), "it is still named by what was said first");
        assert!(!world.holds(peer, "hello there"), "an edit takes the place of the one before");
    }
}

#[test]
fn whoever_did_not_write_a_message_cannot_edit_it() {
    let (mut world, chat) = greeted();
    let hello = world.reference(1, chat, "hello");
    world.send(1, chat, Content::edit(hello, "words in another's mouth"));
    world.settle();
    for peer in 0..3 {
        assert_eq!(world.shown(peer, chat), ["hello"]);
        assert!(world.find_shown(peer, chat, "hello").edited.is_none());
        assert!(world.found(peer, "mouth").is_empty());
        assert!(!world.holds(peer, "mouth"), "nothing of it is kept");
    }
}

#[test]
fn another_device_of_the_author_can() {
    let (mut world, chat) = greeted();
    let second = world.enrol(device(2, 2));
    world.pass(Duration::from_mins(1));
    world.say(1, chat, "from the first");
    world.settle();
    let target = world.reference(second, chat, "from the first");
    world.send(second, chat, Content::edit(target, "from the second"));
    world.settle();
    for peer in [0, 1, 2, second] {
        world.find_shown(peer, chat, "from the second");
    }
}

#[test]
fn an_edit_or_reaction_that_means_another_message_does_nothing() {
    let (mut world, chat) = greeted();
    let hello = world.reference(0, chat, "hello");
    let moved = Reference { digest: ContentDigest([7; 32]), ..hello };
    let ahead = Reference { seq: dunlin_model::Seq(1_000), ..hello };
    for target in [moved, ahead] {
        world.send(0, chat, Content::edit(target, "moved"));
        world.send(1, chat, Content::reaction(target, "👍"));
    }
    world.settle();
    for peer in 0..3 {
        assert_eq!(world.shown(peer, chat), ["hello"]);
        assert!(world.find_shown(peer, chat, "hello").reactions.is_empty());
    }
}

#[test]
fn a_text_cannot_be_edited_away() {
    let (mut world, chat) = greeted();
    let hello = world.reference(0, chat, "hello");
    world.send(0, chat, Content::edit(hello, ""));
    world.settle();
    assert_eq!(world.shown(1, chat), ["hello"]);
}

#[test]
fn a_person_has_one_reaction_on_a_message_and_can_take_it_back() {
    let (mut world, chat) = greeted();
    let hello = world.reference(0, chat, "hello");
    world.send(1, chat, Content::reaction(hello, "👍"));
    world.settle();
    world.send(2, chat, Content::reaction(hello, "❤"));
    world.settle();
    world.send(0, chat, Content::reaction(hello, "👍"));
    world.settle();
    let reactions = |world: &World, peer| world.find_shown(peer, chat, "hello").reactions;
    assert_eq!(reactions(&world, 2), [reaction("👍", &[2, 1], false), reaction("❤", &[3], true)]);
    world.send(1, chat, Content::reaction(hello, "🎉"));
    world.settle();
    // What they do not have on it cannot be taken back.
    world.send(2, chat, Content::reaction_withdrawn(hello, "👍"));
    world.settle();
    world.restart(0);
    assert_eq!(
        reactions(&world, 0),
        [reaction("❤", &[3], false), reaction("👍", &[1], true), reaction("🎉", &[2], false)]
    );
    world.send(2, chat, Content::reaction_withdrawn(hello, "❤"));
    world.settle();
    assert_eq!(reactions(&world, 0), [reaction("👍", &[1], true), reaction("🎉", &[2], false)]);
}

#[test]
fn a_reply_shows_what_it_answers_as_it_is_now() {
    let (mut world, chat) = greeted();
    let hello = world.reference(1, chat, "hello");
    world.send(1, chat, Content::reply(hello, "hello yourself"));
    world.settle();
    let preview = |world: &World| world.find_shown(2, chat, "hello yourself").reply_to.unwrap();
    assert_eq!(preview(&world).preview, Preview::Text("hello".into()));
    assert_eq!(preview(&world).sender, Some(device(1, 1)));
    world.send(0, chat, Content::edit(hello, "good morning"));
    world.settle();
    assert_eq!(preview(&world).preview, Preview::Text("good morning".into()));
    world.act(0, Action::Delete { chat, seq: hello.seq });
    world.settle();
    assert_eq!(preview(&world).preview, Preview::Deleted);
}

#[test]
fn a_reply_to_what_its_author_did_not_see_there_shows_nothing_of_it() {
    let (mut world, chat) = greeted();
    let hello = world.reference(1, chat, "hello");
    let moved = Reference { digest: ContentDigest([7; 32]), ..hello };
    world.send(1, chat, Content::reply(moved, "I agree"));
    world.settle();
    let reply = world.find_shown(2, chat, "I agree").reply_to.unwrap();
    assert_eq!((reply.sender, reply.preview), (None, Preview::NotHere));
}

#[test]
fn what_is_deleted_for_everyone_takes_all_with_it() {
    let (mut world, chat) = greeted();
    world.say(0, chat, "regrettable");
    world.settle();
    let target = world.reference(0, chat, "regrettable");
    world.send(1, chat, Content::reaction(target, "🦆"));
    world.settle();
    world.send(0, chat, Content::edit(target, "deplorable"));
    world.settle();
    assert!(world.holds(2, "deplorable") && world.holds(2, "regrettable") && world.holds(2, "🦆"));
    world.act(0, Action::Delete { chat, seq: target.seq });
    world.pass(Duration::from_mins(2));
    for peer in 0..3 {
        assert_eq!(world.shown(peer, chat), ["hello", "(deleted)"]);
        assert!(world.messages(peer, chat).iter().all(|message| message.reactions.is_empty()));
        assert!(world.found(peer, "deplorable").is_empty() && world.found(peer, "regrettable").is_empty());
        for gone in ["deplorable", "regrettable", "🦆"] {
            assert!(!world.holds(peer, gone), "{gone} is left at {peer}");
        }
    }
    // What comes after the deletion brings nothing back.
    world.send(0, chat, Content::edit(target, "deplorable"));
    world.send(1, chat, Content::reaction(target, "🦆"));
    world.settle();
    assert_eq!(world.shown(2, chat), ["hello", "(deleted)"]);
    assert!(!world.holds(2, "deplorable") && !world.holds(2, "🦆"));
}

#[test]
fn words_of_deleted_messages_leave_segments_of_the_index_too() {
    let (mut world, chat) = greeted();
    world.say(0, chat, "regrettable");
    for number in 0..70 {
        world.say(0, chat, &format!("filler{number}"));
    }
    world.settle();
    let seq = world.place(0, chat, "regrettable");
    world.act(0, Action::Delete { chat, seq });
    world.settle();
    world.restart(1);
    assert!(world.holds(1, "regrettable"), "the segment is rewritten later");
    world.pass(Duration::from_mins(2));
    assert!(!world.holds(1, "regrettable"));
    assert_eq!(world.found(1, "filler69"), ["filler69"]);
    assert_eq!(world.peers[1].wake_at, None, "there is nothing more to do");
}

#[test]
fn a_deleted_edit_leaves_what_was_said_first() {
    let (mut world, chat) = greeted();
    let hello = world.reference(0, chat, "hello");
    world.send(0, chat, Content::edit(hello, "helo"));
    world.settle();
    let edit = dunlin_model::Seq(world.server.head(chat));
    world.send(1, chat, Content::reaction(hello, "👍"));
    world.settle();
    let reaction = dunlin_model::Seq(world.server.head(chat));
    world.act(0, Action::Delete { chat, seq: edit });
    world.act(1, Action::Delete { chat, seq: reaction });
    world.settle();
    for peer in 0..3 {
        let hello = world.find_shown(peer, chat, "hello");
        assert!(hello.edited.is_none() && hello.reactions.is_empty());
        assert_eq!(world.found(peer, "hello"), ["hello"]);
        assert!(!world.holds(peer, "helo\""), "{peer}");
    }
}

#[test]
fn what_means_a_message_that_is_not_here_counts_once_it_is() {
    let (mut world, chat) = greeted();
    // A device that came later has not the message, but what follows it.
    let late = world.enrol(device(1, 2));
    world.pass(Duration::from_mins(1));
    let hello = world.reference(0, chat, "hello");
    world.send(0, chat, Content::edit(hello, "good evening"));
    world.send(1, chat, Content::edit(hello, "words in another's mouth"));
    world.send(2, chat, Content::reaction(hello, "👍"));
    world.settle();
    assert!(world.shown(late, chat).is_empty());
    assert!(world.found(late, "evening").is_empty());
    // It gets the message some other way.
    let row = world.peers[0].rows.iter().find(|(key, _)| {
        key.starts_with(b"m/") && key.ends_with(&hello.seq.0.to_be_bytes()) && key.len() == 2 + 16 + 8
    });
    let (key, value) = row.map(|(key, value)| (key.clone(), value.clone())).unwrap();
    world.peers[late].rows.insert(key, value);
    let shown = world.find_shown(late, chat, "good evening");
    assert_eq!(shown.reactions, [reaction("👍", &[3], false)]);
}

#[test]
fn edits_and_reactions_are_nothing_to_be_read_and_what_is_deleted_is_not_either() {
    let (mut world, chat) = greeted();
    world.say(0, chat, "one");
    world.settle();
    assert_eq!(world.summary(1, chat).unread, 2);
    let one = world.reference(0, chat, "one");
    world.send(0, chat, Content::edit(one, "two"));
    world.send(2, chat, Content::reaction(one, "👍"));
    world.settle();
    assert_eq!(world.summary(1, chat).unread, 2);
    world.act(0, Action::Delete { chat, seq: one.seq });
    world.settle();
    assert_eq!(world.summary(1, chat).unread, 1);
}
