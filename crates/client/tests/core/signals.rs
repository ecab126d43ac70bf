//! How far messages have got, who types and who is there.

use dunlin_client::query::{self, MessageStatus};
use dunlin_client::{Action, Change};
use dunlin_model::{ChatId, Seq};

use crate::world::{World, device, user};

fn watched() -> (World, ChatId) {
    let mut world = World::of(3);
    world.server.signals.shows_receipts = true;
    let chat = world.group(0, &[2, 3]);
    (world, chat)
}

fn see_all(world: &mut World, peer: usize, chat: ChatId) {
    let seq = Seq(world.server.head(chat));
    world.act(peer, Action::MarkSeen { chat, seq });
    world.settle();
}

#[test]
fn an_own_message_has_got_as_far_as_whoever_is_furthest_behind() {
    let (mut world, chat) = watched();
    world.disconnect(2);
    world.say(0, chat, "hello");
    let status = |world: &World| world.find_shown(0, chat, "hello").status.unwrap();
    assert_eq!(status(&world), MessageStatus::Waiting);
    world.settle();
    assert_eq!(status(&world), MessageStatus::Sent);
    let seq = world.place(0, chat, "hello");
    let info = |world: &World| query::info(&world.peers[0].rows, chat, seq).unwrap().recipients;
    assert_eq!(info(&world), [(user(2), MessageStatus::Delivered), (user(3), MessageStatus::Sent)]);
    world.connect(2);
    world.settle();
    assert_eq!(status(&world), MessageStatus::Delivered);
    see_all(&mut world, 1, chat);
    assert_eq!(status(&world), MessageStatus::Delivered);
    see_all(&mut world, 2, chat);
    world.restart(0);
    assert_eq!(status(&world), MessageStatus::Seen);
    assert_eq!(info(&world), [(user(2), MessageStatus::Seen), (user(3), MessageStatus::Seen)]);
    assert_eq!(world.find_shown(1, chat, "hello").status, None, "it is not theirs");
    assert_eq!(world.summary(0, chat).last.unwrap().status, Some(MessageStatus::Seen));
}

#[test]
fn whoever_came_later_is_nobody_that_a_message_waits_for() {
    let mut world = World::of(3);
    world.server.signals.shows_receipts = true;
    let chat = world.group(0, &[2]);
    world.say(0, chat, "hello");
    world.settle();
    see_all(&mut world, 1, chat);
    world.disconnect(2);
    world.add(0, chat, 3);
    world.settle();
    assert_eq!(world.find_shown(0, chat, "hello").status, Some(MessageStatus::Seen));
}

#[test]
fn receipts_that_rose_meanwhile_are_asked_for() {
    let (mut world, chat) = watched();
    world.say(0, chat, "hello");
    world.settle();
    world.disconnect(0);
    see_all(&mut world, 1, chat);
    see_all(&mut world, 2, chat);
    world.connect(0);
    world.settle();
    assert_eq!(world.find_shown(0, chat, "hello").status, Some(MessageStatus::Delivered));
    world.act(0, Action::RefreshReceipts { chat });
    world.settle();
    assert_eq!(world.find_shown(0, chat, "hello").status, Some(MessageStatus::Seen));
    assert!(
        world.peers[0]
            .saw(|change| matches!(change, Change::Receipt { receipt, .. } if receipt.user == user(3)))
    );
}

#[test]
fn what_one_device_has_shown_is_not_unread_on_the_other() {
    let (mut world, chat) = watched();
    let second = world.enrol(device(2, 2));
    world.settle();
    world.say(0, chat, "one");
    world.say(0, chat, "two");
    world.settle();
    assert_eq!(world.summary(second, chat).unread, 2);
    let one = world.place(0, chat, "one");
    world.act(1, Action::MarkSeen { chat, seq: one });
    world.settle();
    for peer in [1, second] {
        assert_eq!(world.summary(peer, chat).unread, 1);
    }
    see_all(&mut world, second, chat);
    world.restart(1);
    assert_eq!(world.summary(1, chat).unread, 0);
}

#[test]
fn nothing_is_shown_as_seen_that_was_not_received() {
    let (mut world, chat) = watched();
    world.say(0, chat, "hello");
    world.carry_up(0);
    // The message is on its way to peer 1, who says that everything was shown.
    world.act(1, Action::MarkSeen { chat, seq: Seq(1_000) });
    world.settle();
    assert_eq!(world.find_shown(0, chat, "hello").status, Some(MessageStatus::Delivered));
    assert_eq!(world.summary(1, chat).unread, 1);
}

#[test]
fn typing_is_shown_to_the_others_and_only_by_members() {
    let (mut world, chat) = watched();
    world.act(0, Action::SetTyping { chat, typing: true });
    world.settle();
    let types = |world: &World, peer: usize| {
        world.peers[peer].saw(|change| *change == Change::Typing { chat, user: user(1), typing: true })
    };
    assert_eq!([types(&world, 0), types(&world, 1), types(&world, 2)], [false, true, true]);
    world.remove(0, chat, 3);
    world.settle();
    world.act(2, Action::SetTyping { chat, typing: true });
    assert!(world.peers[2].up.is_empty(), "who is no member any more says nothing");
}

#[test]
fn whoever_has_sent_a_message_is_no_longer_shown_as_typing() {
    let (mut world, chat) = watched();
    let told = |world: &World| {
        let typing = world.peers[1].changes.iter().filter_map(|change| match change {
            Change::Typing { typing, .. } => Some(*typing),
            _ => None,
        });
        typing.collect::<Vec<_>>()
    };
    world.act(0, Action::SetTyping { chat, typing: true });
    world.settle();
    world.say(2, chat, "somebody else");
    world.settle();
    assert_eq!(told(&world), [true]);
    world.say(0, chat, "here it is");
    world.say(0, chat, "and one more");
    world.settle();
    assert_eq!(told(&world), [true, false], "once, by the first message");
}

#[test]
fn whoever_is_watched_is_seen_to_come_and_go() {
    let (mut world, _) = watched();
    world.act(0, Action::WatchPresence { users: vec![user(2)] });
    world.settle();
    let online = |world: &World| {
        world.peers[0].changes.iter().rev().find_map(|change| match change {
            Change::Presence(presence) => Some(presence.online),
            _ => None,
        })
    };
    assert_eq!(online(&world), Some(true));
    world.disconnect(1);
    world.push_all();
    world.settle();
    assert_eq!(online(&world), Some(false));
}

#[test]
fn a_connection_that_is_made_anew_watches_the_same_people() {
    let (mut world, _) = watched();
    world.act(0, Action::WatchPresence { users: vec![user(2)] });
    world.settle();
    world.disconnect(0);
    world.disconnect(1);
    world.peers[0].changes.clear();
    world.connect(0);
    world.settle();
    let is_away = |change: &Change| matches!(change, Change::Presence(presence) if presence.user == user(2) && !presence.online);
    assert!(world.peers[0].saw(is_away));
}
