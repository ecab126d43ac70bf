//! Rosters of encrypted chats over REST: signed as over the WebSocket.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dunlin_model::chat::{ChatState, draft};
use dunlin_model::view::InviteCode;
use dunlin_model::{
    Attestation, ChatCommand, ChatId, ChatKind, ChatLimits, ClientSeq, DecisionContext, DeviceCertificate,
    DeviceId, DeviceKey, DeviceNumber, Encryption, Seq, Timestamp, UserId,
};
use dunlin_store::{Certificates as _, Chats as _};
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use crate::world::{Person, World};

/// Somebody who signs.
struct Signer {
    device: DeviceId,
    key: SigningKey,
    certificate: DeviceCertificate,
}

impl Signer {
    async fn of(world: &World, person: &Person, n: u8) -> Self {
        let device = DeviceId { user: person.id.parse().unwrap(), number: DeviceNumber(1) };
        let (identity, key) = (SigningKey::from_bytes(&[n; 32]), SigningKey::from_bytes(&[!n; 32]));
        let public = DeviceKey(key.verifying_key().to_bytes());
        let certificate = DeviceCertificate::issue(&identity, device, public, Timestamp(1));
        world.store.put_certificate(&certificate).await.unwrap();
        Self { device, key, certificate }
    }

    /// The attestation of a command, as REST takes it.
    async fn signs(&self, world: &World, chat: ChatId, number: u64, command: ChatCommand) -> Value {
        let mut state = ChatState::before_creation(chat);
        for event in world.store.read(chat, Seq::FIRST, Seq(u64::MAX), 100, usize::MAX).await.unwrap() {
            state.apply(&event);
        }
        let (limits, context) = (ChatLimits::default(), DecisionContext::default());
        let kind = draft(&state, &limits, self.device, command, &context).unwrap();
        let number = ClientSeq(number);
        written(&Attestation::sign(&self.key, &self.certificate, &state, number, &kind).unwrap())
    }
}

fn written(attestation: &Attestation) -> Value {
    json!({
        "roster": STANDARD.encode(attestation.roster.0),
        "certificate": STANDARD.encode(attestation.certificate.encode()),
        "signature": STANDARD.encode(attestation.signature),
        "invite": attestation.invite.map(|invite| STANDARD.encode(invite)).unwrap_or_default(),
    })
}

/// A chat that the first of them created, and its id.
async fn created(world: &World, ada: &Person, signer: &Signer) -> ChatId {
    let chat = ChatId::created_by(signer.device, ClientSeq(1));
    let command = ChatCommand::Create {
        kind: ChatKind::Group,
        encryption: Encryption::Mls,
        name: String::new(),
        description: String::new(),
        members: Vec::new(),
    };
    let mut body = json!({"clientSeq": 1, "kind": "CHAT_KIND_GROUP", "encryption": "ENCRYPTION_MLS"});
    let unsigned = world.refused(ada, "POST", "/api/chats", body.clone()).await;
    assert_eq!(unsigned.1, "notAttested");
    body["attestation"] = signer.signs(world, chat, 1, command).await;
    let accepted = world.done(ada, "POST", "/api/chats", body).await;
    assert_eq!(accepted["chatId"], json!(chat.to_string()));
    chat
}

#[tokio::test]
async fn members_of_encrypted_chats_come_and_go_with_signatures() {
    let world = World::new().await;
    let people = world.people(2).await;
    let (ada, bob) = (&people[0], &people[1]);
    let (adas, bobs) = (Signer::of(&world, ada, 1).await, Signer::of(&world, bob, 2).await);
    let chat = created(&world, ada, &adas).await;
    let participants = format!("/api/chats/{chat}/participants");
    let users: Vec<UserId> = vec![bobs.device.user];
    let mut body = json!({"clientSeq": 2, "action": "PARTICIPANT_ACTION_ADD", "userIds": [bob.id]});
    assert_eq!(world.refused(ada, "POST", &participants, body.clone()).await.1, "notAttested");
    let mut attestation = adas.signs(&world, chat, 2, ChatCommand::Add { users }).await;
    for (field, bad) in [("signature", "AAAA"), ("roster", "?"), ("certificate", "AAAA"), ("invite", "AAAA")]
    {
        let mut wrong = attestation.clone();
        wrong[field] = json!(bad);
        body["attestation"] = wrong;
        let refused = world.refused(ada, "POST", &participants, body.clone()).await;
        assert_eq!(refused, (400, "invalidArgument".into()), "{field}");
    }
    body["attestation"] = attestation.take();
    world.done(ada, "POST", &participants, body).await;
    let attestation = bobs.signs(&world, chat, 1, ChatCommand::Leave).await;
    let leave = format!("/api/chats/{chat}/leave");
    assert_eq!(world.refused(bob, "POST", &leave, json!({"clientSeq": 1})).await.1, "notAttested");
    world.done(bob, "POST", &leave, json!({"clientSeq": 1, "attestation": attestation})).await;
}

#[tokio::test]
async fn whoever_joins_an_encrypted_chat_by_its_link_proves_it_and_others_see_the_proof() {
    let world = World::new().await;
    let people = world.people(2).await;
    let (ada, bob) = (&people[0], &people[1]);
    let (adas, bobs) = (Signer::of(&world, ada, 1).await, Signer::of(&world, bob, 2).await);
    let chat = created(&world, ada, &adas).await;
    let code = InviteCode { chat, secret: [9; 20], encryption: Encryption::Mls };
    let command = ChatCommand::SetInvite { secret_hash: Some(code.verifier()) };
    let attestation = adas.signs(&world, chat, 2, command).await;
    let verifier = STANDARD.encode(code.verifier());
    let link = json!({"clientSeq": 2, "verifier": verifier, "attestation": attestation});
    let made = world.done(ada, "POST", &format!("/api/chats/{chat}/invite"), link).await;
    assert_eq!((&made["seq"], &made["code"]), (&json!(2), &json!("")));

    let join = "/api/chats/join";
    let told = world.refused(bob, "POST", join, json!({"clientSeq": 1, "code": code.to_string()})).await;
    assert_eq!(told, (400, "invalidArgument".into()), "the secret is not for the server");
    let proof = Attestation::sign_joining(&bobs.key, &bobs.certificate, &code, ClientSeq(1)).unwrap();
    let mut forged = written(&proof);
    forged["invite"] = json!(STANDARD.encode([1; 64]));
    let body =
        |attestation: &Value| json!({"clientSeq": 1, "chatId": chat.to_string(), "attestation": attestation});
    assert_eq!(world.refused(bob, "POST", join, body(&forged)).await.1, "notAttested");
    world.done(bob, "POST", join, body(&written(&proof))).await;

    let page = world.get(ada, &format!("/api/chats/{chat}/messages")).await;
    let joined = &page["entries"].as_array().unwrap()[2]["update"];
    assert_eq!(joined["attestation"], written(&proof));
}

#[tokio::test]
async fn messages_of_encrypted_chats_name_their_epoch() {
    let world = World::new().await;
    let people = world.people(1).await;
    let ada = &people[0];
    let adas = Signer::of(&world, ada, 1).await;
    let chat = created(&world, ada, &adas).await;
    let messages = format!("/api/chats/{chat}/messages");
    let mut message = json!({"clientSeq": 2, "opaque": "AQID"});
    assert_eq!(world.refused(ada, "POST", &messages, message.clone()).await.1, "wrongEncryption");
    message["epoch"] = json!({"generation": 1, "number": 1});
    // What is said of one that was named: the device is in no group yet.
    assert_eq!(world.refused(ada, "POST", &messages, message).await.1, "notInGroup");
}
