//! Changes of an encrypted chat's roster are signed by whoever asks for them.

use super::*;

const NUMBER: u64 = 50;

fn add() -> ChatCommand {
    ChatCommand::Add { users: users(&[STRANGER]) }
}

/// What becomes of the owner's addition with this signature.
fn with(chat: &Chat, attestation: Option<Box<Attestation>>) -> Option<Refusal> {
    let mut chat = chat.clone();
    chat.context.attestation = attestation;
    chat.decides(device(OWNER, 1), NUMBER, add()).err()
}

#[test]
fn every_change_of_an_encrypted_chats_roster_needs_a_signature() {
    let mut chat = Chat::encrypted();
    chat.signs(OWNER, ChatCommand::Ban { users: users(&[BANNED]) });
    chat.signs(OWNER, ChatCommand::SetInvite { secret_hash: Some(link(&chat).verifier()) });
    for (who, command) in [
        (OWNER, add()),
        (OWNER, ChatCommand::Remove { users: users(&[MEMBER]) }),
        (OWNER, ChatCommand::Ban { users: users(&[MEMBER]) }),
        (OWNER, ChatCommand::Unban { users: users(&[BANNED]) }),
        (OWNER, ChatCommand::SetRole { user: user(MEMBER), role: Role::Admin }),
        (OWNER, ChatCommand::SetInvite { secret_hash: None }),
        (MEMBER, ChatCommand::Leave),
    ] {
        assert_eq!(chat.refuses(who, command.clone()), Some(Refusal::NotAttested), "{command:?}");
        assert_eq!(chat.refuses_signed(who, command.clone()), None, "{command:?}");
    }
    let mut new = Chat::before_creation();
    let create = create_encrypted(ChatKind::Direct, &[MEMBER]);
    assert_eq!(new.refuses(OWNER, create.clone()), Some(Refusal::NotAttested));
    assert_eq!(new.refuses_signed(OWNER, create), None);
}

#[test]
fn what_is_no_change_of_the_roster_needs_none_and_neither_does_a_readable_chat() {
    assert_eq!(Chat::encrypted().refuses(OWNER, ChatCommand::DeleteChat), None);
    assert_eq!(Chat::group().refuses(OWNER, add()), None);
}

#[test]
fn a_signature_is_for_one_roster() {
    let mut chat = Chat::encrypted();
    let signed = chat.signature(OWNER, NUMBER, &add());
    assert_eq!(with(&chat, signed.clone()), None);
    chat.signs(MEMBER, ChatCommand::Leave);
    assert_eq!(with(&chat, signed), Some(Refusal::RosterChanged));
}

#[test]
fn a_signature_is_for_one_chat() {
    let chat = Chat::encrypted();
    let signed = chat.signature(OWNER, NUMBER, &add());
    let mut other = chat;
    other.state.id = ChatId::from_bytes([8; 16]);
    assert_eq!(with(&other, signed.clone()), Some(Refusal::RosterChanged), "the digest names the chat");
    // Even when it says so of the other chat's roster.
    let moved = signed.map(|mut signed| {
        signed.roster = other.state.roster_digest();
        signed
    });
    assert_eq!(with(&other, moved), Some(Refusal::NotAttested));
}

#[test]
fn a_signature_is_for_one_number_and_one_change() {
    let chat = Chat::encrypted();
    assert_eq!(with(&chat, chat.signature(OWNER, NUMBER + 1, &add())), Some(Refusal::NotAttested));
    let other = ChatCommand::Add { users: users(&[FORMER]) };
    assert_eq!(with(&chat, chat.signature(OWNER, NUMBER, &other)), Some(Refusal::NotAttested));
    let opposite = ChatCommand::Remove { users: users(&[MEMBER]) };
    assert_eq!(with(&chat, chat.signature(OWNER, NUMBER, &opposite)), Some(Refusal::NotAttested));
}

#[test]
fn a_signature_by_another_device_or_key_is_refused() {
    let chat = Chat::encrypted();
    let owners = chat.signature(OWNER, NUMBER, &add());
    let others = chat.signature(ADMIN, NUMBER, &add());
    assert!(others.is_some());
    assert_eq!(with(&chat, others), Some(Refusal::NotAttested), "though the admin may add");
    // The certificate is the owner's, the key is not.
    let forged = owners.map(|mut forged| {
        forged.signature = sign(&SigningKey::from_bytes(&[66; 32]), b"dunlin roster change v1", b"whatever");
        forged
    });
    assert_eq!(with(&chat, forged), Some(Refusal::NotAttested));
}

