//! Messages end to end, over both sub-protocols and over all of a person's devices.

use dunlin_model::view::Status;
use dunlin_model::{ChatId, ChatKind, ClientSeq, Seq};
use dunlin_wire::{Command, Format, Outcome, Position, ServerFrame};

use crate::client::{Client, line};
use crate::world::{World, create};

async fn status(client: &mut Client, chat: ChatId, seq: u64) -> Status {
    match client.request(Command::MessageStatus { chat, seq: Seq(seq) }).await {
        Outcome::MessageStatus { status, .. } => status.status,
        other => panic!("no status: {other:?}"),
    }
}

#[tokio::test]
async fn a_message_goes_from_one_to_the_other_in_either_format() {
    for (from, to) in [
        (Format::Json, Format::Json),
        (Format::Proto, Format::Proto),
        (Format::Json, Format::Proto),
        (Format::Proto, Format::Json),
    ] {
        let world = World::new().await;
        let [ada, bob] = world.people().await;
        let mut sender = world.online(&ada, from).await;
        let mut reader = world.online(&bob, to).await;
        let chat = sender.create(create(ChatKind::Direct, "", vec![bob.device.user])).await;
        let seq = sender.send(chat, "Grüße, 世界 \u{1F426}").await;
        assert_eq!(seq, 2);
        assert_eq!(status(&mut sender, chat, seq).await, Status::Sent);
        assert_eq!(reader.events_up_to(chat, 2).await, ["1 +Created", "2 Grüße, 世界 \u{1F426}"]);
        reader.received(chat, 2).await;
        sender.lines_until("delivered 2 seen 0").await;
        assert_eq!(status(&mut sender, chat, seq).await, Status::Delivered);
        reader.seen(chat, 2).await;
        sender.lines_until("delivered 2 seen 2").await;
        assert_eq!(status(&mut sender, chat, seq).await, Status::Seen);
        assert!(sender.stray_replies().is_empty() && reader.stray_replies().is_empty());
    }
}

#[tokio::test]
async fn received_without_an_id_is_not_answered() {
    let world = World::new().await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    let mut sender = world.online(&ada, Format::Json).await;
    let mut reader = world.online(&bob, Format::Json).await;
    let seq = sender.send(chat, "hello").await;
    reader.events_up_to(chat, seq).await;
    reader.frame(0, Command::Received { chat, seq: Seq(seq) }).await;
    sender.lines_until("delivered 2 seen 0").await;
    reader.pushes_until_quiet().await;
    assert!(reader.stray_replies().is_empty());
}

#[tokio::test]
async fn five_devices_of_which_two_are_offline_all_get_everything_once() {
    let world = World::new().await;
    let [ada] = world.people().await;
    let devices = world.devices::<5>().await;
    let user = devices[0].device.user;
    let mut sender = world.online(&ada, Format::Proto).await;
    let mut online = Vec::new();
    for device in &devices[..3] {
        online.push(world.online(device, Format::Json).await);
    }
    let chat = sender.create(create(ChatKind::Group, "Friends", vec![user])).await;
    sender.send(chat, "one").await;
    // What one device sends reaches the others, and comes back to itself in its place.
    online[0].send(chat, "two").await;
    sender.send(chat, "three").await;
    let expected = ["1 +Created", "2 one", "3 two", "4 three"];
    for client in &mut online {
        assert_eq!(client.events_up_to(chat, 4).await, expected);
        client.received(chat, 4).await;
        assert!(client.events_until_quiet().await.is_empty());
    }
    for device in &devices[3..] {
        let mut late = world.online(device, Format::Proto).await;
        assert_eq!(late.lines_until("caught up").await, [&expected[..], &["caught up"]].concat());
        late.received(chat, 4).await;
        // Once acknowledged, it does not come again.
        assert_eq!(late.close().await, Some(1000));
        let mut again = world.online(device, Format::Proto).await;
        assert_eq!(again.lines_until("caught up").await, ["caught up"]);
    }
    // What one device has seen, the others show as seen, and the sender learns of it.
    online[1].seen(chat, 4).await;
    online[2].lines_until("delivered 4 seen 4").await;
    sender.lines_until("delivered 4 seen 4").await;
    assert_eq!(status(&mut sender, chat, 4).await, Status::Seen);
}

#[tokio::test]
async fn a_device_that_states_where_it_stands_is_sent_only_what_follows() {
    let world = World::new().await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    for number in 2..=4 {
        world.post(&ada, chat, number, &number.to_string()).await;
    }
    let mut client = world.connect(&bob, Format::Json).await;
    client.resume(&[Position { chat, received: Seq(2), seen: Seq(1) }]).await;
    assert_eq!(client.events_up_to(chat, 4).await, ["3 3", "4 4"]);
    drop(client);
    // It did not acknowledge those two, so they come again; what it stated before was remembered.
    let mut client = world.online(&bob, Format::Json).await;
    assert_eq!(client.events_up_to(chat, 4).await, ["3 3", "4 4"]);
}

#[tokio::test]
async fn positions_may_be_stated_in_pieces_and_delivery_starts_with_the_last() {
    let world = World::new().await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    for number in 2..=4 {
        world.post(&ada, chat, number, &number.to_string()).await;
    }
    for format in [Format::Json, Format::Proto] {
        let mut client = world.connect(&bob, format).await;
        // As many as one frame may name, so that this is also the largest frame.
        let unknown = |n: u16| ChatId::created_by(bob.device, ClientSeq(u64::from(n)));
        let mut positions: Vec<Position> = (1..1_000)
            .map(|n| Position { chat: unknown(n), received: Seq(u64::MAX / 2), seen: Seq(u64::MAX / 2) })
            .collect();
        positions.push(Position { chat, received: Seq(2), seen: Seq(1) });
        let done = client.request(Command::Resume { positions, more: true }).await;
        assert_eq!(done, Outcome::Done);
        assert_eq!(client.pushes_until_quiet().await, []);
        client.resume(&[]).await;
        assert_eq!(client.events_up_to(chat, 4).await, ["3 3", "4 4"]);
    }
}

#[tokio::test]
async fn nothing_is_pushed_before_resume() {
    let world = World::new().await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    let mut client = world.connect(&bob, Format::Json).await;
    world.post(&ada, chat, 2, "hello").await;
    assert_eq!(client.pushes_until_quiet().await, []);
    client.resume(&[]).await;
    assert_eq!(client.lines_until("caught up").await, ["1 +Created", "2 hello", "caught up"]);
}

#[tokio::test]
async fn typing_and_presence_reach_those_who_follow() {
    let world = World::new().await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    let mut watcher = world.online(&ada, Format::Proto).await;
    let Outcome::Presence(presences) =
        watcher.request(Command::Presence { users: vec![bob.device.user] }).await
    else {
        panic!("no presence");
    };
    assert!(!presences[0].online);
    let mut typist = world.online(&bob, Format::Json).await;
    let came = loop {
        if let ServerFrame::PresenceUpdate(presence) = watcher.push().await {
            break presence;
        }
    };
    assert!(came.online && came.user == bob.device.user);
    typist.request(Command::SetTyping { chat, typing: true }).await;
    loop {
        match watcher.push().await {
            ServerFrame::Typing { chat: of, user, typing } => {
                assert!(of == chat && user == bob.device.user && typing);
                break;
            }
            other => assert!(!line(&other).contains("Typing")),
        }
    }
}
