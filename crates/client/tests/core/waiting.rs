//! What is said to somebody who has no device yet waits until they have one that can read it.

use std::time::Duration;

use dunlin_client::query::{Item, MessageStatus};
use dunlin_client::{Action, Change, WaitReason, query};
use dunlin_model::{ChatId, ChatKind, Encryption, EventKind};

use crate::world::{Cryptography, World, device, user};

/// The first has begun to write to the second, who has no device.
fn begun(cryptography: Cryptography) -> (World, ChatId, u64) {
    let mut world = World::of_with(1, cryptography);
    let chat = world.create(0, ChatKind::Direct, Encryption::Mls, &[2]);
    let token = world.say(0, chat, "are you there?");
    world.settle();
    (world, chat, token)
}

/// How many messages the server was given.
fn sent(world: &World, chat: ChatId) -> usize {
    let events = &world.server.chats[&chat].events;
    events.iter().filter(|event| matches!(event.kind, EventKind::Message { .. })).count()
}

#[test]
fn a_message_to_somebody_without_a_device_waits_until_they_can_read_it() {
    for cryptography in [Cryptography::StandIn, Cryptography::Mls] {
        let (mut world, chat, token) = begun(cryptography);
        assert_eq!(sent(&world, chat), 0, "{cryptography:?}");
        let why = WaitReason::NoDevice { user: user(2) };
        let told = |change: &&Change| match change {
            Change::Waits { token: of, chat: in_chat, why: reason, .. } => {
                (*of, *in_chat, *reason) == (token, chat, why)
            }
            _ => false,
        };
        assert_eq!(world.peers[0].changes.iter().filter(told).count(), 1);
        world.restart(0);
        world.say(0, chat, "well?");
        world.settle();
        assert_eq!(sent(&world, chat), 0);
        let shown = query::history(&world.peers[0].rows, chat, None, 10).items;
        let waiting = shown.iter().filter_map(|item| match item {
            Item::Message(message) => Some((message.status, message.waits)),
            _ => None,
        });
        assert_eq!(waiting.collect::<Vec<_>>(), [(Some(MessageStatus::Waiting), Some(why)); 2]);

        let second = world.enrol(device(2, 1));
        world.pass(Duration::from_secs(30));
        assert_eq!(world.texts(second, chat), ["are you there?", "well?"], "{cryptography:?}");
        assert_eq!(world.peers[0].client.chat(chat).unwrap().waiting_to_send(), 0);
    }
}

#[test]
fn waiting_costs_nothing_and_holds_up_no_other_chat() {
    let (mut world, chat, _) = begun(Cryptography::StandIn);
    let other = world.enrol(device(3, 1));
    world.settle();
    let group = world.group(0, &[3]);
    assert!(!world.peers[0].client.chat(chat).unwrap().is_busy(), "a program may end meanwhile");
    let head = world.server.head(chat);
    world.peers[0].changes.clear();
    world.pass(Duration::from_hours(9 * 24));
    assert_eq!(world.server.head(chat), head);
    assert!(!world.peers[0].saw(|change| matches!(change, Change::Waits { .. })), "it is told once");
    world.say(0, group, "meanwhile");
    world.settle();
    assert_eq!(world.texts(other, group), ["meanwhile"]);
}

#[test]
fn what_waits_goes_to_a_device_that_has_come_and_gone_meanwhile() {
    let (mut world, chat, _) = begun(Cryptography::StandIn);
    world.disconnect(0);
    let second = world.enrol(device(2, 1));
    // It is gone before it enters by itself.
    world.settle();
    world.disconnect(second);
    world.connect(0);
    world.settle();
    assert_eq!(sent(&world, chat), 1);
    world.connect(second);
    world.settle();
    assert_eq!(world.texts(second, chat), ["are you there?"]);
}

#[test]
fn what_waits_can_be_taken_back() {
    let (mut world, chat, _) = begun(Cryptography::StandIn);
    let place = world.peers[0].changes.iter().find_map(|change| match change {
        Change::Waits { place, .. } => Some(*place),
        _ => None,
    });
    world.act(0, Action::Cancel { chat, place: place.unwrap() });
    let second = world.enrol(device(2, 1));
    world.pass(Duration::from_secs(30));
    world.say(0, chat, "hello");
    world.settle();
    assert_eq!(world.texts(second, chat), ["hello"]);
}

#[test]
fn somebody_whose_only_device_was_revoked_is_waited_for_again() {
    let mut world = World::of(2);
    let chat = world.create(0, ChatKind::Direct, Encryption::Mls, &[2]);
    world.say(0, chat, "before");
    world.settle();
    world.disconnect(1);
    world.server.revoke(device(2, 1), world.now);
    world.push_all();
    world.say(0, chat, "where are you?");
    world.pass(Duration::from_mins(2));
    assert_eq!(sent(&world, chat), 1);
    let new = world.enrol(device(2, 2));
    world.pass(Duration::from_secs(30));
    assert!(world.texts(new, chat).contains(&"where are you?".to_owned()));
}

#[test]
fn in_a_group_what_is_said_does_not_wait_for_who_has_no_device() {
    let mut world = World::of(1);
    let chat = world.group(0, &[2]);
    world.say(0, chat, "hello");
    world.settle();
    assert_eq!(sent(&world, chat), 2, "the name, and what was said");
}
