//! One answer to each request, and sends in their order.

use std::collections::BTreeMap;

use dunlin_model::{ChatCommand, ErrorCode, Seq};
use dunlin_store::memory::{Fault, Operation};
use dunlin_wire::{Command, Format, Outcome};

use crate::world::{World, text};

#[tokio::test]
async fn every_request_of_a_pipeline_gets_exactly_one_answer_of_its_kind() {
    let world = World::configured(|config| config.requests_in_flight_max = 16).await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    for format in Format::ALL {
        let mut client = world.online(&ada, *format).await;
        let mut asked = BTreeMap::new();
        for round in 0..60_u64 {
            let seq = Seq(1);
            let (kind, command) = match round % 10 {
                0 => ("history", Command::History { chat, before: None, limit: Some(5), sender: None }),
                1 => ("chats", Command::ListChats { after: None, limit: None }),
                2 => ("chat", Command::GetChat { chat }),
                3 => ("presence", Command::Presence { users: vec![bob.device.user] }),
                4 => ("done", Command::SetTyping { chat, typing: round % 20 == 4 }),
                5 => ("done", Command::Received { chat, seq }),
                6 => ("done", Command::Resume { positions: Vec::new(), more: false }),
                7 => ("failed", Command::MessageStatus { chat, seq }), // The first event is no message.
                8 => ("link", {
                    Command::SetInviteLink { chat, client_seq: client.number(), withdraw: false }
                }),
                _ => ("accepted", {
                    Command::Submit {
                        chat,
                        client_seq: client.number(),
                        command: text("x"),
                        attestation: None,
                    }
                }),
            };
            asked.insert(client.ask(command).await, kind);
        }
        for (id, kind) in asked {
            let outcome = client.reply(id).await;
            let of_kind = match &outcome {
                Outcome::History { .. } => "history",
                Outcome::Chats { .. } => "chats",
                Outcome::Chat(_) => "chat",
                Outcome::Presence(_) => "presence",
                Outcome::Done => "done",
                Outcome::Failed(failure) if failure.code == ErrorCode::NotFound => "failed",
                Outcome::InviteLink { .. } => "link",
                Outcome::Accepted { .. } => "accepted",
                other => panic!("{other:?}"),
            };
            assert_eq!(of_kind, kind, "{id}: {outcome:?}");
        }
        client.pushes_until_quiet().await;
        assert!(client.stray_replies().is_empty());
    }
}

#[tokio::test]
async fn pipelined_sends_keep_their_order() {
    const SENDS: u64 = 400;
    let world = World::with_window(1_000).await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    let mut sender = world.online(&ada, Format::Proto).await;
    let mut reader = world.online(&bob, Format::Json).await;
    let mut ids = Vec::new();
    for number in 0..SENDS {
        let (client_seq, command) = (sender.number(), text(&number.to_string()));
        ids.push(sender.ask(Command::Submit { chat, client_seq, command, attestation: None }).await);
    }
    for (id, expected) in ids.into_iter().zip(2..) {
        let accepted = sender.reply(id).await;
        assert!(matches!(accepted, Outcome::Accepted { seq: Seq(seq), .. } if seq == expected));
    }
    let lines = reader.events_up_to(chat, SENDS + 1).await;
    let expected = (0..SENDS).map(|number| format!("{} {number}", number + 2));
    assert!(lines.into_iter().skip(1).eq(expected));
}

