//! Two people write to each other, whatever happens to their connections and processes.

use dunlin_client::Change;
use dunlin_model::{Body, ChatCommand, ChatKind, Encryption};

use crate::world::World;

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
