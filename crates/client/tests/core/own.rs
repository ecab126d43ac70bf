//! What a person does to their own view of things, on one device, holds on all of them.

use std::time::Duration;

use dunlin_client::content::{
    Attachment, ChatMark, ChatMetadata, Content, Envelope, OwnFace, OwnMarks, PictureChange,
};
use dunlin_client::keys::Keys;
use dunlin_client::keys::stand_in::StandIn;
use dunlin_client::{Action, Change, Client, query};
use dunlin_model::{Body, ChatCommand, ChatId, ChatKind, ClientSeq, EventKind, Seq, Timestamp};
use dunlin_wire::{ClientFrame, Command};

use crate::world::{Cryptography, REBORN, World, certified, device, identity, user};

const PATIENCE: Duration = Duration::from_secs(30);

/// Two people in a group; the second device of the first is peer 2.
fn world(cryptography: Cryptography) -> (World, ChatId) {
    let mut world = World::of_with(2, cryptography);
    let chat = world.group(0, &[2]);
    world.enrol(device(1, 2));
    world.pass(PATIENCE);
    (world, chat)
}

/// The chats that only one person's devices know of.
fn own_chats(client: &Client) -> Vec<ChatId> {
    let is_own = |chat: &dunlin_client::Chat| {
        chat.state.kind == ChatKind::Channel && chat.state.members.len() == 1 && chat.marks.title.is_none()
    };
    client.every_chat().filter(|(_, chat)| is_own(chat)).map(|(id, _)| id).collect()
}

fn verify(world: &mut World, peer: usize, who: u8) {
    let identity = world.peers[peer].client.identity_of(user(who)).unwrap();
    world.act(peer, Action::MarkVerified { user: user(who), identity });
    world.settle();
}

#[test]
fn what_is_hidden_or_verified_on_one_device_is_so_on_one_that_was_off() {
    for cryptography in [Cryptography::StandIn, Cryptography::Mls] {
        let (mut world, chat) = world(cryptography);
        world.say(1, chat, "hello");
        world.settle();
        let place = world.place(2, chat, "hello");
        world.disconnect(2);
        world.act(0, Action::Hide { chat, seq: place });
        verify(&mut world, 0, 2);
        world.pass(PATIENCE);
        assert_eq!(world.shown(2, chat), ["hello"], "nobody has told it");
        world.crash(0);
        world.connect(2);
        world.pass(PATIENCE);
        assert!(world.shown(2, chat).is_empty(), "{cryptography:?}");
        assert!(!world.holds(2, "hello"));
        assert!(world.peers[2].client.is_verified(user(2)));
        assert!(world.peers[2].saw(|change| matches!(change, Change::Verified { verified: true, .. })));
        world.connect(0);
        world.act(2, Action::WithdrawVerified { user: user(2) });
        world.pass(PATIENCE);
        assert!(!world.peers[0].client.is_verified(user(2)));
    }
}

#[test]
fn a_device_that_comes_later_is_told_what_was_before_it() {
    let mut world = World::of(2);
    let chat = world.group(0, &[2]);
    world.send(0, chat, Content::DisappearingTimer { seconds: 60 });
    let picture = Attachment::within(vec![0xff, 0xd8, 0xff, 7]).unwrap();
    let described = ChatMetadata {
        description: Some("Waders".to_owned()),
        picture: Some(PictureChange::Set(Box::new(picture.clone()))),
        ..ChatMetadata::default()
    };
    world.send(0, chat, Content::ChatMetadata(described));
    world.act(0, Action::SetInvite { chat });
    world.settle();
    verify(&mut world, 0, 2);
    assert!(own_chats(&world.peers[0].client).is_empty(), "there is nobody to tell");
    let second = world.enrol(device(1, 2));
    world.pass(PATIENCE);
    // The first device to do something begins.
    world.act(0, Action::SetInvite { chat });
    world.pass(PATIENCE);
    let view = query::chat(&world.peers[second].rows, chat).unwrap();
    assert_eq!(view.summary.title, "Birds");
    assert_eq!(view.description, "Waders");
    assert_eq!(view.picture, Some(picture.clone()));
    assert_eq!(view.timer, Some(Duration::from_secs(60)));
    assert!(world.peers[second].client.is_verified(user(2)));
    let invite = world.peers[second].client.chat(chat).unwrap().invite();
    assert!(invite.is_some());
    assert_eq!(invite, world.peers[0].client.chat(chat).unwrap().invite());
    // From then on, whoever comes is told at once.
    let third = world.enrol(device(1, 3));
    world.pass(PATIENCE);
    let view = query::chat(&world.peers[third].rows, chat).unwrap();
    assert_eq!((view.summary.title.as_str(), view.picture), ("Birds", Some(picture)));
    assert!(world.peers[third].client.is_verified(user(2)));
    assert_eq!(world.peers[third].client.chat(chat).unwrap().invite(), invite);
    for peer in &world.peers {
        let lost = |change: &Change| matches!(change, Change::Distrusted { .. } | Change::Gap { .. });
        assert!(!peer.saw(lost));
    }
}

