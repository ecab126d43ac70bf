//! A server, or a member, that does not keep the rules: each is noticed and shown.

use std::sync::Arc;
use std::time::Duration;

use dunlin_client::chats::{Shown, StubReason};
use dunlin_client::notice::Notice;
use dunlin_client::{Change, Distrust};
use dunlin_model::{Body, ChatId, Event, EventKind};
use dunlin_wire::ServerFrame;

use crate::world::{World, device, user};

/// Changes the newest event on its way to a peer.
fn change_newest(world: &mut World, peer: usize, change: impl FnOnce(&mut Event)) {
    let frame = world.peers[peer].down.iter_mut().rev().find_map(|frame| match frame {
        ServerFrame::Event { event, .. } => Some(event),
        _ => None,
    });
    change(Arc::make_mut(frame.unwrap()));
}

fn shown_last(world: &World, peer: usize, chat: ChatId) -> Shown {
    world.peers[peer].message(chat, world.server.head(chat)).unwrap().shown
}

/// Two people in a group who have written to each other.
fn talking() -> (World, ChatId) {
    let mut world = World::of(3);
    let chat = world.group(0, &[2]);
    world.say(0, chat, "hello");
    world.settle();
    (world, chat)
}

/// Peer 0 writes, and the event is on its way to peer 1.
fn written(world: &mut World, chat: ChatId, words: &str) {
    world.say(0, chat, words);
    world.carry_up(0);
}

#[test]
fn a_member_whom_the_server_inserts_is_not_written_to() {
    let (mut world, chat) = talking();
    let now = world.now;
    world.server.forge(chat, device(1, 1), EventKind::MembersAdded { users: vec![user(3)] }, now);
    world.push_all();
    world.settle();
    world.say(0, chat, "secret");
    world.say(1, chat, "secret too");
    world.pass(Duration::from_secs(120));
    for peer in 0..2 {
        let distrusts = |change: &Change| matches!(change, Change::Distrusted { why: Distrust::NotAttested, chat: of } if *of == chat);
        assert!(world.peers[peer].saw(distrusts));
        assert_eq!(world.texts(peer, chat), ["hello"], "nothing is sent where somebody was inserted");
    }
    assert!(world.texts(2, chat).is_empty());
}

#[test]
fn an_addition_that_the_server_shows_again_is_not_believed() {
    let (mut world, chat) = talking();
    world.add(0, chat, 3);
    world.settle();
    let added = world.server.chats[&chat]
        .events
        .iter()
        .rev()
        .find_map(|event| matches!(event.kind, EventKind::MembersAdded { .. }).then_some(event.seq.0));
    world.remove(0, chat, 3);
    world.settle();
    // The roster is what it was when the addition was signed.
    world.server.replay(chat, added.unwrap());
    world.push_all();
    world.settle();
    world.say(0, chat, "secret");
    world.pass(Duration::from_secs(120));
    for peer in 0..2 {
        assert!(
            world.peers[peer]
                .saw(|change| { matches!(change, Change::Distrusted { why: Distrust::Repeated, .. }) })
        );
    }
    assert!(!world.texts(2, chat).contains(&"secret".to_owned()));
}

#[test]
fn distrust_outlives_a_restart() {
    let (mut world, chat) = talking();
    let now = world.now;
    world.server.forge(chat, device(1, 1), EventKind::MembersAdded { users: vec![user(3)] }, now);
    world.push_all();
    world.settle();
    world.restart(0);
    world.say(0, chat, "secret");
    world.pass(Duration::from_secs(120));
    assert_eq!(world.texts(1, chat), ["hello"]);
}

#[test]
fn a_ciphertext_that_is_replayed_is_a_stub() {
    let (mut world, chat) = talking();
    let first =
        world.server.chats[&chat].events.iter().find(|event| event.is_message()).unwrap().kind.clone();
    written(&mut world, chat, "again");
    change_newest(&mut world, 1, |event| event.kind = first);
    world.settle();
    assert_eq!(shown_last(&world, 1, chat), Shown::Stub(StubReason::Replayed));
}

#[test]
fn a_ciphertext_under_another_number_or_sender_is_a_stub() {
    let (mut world, chat) = talking();
    written(&mut world, chat, "renumbered");
    change_newest(&mut world, 1, |event| event.client_seq.0 += 1);
    world.settle();
    assert_eq!(shown_last(&world, 1, chat), Shown::Stub(StubReason::Misplaced));
    written(&mut world, chat, "from another");
    change_newest(&mut world, 1, |event| event.sender = device(3, 1));
    world.settle();
    assert_eq!(shown_last(&world, 1, chat), Shown::Stub(StubReason::Misplaced));
}

