//! What people look like is told to those to whom they write, and to their own devices.

use std::time::Duration;

use dunlin_client::content::limits::THUMBNAIL_BYTES_MAX;
use dunlin_client::content::{Attachment, ChatMetadata, Content, PictureChange};
use dunlin_client::{Action, Change, Input, query};
use dunlin_model::{AttachmentId, ChatId, ChatKind, Encryption};

use crate::world::{Cryptography, World, device, user};

const PATIENCE: Duration = Duration::from_secs(30);

fn face(number: u8) -> Attachment {
    Attachment::within(vec![0xff, 0xd8, 0xff, number]).unwrap()
}

fn look(world: &mut World, peer: usize, face: Option<Attachment>) {
    world.act(peer, Action::SetFace { face });
    world.pass(PATIENCE);
}

fn say(world: &mut World, peer: usize, chat: ChatId, words: &str) {
    world.say(peer, chat, words);
    world.pass(PATIENCE);
}

fn direct(world: &mut World, peer: usize, with: u8) -> ChatId {
    let chat = world.create(peer, ChatKind::Direct, Encryption::Mls, &[with]);
    world.settle();
    chat
}

/// The first has a picture, and has written to the second.
fn told() -> (World, ChatId) {
    let mut world = World::of(2);
    look(&mut world, 0, Some(face(1)));
    let chat = direct(&mut world, 0, 2);
    say(&mut world, 0, chat, "hello");
    (world, chat)
}

/// What a device knows of how this person looks.
fn seen(world: &World, peer: usize, of: u8) -> Option<Attachment> {
    world.peers[peer].client.face(user(of)).cloned()
}

#[test]
fn who_is_written_to_is_told_what_one_looks_like_and_nobody_else() {
    for cryptography in [Cryptography::StandIn, Cryptography::Mls] {
        let mut world = World::of_with(3, cryptography);
        let group = world.group(0, &[2, 3]);
        look(&mut world, 0, Some(face(1)));
        assert_eq!(seen(&world, 0, 1), Some(face(1)));
        let chat = direct(&mut world, 1, 1);
        say(&mut world, 1, chat, "hello");
        say(&mut world, 0, group, "all of you");
        assert_eq!(seen(&world, 1, 1), None, "who writes is not told");
        let head = world.server.head(chat);
        say(&mut world, 0, chat, "hello too");
        assert_eq!(seen(&world, 1, 1), Some(face(1)), "{cryptography:?}");
        assert_eq!(query::chat(&world.peers[1].rows, chat).unwrap().picture, Some(face(1)));
        assert_eq!(query::chat(&world.peers[0].rows, chat).unwrap().picture, None, "that of the other one");
        assert_eq!(world.server.head(chat), head + 2);
        say(&mut world, 0, chat, "again");
        assert_eq!(world.server.head(chat), head + 3, "it is told once");
        assert_eq!(seen(&world, 2, 1), None);
        // Nothing of that is shown, counted or listed.
        assert_eq!(world.shown(1, chat), ["hello", "hello too", "again"]);
        assert_eq!(world.page(1, chat).items.len(), 4, "the three, and that the chat was made");
        assert_eq!(world.summary(1, chat).unread, 2);
        assert!(world.peers[1].saw(|change| *change == Change::FaceChanged { user: user(1) }));
        let listed = query::chats(&world.peers[1].rows, 0, 9);
        look(&mut world, 0, Some(face(2)));
        assert_eq!(seen(&world, 1, 1), Some(face(2)), "a new one is told at once");
        let order = |list: &[query::ChatSummary]| list.iter().map(|one| one.chat).collect::<Vec<_>>();
        assert_eq!(order(&query::chats(&world.peers[1].rows, 0, 9)), order(&listed));
        assert_eq!(world.summary(1, chat).unread, 2);
        world.crash(0);
        world.crash(1);
        world.connect(0);
        world.connect(1);
        assert_eq!((seen(&world, 0, 1), seen(&world, 1, 1)), (Some(face(2)), Some(face(2))));
        let head = world.server.head(chat);
        say(&mut world, 0, chat, "the same");
        assert_eq!(world.server.head(chat), head + 1, "it is known who was told");
        look(&mut world, 0, None);
        assert_eq!((seen(&world, 0, 1), seen(&world, 1, 1)), (None, None));
        world.crash(0);
        world.crash(1);
        assert_eq!((seen(&world, 0, 1), seen(&world, 1, 1)), (None, None));
    }
}

