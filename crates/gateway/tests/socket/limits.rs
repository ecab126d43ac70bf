//! Those who come too fast, or too many.

use std::time::Duration;

use dunlin_model::{ErrorCode, Retry};
use dunlin_wire::{CloseCode, Command, Failure, Format, Outcome};

use crate::client::Client;
use crate::raw::{http, upgrade_lines};
use crate::world::World;

const LIST: Command = Command::ListChats { after: None, limit: None };

/// Sends `count` requests at once and gives how many were answered, and the refusals.
async fn flood(client: &mut Client, count: usize) -> (usize, Vec<Failure>) {
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(client.ask(LIST).await);
    }
    let (mut answered, mut refused) = (0, Vec::new());
    for id in ids {
        match client.reply(id).await {
            Outcome::Chats { .. } => answered += 1,
            Outcome::Failed(failure) => refused.push(failure),
            other => panic!("{other:?}"),
        }
    }
    assert!(client.stray_replies().is_empty(), "one answer each");
    (answered, refused)
}

fn assert_too_fast(failures: &[Failure], longest: Duration) {
    for failure in failures {
        assert_eq!((failure.code, failure.retry), (ErrorCode::TooFast, Retry::Later));
        let after = failure.retry_after.unwrap();
        assert!(after > Duration::ZERO && after <= longest, "{after:?}");
    }
}

#[tokio::test]
async fn frames_that_come_too_fast_are_answered_with_when_to_try_again() {
    let world = World::configured(|config| {
        config.frames_per_second = 4;
        config.frames_burst = 10;
    })
    .await;
    let [ada] = world.people().await;
    let mut client = world.connect(&ada, Format::Json).await;
    let (answered, refused) = flood(&mut client, 30).await;
    // The burst, and what the time of the flood allows on top.
    assert!((10..=20).contains(&answered), "{answered}");
    assert_too_fast(&refused, Duration::from_secs(1));
    assert_eq!(world.gateway.metrics().too_fast.get(), u64::try_from(refused.len()).unwrap());
    // Who waits as told is served again.
    tokio::time::sleep(refused.last().unwrap().retry_after.unwrap()).await;
    assert!(matches!(client.request(LIST).await, Outcome::Chats { .. }));
}

#[tokio::test]
async fn who_goes_on_too_fast_for_too_long_is_closed() {
    let world = World::configured(|config| {
        config.frames_per_second = 1;
        config.frames_burst = 1;
    })
    .await;
    let [ada, bob] = world.people().await;
    let mut client = world.connect(&ada, Format::Proto).await;
    for id in 1..=1_100 {
        client.frame(id, LIST).await;
    }
    assert_eq!(client.closed().await, Some(CloseCode::TooFast.number()));
    let stray = client.stray_replies().len();
    assert!((1_000..=1_100).contains(&stray), "each was answered until the end: {stray}");
    // Others have limits of their own.
    let mut other = world.connect(&bob, Format::Proto).await;
    assert!(matches!(other.request(LIST).await, Outcome::Chats { .. }));
}

#[tokio::test]
async fn the_requests_of_a_user_are_counted_over_all_devices() {
    let world = World::configured(|config| {
        config.requests_per_user_per_second = 1;
        config.requests_per_user_burst = 10;
    })
    .await;
    let [phone, laptop] = world.devices().await;
    let [bob] = world.people().await;
    let mut first = world.connect(&phone, Format::Json).await;
    let mut second = world.connect(&laptop, Format::Json).await;
    let (answered, refused) = flood(&mut first, 6).await;
    assert_eq!((answered, refused), (6, Vec::new()));
    let (answered, refused) = flood(&mut second, 16).await;
    assert!((4..=8).contains(&answered), "{answered}");
    assert_too_fast(&refused, Duration::from_secs(1));
    let mut other = world.connect(&bob, Format::Json).await;
    assert_eq!(flood(&mut other, 10).await.0, 10);
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_handshakes() {
    let world = World::configured(|config| config.connections_per_address_max = 3).await;
    let [ada] = world.people().await;
    let lines = upgrade_lines(Some(&ada.access_token), Format::Json);
    let mut open = Vec::new();
    for _ in 0..3 {
        open.push(world.connect(&ada, Format::Json).await);
    }
    let (status, answer) = http(world.address, "/v1/ws", &lines).await;
    assert_eq!(status, 429);
    assert!(answer.contains(r#""code":"tooFast""#), "{answer}");
    assert_eq!(open.remove(0).close().await, Some(1000));
    let metrics = world.gateway.metrics();
    crate::world::until("the place", || metrics.closed.get() == 1).await;
    world.connect(&ada, Format::Json).await;

    let world = World::configured(|config| config.handshakes_per_address_per_second = 1).await;
    let mut refused = 0;
    for _ in 0..12 {
        let (status, _) = http(world.address, "/v1/ws", &upgrade_lines(None, Format::Json)).await;
        assert!([101, 429].contains(&status));
        refused += u32::from(status == 429);
    }
    assert!(refused > 0);
}

#[tokio::test]
async fn a_full_server_says_so() {
    let world = World::configured(|config| config.connections_max = 2).await;
    let [ada] = world.people().await;
    let _open = [world.connect(&ada, Format::Json).await, world.connect(&ada, Format::Json).await];
    let lines = upgrade_lines(Some(&ada.access_token), Format::Json);
    let (status, answer) = http(world.address, "/v1/ws", &lines).await;
    assert_eq!(status, 503);
    assert!(
        answer.contains(r#""code":"unavailable""#) && answer.contains(r#""retry":"RETRY_LATER""#),
        "{answer}"
    );
}

#[tokio::test]
async fn a_message_larger_than_the_limit_is_refused_by_name() {
    let world = World::new().await;
    let [ada] = world.people().await;
    let chat = world.group(&ada, &[]).await;
    let mut client = world.connect(&ada, Format::Json).await;
    let (client_seq, command) = (client.number(), crate::world::text(&"x".repeat(16 * 1024 + 1)));
    let failure = client.refused(Command::Submit { chat, client_seq, command, attestation: None }).await;
    assert_eq!((failure.code, failure.retry), (ErrorCode::TooLarge, Retry::Never));
    // The number was not used up.
    let command = crate::world::text("shorter");
    let accepted = client.request(Command::Submit { chat, client_seq, command, attestation: None }).await;
    assert!(matches!(accepted, Outcome::Accepted { repeated: false, .. }), "{accepted:?}");
}
