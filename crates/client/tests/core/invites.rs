//! Invite links of encrypted chats: made by clients, and proven to everyone by whoever joins.

use std::time::Duration;

use dunlin_client::{Action, Change, Distrust};
use dunlin_model::view::InviteCode;
use dunlin_model::{Attestation, ChatCommand, ChatId, ClientSeq, ErrorCode, EventKind};
use dunlin_wire::{Format, encode_client};

use crate::world::{World, certified, device, user};

fn invite(world: &mut World, peer: usize, chat: ChatId) -> InviteCode {
    let token = world.act(peer, Action::SetInvite { chat });
    world.settle();
    let made = world.peers[peer].changes.iter().find_map(|change| match change {
        Change::InviteMade { token: of, code, .. } if *of == token => Some(code.clone()),
        _ => None,
    });
    made.unwrap()
}

fn refusal(world: &World, peer: usize, token: u64) -> Option<ErrorCode> {
    world.peers[peer].changes.iter().find_map(|change| match change {
        Change::Refused { token: of, why, .. } if *of == token => Some(why.code),
        _ => None,
    })
}

/// A group of the first two of three, who have written, and its link.
fn invited() -> (World, ChatId, InviteCode) {
    let mut world = World::of(3);
    let chat = world.group(0, &[2]);
    world.say(1, chat, "before");
    world.settle();
    let code = invite(&mut world, 0, chat);
    (world, chat, code)
}

#[test]
fn whoever_joins_by_a_link_reads_and_writes_from_then_on() {
    let (mut world, chat, code) = invited();
    assert_eq!(world.peers[0].client.chat(chat).unwrap().invite().as_ref(), Some(&code));
    let code: InviteCode = code.to_string().parse().unwrap();
    let token = world.act(2, Action::JoinByInvite { code });
    world.settle();
    assert!(
        world.peers[2].saw(|change| matches!(change, Change::Accepted { token: of, .. } if *of == token))
    );
    world.say(0, chat, "welcome");
    world.say(2, chat, "thanks");
    world.settle();
    assert_eq!(world.texts(2, chat), ["welcome", "thanks"]);
    for peer in 0..2 {
        assert_eq!(world.texts(peer, chat), ["before", "welcome", "thanks"]);
        assert!(!world.peers[peer].saw(|change| matches!(change, Change::Distrusted { .. })));
    }
}

#[test]
fn the_server_never_sees_the_secret_of_a_link() {
    let (mut world, chat, code) = invited();
    let has_secret = |world: &World, peer: usize| {
        world.peers[peer].up.iter().any(|frame| {
            let mut bytes = Vec::new();
            encode_client(Format::Proto, frame, &mut bytes);
            let text = code.to_string();
            bytes.windows(20).any(|window| window == code.secret)
                || bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    };
    world.act(2, Action::JoinByInvite { code: code.clone() });
    assert!(!world.peers[2].up.is_empty() && !has_secret(&world, 2));
    world.act(0, Action::SetInvite { chat });
    assert!(!world.peers[0].up.is_empty() && !has_secret(&world, 0));
}

#[test]
fn a_link_ends_when_it_is_made_anew_or_withdrawn() {
    let (mut world, chat, old) = invited();
    let new = invite(&mut world, 0, chat);
    let token = world.act(2, Action::JoinByInvite { code: old });
    world.settle();
    assert_eq!(refusal(&world, 2, token), Some(ErrorCode::InvalidInvite));
    world.act(0, Action::RevokeInvite { chat });
    world.settle();
    assert_eq!(world.peers[0].client.chat(chat).unwrap().invite(), None);
    let token = world.act(2, Action::JoinByInvite { code: new });
    world.settle();
    assert_eq!(refusal(&world, 2, token), Some(ErrorCode::InvalidInvite));
    let token = world.act(1, Action::SetInvite { chat });
    world.settle();
    assert_eq!(refusal(&world, 1, token), Some(ErrorCode::Forbidden), "links are made by owner and admins");
}

#[test]
fn a_link_and_joining_by_it_survive_a_restart() {
    let (mut world, chat, _) = invited();
    world.act(0, Action::SetInvite { chat });
    world.restart(0);
    world.settle();
    let code = world.peers[0].client.chat(chat).unwrap().invite().unwrap();
    world.disconnect(2);
    world.act(2, Action::JoinByInvite { code });
    world.restart(2);
    world.settle();
    world.say(0, chat, "welcome");
    world.settle();
    assert_eq!(world.texts(2, chat), ["welcome"]);
}

#[test]
fn who_was_removed_joins_again_by_the_link_unless_banned() {
    let (mut world, chat, code) = invited();
    world.act(2, Action::JoinByInvite { code: code.clone() });
    world.settle();
    world.remove(0, chat, 3);
    world.settle();
    world.act(2, Action::JoinByInvite { code: code.clone() });
    world.settle();
    world.say(0, chat, "again");
    world.settle();
    assert_eq!(world.texts(2, chat), ["again"]);
    world.submit(0, chat, ChatCommand::Ban { users: vec![user(3)] });
    world.settle();
    let token = world.act(2, Action::JoinByInvite { code });
    world.settle();
    assert_eq!(refusal(&world, 2, token), Some(ErrorCode::Banned));
}

#[test]
fn a_server_that_lets_somebody_in_without_the_link_is_noticed() {
    let (mut world, chat, code) = invited();
    // The server has a user and a device of its own, and everything but the secret.
    let (key, certificate) = certified(device(3, 1));
    let number = ClientSeq(9_999);
    let guess = InviteCode { secret: [1; 20], ..code };
    let mut signed = Attestation::sign_joining(&key, &certificate, &code, number).unwrap();
    signed.invite = Attestation::sign_joining(&key, &certificate, &guess, number).unwrap().invite;
    let now = world.now;
    world.server.forge_signed(chat, device(3, 1), EventKind::Joined, Some(Box::new(signed)), now);
    world.push_all();
    world.settle();
    world.say(0, chat, "secret");
    world.pass(Duration::from_secs(120));
    for peer in 0..2 {
        assert!(
            world.peers[peer]
                .saw(|change| { matches!(change, Change::Distrusted { why: Distrust::NotAttested, .. }) })
        );
    }
    assert!(world.texts(2, chat).is_empty());
}
