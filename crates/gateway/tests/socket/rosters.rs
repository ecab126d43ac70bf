//! Large groups, and members who come and go while messages fly.

use dunlin_model::view::Status;
use dunlin_model::{ChatCommand, ErrorCode, Seq};
use dunlin_wire::{Command, Format, Outcome};

use crate::world::{World, text};

const MEMBERS: usize = 1_024;
const ONLINE: usize = 100;
const MESSAGES: u64 = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_of_1024_with_100_online() {
    let world = World::new().await;
    let people = world.accounts.test_accounts(MEMBERS, 1).await.unwrap();
    let (owner, others) = people.split_first().unwrap();
    let mut sender = world.online(owner, Format::Proto).await;
    let members = others.iter().map(|other| other.device.user).collect();
    let chat = sender.create(crate::world::create(dunlin_model::ChatKind::Group, "All", members)).await;
    let mut online = Vec::new();
    for (index, person) in others[..ONLINE].iter().enumerate() {
        online.push(world.online(person, Format::ALL[index % 2]).await);
    }
    let mut expected = vec!["1 +Created".to_owned()];
    for number in 0..MESSAGES {
        // Everyone may speak.
        let body = format!("message {number}");
        let seq = match number % 3 {
            0 => sender.send(chat, &body).await,
            _ => online[usize::try_from(number).unwrap()].send(chat, &body).await,
        };
        expected.push(format!("{seq} {body}"));
    }
    let head = MESSAGES + 1;
    for client in &mut online {
        assert_eq!(client.events_up_to(chat, head).await, expected);
        client.received(chat, head).await;
    }
    // Those who were away find the same when they come.
    for person in &others[ONLINE..ONLINE + 3] {
        let mut late = world.online(person, Format::Json).await;
        assert_eq!(late.events_up_to(chat, head).await, expected);
    }
    // A receipt is shown when it is durable, a moment after it was taken.
    let delivered = loop {
        let asked = sender.request(Command::MessageStatus { chat, seq: Seq(2) }).await;
        let Outcome::MessageStatus { status, .. } = asked else { panic!("{asked:?}") };
        assert_eq!(status.recipients.len(), MEMBERS - 1);
        let delivered = status.recipients.iter().filter(|(_, status)| *status == Status::Delivered).count();
        if delivered >= ONLINE {
            break delivered;
        }
        tokio::time::sleep(crate::world::QUIET).await;
    };
    assert_eq!(delivered, ONLINE);
    let Outcome::Chat(details) = sender.request(Command::GetChat { chat }).await else { panic!("no chat") };
    assert_eq!(details.members.len(), MEMBERS);
    for client in &mut online {
        assert!(client.pending_events().is_empty(), "nothing comes twice");
    }
}

#[tokio::test]
async fn who_is_banned_while_sending_gets_an_answer_to_everything_and_nothing_after() {
    const SENDS: u64 = 300;
    let world = World::new().await;
    let [ada, bob, eve] = world.people().await;
    let chat = world.group(&ada, &[&bob, &eve]).await;
    let mut owner = world.online(&ada, Format::Json).await;
    let mut banned = world.online(&bob, Format::Proto).await;
    let mut witness = world.online(&eve, Format::Json).await;
    let mut ids = Vec::new();
    let mut ban_at = 0;
    for number in 0..SENDS {
        let (client_seq, command) = (banned.number(), text(&number.to_string()));
        ids.push(banned.ask(Command::Submit { chat, client_seq, command, attestation: None }).await);
        if number == SENDS / 3 {
            // Some are answered, some under way; the rest comes after.
            banned.reply(ids.remove(0)).await;
            ban_at = owner.act(chat, ChatCommand::Ban { users: vec![bob.device.user] }).await;
        }
    }
    let mut accepted = vec![Seq(2)];
    for id in ids {
        match banned.reply(id).await {
            Outcome::Accepted { seq, .. } => accepted.push(seq),
            Outcome::Failed(failure) => assert_eq!(failure.code, ErrorCode::Banned),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(accepted.last().unwrap().0 + 1, ban_at, "nothing is accepted after the ban");
    assert_eq!(accepted.len() + 2, usize::try_from(ban_at).unwrap(), "nothing accepted is missing");
    let after = owner.send(chat, "about bob").await;
    let seen_by_banned = banned.events_up_to(chat, ban_at).await;
    assert_eq!(seen_by_banned.last().unwrap(), &format!("{ban_at} +MembersBanned"));
    assert!(banned.events_until_quiet().await.is_empty());
    assert!(banned.stray_replies().is_empty(), "one answer each");
    // The others saw exactly what was accepted, in order.
    let lines = witness.events_up_to(chat, after).await;
    assert_eq!(&lines[..lines.len() - 1], seen_by_banned);
    assert_eq!(banned.refused_to_send(chat).await, ErrorCode::Banned);
    let refused = banned.refused(Command::SetTyping { chat, typing: true }).await;
    assert_ne!(refused.code, ErrorCode::Internal);
    // Nor after coming back.
    banned.received(chat, ban_at).await;
    drop(banned);
    let mut back = world.online(&bob, Format::Proto).await;
    assert_eq!(back.lines_until("caught up").await, ["caught up"]);
}

#[tokio::test]
async fn who_leaves_and_rejoins_is_told_what_was_skipped() {
    let world = World::new().await;
    let [ada, bob] = world.people().await;
    let chat = world.group(&ada, &[&bob]).await;
    let mut owner = world.online(&ada, Format::Json).await;
    let mut member = world.online(&bob, Format::Proto).await;
    owner.send(chat, "before").await;
    let left = member.act(chat, ChatCommand::Leave).await;
    assert_eq!(member.events_up_to(chat, left).await, ["1 +Created", "2 before", "3 +Left"]);
    member.received(chat, left).await;
    owner.send(chat, "between").await;
    owner.send(chat, "still between").await;
    assert!(member.events_until_quiet().await.is_empty());
    assert_eq!(member.refused_to_send(chat).await, ErrorCode::NotAMember);
    owner.act(chat, ChatCommand::Add { users: vec![bob.device.user] }).await;
    let last = owner.send(chat, "after").await;
    let expected = ["4-5 NotEntitled", "6 +MembersAdded", "7 after"];
    assert_eq!(member.events_up_to(chat, last).await, expected);
    // A device that did not see any of it live gets the same story.
    drop(member);
    let mut again = world.online(&bob, Format::Json).await;
    assert_eq!(again.events_up_to(chat, last).await, expected);
    let asked = again.request(Command::History { chat, before: None, limit: None, sender: None }).await;
    let Outcome::History { page, .. } = asked else { panic!("{asked:?}") };
    let seqs: Vec<u64> = page.events.iter().map(|event| event.seq.0).collect();
    assert_eq!(seqs, [1, 2, 3, 6, 7]);
    assert_eq!(page.skipped.len(), 1);
}