#[test]
fn what_devices_tell_each_other_is_shown_to_nobody_and_costs_nothing_when_idle() {
    let (mut world, chat) = world(Cryptography::StandIn);
    world.say(1, chat, "hello");
    world.settle();
    let place = world.place(0, chat, "hello");
    world.act(0, Action::Hide { chat, seq: place });
    world.pass(PATIENCE);
    let own = own_chats(&world.peers[0].client);
    assert_eq!(own.len(), 1);
    assert_eq!(own, own_chats(&world.peers[2].client));
    assert!(own_chats(&world.peers[1].client).is_empty());
    for peer in [0, 2] {
        let listed: Vec<ChatId> =
            query::chats(&world.peers[peer].rows, 0, 100).iter().map(|summary| summary.chat).collect();
        assert_eq!(listed, [chat], "peer {peer}");
        assert_eq!(query::chat(&world.peers[peer].rows, own[0]), None, "peer {peer}");
        assert_eq!(world.peers[peer].client.chats().map(|(id, _)| id).collect::<Vec<_>>(), [chat]);
        assert!(!world.peers[peer].saw(|change| match change {
            Change::Message { chat, .. } | Change::Created { chat, .. } => own.contains(chat),
            _ => false,
        }));
        assert_eq!(world.peers[peer].client.chat(own[0]).unwrap().unread(), 0);
    }
    let (frames, head) = (world.peers[2].changes.len(), world.server.head(own[0]));
    world.pass(Duration::from_hours(24));
    assert_eq!((world.peers[2].changes.len(), world.server.head(own[0])), (frames, head));
}

#[test]
fn two_devices_that_begin_at_once_understand_each_other() {
    let (mut world, chat) = world(Cryptography::StandIn);
    world.say(1, chat, "one");
    world.say(1, chat, "two");
    world.settle();
    let (one, two) = (world.place(0, chat, "one"), world.place(0, chat, "two"));
    world.disconnect(0);
    world.disconnect(2);
    world.act(0, Action::Hide { chat, seq: one });
    world.act(2, Action::Hide { chat, seq: two });
    world.connect(0);
    world.connect(2);
    world.pass(PATIENCE);
    assert!(world.shown(0, chat).is_empty());
    assert!(world.shown(2, chat).is_empty());
}

#[test]
fn what_was_hidden_and_lost_hides_nothing_else() {
    let (mut world, chat) = world(Cryptography::StandIn);
    world.say(1, chat, "kept");
    world.settle();
    let backup = world.server.clone();
    for number in 0..8 {
        world.say(1, chat, &format!("lost {number}"));
    }
    world.settle();
    let place = world.place(0, chat, "lost 0");
    for peer in [0, 1, 2] {
        world.disconnect(peer);
    }
    for further in 0..8 {
        world.act(0, Action::Hide { chat, seq: Seq(place.0 + further) });
    }
    world.restore(backup);
    world.connect(0);
    world.connect(2);
    world.pass(PATIENCE);
    for words in ["a", "b", "c"] {
        world.say(0, chat, words);
    }
    world.pass(PATIENCE);
    assert!(world.server.head(chat) < place.0 + 8, "they stand where the lost ones stood");
    assert!(own_chats(&world.peers[0].client).len() == 1, "it was told what could be told");
    world.say(0, chat, "d");
    verify(&mut world, 0, 2);
    world.pass(PATIENCE);
    for peer in [0, 2] {
        let shown = world.shown(peer, chat);
        assert!(shown.ends_with(&["a", "b", "c", "d"].map(String::from)), "{peer}: {shown:?}");
    }
}