#[test]
fn a_ciphertext_that_was_changed_is_a_stub_and_what_follows_is_read() {
    let (mut world, chat) = talking();
    written(&mut world, chat, "damaged");
    change_newest(&mut world, 1, |event| {
        if let EventKind::Message { body: Body::Opaque(bytes), .. } = &mut event.kind {
            let mut changed = bytes.to_vec();
            let middle = changed.len() / 2;
            changed[middle] ^= 1;
            *bytes = changed.into();
        }
    });
    world.settle();
    assert_eq!(shown_last(&world, 1, chat), Shown::Stub(StubReason::Broken));
    world.say(0, chat, "whole");
    world.settle();
    assert_eq!(world.texts(1, chat), ["hello", "-", "whole"]);
}

#[test]
fn a_message_that_the_server_leaves_out_is_missed() {
    let (mut world, chat) = talking();
    written(&mut world, chat, "left out");
    // In its place the server shows that a body is gone, then nothing of it at all.
    change_newest(&mut world, 1, |event| event.kind = EventKind::ChatDeleted);
    world.settle();
    world.say(0, chat, "next");
    world.settle();
    let gap =
        |change: &Change| matches!(change, Change::Gap { sender, missing: 1, .. } if *sender == device(1, 1));
    assert!(world.peers[1].saw(gap));
    world.restart(1);
    assert_eq!(world.notices(1, chat), [Notice::Gap { sender: device(1, 1), missing: 1 }]);
}

#[test]
fn messages_that_are_swapped_are_noticed() {
    let (mut world, chat) = talking();
    world.say(0, chat, "one");
    world.say(0, chat, "two");
    world.carry_up(0);
    while world.carry_down(0) {}
    world.carry_up(0);
    world.carry_up(0);
    let newest = world.server.head(chat);
    let kinds: Vec<EventKind> =
        world.server.chats[&chat].events.iter().rev().take(2).map(|event| event.kind.clone()).collect();
    let mut kinds = kinds.into_iter();
    for frame in &mut world.peers[1].down {
        if let ServerFrame::Event { event, .. } = frame
            && event.seq.0 >= newest - 1
        {
            Arc::make_mut(event).kind = kinds.next().unwrap();
        }
    }
    assert_eq!(kinds.next(), None, "both were under way");
    world.settle();
    assert_eq!(world.texts(1, chat), ["hello", "-", "-"]);
}

#[test]
fn a_hole_in_the_log_is_filled_by_connecting_again() {
    let (mut world, chat) = talking();
    written(&mut world, chat, "lost");
    world.peers[1].down.clear();
    world.say(0, chat, "next");
    world.settle();
    assert_eq!(world.peers[1].reconnects, 1);
    assert_eq!(world.texts(1, chat), ["hello", "lost", "next"]);
}

#[test]
fn a_commit_that_cannot_be_applied_names_its_author_and_the_device_enters_anew() {
    let (mut world, chat) = talking();
    world.add(0, chat, 3);
    world.carry_up(0);
    world.carry_down(0);
    while world.carry_up(0) | world.carry_down(0) {}
    // Of what is on its way to peer 1, the commit is spoiled.
    let commits = world.peers[1].down.iter_mut().filter_map(|frame| match frame {
        ServerFrame::Event { event, .. } => Some(Arc::make_mut(event)),
        _ => None,
    });
    let mut spoiled = 0;
    for event in commits {
        if let EventKind::Committed(commit) = &mut event.kind {
            commit.commit = dunlin_model::Payload::Inline(b"nonsense".as_slice().into());
            spoiled += 1;
        }
    }
    assert_eq!(spoiled, 1);
    world.settle();
    assert!(
        world.peers[1].saw(|change| {
            matches!(change, Change::CommitFailed { author, .. } if *author == device(1, 1))
        })
    );
    assert_eq!(world.notices(1, chat), [Notice::CommitFailed { author: device(1, 1) }]);
    world.pass(Duration::from_secs(60));
    world.say(0, chat, "to all");
    world.say(1, chat, "back");
    world.settle();
    for peer in 0..3 {
        let texts = world.texts(peer, chat);
        assert!(texts.ends_with(&["to all".to_owned(), "back".to_owned()]), "peer {peer}: {texts:?}");
    }
}
