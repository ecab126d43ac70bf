//! Blobs over REST.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use dunlin_blobs::{Access, BlobHash, GRANT_VALID, Grant, GrantKey};
use dunlin_model::chat::{ChatState, draft};
use dunlin_model::mls::HANDSHAKE_BYTES_MAX;
use dunlin_model::{
    Attestation, ChatCommand, ChatId, ChatKind, ChatLimits, ClientSeq, Clock as _, DecisionContext,
    DeviceCertificate, DeviceId, DeviceKey, DeviceNumber, Encryption, Event, Seq, Timestamp,
};
use dunlin_store::{Chats as _, Secrets as _};
use ed25519_dalek::SigningKey;
use http_body_util::BodyExt as _;
use serde_json::json;
use std::sync::Arc;
use tower::ServiceExt as _;

use crate::world::{Person, World};

fn device(person: &Person) -> DeviceId {
    DeviceId { user: person.id.parse().unwrap(), number: DeviceNumber(1) }
}

impl World {
    /// An encrypted chat of the first of these.
    async fn encrypted(&self, people: &[Person]) -> ChatId {
        let owner = device(&people[0]);
        let chat = ChatId::created_by(owner, ClientSeq(1));
        let command = ChatCommand::Create {
            kind: ChatKind::Group,
            encryption: Encryption::Mls,
            name: String::new(),
            description: String::new(),
            members: people.iter().map(|person| device(person).user).collect(),
        };
        let before = ChatState::before_creation(chat);
        let kind =
            draft(&before, &ChatLimits::default(), owner, command, &DecisionContext::default()).unwrap();
        let key = SigningKey::from_bytes(&[1; 32]);
        let public = DeviceKey(key.verifying_key().to_bytes());
        let certificate = DeviceCertificate::issue(&key, owner, public, Timestamp(1));
        let attestation = Attestation::sign(&key, &certificate, &before, ClientSeq(1), &kind).map(Box::new);
        let time = self.clock.now();
        let event = Event { seq: Seq(1), time, sender: owner, client_seq: ClientSeq(1), kind, attestation };
        self.store.append(chat, &Arc::new(event)).await.unwrap();
        chat
    }

    async fn to_put(&self, person: &Person, chat: ChatId, bytes: &[u8]) -> String {
        let new = json!({"sha256": BlobHash::of(bytes).to_string(), "size": bytes.len()});
        let answer = self.done(person, "POST", &format!("/api/chats/{chat}/blobs"), new).await;
        assert_eq!(answer["expiresMs"], json!((self.clock.now() + GRANT_VALID).0));
        answer["address"].as_str().unwrap().to_owned()
    }

    /// An address to read it at, as the server makes them.
    async fn to_get(&self, bytes: &[u8]) -> String {
        let key = self.store.shared_secret("blob addresses v1", [9; 32]).await.unwrap();
        let (hash, expires) = (BlobHash::of(bytes), self.clock.now() + GRANT_VALID);
        let bytes = u64::try_from(bytes.len()).unwrap();
        GrantKey::new(key).address(&Grant { access: Access::Get, hash, bytes, expires })
    }

    async fn put_at(&self, address: &str, bytes: Vec<u8>) -> (u16, String) {
        let answer = self.send(Request::put(address).body(Body::from(bytes)).unwrap()).await;
        let code = answer.body["error"]["code"].as_str().unwrap_or_default().to_owned();
        (answer.status.as_u16(), code)
    }
}

#[tokio::test]
async fn what_is_put_at_an_address_made_for_it_is_got_at_another() {
    let world = World::new().await;
    let people = world.people(2).await;
    let chat = world.encrypted(&people).await;
    let bytes = vec![7; HANDSHAKE_BYTES_MAX];
    let to_put = world.to_put(&people[0], chat, &bytes).await;
    let to_get = world.to_get(&bytes).await;
    let missing = world.call("GET", &to_get, None, None).await;
    assert_eq!((missing.status, missing.code()), (StatusCode::NOT_FOUND, "notFound".to_owned()));
    for _ in 0..2 {
        assert_eq!(world.put_at(&to_put, bytes.clone()).await.0, 204);
    }
    let request = Request::get(&to_get).body(Body::empty()).unwrap();
    let answer = world.router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/octet-stream");
    assert!(answer.into_body().collect().await.unwrap().to_bytes() == bytes);
}

