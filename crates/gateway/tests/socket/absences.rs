//! Those who come back when what they missed has expired.

use std::time::Duration;

use dunlin_model::{Clock as _, Seq};
use dunlin_store::Chats as _;
use dunlin_store::retention::{RetentionPolicy, step};
use dunlin_wire::{Command, Format, Outcome};

use crate::world::World;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Runs the retention job to its end.
async fn retain(world: &World) {
    while step(&*world.store, world.clock.now(), &RetentionPolicy::default(), 16).await.unwrap().more {}
}

#[tokio::test]
async fn expired_bodies_come_empty_and_removed_events_are_announced() {
    let world = World::new().await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    for number in 2..=4 {
        world.post(&ada, chat, number, "old").await;
    }
    world.clock.advance(20 * DAY);
    world.post(&ada, chat, 5, "middle").await;
    world.clock.advance(15 * DAY);
    world.post(&ada, chat, 6, "young").await;
    retain(&world).await;
    let bob = world.accounts.refresh(&bob.refresh_token).await.unwrap();
    let expected =
        ["1 +Created", "2 Gone(Expired)", "3 Gone(Expired)", "4 Gone(Expired)", "5 middle", "6 young"];
    // A server that has just started holds nothing in memory.
    let elsewhere = world.restarted().await;
    for format in Format::ALL {
        let mut client = elsewhere.online(&bob, *format).await;
        assert_eq!(client.events_up_to(chat, 6).await, expected);
    }
    // A month later all of it is gone but the newest, and the gap has a name.
    world.clock.advance(26 * DAY);
    retain(&world).await;
    assert_eq!(world.store.floor(chat).await.unwrap(), Seq(4));
    let bob = world.accounts.refresh(&bob.refresh_token).await.unwrap();
    let elsewhere = world.restarted().await;
    for format in Format::ALL {
        let mut client = elsewhere.online(&bob, *format).await;
        assert_eq!(client.events_up_to(chat, 6).await, ["1-4 Expired", "5 Gone(Expired)", "6 young"]);
        client.lines_until("caught up").await;
        let asked = client.request(Command::History { chat, before: None, limit: None, sender: None }).await;
        let Outcome::History { page, .. } = asked else { panic!("{asked:?}") };
        let seqs: Vec<u64> = page.events.iter().map(|event| event.seq.0).collect();
        assert_eq!(seqs, [5, 6]);
        assert_eq!(page.next_before, None);
        assert_eq!((page.skipped[0].from, page.skipped[0].to), (Seq(1), Seq(4)));
    }
}

#[tokio::test]
async fn a_chat_that_expired_whole_is_skipped_whole_and_goes_on() {
    let world = World::new().await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    for number in 2..=9 {
        world.post(&ada, chat, number, "old").await;
    }
    world.clock.advance(100 * DAY);
    retain(&world).await;
    let (ada, bob) = (
        world.accounts.refresh(&ada.refresh_token).await.unwrap(),
        world.accounts.refresh(&bob.refresh_token).await.unwrap(),
    );
    let elsewhere = world.restarted().await;
    let mut client = elsewhere.online(&bob, Format::Json).await;
    assert_eq!(client.lines_until("caught up").await, ["1-9 Expired", "caught up"]);
    client.received(chat, 9).await;
    let mut sender = elsewhere.online(&ada, Format::Proto).await;
    assert_eq!(sender.send(chat, "is anyone there?").await, 10);
    assert_eq!(client.events_up_to(chat, 10).await, ["10 is anyone there?"]);
}
