//! Several servers over one store, with a relay that may fail.

use dunlin_model::Seq;
use dunlin_relay::{Fate, Lost, ServerId};

use crate::world::{World, connect, pull, pull_events, rung, send};

#[tokio::test]
async fn a_message_crosses_servers() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    let other = world.another_server(2).await;
    let mut feed = connect(&other, bob, &[]).await;
    pull(&mut feed).await;
    world.send(ada, chat, 2, "across").await;
    rung(&feed).await;
    assert_eq!(pull_events(&mut feed).await, ["2 across"]);
}

#[tokio::test]
async fn two_servers_append_to_one_chat_without_gaps() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    let other = world.another_server(2).await;
    let here = async {
        for number in 2..60 {
            world.send(ada, chat, number, "a").await;
        }
    };
    let there = async {
        for number in 2..60 {
            send(&other, bob, chat, number, "b").await.unwrap();
        }
    };
    tokio::join!(here, there);
    let mut feed = world.connect(bob).await;
    let lines = pull_events(&mut feed).await;
    assert_eq!(lines.len(), 117);
    for (line, seq) in lines.iter().zip(1..) {
        assert!(line.starts_with(&format!("{seq} ")), "{line}");
    }
}

#[tokio::test]
async fn lost_wakes_are_made_good_when_the_subscription_is_known_to_have_broken() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    let other = world.another_server(2).await;
    let mut feed = connect(&other, bob, &[]).await;
    pull(&mut feed).await;
    world.relay.interrupt(ServerId(2), Lost::All);
    world.send(ada, chat, 2, "unheard").await;
    assert!(pull(&mut feed).await.is_empty());
    world.relay.resume(ServerId(2));
    rung(&feed).await;
    assert_eq!(pull_events(&mut feed).await, ["2 unheard"]);
}

#[tokio::test]
async fn doubled_and_late_wakes_change_nothing() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    let other = world.another_server(2).await;
    let mut feed = connect(&other, bob, &[]).await;
    pull(&mut feed).await;
    world.relay.set_fate(Fate::Double);
    world.send(ada, chat, 2, "twice").await;
    assert_eq!(pull_events(&mut feed).await, ["2 twice"]);
    world.relay.set_fate(Fate::Hold);
    world.send(ada, chat, 3, "late").await;
    world.relay.set_fate(Fate::Deliver);
    world.send(ada, chat, 4, "early").await;
    assert_eq!(pull_events(&mut feed).await, ["3 late", "4 early"]);
    world.relay.release();
    assert!(pull_events(&mut feed).await.is_empty());
    assert_eq!(feed.received(chat, Seq(4)).await.unwrap(), Seq(4));
}
