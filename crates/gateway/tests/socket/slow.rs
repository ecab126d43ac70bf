//! Those who do not acknowledge, or do not read: they wait, nobody else does, and nothing piles up.

use std::time::Duration;

use dunlin_wire::{Command, Format, Outcome, Position, ServerFrame};

use crate::raw::{Frame, Raw};
use crate::world::{QUIET, World, until};

const LIST: Command = Command::ListChats { after: None, limit: None };

#[tokio::test]
async fn who_never_acknowledges_gets_a_window_and_holds_up_nobody() {
    const WINDOW: u64 = 8;
    const SENDS: u64 = 200;
    let world = World::with_window(8).await;
    let [ada, bob, eve] = world.people().await;
    let chat = world.group(&ada, &[&bob, &eve]).await;
    let mut sender = world.online(&ada, Format::Json).await;
    let mut good = world.online(&bob, Format::Json).await;
    let mut silent = world.online(&eve, Format::Proto).await;
    assert_eq!(good.events_up_to(chat, 1).await.len(), 1);
    good.received(chat, 1).await;
    for number in 0..SENDS {
        let seq = sender.send(chat, &number.to_string()).await;
        sender.received(chat, seq).await;
        assert_eq!(good.events_up_to(chat, seq).await, [format!("{seq} {number}")]);
        good.received(chat, seq).await;
    }
    let came = silent.events_until_quiet().await;
    assert_eq!(came.len(), usize::try_from(WINDOW).unwrap());
    // The rest was not even read for it: it lies in the log.
    let pulled = world.delivery.metrics().pulled.get();
    let of_others = 2 * (SENDS + 1);
    assert!(pulled <= of_others + WINDOW, "{pulled}");
    // Its requests are answered all the same, and it goes on where it stopped.
    assert!(matches!(silent.request(LIST).await, Outcome::Chats { .. }));
    silent.received(chat, 3).await;
    assert_eq!(silent.events_up_to(chat, 11).await, ["9 7", "10 8", "11 9"]);
    assert!(silent.events_until_quiet().await.is_empty());
    // Acknowledging what was not sent opens the window no further.
    silent.received(chat, SENDS).await;
    assert_eq!(silent.events_until_quiet().await.len(), usize::try_from(WINDOW).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_never_reads_is_left_to_wait_and_catches_up_when_it_does() {
    const SENDS: u64 = 1_500;
    let world = World::with_window(10_000).await;
    let [ada, bob, eve] = world.people().await;
    let chat = world.group(&ada, &[&bob, &eve]).await;
    let mut good = world.online(&bob, Format::Proto).await;
    let mut deaf = Raw::connect_narrow(world.address, &eve.access_token, Format::Proto).await;
    deaf.command(1, Command::Resume { positions: Vec::new(), more: false }).await;
    let body = "x".repeat(16 * 1024);
    for number in 2..=SENDS {
        let seq = world.post(&ada, chat, number, &body).await.0;
        if number % 50 == 0 {
            good.events_up_to(chat, seq).await;
            good.received(chat, seq).await;
        }
    }
    tokio::time::sleep(QUIET).await;
    // The deaf one got what fits its socket; the rest was not pulled.
    let pulled = world.delivery.metrics().pulled.get();
    let for_the_deaf = pulled.saturating_sub(SENDS);
    assert!(for_the_deaf < SENDS / 2, "{for_the_deaf} events were pulled for one who does not read");
    assert!(matches!(good.request(LIST).await, Outcome::Chats { .. }));
    // It finds everything, in order.
    let mut next = 1;
    while next <= SENDS {
        match deaf.next().await {
            Frame::Server(ServerFrame::Event { event, .. }) => {
                assert_eq!(event.seq.0, next);
                next += 1;
            }
            Frame::Server(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn who_asks_without_reading_the_answers_is_read_no_further() {
    let world = World::configured(|config| config.out_bytes_max = 16 * 1024).await;
    let [ada] = world.people().await;
    let chat = world.group(&ada, &[]).await;
    for number in 2..=50 {
        world.post(&ada, chat, number, &"x".repeat(8 * 1024)).await;
    }
    let mut greedy = Raw::connect_narrow(world.address, &ada.access_token, Format::Proto).await;
    for id in 1..=2_000 {
        greedy.command(id, Command::History { chat, before: None, limit: None, sender: None }).await;
    }
    let taken_now = || world.gateway.metrics().frames_in.get();
    until("the first request", || taken_now() > 0).await;
    tokio::time::sleep(4 * QUIET).await;
    // One batch was answered, more than the socket takes; the rest stays where it is.
    let taken = taken_now();
    assert!(taken < 300, "{taken} requests were taken");
    world.assert_serves().await;
}

#[tokio::test]
async fn who_never_reads_nor_answers_heartbeats_is_closed() {
    let world = World::configured(|config| config.heartbeat = Duration::from_millis(100)).await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    let mut deaf = Raw::connect_narrow(world.address, &bob.access_token, Format::Json).await;
    let positions = vec![Position { chat, received: dunlin_model::Seq(1), seen: dunlin_model::Seq(0) }];
    deaf.command(1, Command::Resume { positions, more: false }).await;
    for number in 2..=600 {
        world.post(&ada, chat, number, &"x".repeat(16 * 1024)).await;
    }
    until("the end of the deaf one", || world.gateway.metrics().closed.get() == 1).await;
    assert_eq!(world.gateway.connection_count(), 0);
    world.assert_serves().await;
}
