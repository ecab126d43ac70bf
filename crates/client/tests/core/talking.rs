//! Two people write to each other, whatever happens to their connections and processes.

use std::time::Duration;

use dunlin_client::Change;
use dunlin_model::{Body, ChatCommand, ChatKind, Encryption};
use dunlin_wire::ServerFrame;

use crate::world::{World, user};

fn plain(words: &str) -> ChatCommand {
    ChatCommand::Send {
        body: Body::Text(words.to_owned()),
        reply_to: None,
        attachments: Vec::new(),
        epoch: None,
    }
}

#[test]
fn two_people_write_in_the_clear() {
    let mut world = World::of(2);
    let chat = world.create(0, ChatKind::Direct, Encryption::None, &[2]);
    world.submit(0, chat, plain("hello"));
    world.settle();
    world.submit(1, chat, plain("hello yourself"));
    world.settle();
    for peer in 0..2 {
        assert_eq!(world.texts(peer, chat), ["hello", "hello yourself"]);
    }
}

#[test]
fn two_people_write_encrypted_from_the_first_message_on() {
    let mut world = World::of(2);
    let chat = world.create(0, ChatKind::Direct, Encryption::Mls, &[2]);
    let token = world.say(0, chat, "hello");
    world.settle();
    world.say(1, chat, "hello yourself");
    world.settle();
    for peer in 0..2 {
        assert_eq!(world.texts(peer, chat), ["hello", "hello yourself"]);
    }
    assert!(
        world.peers[0].saw(|change| matches!(change, Change::Accepted { token: of, .. } if *of == token))
    );
    assert_eq!(world.peers[1].client.chat(chat).unwrap().unread(), 1);
}

#[test]
fn a_client_that_is_killed_at_any_point_loses_nothing_and_doubles_nothing() {
    // Peer 0 is killed after so many frames that it sent or got, once or again and again.
    for after in 0..40 {
        let mut world = World::of(2);
        let chat = world.create(0, ChatKind::Direct, Encryption::Mls, &[2]);
        for number in 0..4 {
            world.say(0, chat, &number.to_string());
        }
        for frame in 0..after {
            if frame % 2 == 0 {
                world.carry_up(0)
            } else {
                world.carry_down(0)
            };
        }
        world.restart(0);
        world.settle();
        world.say(1, chat, "done");
        world.pass(Duration::from_secs(120));
        for peer in 0..2 {
            assert_eq!(
                world.texts(peer, chat),
                ["0", "1", "2", "3", "done"],
                "peer {peer}, killed after {after}"
            );
        }
        assert_eq!(world.peers[0].client.chat(chat).unwrap().waiting_to_send(), 0);
    }
}

#[test]
fn a_command_keeps_its_number_over_lost_answers_and_restarts() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    world.say(0, chat, "first");
    world.settle();
    world.say(0, chat, "once");
    let sent = world.peers[0].up.front().cloned().unwrap();
    for _ in 0..3 {
        world.carry_up(0);
        world.restart(0);
        let again = loop {
            if let Some(frame) = world.peers[0].up.iter().find(|frame| frame.command == sent.command) {
                break Some(frame.clone());
            }
            if !world.carry_up(0) & !world.carry_down(0) {
                break None;
            }
        };
        // Once the event has come back in the log there is nothing to send again.
        if again.is_none() {
            break;
        }
    }
    world.settle();
    assert_eq!(world.texts(1, chat), ["first", "once"]);
}

#[test]
fn a_connection_on_which_an_answer_or_an_event_is_lost_is_made_anew() {
    for lost in 0..4 {
        let mut world = World::of(2);
        let chat = world.group(0, &[2]);
        world.settle();
        world.say(0, chat, "hello");
        world.settle();
        world.say(0, chat, "lost");
        // Nothing at all, the command, its answer, its event.
        match lost {
            0 => {}
            1 => drop(world.peers[0].up.pop_back()),
            _ => {
                world.carry_up(0);
                world.peers[0].down.remove(lost - 2).unwrap();
            }
        }
        world.settle();
        world.pass(Duration::from_mins(3));
        assert_eq!(world.texts(0, chat), ["hello", "lost"], "{lost}");
        assert_eq!(world.texts(1, chat), ["hello", "lost"], "{lost}");
        assert_eq!(world.peers[0].client.chat(chat).unwrap().waiting_to_send(), 0);
        assert_eq!(world.peers[0].reconnects, u32::from(lost > 0), "{lost}");
    }
}

