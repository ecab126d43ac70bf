//! From the sender to the recipient, once, in order.

use dunlin_delivery::{DeliveryConfig, HistoryQuery, ResumeAt};
use dunlin_model::view::{SkipReason, Status};
use dunlin_model::{Body, BodyGone, ChatCommand, ClientSeq, EventKind};

use crate::world::{World, connect, pull, pull_events, pull_until, rung, send, seq, text};

#[tokio::test]
async fn a_message_reaches_every_member_in_order() {
    for fan_out in [0, 256] {
        let world = World::with(DeliveryConfig::default(), fan_out).await;
        let (ada, bob) = (world.person(1).await, world.person(2).await);
        let chat = world.group(ada, &[bob]).await;
        let mut feed = world.connect(bob).await;
        assert_eq!(pull(&mut feed).await, ["1 +Created", "caught up"]);
        for (number, text) in [(2, "one"), (3, "two"), (4, "three")] {
            world.send(ada, chat, number, text).await;
        }
        rung(&feed).await;
        assert_eq!(pull(&mut feed).await, ["2 one", "3 two", "4 three"]);
    }
}

#[tokio::test]
async fn what_is_sent_to_an_absent_device_waits_in_the_log() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    world.send(ada, chat, 2, "are you there?").await;
    let mut feed = world.connect(bob).await;
    assert_eq!(pull(&mut feed).await, ["1 +Created", "2 are you there?", "caught up"]);
    feed.received(chat, seq(2)).await.unwrap();
    drop(feed);
    let mut feed = world.connect(bob).await;
    assert_eq!(pull(&mut feed).await, ["caught up"]);
}

#[tokio::test]
async fn what_was_not_acknowledged_comes_again() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    world.send(ada, chat, 2, "hello").await;
    let mut feed = world.connect(bob).await;
    assert_eq!(pull(&mut feed).await.len(), 3);
    drop(feed);
    let mut feed = world.connect(bob).await;
    assert_eq!(pull_events(&mut feed).await, ["1 +Created", "2 hello"]);
    drop(feed);
    // A device that restates what it has is not sent it again, although the server never heard of it.
    let at = ResumeAt { chat, received: seq(2), seen: seq(0) };
    let mut feed = connect(&world.server, bob, &[at]).await;
    assert_eq!(pull(&mut feed).await, ["caught up"]);
}

#[tokio::test]
async fn a_retry_gets_the_same_place() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    let first = world.send(ada, chat, 2, "once").await;
    let again = world.send(ada, chat, 2, "once").await;
    assert_eq!((first.seq, first.repeated), (seq(2), false));
    assert_eq!((again.seq, again.repeated), (seq(2), true));
    let created = world.direct(ada, bob).await;
    assert_eq!(created, chat);
    let mut feed = world.connect(bob).await;
    assert_eq!(pull_events(&mut feed).await, ["1 +Created", "2 once"]);
}

#[tokio::test]
async fn sends_keep_the_order_in_which_they_entered() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    let mut tasks = Vec::new();
    for number in 2..40 {
        let entered = world.server.enter(ada, chat, ClientSeq(number)).await.unwrap();
        let server = world.server.clone();
        tasks
            .push(tokio::spawn(async move { server.submit(entered, text(&number.to_string()), None).await }));
    }
    for (task, number) in tasks.into_iter().zip(2..) {
        assert_eq!(task.await.unwrap().unwrap().seq, seq(number));
    }
}

#[tokio::test]
async fn an_unacknowledged_window_holds_the_rest_in_the_log() {
    let config = DeliveryConfig { window_events: 5, ..DeliveryConfig::default() };
    let world = World::with(config, 256).await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    for number in 2..=20 {
        world.send(ada, chat, number, "x").await;
    }
    let mut feed = world.connect(bob).await;
    assert_eq!(pull_events(&mut feed).await.len(), 5);
    assert_eq!(pull_events(&mut feed).await.len(), 0);
    assert_eq!(feed.in_flight(), 5);
    feed.received(chat, seq(3)).await.unwrap();
    assert_eq!(pull_events(&mut feed).await, ["6 x", "7 x", "8 x"]);
    // An acknowledgement of what was never sent counts for what was.
    assert_eq!(feed.received(chat, seq(1_000)).await.unwrap(), seq(8));
    assert_eq!(pull_events(&mut feed).await.len(), 5);
}

#[tokio::test]
async fn a_long_absence_is_caught_up_from_the_store() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    for number in 2..=1_500 {
        world.send(ada, chat, number, "x").await;
    }
    let mut feed = world.connect(bob).await;
    let mut next = 1;
    while next <= 1_500 {
        for line in pull_events(&mut feed).await {
            assert_eq!(line.split(' ').next(), Some(next.to_string().as_str()));
            next += 1;
        }
        feed.received(chat, seq(next - 1)).await.unwrap();
    }
    // The snapshot that such a log has lets another server load it without reading it all.
    let other = world.another_server(2).await;
    assert_eq!(send(&other, ada, chat, 1_501, "y").await.unwrap().seq, seq(1_501));
}

#[tokio::test]
async fn receipts_rise_and_reach_the_sender() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    let sent = world.send(ada, chat, 2, "hello").await;
    let mut sender = world.connect(ada).await;
    pull(&mut sender).await;
    let status = |world: &World| {
        let server = world.server.clone();
        async move { server.message_status(ada.user, chat, sent.seq).await.unwrap().status }
    };
    assert_eq!(status(&world).await, Status::Sent);
    let mut feed = world.connect(bob).await;
    pull(&mut feed).await;
    feed.received(chat, seq(2)).await.unwrap();
    pull_until(&mut sender, "delivered 2 seen 0").await;
    assert_eq!(status(&world).await, Status::Delivered);
    feed.seen(chat, seq(2)).await.unwrap();
    pull_until(&mut sender, "delivered 2 seen 2").await;
    assert_eq!(status(&world).await, Status::Seen);
    // Both are durable: another server says the same.
    let other = world.another_server(2).await;
    assert_eq!(other.message_status(ada.user, chat, sent.seq).await.unwrap().status, Status::Seen);
}