#[tokio::test]
async fn an_address_serves_for_its_method_blob_and_time_only() {
    let world = World::new().await;
    let people = world.people(1).await;
    let chat = world.encrypted(&people).await;
    let refused = (403, "forbidden".to_owned());
    let to_put = world.to_put(&people[0], chat, b"one").await;
    assert_eq!(world.put_at(&to_put, b"one".to_vec()).await.0, 204);
    let to_get = world.to_get(b"one").await;
    assert_eq!(world.put_at(&to_get, b"one".to_vec()).await, refused);
    let crossed = world.call("GET", &to_put, None, None).await;
    assert_eq!((crossed.status.as_u16(), crossed.code()), refused);
    let elsewhere = to_put.replace(&BlobHash::of(b"one").to_string(), &BlobHash::of(b"two").to_string());
    assert_eq!(world.put_at(&elsewhere, b"two".to_vec()).await, refused);
    assert_eq!(world.put_at(&to_put.replace("bytes=3", "bytes=4"), b"four".to_vec()).await, refused);
    assert_eq!(world.put_at(&to_put, b"four".to_vec()).await, (400, "invalidArgument".to_owned()));
    assert_eq!(world.put_at(&to_put, b"two".to_vec()).await, (400, "invalidArgument".to_owned()));
    // With nothing but a token, as with nothing.
    let bare = format!("/api/blobs/{}", BlobHash::of(b"one"));
    let bare = world.refused(&people[0], "GET", &bare, json!(null)).await;
    assert_eq!(bare, (400, "invalidArgument".to_owned()));
    world.clock.advance(GRANT_VALID);
    assert_eq!(world.put_at(&to_put, b"one".to_vec()).await, refused);
    let late = world.call("GET", &to_get, None, None).await;
    assert_eq!((late.status.as_u16(), late.code()), refused);
}

#[tokio::test]
async fn an_address_is_made_for_members_and_what_they_may_read() {
    let world = World::new().await;
    let people = world.people(2).await;
    let chat = world.encrypted(&people[..1]).await;
    let new = |size: usize| json!({"sha256": BlobHash::of(b"one").to_string(), "size": size});
    let at = format!("/api/chats/{chat}/blobs");
    assert_eq!(world.refused(&people[1], "POST", &at, new(3)).await, (404, "notFound".to_owned()));
    let large = world.refused(&people[0], "POST", &at, new(HANDSHAKE_BYTES_MAX + 1)).await;
    assert_eq!(large, (413, "tooLarge".to_owned()));
    let no_hash = json!({"sha256": "ONE", "size": 3});
    assert_eq!(world.refused(&people[0], "POST", &at, no_hash).await.0, 400);
    // What no event names is nobody's, though it is there.
    let to_put = world.to_put(&people[0], chat, b"one").await;
    assert_eq!(world.put_at(&to_put, b"one".to_vec()).await.0, 204);
    for query in ["", "?seq=1", "?seq=99"] {
        let at = format!("{at}/{}{query}", BlobHash::of(b"one"));
        assert_eq!(world.refused(&people[0], "GET", &at, json!(null)).await, (404, "notFound".to_owned()));
    }
    let answer = world.call("POST", &at, None, Some(new(3))).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_user_gets_so_many_addresses_to_put_at_in_a_minute() {
    let config = dunlin_gateway::http::HttpConfig { blobs_per_user_per_minute: 3, ..Default::default() };
    let world = World::with(config).await;
    let people = [world.login("ada@example.org").await];
    let chat = world.encrypted(&people).await;
    for number in 0..3_u8 {
        world.to_put(&people[0], chat, &[number]).await;
    }
    let new = json!({"sha256": BlobHash::of(b"one").to_string(), "size": 3});
    let refused = world.refused(&people[0], "POST", &format!("/api/chats/{chat}/blobs"), new).await;
    assert_eq!(refused, (429, "tooFast".to_owned()));
}