#[test]
fn both_have_a_picture_and_each_sees_the_other_one() {
    let mut world = World::of(2);
    look(&mut world, 0, Some(face(1)));
    look(&mut world, 1, Some(face(2)));
    let chat = direct(&mut world, 0, 2);
    say(&mut world, 0, chat, "hello");
    say(&mut world, 1, chat, "hello too");
    assert_eq!(seen(&world, 0, 2), Some(face(2)));
    assert_eq!(seen(&world, 1, 1), Some(face(1)));
    assert_eq!(seen(&world, 0, 1), Some(face(1)));
    assert_eq!(query::chat(&world.peers[0].rows, chat).unwrap().picture, Some(face(2)));
}

#[test]
fn all_devices_of_a_person_look_the_same() {
    for cryptography in [Cryptography::StandIn, Cryptography::Mls] {
        let mut world = World::of_with(2, cryptography);
        let chat = direct(&mut world, 0, 2);
        say(&mut world, 0, chat, "hello");
        say(&mut world, 1, chat, "hello too");
        look(&mut world, 0, Some(face(1)));
        let second = world.enrol(device(1, 2));
        world.pass(PATIENCE);
        // What the new device says is behind what it was told.
        let peers = |world: &World| (seen(world, 0, 1), seen(world, second, 1), seen(world, 1, 1));
        look(&mut world, 0, Some(face(3)));
        let told = (Some(face(3)), Some(face(3)), Some(face(3)));
        assert_eq!(peers(&world), told, "{cryptography:?}");
        let head = world.server.head(chat);
        say(&mut world, second, chat, "from elsewhere");
        assert_eq!(world.server.head(chat), head + 1, "the other device has told them");
        look(&mut world, second, None);
        assert_eq!(peers(&world), (None, None, None));
        look(&mut world, second, Some(face(4)));
        // One that comes later is told by the others.
        let third = world.enrol(device(1, 3));
        world.pass(PATIENCE);
        assert_eq!(seen(&world, third, 1), Some(face(4)));
    }
}

#[test]
fn what_two_devices_say_at_once_ends_with_the_same_picture() {
    for (first, second) in [(0, 2), (2, 0)] {
        let mut world = World::of(2);
        let chat = direct(&mut world, 0, 2);
        say(&mut world, 0, chat, "hello");
        world.enrol(device(1, 2));
        world.pass(PATIENCE);
        look(&mut world, 0, Some(face(1)));
        assert_eq!(seen(&world, 2, 1), Some(face(1)));
        world.disconnect(first);
        world.disconnect(second);
        world.act(first, Action::SetFace { face: Some(face(5)) });
        world.act(second, Action::SetFace { face: Some(face(6)) });
        world.connect(first);
        world.connect(second);
        world.pass(PATIENCE);
        assert_eq!(seen(&world, 0, 1), seen(&world, 2, 1));
        say(&mut world, 0, chat, "one");
        say(&mut world, 2, chat, "two");
        assert_eq!(seen(&world, 1, 1), seen(&world, 0, 1), "whoever was told the other one is told anew");
    }
}

#[test]
fn a_new_device_of_somebody_is_told_with_what_is_said_next() {
    let (mut world, chat) = told();
    let second = world.enrol(device(2, 2));
    world.pass(PATIENCE);
    say(&mut world, 0, chat, "to all of yours");
    assert_eq!(seen(&world, second, 1), Some(face(1)));
    let head = world.server.head(chat);
    say(&mut world, 0, chat, "again");
    assert_eq!(world.server.head(chat), head + 1);
}

#[test]
fn what_is_taken_back_is_taken_from_everyone_who_had_it() {
    // A new device of somebody came meanwhile, which has it from nobody; the old one still shows it.
    let (mut world, _) = told();
    world.enrol(device(2, 2));
    world.pass(PATIENCE);
    look(&mut world, 0, None);
    assert_eq!(seen(&world, 1, 1), None);
    // A device that was linked later takes it back.
    look(&mut world, 0, Some(face(2)));
    let later = world.enrol(device(1, 2));
    world.pass(PATIENCE);
    look(&mut world, 0, Some(face(3)));
    assert_eq!((seen(&world, later, 1), seen(&world, 1, 1)), (Some(face(3)), Some(face(3))));
    look(&mut world, later, None);
    for peer in [0, 1, later] {
        assert_eq!(seen(&world, peer, 1), None, "peer {peer}");
    }
}

