//! Messages that go from one person's devices: hidden by them, or run out.

use std::time::Duration;

use dunlin_client::Action;
use dunlin_client::chats::StubReason;
use dunlin_client::content::Content;
use dunlin_client::query::{self, BodyView, Happened, Item};
use dunlin_model::{ChatCommand, ChatId, ChatKind, Encryption, Role, Seq};

use crate::world::{World, device, user};

const MINUTE: Duration = Duration::from_mins(1);
const A_BIT_LESS: Duration = Duration::from_secs(59);

/// Two people whose messages stay for a minute.
fn fleeting() -> (World, ChatId) {
    let mut world = World::of(2);
    let chat = world.create(0, ChatKind::Direct, Encryption::Mls, &[2]);
    world.settle();
    world.send(1, chat, Content::DisappearingTimer { seconds: 60 });
    world.settle();
    (world, chat)
}

fn see_all(world: &mut World, peer: usize, chat: ChatId) {
    let seq = Seq(world.server.head(chat));
    world.act(peer, Action::MarkSeen { chat, seq });
    world.settle();
}

#[test]
fn a_message_disappears_some_time_after_it_was_read_on_each_device_for_itself() {
    let (mut world, chat) = fleeting();
    world.say(0, chat, "fleeting words");
    world.settle();
    world.pass(A_BIT_LESS);
    for peer in 0..2 {
        assert_eq!(world.shown(peer, chat), ["fleeting words"]);
    }
    world.pass(Duration::from_secs(2));
    assert!(world.shown(0, chat).is_empty(), "its author has read it when it was sent");
    assert_eq!(world.shown(1, chat), ["fleeting words"], "it was not read here");
    see_all(&mut world, 1, chat);
    let shown = world.find_shown(1, chat, "fleeting words");
    assert_eq!(shown.disappears.unwrap().at, Some(world.now + MINUTE));
    world.pass(A_BIT_LESS);
    assert_eq!(world.shown(1, chat), ["fleeting words"]);
    world.pass(Duration::from_secs(2));
    for peer in 0..2 {
        assert!(world.shown(peer, chat).is_empty());
        assert!(world.found(peer, "fleeting").is_empty());
        assert!(!world.holds(peer, "fleeting"), "nothing of it is left");
    }
}

#[test]
fn timers_run_while_the_device_is_off() {
    let (mut world, chat) = fleeting();
    world.say(0, chat, "fleeting words");
    world.settle();
    see_all(&mut world, 1, chat);
    world.crash(1);
    world.now = world.now + Duration::from_hours(1);
    assert_eq!(world.shown(1, chat), ["fleeting words"]);
    // Without a connection too.
    world.act(1, Action::SetDraft { chat, text: "so".into() });
    world.wake(1);
    assert!(world.shown(1, chat).is_empty());
    assert!(!world.holds(1, "fleeting"));
}

#[test]
fn hundreds_that_run_out_at_once_all_go() {
    let (mut world, chat) = fleeting();
    for number in 0..300 {
        world.say(0, chat, &number.to_string());
    }
    world.settle();
    see_all(&mut world, 1, chat);
    world.crash(1);
    world.now = world.now + Duration::from_hours(1);
    world.connect(1);
    world.settle();
    world.wake(1);
    assert!(world.shown(1, chat).is_empty());
}

#[test]
fn what_was_read_on_another_device_counts_as_read() {
    let (mut world, chat) = fleeting();
    let second = world.enrol(device(2, 2));
    world.server.signals.shows_receipts = true;
    world.pass(MINUTE);
    world.say(0, chat, "fleeting words");
    world.settle();
    see_all(&mut world, 1, chat);
    world.pass(MINUTE);
    assert!(world.shown(second, chat).is_empty());
}