fn link(chat: &Chat) -> InviteCode {
    InviteCode { chat: chat.state.id, secret: [3; INVITE_SECRET_BYTES], encryption: Encryption::Mls }
}

/// What becomes of a stranger's wish to join, with this signature and number.
fn joins_with(chat: &Chat, number: u64, signed: Option<Attestation>) -> Option<Refusal> {
    let mut chat = chat.clone();
    chat.context.attestation = signed.map(Box::new);
    chat.decides(device(STRANGER, 1), number, ChatCommand::Join { secret: Bytes::new() }).err()
}

#[test]
fn whoever_joins_signs_for_the_link_with_its_key_and_their_own() {
    let mut chat = Chat::encrypted();
    let code = link(&chat);
    let (key, certificate) = certified(device(STRANGER, 1));
    let sign =
        |code: &InviteCode, number| Attestation::sign_joining(&key, &certificate, code, ClientSeq(number));
    assert_eq!(joins_with(&chat, 1, sign(&code, 1)), Some(Refusal::InvalidInvite), "there is no link");
    chat.signs(OWNER, ChatCommand::SetInvite { secret_hash: Some(code.verifier()) });
    assert_eq!(joins_with(&chat, 1, sign(&code, 1)), None);
    assert_eq!(joins_with(&chat, 1, None), Some(Refusal::NotAttested));
    assert_eq!(joins_with(&chat, 2, sign(&code, 1)), Some(Refusal::NotAttested), "another number");
    let other = InviteCode { secret: [4; INVITE_SECRET_BYTES], ..link(&chat) };
    assert_eq!(joins_with(&chat, 1, sign(&other, 1)), Some(Refusal::InvalidInvite));
    let without = sign(&code, 1).map(|signed| Attestation { invite: None, ..signed });
    assert_eq!(joins_with(&chat, 1, without), Some(Refusal::NotAttested));
    let forged = sign(&code, 1)
        .map(|signed| Attestation { invite: sign(&other, 1).and_then(|other| other.invite), ..signed });
    assert_eq!(joins_with(&chat, 1, forged), Some(Refusal::NotAttested), "signed with another link's key");
    let (_, others) = certified(device(FORMER, 1));
    let borrowed = sign(&code, 1).map(|signed| Attestation { certificate: others, ..signed });
    assert_eq!(joins_with(&chat, 1, borrowed), Some(Refusal::NotAttested), "for another device");
    chat.context.attestation = sign(&code, 1).map(Box::new);
    assert_eq!(
        chat.decides(device(STRANGER, 1), 1, join()).err(),
        Some(Refusal::InvalidInvite),
        "a secret is not taken"
    );
}

#[test]
fn the_numbers_of_a_devices_signed_changes_rise() {
    let mut chat = Chat::encrypted();
    let lower = chat.next_number;
    chat.next_number += 1;
    chat.signs(OWNER, add());
    chat.context.attestation = chat.signature(OWNER, lower, &ChatCommand::Leave);
    let refused = chat.decides(device(OWNER, 1), lower, ChatCommand::Leave).err();
    assert!(matches!(refused, Some(Refusal::TooOld { .. })), "{refused:?}");
}

#[test]
fn the_digest_tells_rosters_apart() {
    let mut chat = Chat::encrypted();
    let mut seen: Vec<RosterDigest> = vec![chat.state.roster_digest()];
    for (who, command) in [
        (OWNER, add()),
        (OWNER, ChatCommand::SetRole { user: user(MEMBER), role: Role::Admin }),
        (OWNER, ChatCommand::Ban { users: users(&[BANNED]) }),
        (STRANGER, ChatCommand::Leave),
    ] {
        chat.signs(who, command.clone());
        let digest = chat.state.roster_digest();
        assert!(!seen.contains(&digest), "{command:?}");
        seen.push(digest);
    }
    chat.signs(OWNER, ChatCommand::Unban { users: users(&[BANNED]) });
    chat.signs(OWNER, ChatCommand::SetRole { user: user(MEMBER), role: Role::Member });
    assert_eq!(Some(&chat.state.roster_digest()), seen.first(), "the same people are the same roster");
}

#[test]
fn an_attestation_reads_back() {
    let chat = Chat::encrypted();
    let signed = chat.signature(OWNER, NUMBER, &add()).unwrap_or_else(|| panic!("it is signed"));
    let bytes = postcard::to_stdvec(&signed).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(postcard::from_bytes(&bytes), Ok(signed.clone()));
    let joining = Attestation { invite: Some([5; 64]), ..*signed };
    let bytes = postcard::to_stdvec(&joining).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(postcard::from_bytes(&bytes), Ok(joining));
}
