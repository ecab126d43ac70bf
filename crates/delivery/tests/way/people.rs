//! Several devices, presence, typing.

use std::time::Duration;

use dunlin_delivery::{DeliveryConfig, ResumeAt};
use dunlin_model::Timestamp;
use dunlin_model::account::{Document, DocumentKind, LastSeenVisibility, Settings};
use dunlin_store::{Devices, Documents, Progresses};

use crate::world::{START, World, connect, pull, pull_events, pull_until, seq};

#[tokio::test]
async fn each_device_keeps_its_own_place_and_one_sees_for_all() {
    let world = World::new().await;
    let (ada, phone) = (world.person(1).await, world.person(2).await);
    let laptop = world.device(phone.user, 2).await;
    let chat = world.direct(ada, phone).await;
    world.send(ada, chat, 2, "hello").await;
    let (mut on_phone, mut on_laptop) = (world.connect(phone).await, world.connect(laptop).await);
    assert_eq!(pull_events(&mut on_phone).await, ["1 +Created", "2 hello"]);
    assert_eq!(pull_events(&mut on_laptop).await, ["1 +Created", "2 hello"]);
    on_phone.seen(chat, seq(2)).await.unwrap();
    let lines = pull_until(&mut on_laptop, "delivered 2 seen 2").await;
    assert_eq!(lines, ["delivered 2 seen 2"]);
    drop(on_laptop);
    // The laptop never acknowledged: what the phone has seen is not taken from it.
    let mut on_laptop = world.connect(laptop).await;
    assert_eq!(pull_events(&mut on_laptop).await, ["1 +Created", "2 hello"]);
    assert_eq!(world.server.chat_details(laptop, chat).await.unwrap().seen, seq(2));
}

#[tokio::test]
async fn a_device_linked_later_starts_where_it_was_linked() {
    let world = World::new().await;
    let (ada, phone) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, phone).await;
    world.send(ada, chat, 2, "earlier").await;
    let laptop = world.device(phone.user, 2).await;
    world.server.link_device(laptop).await.unwrap();
    world.send(ada, chat, 3, "later").await;
    let mut feed = world.connect(laptop).await;
    assert_eq!(pull_events(&mut feed).await, ["3 later"]);
    // Linking a device delivers nothing.
    let status = world.server.message_status(ada.user, chat, seq(2)).await.unwrap().status;
    assert_eq!(status, dunlin_model::view::Status::Sent);
}

#[tokio::test]
async fn who_logs_out_everywhere_and_in_again_misses_nothing() {
    let world = World::new().await;
    let (ada, old) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, old).await;
    let mut feed = world.connect(old).await;
    pull(&mut feed).await;
    feed.received(chat, seq(1)).await.unwrap();
    while world.server.receipts_pending() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(feed);
    let mut record = world.store.device(old).await.unwrap().unwrap();
    record.value.revoked = Some(START);
    world.store.replace_device(&record).await.unwrap();
    world.send(ada, chat, 2, "while you were out").await;
    let new = world.device(old.user, 2).await;
    world.server.link_device(new).await.unwrap();
    let mut feed = world.connect(new).await;
    assert_eq!(pull_events(&mut feed).await, ["2 while you were out"]);
}

#[tokio::test]
async fn a_revoked_device_is_told_to_go() {
    let world = World::new().await;
    let (phone, other) = (world.person(1).await, world.person(2).await);
    let (feed, others) = (world.connect(phone).await, world.connect(other).await);
    world.server.revoke_device(phone);
    assert!(feed.session().is_revoked());
    assert!(!others.session().is_revoked());
}

#[tokio::test]
async fn a_position_beyond_the_log_is_cut_to_it() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    let beyond = ResumeAt { chat, received: seq(99), seen: seq(99) };
    let mut feed = connect(&world.server, bob, &[beyond]).await;
    assert_eq!(pull(&mut feed).await, ["caught up"]);
    world.send(ada, chat, 2, "not lost").await;
    assert_eq!(pull_events(&mut feed).await, ["2 not lost"]);
    let status = world.server.message_status(ada.user, chat, seq(2)).await.unwrap().status;
    assert_eq!(status, dunlin_model::view::Status::Sent);
}

#[tokio::test]
async fn presence_is_shown_at_once_and_absence_after_a_while() {
    let config = DeliveryConfig { offline_after: Duration::from_secs(10), ..DeliveryConfig::default() };
    let world = World::with(config, 256).await;
    let (ada, bob, eve) = (world.person(1).await, world.person(2).await, world.person(3).await);
    world.direct(ada, bob).await;
    let mut feed = world.connect(ada).await;
    let shown = feed.follow_presence(&[bob.user, eve.user]).await.unwrap();
    assert_eq!(shown.len(), 1, "strangers are left out");
    assert_eq!((shown[0].online, shown[0].last_seen), (false, None));
    let bobs = world.connect(bob).await;
    pull_until(&mut feed, "online true").await;
    drop(bobs);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(
        !pull(&mut feed).await.iter().any(|line| line.starts_with("online false")),
        "a short absence is not shown"
    );
    world.clock.advance(Duration::from_secs(11));
    pull_until(&mut feed, "online false, seen last").await;
    let seen: Option<Timestamp> = world.store.last_seen(bob.user).await.unwrap();
    assert_eq!(seen, Some(START + Duration::from_secs(11)));
}

#[tokio::test]
async fn who_hides_it_is_not_seen_by_those_who_followed_before() {
    let config = DeliveryConfig { offline_after: Duration::from_secs(10), ..DeliveryConfig::default() };
    let world = World::with(config, 256).await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    world.direct(ada, bob).await;
    let mut feed = world.connect(ada).await;
    let bobs = world.connect(bob).await;
    feed.follow_presence(&[bob.user]).await.unwrap();
    let mut settings = world.store.document(bob.user, DocumentKind::Settings).await.unwrap();
    settings.value = Document::Settings(Settings { last_seen: LastSeenVisibility::Nobody });
    world.store.replace_document(bob.user, &settings).await.unwrap();
    drop(bobs);
    world.clock.advance(Duration::from_secs(11));
    let told = pull_until(&mut feed, "online false").await;
    assert!(!told.iter().any(|line| line.contains("seen last")), "{told:?}");
}

#[tokio::test]
async fn typing_is_shown_to_the_others_and_kept_nowhere() {
    let world = World::new().await;
    let (ada, bob, eve) = (world.person(1).await, world.person(2).await, world.person(3).await);
    let chat = world.direct(ada, bob).await;
    let mut feed = world.connect(bob).await;
    pull(&mut feed).await;
    world.server.typing(ada, chat, true).await.unwrap();
    assert_eq!(pull(&mut feed).await, ["typing true"]);
    assert!(world.server.typing(eve, chat, true).await.is_err());
    assert!(pull(&mut feed).await.is_empty());
}