#[test]
fn a_message_whose_event_is_gone_before_its_author_comes_back_is_kept() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    world.say(0, chat, "hello");
    world.settle();
    world.say(0, chat, "while going");
    world.carry_up(0);
    world.disconnect(0);
    world.settle();
    world.pass(Duration::from_hours(24 * 31));
    let now = world.now;
    world.server.expire(chat, now, true);
    world.connect(0);
    world.settle();
    assert_eq!(world.texts(0, chat), ["hello", "while going"]);
    world.say(0, chat, "back");
    world.settle();
    assert_eq!(world.texts(1, chat), ["hello", "while going", "back"]);
    assert!(!world.peers[1].saw(|change| matches!(change, Change::Gap { .. })));
}

#[test]
fn what_got_lost_before_the_first_push_is_read_too() {
    let mut world = World::of(2);
    let chat = world.create(0, ChatKind::Group, Encryption::Mls, &[2]);
    world.say(0, chat, "first");
    while world.carry_up(0) | world.carry_down(0) {}
    let down = &mut world.peers[1].down;
    let (events, others): (Vec<_>, Vec<_>) =
        down.drain(..).partition(|frame| matches!(frame, ServerFrame::Event { .. }));
    assert!(events.len() > 2);
    down.extend(others.into_iter().chain(events.into_iter().skip(2)));
    world.settle();
    assert_eq!(world.texts(1, chat), ["first"]);
}

#[test]
fn both_start_the_one_direct_chat_at_once() {
    let mut world = World::of(2);
    let chat = world.create(0, ChatKind::Direct, Encryption::Mls, &[2]);
    assert_eq!(world.create(1, ChatKind::Direct, Encryption::Mls, &[1]), chat);
    world.say(0, chat, "a");
    world.say(1, chat, "b");
    world.settle();
    for peer in 0..2 {
        let mut texts = world.texts(peer, chat);
        texts.sort();
        assert_eq!(texts, ["a", "b"]);
    }
}

#[test]
fn what_is_written_offline_is_sent_when_the_connection_is_back() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    world.disconnect(0);
    world.say(0, chat, "one");
    world.crash(0);
    world.say(0, chat, "two");
    world.connect(0);
    world.settle();
    assert_eq!(world.texts(1, chat), ["one", "two"]);
}

#[test]
fn the_name_of_an_encrypted_group_is_content() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    assert_eq!(world.peers[1].client.chat(chat).unwrap().marks.title.as_deref(), Some("Birds"));
    assert_eq!(world.server.chats[&chat].state.name, "");
}

#[test]
fn the_same_seed_and_inputs_give_the_same_frames() {
    let run = || {
        let mut world = World::of(3);
        let chat = world.group(0, &[2, 3]);
        world.say(1, chat, "hello");
        world.remove(0, chat, 3);
        world.pass(Duration::from_secs(120));
        (world.server.chats[&chat].events.clone(), world.peers[0].rows.clone())
    };
    assert_eq!(run(), run());
}

#[test]
fn a_commit_whose_push_got_lost_is_fetched_by_whoever_is_refused_for_it() {
    let mut world = World::of(3);
    let chat = world.group(0, &[2]);
    world.say(0, chat, "before");
    world.settle();
    let head = world.server.head(chat);
    world.add(0, chat, 3);
    while world.carry_up(0) | world.carry_down(0) | world.carry_up(2) | world.carry_down(2) {}
    assert!(world.server.head(chat) > head + 1, "the addition and its commit are in the log");
    // Lost on a connection that lives on, and nothing comes after it.
    world.peers[1].down.clear();
    world.say(1, chat, "what was missed?");
    world.pass(Duration::from_secs(30));
    assert_eq!(world.texts(0, chat), ["before", "what was missed?"]);
    assert_eq!(world.peers[1].reconnects, 1);
}

#[test]
fn a_removal_whose_push_got_lost_is_fetched_by_whoever_is_refused_for_it() {
    let mut world = World::of(3);
    let chat = world.group(0, &[2, 3]);
    world.say(0, chat, "before");
    world.settle();
    world.remove(0, chat, 2);
    while world.carry_up(0) | world.carry_down(0) | world.carry_up(2) | world.carry_down(2) {}
    world.peers[1].down.clear();
    for words in ["may I", "still write?"] {
        world.say(1, chat, words);
        world.pass(Duration::from_secs(10));
    }
    let state = &world.peers[1].client.chat(chat).unwrap().state;
    assert_eq!(state.role(user(2)), None, "it knows now");
    assert_eq!(world.peers[1].reconnects, 1);
    assert_eq!(world.summary(1, chat).draft, "may I\nstill write?");
}