#[test]
fn a_device_that_was_linked_later_knows_who_was_told() {
    let (mut world, chat) = told();
    say(&mut world, 1, chat, "hello too");
    look(&mut world, 1, Some(face(2)));
    let second = world.enrol(device(1, 2));
    world.pass(PATIENCE);
    // The chat of the own devices begins with the first thing to tell.
    let mut verified = |peer: usize| {
        let identity = world.peers[peer].client.identity_of(user(2)).unwrap();
        world.act(peer, Action::MarkVerified { user: user(2), identity });
        world.pass(PATIENCE);
    };
    verified(0);
    assert_eq!((seen(&world, second, 1), seen(&world, second, 2)), (Some(face(1)), Some(face(2))));
    assert!(world.peers[second].saw(|change| *change == Change::FaceChanged { user: user(2) }));
    let head = world.server.head(chat);
    say(&mut world, second, chat, "from elsewhere");
    assert_eq!(world.server.head(chat), head + 1);
    look(&mut world, second, None);
    assert_eq!(seen(&world, 1, 1), None, "it was told by the other device");
}

#[test]
fn a_greeting_that_comes_late_brings_back_nothing() {
    let mut world = World::of(2);
    world.group(0, &[2]);
    look(&mut world, 0, Some(face(1)));
    let second = world.enrol(device(1, 2));
    world.pass(PATIENCE);
    look(&mut world, 0, Some(face(2)));
    // The first greets a third with what it knows, which waits; meanwhile the second takes the picture back.
    let third = world.enrol(device(1, 3));
    let waits = |world: &World| {
        let mut chats = world.peers[0].client.every_chat();
        chats.any(|(_, chat)| chat.state.kind == ChatKind::Channel && chat.waiting_to_send() > 0)
    };
    for _ in 0..1_000 {
        if waits(&world) {
            break;
        }
        // Nothing that the first says arrives.
        let mut moved = false;
        for peer in [second, third] {
            moved |= world.carry_up(peer);
        }
        for peer in [0, second, third] {
            moved |= world.carry_down(peer);
        }
        if !moved {
            world.now = world.now + Duration::from_secs(1);
            for peer in [0, second, third] {
                world.input(peer, Input::Tick);
            }
        }
    }
    assert!(waits(&world), "nobody greets it");
    world.disconnect(0);
    look(&mut world, second, None);
    world.connect(0);
    world.pass(PATIENCE);
    for peer in [0, second, third] {
        assert_eq!(seen(&world, peer, 1), None, "peer {peer}");
    }
}

#[test]
fn where_one_is_blocked_nothing_is_told_and_nobody_hears_of_it() {
    let (mut world, chat) = told();
    world.server.blocked.insert(chat);
    look(&mut world, 0, Some(face(2)));
    assert_eq!(seen(&world, 1, 1), Some(face(1)));
    assert!(!world.peers[0].saw(|change| matches!(change, Change::Refused { .. })));
    world.server.blocked.clear();
    say(&mut world, 0, chat, "again");
    assert_eq!(seen(&world, 1, 1), Some(face(2)), "it is told once it can be");
}

#[test]
fn what_changed_while_there_was_no_connection_is_told_as_it_is_in_the_end() {
    let mut world = World::of(2);
    let chat = direct(&mut world, 0, 2);
    say(&mut world, 0, chat, "hello");
    world.disconnect(0);
    for number in 1..=5 {
        world.act(0, Action::SetFace { face: Some(face(number)) });
    }
    assert_eq!(world.peers[0].client.chat(chat).unwrap().waiting_to_send(), 1);
    let head = world.server.head(chat);
    world.connect(0);
    world.pass(PATIENCE);
    assert_eq!((seen(&world, 1, 1), world.server.head(chat)), (Some(face(5)), head + 1));
}

#[test]
fn what_the_server_lost_is_told_with_what_is_said_next() {
    let (mut world, chat) = told();
    let backup = world.server.clone();
    world.disconnect(1);
    look(&mut world, 0, Some(face(2)));
    world.restore(backup);
    world.connect(0);
    world.connect(1);
    world.pass(Duration::from_secs(60));
    assert_eq!(seen(&world, 1, 1), Some(face(1)), "it never came");
    say(&mut world, 0, chat, "again");
    assert_eq!(seen(&world, 1, 1), Some(face(2)));
}

