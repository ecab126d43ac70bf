//! Who can read what when people and devices come and go.

use std::time::Duration;

use dunlin_client::chats::{Shown, StubReason};
use dunlin_client::content::{ChatMetadata, Content};
use dunlin_client::{Action, Change, UPDATE_MESSAGES};
use dunlin_model::{ChatCommand, ErrorCode, EventKind, Role, Suite};
use dunlin_wire::{Command, Outcome, ServerFrame};

use crate::world::{Cryptography, World, device, user};

#[test]
fn a_removed_member_reads_nothing_after() {
    let mut world = World::of(3);
    let chat = world.group(0, &[2, 3]);
    world.say(1, chat, "before");
    world.settle();
    world.remove(0, chat, 3);
    world.settle();
    world.say(1, chat, "after");
    world.settle();
    assert_eq!(world.texts(0, chat), ["before", "after"]);
    assert_eq!(world.texts(2, chat), ["before"]);
    let devices = &world.server.chats[&chat].state.keys.devices;
    assert!(!devices.contains_key(&device(3, 1)), "the removal was committed before anyone's next message");
}

#[test]
fn what_a_group_is_called_is_said_by_those_who_manage_it() {
    let mut world = World::of(3);
    let chat = world.group(0, &[2, 3]);
    world.settle();
    let rename = |name: &str| {
        let metadata = ChatMetadata { name: Some(name.into()), description: None, picture: None };
        Action::Send { chat, content: Content::ChatMetadata(metadata) }
    };
    world.act(0, rename("Birds"));
    world.settle();
    world.act(1, rename("Mine now"));
    world.settle();
    for peer in &world.peers {
        assert_eq!(peer.client.chat(chat).unwrap().marks.title.as_deref(), Some("Birds"));
    }
}

#[test]
fn a_new_member_reads_from_their_entry_and_has_a_stub_for_what_came_between() {
    let mut world = World::of(3);
    let chat = world.group(0, &[2]);
    world.say(0, chat, "before");
    world.settle();
    // The adder goes away right after the addition, so that a message comes before the new member's keys.
    world.add(0, chat, 3);
    world.carry_up(0);
    world.disconnect(0);
    world.server.exhaust_packages(device(3, 1));
    world.say(1, chat, "between");
    world.settle();
    assert_eq!(world.texts(2, chat), ["-"]);
    let stub = (1..=world.server.head(chat)).find_map(|seq| match world.peers[2].message(chat, seq)?.shown {
        Shown::Stub(reason) => Some(reason),
        _ => None,
    });
    assert_eq!(stub, Some(StubReason::BeforeEntry));
    // Nobody could add this device: it enters by itself.
    world.pass(Duration::from_secs(60));
    world.say(1, chat, "after");
    world.settle();
    assert_eq!(world.texts(2, chat), ["-", "after"]);
}

#[test]
fn of_two_simultaneous_commits_one_wins_and_nobody_notices() {
    let mut world = World::of(4);
    let chat = world.group(0, &[2, 3, 4]);
    world.say(0, chat, "hello");
    world.settle();
    world.remove(0, chat, 4);
    world.carry_up(0);
    // Both see the removal and want to write: both commit it.
    world.say(1, chat, "one");
    world.say(2, chat, "two");
    world.settle();
    let mut texts = world.texts(1, chat);
    assert_eq!(texts.remove(0), "hello");
    texts.sort();
    assert_eq!(texts, ["one", "two"]);
    for peer in 0..3 {
        assert_eq!(world.texts(peer, chat).len(), 3);
        assert!(!world.peers[peer].saw(|change| matches!(change, Change::Refused { .. })));
    }
    let log = &world.server.chats[&chat].events;
    let commits = log.iter().filter(|event| matches!(event.kind, EventKind::Committed(_))).count();
    assert_eq!(commits, 1, "the loser's commit was dropped, not repeated");
}

#[test]
fn a_device_that_was_away_for_long_reads_everything_in_order() {
    let mut world = World::of(4);
    let chat = world.group(0, &[2, 3]);
    world.say(0, chat, "0");
    world.settle();
    world.disconnect(2);
    let mut expected = vec!["0".to_owned()];
    for number in 1..=30 {
        // More epochs than past ones are kept of.
        if number % 2 == 0 {
            world.add(0, chat, 4);
        } else {
            world.remove(0, chat, 4);
        }
        world.settle();
        world.say(number % 2, chat, &number.to_string());
        world.settle();
        world.pass(Duration::from_hours(24));
        expected.push(number.to_string());
    }
    world.connect(2);
    world.settle();
    assert_eq!(world.texts(2, chat), expected);
    world.say(2, chat, "back");
    world.settle();
    assert_eq!(world.texts(0, chat).last().unwrap(), "back");
}

