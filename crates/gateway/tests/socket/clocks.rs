//! Clocks that are wrong: the server's, and the client's.

use std::time::Duration;

use dunlin_model::{ClientSeq, Clock as _, ErrorCode, Timestamp};
use dunlin_wire::{Command, Format, Outcome, ServerFrame};

use crate::world::{START, World, text};

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test]
async fn a_clock_that_jumps_an_hour_disturbs_neither_order_nor_connections() {
    for (jumped, tokens_hold) in [(START - HOUR, true), (START + HOUR, false)] {
        let world = World::new().await;
        let [ada, bob] = world.people().await;
        let chat = world.group(&ada, &[&bob]).await;
        let mut sender = world.online(&ada, Format::Json).await;
        let mut reader = world.online(&bob, Format::Proto).await;
        sender.send(chat, "before").await;
        world.clock.jump_to(jumped);
        // Who is connected stays connected.
        sender.send(chat, "after").await;
        world.clock.jump_to(START);
        let last = sender.send(chat, "back again").await;
        let mut times = Vec::new();
        let mut lines = Vec::new();
        while times.len() < 4 {
            if let ServerFrame::Event { event, .. } = reader.push().await {
                times.push(event.time);
                lines.push(crate::client::event_line(&event));
            }
        }
        assert_eq!(lines, ["1 +Created", "2 before", "3 after", "4 back again"]);
        assert!(times.is_sorted(), "the times of a chat do not go back: {times:?}");
        reader.received(chat, last).await;
        sender.lines_until("delivered 4 seen 0").await;
        // A token expires by the server's clock, and the refresh token gets over it.
        world.clock.jump_to(jumped);
        let connects = world.accounts.authenticate(&bob.access_token).await.is_ok();
        assert_eq!(connects, tokens_hold);
        let bob = world.accounts.refresh(&bob.refresh_token).await.unwrap();
        let mut again = world.online(&bob, Format::Json).await;
        assert_eq!(again.lines_until("caught up").await, ["caught up"]);
        assert_eq!(again.welcome.as_ref().unwrap().server_time, jumped);
        assert_eq!(sender.send(chat, "and on").await, 5);
        assert_eq!(again.events_up_to(chat, 5).await, ["5 and on"]);
    }
}

#[tokio::test]
async fn heartbeats_and_limits_do_not_depend_on_the_wall_clock() {
    let world = World::configured(|config| config.heartbeat = Duration::from_millis(50)).await;
    let [ada] = world.people().await;
    let mut client = world.online(&ada, Format::Json).await;
    for jump in [START + 24 * HOUR, START - 24 * HOUR, START] {
        world.clock.jump_to(jump);
        // Each request reads, and so answers, the pings that came; several heartbeats pass in this time.
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let listed = client.request(Command::ListChats { after: None, limit: None }).await;
            assert!(matches!(listed, Outcome::Chats { .. }));
        }
    }
}

#[tokio::test]
async fn a_client_a_day_off_cannot_tell_the_server_what_time_it_is() {
    let world = World::new().await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    let mut sender = world.online(&ada, Format::Json).await;
    // No command has a time: one that names it is refused, and means nothing.
    let tomorrow = (START + 24 * HOUR).0;
    let frame = format!(
        r#"{{"id":"7","sendMessage":{{"chatId":"{chat}","clientSeq":"5","text":"x","time":"{tomorrow}"}}}}"#
    );
    sender.message(frame.into_bytes()).await;
    let Outcome::Failed(failure) = sender.reply(7).await else { panic!("a time was taken") };
    assert_eq!(failure.code, ErrorCode::Malformed);
    // What it sends has the server's time, and the welcome tells how far its own clock is off.
    world.clock.advance(Duration::from_secs(5));
    let (client_seq, command) = (ClientSeq(6), text("x"));
    let accepted = sender.request(Command::Submit { chat, client_seq, command, attestation: None }).await;
    let Outcome::Accepted { time: Some(time), .. } = accepted else { panic!("{accepted:?}") };
    assert_eq!(time, world.clock.now());
    let clients_clock = Timestamp(tomorrow);
    let off = clients_clock.since(sender.welcome.as_ref().unwrap().server_time);
    assert_eq!(off, 24 * HOUR);
    let mut reader = world.online(&bob, Format::Proto).await;
    assert_eq!(reader.events_up_to(chat, 2).await, ["1 +Created", "2 x"]);
}
