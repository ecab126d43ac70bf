//! What a message costs in rows and bytes, which is what time depends on.

use std::collections::BTreeMap;

use dunlin_client::content::Content;
use dunlin_client::{Key, Value};
use dunlin_model::ChatId;

use crate::world::World;

fn group(people: u8) -> (World, ChatId) {
    let mut world = World::of(people);
    world.server.signals.shows_receipts = true;
    let others: Vec<u8> = (2..=people).collect();
    let chat = world.group(0, &others);
    for peer in 0..usize::from(people) {
        world.say(peer, chat, &format!("{} from {peer}", "hello ".repeat(30)));
        world.settle();
    }
    (world, chat)
}

/// The rows that are other than before, and the bytes of the largest; those of the keys are the cryptography's affair.
fn written(before: &BTreeMap<Key, Value>, after: &BTreeMap<Key, Value>) -> (usize, usize) {
    let changed = after.iter().filter(|(key, value)| before.get(*key) != Some(*value));
    let changed = changed.filter(|(key, _)| !key.starts_with(b"k/"));
    let gone = before.keys().filter(|key| !key.starts_with(b"k/") && !after.contains_key(*key)).count();
    let (rows, largest) =
        changed.fold((0, 0), |(rows, largest), (_, value)| (rows + 1, largest.max(value.len())));
    (rows + gone, largest)
}

/// What peer 1 writes when what peer 0 sends arrives.
fn receiving(people: u8, content: impl Fn(&World, ChatId) -> Content) -> (usize, usize) {
    let (mut world, chat) = group(people);
    let content = content(&world, chat);
    world.send(0, chat, content);
    world.carry_up(0);
    let before = world.peers[1].rows.clone();
    while world.carry_down(1) {}
    written(&before, &world.peers[1].rows)
}

#[test]
fn a_message_writes_few_small_rows_however_many_there_are() {
    let text = |_: &World, _| Content::text("hello ".repeat(30));
    let (few, _) = receiving(2, text);
    let (many, largest) = receiving(40, text);
    // The message, the marks, the sender's counter and receipt, three of the index.
    assert!(few <= 7, "{few} rows");
    assert!(many <= few, "{many} rows with forty people, {few} with two");
    assert!(largest < 1_024, "{largest} bytes in a row");
}

#[test]
fn a_reaction_writes_a_row_however_many_there_are() {
    let react = |world: &World, chat| {
        let target = world.messages(0, chat).remove(1).reference.unwrap();
        Content::reaction(target, "👍")
    };
    let (few, _) = receiving(2, react);
    let (many, largest) = receiving(40, react);
    assert!(many <= few && few <= 5, "{many} and {few} rows");
    assert!(largest < 1_024, "{largest} bytes in a row");
}