#[test]
fn a_device_that_lost_its_place_replaces_its_own_leaf() {
    for cryptography in [Cryptography::StandIn, Cryptography::Mls] {
        let mut world = World::of_with(2, cryptography);
        let chat = world.group(0, &[2]);
        world.say(0, chat, "before");
        world.settle();
        world.disconnect(1);
        // A commit that the other one never gets: it expires.
        world.pass(Duration::from_hours(24 * 8));
        world.say(0, chat, "with fresh keys");
        world.settle();
        world.pass(Duration::from_hours(24 * 31));
        let now = world.now;
        world.server.expire(chat, now, true);
        world.connect(1);
        world.pass(Duration::from_secs(60));
        world.say(0, chat, "after");
        world.settle();
        world.say(1, chat, "back");
        world.settle();
        assert_eq!(world.texts(1, chat), ["before", "after", "back"], "{cryptography:?}");
        assert!(world.texts(0, chat).ends_with(&["after".to_owned(), "back".to_owned()]));
        assert!(!world.peers[1].saw(|change| matches!(change, Change::Refused { .. })));
    }
}

#[test]
fn the_keys_one_holds_lead_to_the_servers_word_for_the_state() {
    for cryptography in [Cryptography::StandIn, Cryptography::Mls] {
        let mut world = World::of_with(4, cryptography);
        let chat = world.group(0, &[2, 3]);
        world.say(0, chat, "before");
        world.settle();
        // Peer 2 is slow: more comes than is pushed at once, and what was not pushed expires.
        for number in 0..12 {
            world.say(0, chat, &format!("long ago {number}"));
        }
        settle_without_third(&mut world);
        world.now = world.now + Duration::from_hours(24 * 31);
        let now = world.now;
        world.server.expire(chat, now, true);
        // Now the state at the head is further ahead than what is pushed, and of another epoch.
        let after: Vec<String> = (0..24).map(|number| format!("after {number}")).collect();
        let (first, last) = after.split_at(12);
        for words in first {
            world.say(1, chat, words);
        }
        settle_without_third(&mut world);
        world.add(0, chat, 4);
        settle_without_third(&mut world);
        for words in last {
            world.say(1, chat, words);
        }
        settle_without_third(&mut world);
        // Who writes needs keys of the head, now.
        world.say(2, chat, "answer");
        world.settle();
        let texts = world.texts(2, chat);
        assert!(texts.ends_with(&[after, vec!["answer".to_owned()]].concat()), "{cryptography:?}: {texts:?}");
        let log = &world.server.chats[&chat].events;
        let entered =
            log.iter().any(|event| matches!(&event.kind, EventKind::Committed(commit) if commit.external));
        assert!(!entered, "{cryptography:?}: nobody lost their place");
    }
}

/// Lets everything arrive but at the third.
fn settle_without_third(world: &mut World) {
    while [0, 1, 3]
        .into_iter()
        .fold(false, |moved, index| moved | world.carry_up(index) | world.carry_down(index))
    {}
}

#[test]
fn a_name_is_not_said_by_whoever_lost_the_right_meanwhile() {
    let mut world = World::of(3);
    let chat = world.group(0, &[2, 3]);
    let set_role = |role| ChatCommand::SetRole { user: user(2), role };
    world.submit(0, chat, set_role(Role::Admin));
    world.say(0, chat, "hello");
    world.settle();
    world.disconnect(1);
    let metadata = ChatMetadata { name: Some("Mine".into()), description: None, picture: None };
    let name = world.act(1, Action::Send { chat, content: Content::ChatMetadata(metadata) });
    let timer = world.act(1, Action::Send { chat, content: Content::DisappearingTimer { seconds: 60 } });
    world.submit(0, chat, set_role(Role::Member));
    world.settle();
    let head = world.server.head(chat);
    world.connect(1);
    world.settle();
    for token in [name, timer] {
        let is_refused = |change: &Change| matches!(change, Change::Refused { token: of, why, .. } if *of == token && why.code == ErrorCode::Forbidden);
        assert!(world.peers[1].saw(is_refused));
    }
    assert_eq!(world.server.head(chat), head, "nothing was sent");
    assert_eq!(world.peers[1].client.chat(chat).unwrap().marks.title.as_deref(), Some("Birds"));
}