#[test]
fn later_messages_stay_when_the_timer_is_taken_away_and_earlier_ones_go() {
    let (mut world, chat) = fleeting();
    world.say(0, chat, "fleeting");
    world.settle();
    world.send(0, chat, Content::DisappearingTimer { seconds: 0 });
    world.settle();
    world.say(0, chat, "lasting");
    world.settle();
    world.pass(MINUTE);
    assert_eq!(world.shown(0, chat), ["lasting"]);
    let timers = world.page(0, chat).items.into_iter().filter_map(|item| match item {
        Item::Event(event) => match event.what {
            Happened::Timer { seconds } => Some(seconds),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(timers.collect::<Vec<_>>(), [0, 60], "both changes are shown");
}

#[test]
fn in_a_group_those_who_manage_it_set_the_timer_and_newcomers_keep_to_it() {
    let mut world = World::of(3);
    let chat = world.group(0, &[2]);
    // The second loses the right while what they say is under way.
    let set_role = |role| ChatCommand::SetRole { user: user(2), role };
    world.submit(0, chat, set_role(Role::Admin));
    world.settle();
    world.submit(0, chat, set_role(Role::Member));
    world.send(1, chat, Content::DisappearingTimer { seconds: 60 });
    world.settle();
    assert_eq!(query::chat(&world.peers[0].rows, chat).unwrap().timer, None);
    let refused = |item: &Item| matches!(item, Item::Message(message) if message.body == BodyView::Stub(StubReason::NotAllowed));
    assert!(world.page(0, chat).items.iter().any(refused));
    world.send(0, chat, Content::DisappearingTimer { seconds: 60 });
    world.settle();
    assert_eq!(query::chat(&world.peers[1].rows, chat).unwrap().timer, Some(MINUTE));
    // Who comes later never read of the timer, but each message says it.
    world.add(0, chat, 3);
    world.settle();
    world.say(1, chat, "fleeting words");
    world.settle();
    assert_eq!(world.shown(2, chat), ["fleeting words"]);
    see_all(&mut world, 2, chat);
    world.pass(MINUTE);
    assert!(world.shown(2, chat).is_empty());
}

#[test]
fn what_is_hidden_is_gone_from_all_devices_of_the_person_and_from_no_other() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    let second = world.enrol(device(2, 2));
    world.pass(MINUTE);
    world.say(0, chat, "embarrassing");
    world.settle();
    let seq = world.place(1, chat, "embarrassing");
    let target = world.reference(0, chat, "embarrassing");
    world.send(0, chat, Content::reaction(target, "🦆"));
    world.settle();
    assert_eq!(world.summary(1, chat).unread, 1);
    world.act(1, Action::Hide { chat, seq });
    world.settle();
    for peer in [1, second] {
        assert!(world.shown(peer, chat).is_empty());
        assert_eq!(world.summary(peer, chat).unread, 0);
        assert!(!world.holds(peer, "embarrassing") && !world.holds(peer, "🦆"));
    }
    assert_eq!(world.shown(0, chat), ["embarrassing"]);
    // An edit that comes later does not bring it back.
    world.send(0, chat, Content::edit(target, "embarrassing indeed"));
    world.settle();
    assert!(world.shown(1, chat).is_empty() && !world.holds(1, "embarrassing"));
}

#[test]
fn hiding_while_offline_reaches_the_server_later() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    for number in 0..40 {
        world.say(0, chat, &number.to_string());
    }
    world.settle();
    world.disconnect(1);
    let places: Vec<Seq> = (0..40).map(|number| world.place(1, chat, &number.to_string())).collect();
    for seq in &places {
        world.act(1, Action::Hide { chat, seq: *seq });
    }
    world.crash(1);
    assert!(world.shown(1, chat).is_empty());
    assert!(world.server.signals.hidden.is_empty());
    world.connect(1);
    // The first answers are lost.
    world.carry_up(1);
    world.restart(1);
    world.settle();
    let hidden = &world.server.signals.hidden;
    assert!(places.iter().all(|seq| hidden.contains(&(user(2), chat, *seq))));
    assert!(!world.peers[1].rows.keys().any(|key| key.starts_with(b"h/")), "nothing is left to be said");
}

#[test]
fn what_is_not_there_yet_cannot_be_hidden() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    world.act(1, Action::Hide { chat, seq: Seq(1_000) });
    world.act(1, Action::Hide { chat, seq: Seq::ZERO });
    world.settle();
    assert!(world.server.signals.hidden.is_empty());
}