#[tokio::test]
async fn receipts_are_shown_to_those_whose_messages_they_are_about() {
    let world = World::new().await;
    let (ada, bob, cyd) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let tablet = world.device(bob.user, 2).await;
    let chat = world.group(ada, &[bob, cyd]).await;
    world.send(ada, chat, 2, "hello").await;
    let mut feeds = Vec::new();
    for device in [ada, bob, cyd, tablet] {
        feeds.push(world.connect(device).await);
    }
    for feed in &mut feeds {
        pull(feed).await;
    }
    let [sender, phone, other, second] = &mut feeds[..] else { unreachable!() };
    phone.received(chat, seq(2)).await.unwrap();
    pull_until(sender, "delivered 2 seen 0").await;
    phone.seen(chat, seq(2)).await.unwrap();
    pull_until(sender, "delivered 2 seen 2").await;
    pull_until(second, "delivered 2 seen 2").await;
    assert_eq!(pull(other).await, Vec::<String>::new());
    // What Cyd wrote is Cyd's to know about, and not Ada's.
    world.send(cyd, chat, 1, "hi").await;
    pull_until(phone, "3 hi").await;
    pull(sender).await;
    phone.received(chat, seq(3)).await.unwrap();
    pull_until(other, "delivered 3 seen 2").await;
    phone.seen(chat, seq(3)).await.unwrap();
    pull_until(other, "delivered 3 seen 3").await;
    assert_eq!(pull(sender).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_message_deleted_for_everyone_is_empty_everywhere() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    let sent = world.send(ada, chat, 2, "a slip").await;
    let refused = world.act(bob, chat, 1, ChatCommand::DeleteMessage { target: sent.seq }).await.unwrap_err();
    assert_eq!(refused.code().as_str(), "forbidden");
    world.act(ada, chat, 3, ChatCommand::DeleteMessage { target: sent.seq }).await.unwrap();
    let is_empty = |events: &[dunlin_model::Event]| {
        events.iter().any(|event| {
            event.seq == sent.seq
                && matches!(event.kind, EventKind::Message { body: Body::Gone(BodyGone::Deleted), .. })
        })
    };
    let page = world.server.history(bob.user, chat, HistoryQuery::default()).await.unwrap();
    assert!(is_empty(&page.events));
    // A server that has the log only from the store shows it so too, at once and after the job.
    let other = world.another_server(2).await;
    assert!(is_empty(&other.history(bob.user, chat, HistoryQuery::default()).await.unwrap().events));
    let mut feed = connect(&other, bob, &[]).await;
    let lines = pull_events(&mut feed).await;
    assert_eq!(lines, ["1 +Created", "2 Gone(Deleted)", "3 +MessageDeleted"]);
}

#[tokio::test]
async fn a_message_deleted_for_oneself_is_gone_on_ones_own_devices_only() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let bobs_laptop = world.device(bob.user, 2).await;
    let chat = world.direct(ada, bob).await;
    let sent = world.send(ada, chat, 2, "hello").await;
    let mut laptop = world.connect(bobs_laptop).await;
    pull(&mut laptop).await;
    world.server.hide(bob, chat, sent.seq).await.unwrap();
    assert_eq!(pull(&mut laptop).await, ["hidden 2"]);
    let page = world.server.history(bob.user, chat, HistoryQuery::default()).await.unwrap();
    assert_eq!(page.events.len(), 1);
    assert_eq!(page.skipped.first().map(|range| range.reason), Some(SkipReason::Hidden));
    let page = world.server.history(ada.user, chat, HistoryQuery::default()).await.unwrap();
    assert_eq!(page.events.len(), 2);
}

#[tokio::test]
async fn history_pages_back_to_the_start() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    for number in 2..=300 {
        let from = if number % 3 == 0 { bob } else { ada };
        world.send(from, chat, number, &number.to_string()).await;
    }
    let (mut before, mut seen) = (None, Vec::new());
    loop {
        let query = HistoryQuery { before, limit: Some(64), sender: None };
        let page = world.server.history(bob.user, chat, query).await.unwrap();
        assert!(page.events.is_sorted_by_key(|event| event.seq));
        seen.splice(0..0, page.events.iter().map(|event| event.seq.0));
        before = page.next_before;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, (1..=300).collect::<Vec<u64>>());
    let query = HistoryQuery { before: None, limit: Some(200), sender: Some(bob.user) };
    let page = world.server.history(ada.user, chat, query).await.unwrap();
    assert_eq!(page.events.len(), 100);
    assert!(page.events.iter().all(|event| event.sender.user == bob.user));
}

#[tokio::test]
async fn what_one_wrote_oneself_is_not_unread() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    world.send(ada, chat, 2, "hello?").await;
    let seen = |device| {
        let server = world.server.clone();
        async move { server.chat_details(device, chat).await.unwrap().seen }
    };
    assert_eq!(seen(ada).await, seq(2));
    assert_eq!(seen(bob).await, seq(0));
    world.send(bob, chat, 2, "yes").await;
    world.send(ada, chat, 3, "good").await;
    assert_eq!(seen(ada).await, seq(2), "what came between is unread");
}