/// What a device says whose core does not keep the rules. Its own core says nothing after that.
fn forge(world: &mut World, peer: usize, chat: ChatId, counter: u64, content: Content) {
    let sender = world.peers[peer].device;
    let own = world.peers[peer].rows.iter().filter(|(key, _)| key.starts_with(b"k/"));
    let own: Vec<_> = own.map(|(key, value)| (key.clone(), value.clone())).collect();
    let mut keys = StandIn::open(certified(sender).1, [7; 32], own);
    let client_seq = ClientSeq(1_000_000);
    let (sent, disappear_seconds) = (world.now, 0);
    let envelope =
        Envelope { chat, sender, client_seq, sender_counter: counter, sent, disappear_seconds, content };
    let (epoch, ciphertext) = keys.encrypt(chat, &envelope.seal_plaintext().unwrap()).unwrap();
    let body = Body::Opaque(ciphertext);
    let command = ChatCommand::Send { body, reply_to: None, attachments: Vec::new(), epoch: Some(epoch) };
    let command = Command::Submit { chat, client_seq, command, attestation: None };
    let head = world.server.head(chat);
    world.server.handle(sender, ClientFrame { id: 0, command }, world.now);
    assert_eq!(world.server.head(chat), head + 1, "the server takes it");
    world.push_all();
    world.pass(PATIENCE);
}

fn forged(chat: ChatId, place: Seq) -> Content {
    let renamed = ChatMark { name: Some("Mine".to_owned()), ..ChatMark::of(chat) };
    Content::OwnMarks(OwnMarks {
        hidden: vec![(chat, place)],
        verified: vec![(user(2), None)],
        chats: vec![renamed],
        face: Some(OwnFace { changed: Timestamp(u64::MAX), picture: None }),
    })
}

#[test]
fn others_change_nothing_by_saying_the_same() {
    let (mut world, chat) = world(Cryptography::StandIn);
    world.say(1, chat, "hello");
    world.settle();
    let place = world.place(0, chat, "hello");
    verify(&mut world, 0, 2);
    let face = Attachment::within(vec![0xff, 0xd8, 0xff, 7]).unwrap();
    world.act(0, Action::SetFace { face: Some(face.clone()) });
    world.pass(PATIENCE);
    forge(&mut world, 1, chat, 2, forged(chat, place));
    for peer in [0, 2] {
        assert_eq!(world.shown(peer, chat), ["hello"], "peer {peer}");
        assert_eq!(world.peers[peer].client.face(user(1)), Some(&face), "peer {peer}");
        assert!(world.peers[peer].client.is_verified(user(2)));
        assert!(!world.peers[peer].saw(|change| matches!(change, Change::Gap { .. })));
    }
}

#[test]
fn a_device_under_another_identity_is_neither_told_nor_believed() {
    let (mut world, chat) = world(Cryptography::StandIn);
    world.say(1, chat, "hello");
    world.settle();
    let place = world.place(0, chat, "hello");
    verify(&mut world, 0, 2);
    world.pass(PATIENCE);
    let own = own_chats(&world.peers[0].client)[0];
    // The server makes a device of the first person, under an identity key of its own.
    let intruder = device(1, REBORN);
    assert_ne!(identity(intruder).to_bytes(), identity(device(1, 1)).to_bytes());
    let intruder = world.enrol(intruder);
    world.pass(PATIENCE);
    assert!(world.server.chats[&own].state.keys.devices.contains_key(&device(1, REBORN)));
    let said = |world: &World| {
        let events = &world.server.chats[&own].events;
        events.iter().filter(|event| matches!(event.kind, EventKind::Message { .. })).count()
    };
    let before = said(&world);
    world.act(0, Action::WithdrawVerified { user: user(2) });
    verify(&mut world, 0, 2);
    world.pass(PATIENCE);
    assert_eq!(said(&world), before, "it would read along");
    assert!(!world.peers[intruder].client.is_verified(user(2)));
    forge(&mut world, intruder, own, 1, forged(chat, place));
    for peer in [0, 2] {
        assert_eq!(world.shown(peer, chat), ["hello"], "peer {peer}");
        assert!(world.peers[peer].client.is_verified(user(2)));
    }
}