#[test]
fn who_was_never_written_to_is_told_nothing_though_much_is_lost() {
    let mut world = World::of(2);
    look(&mut world, 0, Some(face(1)));
    let chat = direct(&mut world, 1, 1);
    say(&mut world, 1, chat, "hello");
    let backup = world.server.clone();
    say(&mut world, 1, chat, "is anybody there?");
    world.restore(backup);
    world.connect(0);
    world.connect(1);
    world.pass(Duration::from_secs(60));
    look(&mut world, 0, Some(face(2)));
    assert_eq!(seen(&world, 1, 1), None);
    say(&mut world, 0, chat, "yes");
    assert_eq!(seen(&world, 1, 1), Some(face(2)));
}

#[test]
fn what_was_taken_back_elsewhere_is_not_sent_by_a_device_that_comes_back() {
    let mut world = World::of(2);
    let chat = direct(&mut world, 0, 2);
    say(&mut world, 0, chat, "hello");
    look(&mut world, 0, Some(face(1)));
    let second = world.enrol(device(1, 2));
    world.pass(PATIENCE);
    say(&mut world, second, chat, "hello from elsewhere");
    look(&mut world, 0, Some(face(2)));
    assert_eq!((seen(&world, second, 1), seen(&world, 1, 1)), (Some(face(2)), Some(face(2))));
    world.disconnect(second);
    world.act(second, Action::SetFace { face: Some(face(6)) });
    world.pass(PATIENCE);
    look(&mut world, 0, None);
    world.connect(second);
    world.pass(PATIENCE);
    for peer in [0, 1, second] {
        assert_eq!(seen(&world, peer, 1), None, "peer {peer}");
    }
}

#[test]
fn a_linked_device_knows_whose_devices_may_have_a_picture() {
    let (mut world, _) = told();
    // Of the other one's new device nobody knows what it has.
    world.enrol(device(2, 2));
    world.pass(PATIENCE);
    let later = world.enrol(device(1, 2));
    world.pass(PATIENCE);
    let identity = world.peers[0].client.identity_of(user(2)).unwrap();
    world.act(0, Action::MarkVerified { user: user(2), identity });
    world.pass(PATIENCE);
    assert_eq!(seen(&world, later, 1), Some(face(1)));
    look(&mut world, later, None);
    assert_eq!(seen(&world, 1, 1), None);
}

#[test]
fn what_cannot_be_sent_is_no_picture_of_oneself() {
    let mut world = World::of(1);
    look(&mut world, 0, Some(face(1)));
    let mut large = vec![0xff, 0xd8, 0xff];
    large.resize(THUMBNAIL_BYTES_MAX + 1, 0);
    let uploaded = Attachment { id: AttachmentId::from_bytes([1; 16]), ..face(2) };
    for wrong in [Attachment::within(large).unwrap(), uploaded] {
        look(&mut world, 0, Some(wrong));
        assert_eq!(seen(&world, 0, 1), Some(face(1)));
    }
}

#[test]
fn a_picture_in_a_group_is_that_of_the_group_and_a_direct_chat_has_no_name() {
    let mut world = World::of(2);
    let (group, chat) = (world.group(0, &[2]), direct(&mut world, 0, 2));
    say(&mut world, 0, chat, "hello");
    let picture = |number| Some(PictureChange::Set(Box::new(face(number))));
    let of_group = ChatMetadata { picture: picture(7), ..ChatMetadata::default() };
    world.send(0, group, Content::ChatMetadata(of_group));
    world.pass(PATIENCE);
    assert_eq!(query::chat(&world.peers[1].rows, group).unwrap().picture, Some(face(7)));
    assert_eq!(seen(&world, 1, 1), None);
    let head = world.server.head(chat);
    let named = ChatMetadata { name: Some("Us".to_owned()), picture: picture(8), description: None };
    world.send(0, chat, Content::ChatMetadata(named));
    world.pass(PATIENCE);
    assert_eq!(world.server.head(chat), head, "it is refused");
    assert_eq!(seen(&world, 1, 1), None);
}