#[tokio::test]
async fn a_retry_over_another_connection_gets_the_same_place() {
    let world = World::new().await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    let mut first = world.online(&ada, Format::Json).await;
    let client_seq = first.number();
    let command = Command::Submit { chat, client_seq, command: text("once"), attestation: None };
    first.ask(command.clone()).await;
    drop(first); // The answer is lost.
    let mut second = world.online(&ada, Format::Proto).await;
    let mut repeats = Vec::new();
    for _ in 0..3 {
        match second.request(command.clone()).await {
            Outcome::Accepted { seq, repeated, .. } => repeats.push((seq.0, repeated)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(repeats[1..], [(2, true), (2, true)]);
    assert_eq!(repeats[0].0, 2);
    let mut reader = world.online(&bob, Format::Json).await;
    assert_eq!(reader.lines_until("caught up").await, ["1 +Created", "2 once", "caught up"]);
}

#[tokio::test]
async fn a_store_out_of_reach_is_answered_with_unavailable_and_the_retry_succeeds_once() {
    let world = World::new().await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    let mut sender = world.online(&ada, Format::Json).await;
    let mut reader = world.online(&bob, Format::Proto).await;
    sender.send(chat, "before").await;
    world.store.set_unavailable(true);
    let command =
        Command::Submit { chat, client_seq: sender.number(), command: text("meanwhile"), attestation: None };
    assert_eq!(sender.refused(command.clone()).await.code, ErrorCode::Unavailable);
    let history = Command::History { chat, before: None, limit: None, sender: None };
    assert_eq!(sender.refused(history).await.code, ErrorCode::Unavailable);
    world.store.set_unavailable(false);
    // The answer of the store may be lost, too.
    world.store.fail_next(Operation::Append, Fault::UncertainWritten);
    let accepted = sender.request(command).await;
    assert!(matches!(accepted, Outcome::Accepted { seq: Seq(3), .. }), "{accepted:?}");
    sender.send(chat, "after").await;
    let expected = ["1 +Created", "2 before", "3 meanwhile", "4 after"];
    assert_eq!(reader.events_up_to(chat, 4).await, expected);
}

#[tokio::test]
async fn strangers_get_the_same_answers_whether_a_chat_exists_or_not() {
    let world = World::new().await;
    let [ada, eve] = world.people().await;
    let chat = world.group(&ada, &[]).await;
    let nowhere = dunlin_model::ChatId::from_bytes([3; 16]);
    let mut stranger = world.online(&eve, Format::Json).await;
    let mut answers = Vec::new();
    for chat in [chat, nowhere] {
        let mut codes = Vec::new();
        for command in [
            Command::GetChat { chat },
            Command::History { chat, before: None, limit: None, sender: None },
            Command::MessageStatus { chat, seq: Seq(1) },
            Command::Submit { chat, client_seq: stranger.number(), command: text("x"), attestation: None },
            Command::Submit {
                chat,
                client_seq: stranger.number(),
                command: ChatCommand::Leave,
                attestation: None,
            },
            Command::HideMessage { chat, seq: Seq(1) },
        ] {
            codes.push(stranger.refused(command).await);
        }
        // What is answered with nothing must be so for both.
        let typing = stranger.request(Command::SetTyping { chat, typing: true }).await;
        let received = stranger.request(Command::Received { chat, seq: Seq(1) }).await;
        let seen = stranger.request(Command::MarkSeen { chat, seq: Seq(1) }).await;
        answers.push((codes, typing, received, seen));
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn pages_of_large_messages_are_short_and_join_without_a_gap() {
    let world = World::new().await;
    let [ada] = world.people().await;
    let chat = world.group(&ada, &[]).await;
    let body = "x".repeat(16 * 1024);
    for number in 2..=90 {
        world.post(&ada, chat, number, &body).await;
    }
    for format in Format::ALL {
        let mut client = world.connect(&ada, *format).await;
        let (mut before, mut seqs) = (None, Vec::new());
        loop {
            let asked =
                client.request(Command::History { chat, before, limit: Some(200), sender: None }).await;
            let Outcome::History { page, .. } = asked else { panic!("{asked:?}") };
            assert!((1..=17).contains(&page.events.len()), "{}", page.events.len());
            assert_eq!(page.skipped, []);
            seqs.extend(page.events.iter().rev().map(|event| event.seq.0));
            before = page.next_before;
            if before.is_none() {
                break;
            }
        }
        assert!(seqs.into_iter().eq((1..=90).rev()));
    }
}