#[test]
fn an_admin_changes_the_suite_and_the_chat_goes_on() {
    for cryptography in [Cryptography::StandIn, Cryptography::Mls] {
        let mut world = World::of_with(3, cryptography);
        let chat = world.group(0, &[2, 3]);
        world.say(1, chat, "before");
        world.settle();
        let refused = world.act(1, Action::ChangeSuite { chat, suite: Suite::CLASSIC });
        world.settle();
        let is_refused =
            |change: &Change| matches!(change, Change::Refused { token, .. } if *token == refused);
        assert!(world.peers[1].saw(is_refused), "a member does not change it");
        world.disconnect(2);
        let token = world.act(0, Action::ChangeSuite { chat, suite: Suite::CLASSIC });
        world.say(0, chat, "after");
        world.settle();
        let is_done = |change: &Change| matches!(change, Change::Accepted { token: of, .. } if *of == token);
        assert!(world.peers[0].saw(is_done));
        world.connect(2);
        world.say(2, chat, "all are in");
        world.settle();
        let keys = &world.server.chats[&chat].state.keys;
        assert_eq!((keys.suite, keys.epoch.generation, keys.devices.len()), (Some(Suite::CLASSIC), 2, 3));
        for peer in 0..3 {
            assert_eq!(world.texts(peer, chat), ["before", "after", "all are in"], "{cryptography:?}");
        }
    }
}

#[test]
fn a_new_generation_survives_a_commit_that_came_before_it() {
    for cryptography in [Cryptography::StandIn, Cryptography::Mls] {
        let mut world = World::of_with(2, cryptography);
        let chat = world.group(0, &[2]);
        world.say(0, chat, "before");
        world.settle();
        let linked = world.enrol(device(2, 2));
        world.connect(linked);
        world.act(0, Action::ChangeSuite { chat, suite: Suite::CLASSIC });
        // The claims are answered; then the commit by which the linked device enters is taken before the start.
        while !world.peers[0].up.iter().any(|frame| starts_group(&frame.command)) {
            let moved = world.carry_up(0) | world.carry_down(0);
            assert!(moved, "a group is started");
        }
        while world.server.chats[&chat].state.keys.epoch.number < 2 {
            let moved = world.carry_up(linked) | world.carry_down(linked);
            assert!(moved, "the linked device enters");
        }
        world.say(1, chat, "after");
        world.settle();
        let keys = &world.server.chats[&chat].state.keys;
        assert_eq!((keys.suite, keys.epoch.generation), (Some(Suite::CLASSIC), 2));
        assert_eq!(keys.devices[&device(1, 1)], keys.devices[&device(2, 1)], "whoever began it has its keys");
        assert_eq!(world.texts(0, chat), ["before", "after"]);
    }
}

const fn starts_group(command: &Command) -> bool {
    matches!(command, Command::Submit { command: ChatCommand::StartGroup(_), .. })
}

#[test]
fn who_had_no_key_package_left_for_a_new_generation_enters_by_themselves() {
    let mut world = World::of(3);
    let chat = world.group(0, &[2, 3]);
    world.say(0, chat, "before");
    world.settle();
    world.act(0, Action::ChangeSuite { chat, suite: Suite::CLASSIC });
    world.settle();
    world.disconnect(2);
    world.server.exhaust_packages(device(3, 1));
    world.act(0, Action::ChangeSuite { chat, suite: Suite::HYBRID });
    world.settle();
    world.say(1, chat, "while they were away");
    world.settle();
    // Nobody lets them in by the package that they joined the group before with.
    assert!(!world.server.chats[&chat].state.keys.devices.contains_key(&device(3, 1)));
    world.connect(2);
    world.pass(Duration::from_secs(60));
    world.say(1, chat, "after");
    world.settle();
    assert_eq!(world.texts(2, chat), ["before", "-", "after"]);
}

#[test]
fn a_linked_device_enters_by_itself_and_reads_and_writes() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    world.say(0, chat, "before");
    world.settle();
    let second = world.enrol(device(1, 2));
    world.pass(Duration::from_secs(60));
    world.say(1, chat, "after");
    world.say(second, chat, "from the second");
    world.settle();
    assert_eq!(world.texts(second, chat), ["after", "from the second"]);
    assert_eq!(world.texts(1, chat), ["before", "after", "from the second"]);
}

#[test]
fn what_could_not_be_fetched_is_asked_for_again() {
    // So many that the group info is a blob.
    let mut world = World::of_with(12, Cryptography::Mls);
    let others: Vec<u8> = (2..=12).collect();
    let chat = world.group(0, &others);
    world.say(0, chat, "before");
    world.settle();
    world.server.blobs.failing = 2;
    let second = world.enrol(device(1, 2));
    world.pass(Duration::from_secs(60));
    assert_eq!(world.server.blobs.failing, 0, "it was asked for");
    world.say(1, chat, "after");
    world.settle();
    assert_eq!(world.texts(second, chat), ["after"]);
}

#[test]
fn who_is_added_to_a_large_group_is_in_by_its_welcome() {
    // So many that the commit and the Welcome are blobs.
    let mut world = World::of_with(14, Cryptography::Mls);
    let others: Vec<u8> = (2..=13).collect();
    let chat = world.group(0, &others);
    world.say(0, chat, "before");
    world.settle();
    world.add(0, chat, 14);
    world.settle();
    world.say(1, chat, "after");
    world.settle();
    assert_eq!(world.texts(13, chat), ["after"]);
}

