//! When the store fails, answers late, or does not know.

use dunlin_delivery::{DeliveryConfig, ResumeAt};
use dunlin_model::{ChatCommand, ChatKind, ClientSeq, Encryption, ErrorCode};
use dunlin_store::memory::{Fault, Operation};

use crate::world::{World, connect, pull, pull_events, send, seq};

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

#[tokio::test]
async fn what_a_device_got_before_its_row_was_written_is_not_sent_again_after_a_crash() {
    let world = World::with(DeliveryConfig::default(), 0).await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let chat = world.group(ada, &[bob]).await;
    let mut feed = world.connect(bob).await;
    pull(&mut feed).await;
    let add = || ChatCommand::Add { users: vec![bob.user] };
    world.act(ada, chat, 2, ChatCommand::Remove { users: vec![bob.user] }).await.unwrap();
    world.store.fail_next(Operation::RaiseInbox, Fault::Unavailable);
    assert!(world.act(ada, chat, 3, add()).await.is_err());
    world.send(ada, chat, 4, "welcome back").await;
    assert_eq!(pull_events(&mut feed).await, ["2 +MembersRemoved", "3 +MembersAdded", "4 welcome back"]);
    // The server dies with the row still closed at 2; the next one completes the retried addition.
    drop(feed);
    let next = world.another_server(2).await;
    let at = ResumeAt { chat, received: seq(4), seen: seq(4) };
    let mut feed = connect(&next, bob, &[at]).await;
    assert_eq!(pull(&mut feed).await, ["caught up"]);
    assert!(next.submit_in_task(ada, chat, ClientSeq(3), add(), None).await.unwrap().repeated);
    assert!(pull_events(&mut feed).await.is_empty());
    assert_eq!(send(&next, ada, chat, 5, "new").await.unwrap().seq, seq(5));
    assert_eq!(pull_events(&mut feed).await, ["5 new"]);
}

#[tokio::test]
async fn a_chat_that_a_device_has_without_a_row_is_not_sent_again_either() {
    let world = World::with(DeliveryConfig::default(), 0).await;
    let (ada, bob) = (world.person(1).await, world.person(2).await);
    let create = || ChatCommand::Create {
        kind: ChatKind::Group,
        encryption: Encryption::None,
        name: "Friends".into(),
        description: String::new(),
        members: vec![bob.user],
    };
    world.store.fail_next(Operation::RaiseInbox, Fault::Unavailable);
    assert!(world.server.create_chat(ada, ClientSeq(1), create(), None).await.is_err());
    let chat = dunlin_delivery::Delivery::chat_to_create(ada, ClientSeq(1), &create());
    let at = ResumeAt { chat, received: seq(1), seen: seq(0) };
    let mut feed = connect(&world.server, bob, &[at]).await;
    assert_eq!(pull(&mut feed).await, ["caught up"]);
    assert!(world.server.create_chat(ada, ClientSeq(1), create(), None).await.unwrap().repeated);
    assert!(pull_events(&mut feed).await.is_empty());
}

#[tokio::test]
async fn a_row_that_a_crash_prevented_is_written_before_anything_more_is_accepted() {
    for crash in [false, true] {
        let world = World::with(DeliveryConfig::default(), 0).await;
        let (ada, bob) = (world.person(1).await, world.person(2).await);
        let chat = world.group(ada, &[]).await;
        world.store.fail_next(Operation::RaiseInbox, Fault::Unavailable);
        let add = ChatCommand::Add { users: vec![bob.user] };
        assert!(world.act(ada, chat, 2, add).await.is_err());
        // Nobody tries the addition again; all the same, what is accepted from now on reaches who was added.
        let server = if crash { world.another_server(2).await } else { world.server.clone() };
        send(&server, ada, chat, 3, "are you there?").await.unwrap();
        let mut feed = connect(&server, bob, &[]).await;
        let lines = pull_events(&mut feed).await;
        assert_eq!(lines, ["1-1 NotEntitled", "2 +MembersAdded", "3 are you there?"], "crash: {crash}");
    }
}
