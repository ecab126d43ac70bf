//! What people are told when somebody is not who they were, and what they have compared.

use std::time::Duration;

use dunlin_client::notice::Notice;
use dunlin_client::query::Item;
use dunlin_client::{Action, Change, Distrust};
use dunlin_model::{ChatId, ChatKind, Encryption, EventKind, UserId};

use crate::world::{REBORN, World, device, user};

fn talking() -> (World, ChatId) {
    let mut world = World::of(3);
    let chat = world.group(0, &[2]);
    world.say(0, chat, "hello");
    world.settle();
    (world, chat)
}

fn name(of: UserId) -> String {
    format!("Person {}", of.as_bytes()[0])
}

fn verify(world: &mut World, peer: usize, who: u8) {
    let identity = world.peers[peer].client.identity_of(user(who)).unwrap();
    world.act(peer, Action::MarkVerified { user: user(who), identity });
}

#[test]
fn both_sides_have_one_safety_number_and_can_mark_it() {
    let (mut world, _) = talking();
    let number = |world: &World, peer: usize, of: u8| world.peers[peer].client.safety_number(user(of));
    assert!(number(&world, 0, 2).is_some());
    assert_eq!(number(&world, 0, 2), number(&world, 1, 1));
    assert_eq!(number(&world, 0, 3), None, "nothing is known of their key");
    assert!(!world.peers[0].client.is_verified(user(2)));
    verify(&mut world, 0, 2);
    assert!(world.peers[0].saw(|change| *change == Change::Verified { user: user(2), verified: true }));
    world.restart(0);
    assert!(world.peers[0].client.is_verified(user(2)));
    assert!(!world.peers[1].client.is_verified(user(1)), "each marks for themselves");
    world.act(0, Action::WithdrawVerified { user: user(2) });
    world.restart(0);
    assert!(!world.peers[0].client.is_verified(user(2)));
}

#[test]
fn a_key_that_is_not_theirs_any_more_cannot_be_marked() {
    let (mut world, _) = talking();
    let wrong = dunlin_model::IdentityKey([9; 32]);
    world.act(0, Action::MarkVerified { user: user(2), identity: wrong });
    assert!(!world.peers[0].client.is_verified(user(2)));
}

#[test]
fn a_changed_identity_is_told_in_every_shared_chat_where_it_happened_and_is_not_verified() {
    let (mut world, chat) = talking();
    let direct = world.create(0, ChatKind::Direct, Encryption::Mls, &[2]);
    let without = world.create(0, ChatKind::Direct, Encryption::Mls, &[3]);
    world.settle();
    world.say(1, direct, "as I was");
    world.say(0, without, "to somebody else");
    world.settle();
    verify(&mut world, 0, 2);
    let number = world.peers[0].client.safety_number(user(2));
    world.disconnect(1);
    world.enrol(device(2, REBORN));
    world.pass(Duration::from_mins(1));
    world.say(0, direct, "who are you?");
    world.settle();
    world.restart(0);
    let changed = Notice::IdentityChanged { user: user(2), was_verified: true };
    for shared in [chat, direct] {
        assert_eq!(world.notices(0, shared), std::slice::from_ref(&changed));
    }
    assert!(world.notices(0, without).is_empty());
    assert!(!world.peers[0].client.is_verified(user(2)));
    assert_ne!(world.peers[0].client.safety_number(user(2)), number);
    // It stands between what was said before and after.
    let items = world.page(0, direct).items;
    let at = items.iter().position(|item| matches!(item, Item::Notice(_))).unwrap();
    let is_said = |item: &Item, what: &str| matches!(item, Item::Message(message) if crate::world::words(message) == what);
    assert!(items[..at].iter().any(|item| is_said(item, "who are you?")));
    assert!(items[at..].iter().any(|item| is_said(item, "as I was")));
    let sentence = changed.sentence(&name);
    assert!(sentence.starts_with("The identity key of Person 2 has changed") && sentence.contains("compare"));
}

#[test]
fn a_forged_member_is_told_of_in_the_chat_and_why_nothing_is_sent() {
    let (mut world, chat) = talking();
    let now = world.now;
    world.server.forge(chat, device(1, 1), EventKind::MembersAdded { users: vec![user(3)] }, now);
    world.push_all();
    world.settle();
    world.restart(0);
    let notices = world.notices(0, chat);
    assert_eq!(notices, [Notice::Distrusted(Distrust::NotAttested)]);
    assert_eq!(world.summary(0, chat).distrusted, Some(Distrust::NotAttested));
    assert!(notices[0].sentence(&name).starts_with("Nothing is sent here any more"));
}

#[test]
fn every_notice_has_a_sentence_that_names_who_is_meant() {
    let (author, sender) = (device(2, 1), device(3, 1));
    let sentence = |notice: Notice| notice.sentence(&name);
    assert!(sentence(Notice::CommitFailed { author }).contains("Person 2"));
    assert!(sentence(Notice::Gap { sender, missing: 1 }).starts_with("One message of Person 3 is missing"));
    assert!(sentence(Notice::Gap { sender, missing: 4 }).starts_with("4 messages of Person 3 are missing"));
    let missing = Notice::Missing { from: dunlin_model::Seq(1), to: dunlin_model::Seq(9) };
    assert!(sentence(missing).contains("removed"));
    let unverified = Notice::IdentityChanged { user: user(2), was_verified: false };
    assert!(sentence(unverified).contains("Person 2"));
}