#[test]
fn a_revoked_device_is_out_before_the_next_message() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    let lost = world.enrol(device(1, 2));
    world.pass(Duration::from_secs(60));
    world.say(1, chat, "before");
    world.settle();
    assert_eq!(world.texts(lost, chat), ["before"]);
    let now = world.now;
    world.disconnect(lost);
    world.server.revoke(device(1, 2), now);
    world.push_all();
    world.say(1, chat, "after");
    world.settle();
    assert!(!world.server.chats[&chat].state.keys.devices.contains_key(&device(1, 2)));
    assert_eq!(world.texts(0, chat), ["before", "after"]);
}

#[test]
fn who_was_the_last_with_keys_is_followed_by_a_new_generation() {
    let mut world = World::of(2);
    world.disconnect(1);
    world.server.exhaust_packages(device(2, 1));
    let chat = world.group(0, &[2]);
    world.say(0, chat, "before");
    world.settle();
    world.submit(0, chat, ChatCommand::Leave);
    world.settle();
    world.connect(1);
    world.say(1, chat, "alone");
    world.pass(Duration::from_secs(120));
    assert_eq!(world.server.chats[&chat].state.keys.epoch.generation, 2);
    assert_eq!(world.texts(1, chat), ["-", "-", "alone"], "the name, which is content, and a message");
}

#[test]
fn a_sender_brings_fresh_keys_after_a_hundred_messages() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    let epochs = |world: &World| world.server.chats[&chat].state.keys.epoch.number;
    world.say(0, chat, "first");
    world.settle();
    let before = epochs(&world);
    // The group's name was a message too.
    for number in 2..UPDATE_MESSAGES {
        world.say(0, chat, &number.to_string());
    }
    world.settle();
    assert_eq!(epochs(&world), before);
    world.say(0, chat, "one more");
    world.settle();
    assert_eq!(epochs(&world), before + 1);
    assert_eq!(world.texts(1, chat).len(), UPDATE_MESSAGES as usize);
}

#[test]
fn fresh_keys_come_with_the_first_message_after_a_week() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    world.say(0, chat, "first");
    world.settle();
    let before = world.server.chats[&chat].state.keys.epoch;
    world.pass(Duration::from_hours(24 * 8));
    assert_eq!(world.server.chats[&chat].state.keys.epoch, before, "who is silent commits nothing");
    world.say(0, chat, "second");
    world.settle();
    assert_eq!(world.server.chats[&chat].state.keys.epoch.number, before.number + 1);
    assert_eq!(
        world.peers[0].client.identity_of(user(2)),
        Some(dunlin_model::IdentityKey(crate::world::identity(device(2, 1)).verifying_key().to_bytes()))
    );
}

#[test]
fn a_linked_device_is_up_to_date_once_it_knows_the_chats_from_before_it() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    world.settle();
    let second = world.enrol(device(1, 2));
    while world.carry_up(second) {}
    // The list comes late.
    let down = &mut world.peers[second].down;
    let is_list =
        |frame: &ServerFrame| matches!(frame, ServerFrame::Reply { outcome: Outcome::Chats { .. }, .. });
    let place = down.iter().position(is_list).unwrap();
    let list = down.remove(place).unwrap();
    assert!(down.contains(&ServerFrame::CaughtUp));
    while world.carry_down(second) {}
    assert!(!world.peers[second].saw(|change| *change == Change::CaughtUp));
    world.peers[second].down.push_back(list);
    world.carry_down(second);
    assert!(world.peers[second].saw(|change| *change == Change::CaughtUp));
    world.say(second, chat, "at once");
    world.settle();
    assert_eq!(world.texts(1, chat), ["at once"]);
}

#[test]
fn words_that_wait_for_a_chat_one_is_out_of_go_back_to_the_draft() {
    let mut world = World::of(3);
    let chat = world.group(0, &[2, 3]);
    world.settle();
    world.disconnect(2);
    world.act(2, Action::SetDraft { chat, text: "not said yet".into() });
    let tokens = [world.say(2, chat, "one"), world.say(2, chat, "two")];
    world.remove(0, chat, 3);
    world.settle();
    assert!(!world.peers[2].saw(|change| matches!(change, Change::Refused { .. })));
    world.connect(2);
    world.settle();
    for (refused, said) in tokens.into_iter().zip(["one", "two"]) {
        assert!(world.peers[2].saw(|change| matches!(
            change,
            Change::Refused { token, why, words: Some(words), .. }
                if *token == refused && why.code == ErrorCode::NotAMember && words == said
        )));
    }
    world.restart(2);
    assert_eq!(world.summary(2, chat).draft, "not said yet\none\ntwo");
    assert_eq!(world.texts(0, chat), Vec::<String>::new());
}
