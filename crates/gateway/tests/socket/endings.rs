//! How connections end: each with its code, and with a word beforehand where there is something to say.

use std::time::Duration;

use dunlin_model::view::Skipped;
use dunlin_wire::{CloseCode, Command, Format, Outcome, ServerFrame};

use crate::raw::{FIN, Frame, PONG, Raw, http, masked, upgrade_lines};
use crate::world::{World, until};

const LIST: Command = Command::ListChats { after: None, limit: None };
const BEAT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_new_connection_of_a_device_replaces_the_oldest() {
    let world = World::configured(|config| config.connections_per_device_max = 2).await;
    let [ada] = world.people().await;
    let mut first = world.online(&ada, Format::Json).await;
    let mut second = world.online(&ada, Format::Json).await;
    let mut third = world.online(&ada, Format::Proto).await;
    assert_eq!(first.closed().await, Some(CloseCode::Replaced.number()));
    for client in [&mut second, &mut third] {
        assert!(matches!(client.request(LIST).await, Outcome::Chats { .. }));
    }
    // A place that was given back can be taken without harm to anyone.
    assert_eq!(third.close().await, Some(CloseCode::Normal.number()));
    until("the place", || world.gateway.connection_count() == 1).await;
    world.online(&ada, Format::Json).await;
    assert!(matches!(second.request(LIST).await, Outcome::Chats { .. }));
}

#[tokio::test]
async fn a_revoked_device_is_closed_at_once_and_refused_from_then_on() {
    let world = World::new().await;
    let [phone, laptop] = world.devices().await;
    let [ada] = world.people().await;
    let chat = world.group(&ada, &[&phone]).await;
    let mut lost = world.online(&phone, Format::Json).await;
    let mut kept = world.online(&laptop, Format::Json).await;
    lost.events_up_to(chat, 1).await;
    world.accounts.revoke_device(phone.device.user, phone.device.number).await.unwrap();
    world.post(&ada, chat, 2, "not for thieves").await;
    assert_eq!(lost.closed().await, Some(CloseCode::DeviceRevoked.number()));
    assert!(lost.pending_events().is_empty());
    let lines = upgrade_lines(Some(&phone.access_token), Format::Json);
    let (status, answer) = http(world.address, "/v1/ws", &lines).await;
    assert_eq!(status, 401);
    assert!(answer.contains(r#""code":"deviceRevoked""#), "{answer}");
    assert_eq!(kept.events_up_to(chat, 2).await, ["1 +Created", "2 not for thieves"]);
}

#[tokio::test]
async fn draining_tells_when_to_come_back_then_closes_and_refuses_new_ones() {
    let world = World::configured(|config| config.drain_window = Duration::from_secs(20)).await;
    let people = world.people::<8>().await;
    let mut clients = Vec::new();
    for person in &people {
        clients.push(world.online(person, Format::Json).await);
    }
    world.gateway.drain();
    let mut waits = Vec::new();
    for client in &mut clients {
        let reconnect_after = loop {
            if let ServerFrame::Draining { reconnect_after } = client.push().await {
                break reconnect_after;
            }
        };
        assert!(reconnect_after <= Duration::from_secs(20));
        waits.push(reconnect_after);
        assert_eq!(client.closed().await, Some(CloseCode::GoingAway.number()));
    }
    waits.sort();
    waits.dedup();
    assert!(waits.len() > people.len() / 2, "they are spread: {waits:?}");
    let lines = upgrade_lines(Some(&people[0].access_token), Format::Json);
    let (status, answer) = http(world.address, "/v1/ws", &lines).await;
    assert_eq!(status, 503);
    assert!(answer.contains(r#""code":"draining""#), "{answer}");
    until("the last connection's end", || world.gateway.connection_count() == 0).await;
}

#[tokio::test]
async fn what_was_asked_before_the_drain_is_answered() {
    let world = World::new().await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    let mut client = world.online(&ada, Format::Proto).await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        let (client_seq, command) = (client.number(), crate::world::text("x"));
        ids.push(client.ask(Command::Submit { chat, client_seq, command, attestation: None }).await);
    }
    client.reply(ids[0]).await;
    world.gateway.drain();
    assert_eq!(client.closed().await, Some(CloseCode::GoingAway.number()));
    // Everything the server took was answered; what it did not read any more has no answer, and no event.
    let answered = client.stray_replies().len() + 1;
    let heads = dunlin_store::Chats::heads(&*world.store, &[chat]).await.unwrap();
    assert_eq!(heads[0].0, u64::try_from(answered).unwrap() + 1);
}

#[tokio::test]
async fn who_does_not_answer_heartbeats_is_closed() {
    let world = World::configured(|config| config.heartbeat = BEAT).await;
    let [ada] = world.people().await;
    let mut silent = Raw::connect(world.address, Some(&ada.access_token), Format::Json).await;
    let mut pings = 0;
    let code = loop {
        match silent.next_of_any_kind().await {
            Frame::Ping => pings += 1,
            Frame::Close(code) => break code,
            Frame::Server(ServerFrame::Welcome(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((code, pings), (CloseCode::HeartbeatMissed.number(), 2));
    assert_eq!(world.gateway.metrics().heartbeats_missed.get(), 1);
}

#[tokio::test]
async fn who_answers_heartbeats_stays() {
    let world = World::configured(|config| config.heartbeat = BEAT).await;
    let [ada] = world.people().await;
    let mut alive = Raw::connect(world.address, Some(&ada.access_token), Format::Json).await;
    let mut pings = 0;
    while pings < 8 {
        match alive.next_of_any_kind().await {
            Frame::Ping => {
                pings += 1;
                alive.write(&masked(FIN | PONG, b"")).await;
            }
            Frame::Server(ServerFrame::Welcome(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(world.gateway.connection_count(), 1);
}

#[tokio::test]
async fn a_client_that_vanishes_leaves_nothing_behind() {
    let world = World::new().await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    let mut watcher = world.online(&bob, Format::Json).await;
    watcher.request(Command::Presence { users: vec![ada.device.user] }).await;
    for round in 0..20 {
        let mut client = world.online(&ada, Format::Proto).await;
        for _ in 0..5 {
            let (client_seq, command) = (client.number(), crate::world::text(&round.to_string()));
            client.ask(Command::Submit { chat, client_seq, command, attestation: None }).await;
        }
        drop(client); // Without a close frame, with answers under way.
    }
    until("the end of all but one", || world.gateway.connection_count() == 1).await;
    let metrics = world.gateway.metrics();
    until("their tasks' end", || metrics.opened.get() == metrics.closed.get() + 1).await;
    let heads = dunlin_store::Chats::heads(&*world.store, &[chat]).await.unwrap();
    let lines = watcher.events_up_to(chat, heads[0].0).await;
    assert_eq!(lines.len(), usize::try_from(heads[0].0).unwrap(), "no gap and nothing twice");
    let skipped = |push: &ServerFrame| matches!(push, ServerFrame::Skipped { range: Skipped { .. }, .. });
    assert!(!watcher.pushes_until_quiet().await.iter().any(skipped));
}
