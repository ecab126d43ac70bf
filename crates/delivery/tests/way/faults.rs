//! When the store fails, answers late, or does not know.

use dunlin_model::ErrorCode;
use dunlin_store::memory::{Fault, Operation};

use crate::world::{World, pull, pull_events, send};

#[tokio::test]
async fn an_uncertain_append_is_resolved_by_the_log() {
    for fault in [Fault::UncertainWritten, Fault::UncertainLost] {
        let world = World::new().await;
        let (ada, bob) = (world.person(1).await, world.person(2).await);
        let chat = world.direct(ada, bob).await;
        world.store.fail_next(Operation::Append, fault);
        assert_eq!(world.send(ada, chat, 2, "once").await.seq.0, 2);
        assert_eq!(world.send(ada, chat, 3, "next").await.seq.0, 3);
        let mut feed = world.connect(bob).await;
        assert_eq!(pull_events(&mut feed).await, ["1 +Created", "2 once", "3 next"], "{fault:?}");
    }
}

#[tokio::test]
async fn without_the_store_nothing_is_accepted_and_the_retry_is() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    let mut feed = world.connect(bob).await;
    pull(&mut feed).await;
    world.store.fail_next(Operation::Append, Fault::Unavailable);
    let refused = send(&world.server, ada, chat, 2, "hello").await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Unavailable);
    assert!(pull(&mut feed).await.is_empty());
    assert!(!world.send(ada, chat, 2, "hello").await.repeated);
    assert_eq!(pull_events(&mut feed).await, ["2 hello"]);
}

#[tokio::test]
async fn an_append_whose_raise_failed_is_completed_by_the_retry() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    let mut feed = world.connect(bob).await;
    pull(&mut feed).await;
    world.store.fail_next(Operation::RaiseInbox, Fault::Unavailable);
    let refused = send(&world.server, ada, chat, 2, "hello").await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Unavailable);
    let again = world.send(ada, chat, 2, "hello").await;
    assert!(again.repeated);
    assert_eq!(again.seq.0, 2);
    assert_eq!(pull_events(&mut feed).await, ["2 hello"]);
}

#[tokio::test]
async fn a_pull_that_failed_goes_on_where_it_was() {
    let world = World::new().await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, bob).await;
    for number in 2..=400 {
        world.send(ada, chat, number, "x").await;
    }
    let mut feed = world.connect(bob).await;
    world.store.fail_next(Operation::ReadChats, Fault::Unavailable);
    let mut pushes = Vec::new();
    let failed = feed.pull(dunlin_delivery::PullBudget { events: 500 }, &mut pushes).await;
    assert!(failed.is_err());
    assert!(pushes.is_empty());
    let lines = pull_events(&mut feed).await;
    assert_eq!(lines.first().map(String::as_str), Some("1 +Created"));
    assert_eq!(lines.len(), 256, "a window full");
}
