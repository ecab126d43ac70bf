//! Attachments over REST: in parts to where they are kept, into a message, and back.

use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use dunlin_blobs::{BlobHash, GRANT_VALID};
use dunlin_delivery::{DeliveryError, UNSENT_KEPT, UNSENT_REMOVED_AFTER};
use dunlin_gateway::http::HttpConfig;
use dunlin_model::attachment::PART_BYTES;
use dunlin_model::{AttachmentId, Clock as _, DeviceId, DeviceNumber, Seq};
use dunlin_store::Attachments as _;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::world::{Person, World};

fn hash(bytes: &[u8]) -> String {
    BlobHash::of(bytes).to_string()
}

fn parts(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.chunks(usize::try_from(PART_BYTES).unwrap()).collect()
}

fn described(bytes: &[u8]) -> Value {
    let hashes: Vec<String> = parts(bytes).into_iter().map(hash).collect();
    json!({"size": bytes.len(), "sha256": hash(bytes), "partSha256s": hashes})
}

pub(crate) fn id_of(upload: &Value) -> String {
    upload["attachmentId"].as_str().unwrap().to_owned()
}

impl World {
    /// With a token for a later time.
    pub(crate) async fn returns(&self, person: &Person) -> Person {
        let refresh = json!({"refreshToken": person.refresh_token});
        let answer = self.call("POST", "/api/auth/refresh", None, Some(refresh)).await;
        Person::new(&answer.body["credentials"])
    }

    pub(crate) async fn begins(&self, person: &Person, bytes: &[u8]) -> Value {
        self.done(person, "POST", "/api/attachments", described(bytes)).await
    }

    async fn puts(&self, upload: &Value, index: usize, bytes: &[u8]) -> (u16, String) {
        let upload = &upload["uploads"][index];
        assert_eq!(upload["method"], "PUT");
        let request = Request::put(upload["url"].as_str().unwrap())
            .header(header::CONTENT_TYPE, upload["headers"]["content-type"].as_str().unwrap());
        let answer = self.send(request.body(Body::from(bytes.to_vec())).unwrap()).await;
        let code = answer.body["error"]["code"].as_str().unwrap_or_default().to_owned();
        (answer.status.as_u16(), code)
    }

    /// An attachment that can be sent.
    pub(crate) async fn uploaded(&self, person: &Person, bytes: &[u8]) -> String {
        let upload = self.begins(person, bytes).await;
        for (index, part) in parts(bytes).into_iter().enumerate() {
            assert_eq!(self.puts(&upload, index, part).await.0, 204);
        }
        let id = id_of(&upload);
        self.done(person, "POST", &format!("/api/attachments/{id}/complete"), Value::Null).await;
        id
    }

    pub(crate) async fn chat_of(&self, people: &[Person]) -> String {
        let members: Vec<&str> = people[1..].iter().map(|person| person.id.as_str()).collect();
        let new = json!({
            "clientSeq": self.next_number(), "kind": "CHAT_KIND_GROUP", "encryption": "ENCRYPTION_NONE",
            "name": "Birds", "memberIds": members,
        });
        let made = self.done(&people[0], "POST", "/api/chats", new).await;
        made["chatId"].as_str().unwrap().to_owned()
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.clock.advance(Duration::from_millis(1));
        self.clock.now().0 - 1_800_000_000_000
    }

    fn message(&self, id: &str) -> Value {
        json!({"clientSeq": self.next_number(), "text": "a picture", "attachmentIds": [id]})
    }

    pub(crate) async fn says(&self, person: &Person, chat: &str, id: &str) -> u64 {
        let at = format!("/api/chats/{chat}/messages");
        self.done(person, "POST", &at, self.message(id)).await["seq"].as_u64().unwrap()
    }

    pub(crate) async fn cannot_say(&self, person: &Person, chat: &str, id: &str) -> (u16, String) {
        self.refused(person, "POST", &format!("/api/chats/{chat}/messages"), self.message(id)).await
    }

    async fn gets(&self, url: &str, range: Option<&str>) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::get(url);
        if let Some(range) = range {
            request = request.header(header::RANGE, range);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(ConnectInfo(std::net::SocketAddr::from(([192, 0, 2, 1], 1))));
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        (parts.status, parts.headers, body.collect().await.unwrap().to_bytes().to_vec())
    }
}

fn invalid() -> (u16, String) {
    (409, "invalidAttachment".to_owned())
}

#[tokio::test]
async fn what_is_uploaded_in_parts_is_read_by_those_who_may_read_the_message() {
    let world = World::new().await;
    let people = world.people(4).await;
    let chat = world.chat_of(&people[..3]).await;
    let bytes: Vec<u8> = (0..PART_BYTES + 9).map(|at| u8::try_from(at % 251).unwrap()).collect();
    let begun = world.begins(&people[0], &bytes).await;
    let id = id_of(&begun);
    assert_eq!((&begun["complete"], &begun["partsThere"]), (&json!(false), &json!([])));
    assert_eq!(begun["uploads"][1]["offset"], PART_BYTES);
    assert_eq!(world.puts(&begun, 1, parts(&bytes)[1]).await, (204, String::new()));
    // What is left is asked for again, for example by an app that was started anew.
    let at = format!("/api/attachments/{id}");
    let rest = world.get(&people[0], &at).await;
    assert_eq!((&rest["partsThere"], rest["uploads"].as_array().unwrap().len()), (&json!([2]), 1));
    let incomplete = world.refused(&people[0], "POST", &format!("{at}/complete"), Value::Null).await;
    assert_eq!(incomplete, invalid());
    assert_eq!(world.cannot_say(&people[0], &chat, &id).await, invalid());
    assert_eq!(world.puts(&rest, 0, parts(&bytes)[0]).await, (204, String::new()));
    for _ in 0..2 {
        world.done(&people[0], "POST", &format!("{at}/complete"), Value::Null).await;
    }
    assert_eq!(world.get(&people[0], &at).await["complete"], true);
    let seq = world.says(&people[0], &chat, &id).await;

    let to_get = format!("/api/chats/{chat}/messages/{seq}/attachments/{id}");
    for reader in &people[..3] {
        let download = world.get(reader, &to_get).await;
        assert_eq!((&download["size"], &download["method"]), (&json!(bytes.len()), &json!("GET")));
        let url = download["url"].as_str().unwrap();
        let (status, headers, whole) = world.gets(url, None).await;
        assert!(status == StatusCode::OK && whole == bytes);
        for (name, value) in [
            ("content-type", "application/octet-stream"),
            ("content-disposition", "attachment"),
            ("content-security-policy", "default-src 'none'; sandbox"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
        ] {
            assert_eq!(headers[name], value);
        }
        let (status, headers, piece) = world.gets(url, Some("bytes=8388606-8388609")).await;
        assert_eq!((status.as_u16(), piece), (206, bytes[8_388_606..=8_388_609].to_vec()));
        assert_eq!(headers["content-range"], format!("bytes 8388606-8388609/{}", bytes.len()));
        assert_eq!(world.gets(url, Some("bytes=8388617-")).await.0.as_u16(), 416);
    }
    let download = world.get(&people[1], &to_get).await;
    world.clock.advance(GRANT_VALID);
    let expired = world.gets(download["url"].as_str().unwrap(), None).await;
    assert_eq!(expired.0, StatusCode::FORBIDDEN);
    let not_found = (404, "notFound".to_owned());
    assert_eq!(world.refused(&people[3], "GET", &to_get, Value::Null).await, not_found, "a stranger");
    let elsewhere = format!("/api/chats/{chat}/messages/1/attachments/{id}");
    assert_eq!(world.refused(&people[0], "GET", &elsewhere, Value::Null).await, not_found, "another event");
}

#[tokio::test]
async fn a_part_is_taken_only_as_it_was_described_and_while_its_address_serves() {
    let world = World::new().await;
    let people = world.people(2).await;
    let begun = world.begins(&people[0], b"one").await;
    let invalid_argument = (400, "invalidArgument".to_owned());
    assert_eq!(world.puts(&begun, 0, b"two").await, invalid_argument);
    assert_eq!(world.puts(&begun, 0, b"three").await, invalid_argument);
    let mut other = begun.clone();
    let url = other["uploads"][0]["url"].as_str().unwrap().replace("bytes=3", "bytes=5");
    other["uploads"][0]["url"] = json!(url);
    let forbidden = (403, "forbidden".to_owned());
    assert_eq!(world.puts(&other, 0, b"three").await, forbidden);
    world.clock.advance(GRANT_VALID);
    assert_eq!(world.puts(&begun, 0, b"one").await, forbidden, "expired");
    let at = format!("/api/attachments/{}", id_of(&begun));
    let again = world.get(&people[0], &at).await;
    assert_eq!(world.puts(&again, 0, b"one").await, (204, String::new()));
    assert_eq!(world.refused(&people[1], "GET", &at, Value::Null).await, (404, "notFound".to_owned()));

    // Both parts are as was said, the whole is not.
    let bytes = vec![1; usize::try_from(PART_BYTES).unwrap() + 1];
    let mut lie = described(&bytes);
    lie["sha256"] = json!(hash(b"another"));
    let begun = world.done(&people[0], "POST", "/api/attachments", lie).await;
    for (index, part) in parts(&bytes).into_iter().enumerate() {
        assert_eq!(world.puts(&begun, index, part).await.0, 204);
    }
    let at = format!("/api/attachments/{}/complete", id_of(&begun));
    assert_eq!(world.refused(&people[0], "POST", &at, Value::Null).await, invalid());
}

#[tokio::test]
async fn a_message_is_refused_with_an_attachment_that_is_not_the_senders_or_of_another_chat() {
    let world = World::new().await;
    let people = world.people(2).await;
    let (birds, trees) = (world.chat_of(&people).await, world.chat_of(&people).await);
    let id = world.uploaded(&people[0], b"one").await;
    assert_eq!(world.cannot_say(&people[1], &birds, &id).await, invalid(), "somebody else's");
    let nowhere = AttachmentId::from_bytes([1; 16]).to_string();
    assert_eq!(world.cannot_say(&people[0], &birds, &nowhere).await, invalid(), "not there");
    let message = world.message(&id);
    let at = format!("/api/chats/{birds}/messages");
    let first = world.done(&people[0], "POST", &at, message.clone()).await;
    assert_eq!(world.cannot_say(&people[0], &trees, &id).await, invalid(), "of another chat");
    world.says(&people[0], &birds, &id).await;
    let late = world.uploaded(&people[0], b"three").await;
    world.clock.advance(UNSENT_KEPT);
    let owner = world.returns(&people[0]).await;
    assert_eq!(world.cannot_say(&owner, &birds, &late).await, invalid(), "waited too long");
    let again = world.done(&owner, "POST", &at, message).await;
    assert_eq!(again["seq"], first["seq"], "what was accepted is answered to a retry");
}

#[tokio::test]
async fn sizes_hashes_and_a_days_volume_are_limited() {
    let config = HttpConfig { test_accounts: true, ..HttpConfig::default() };
    let limits = dunlin_delivery::DeliveryConfig {
        attachment_bytes_max: 10,
        attachment_bytes_per_day_max: 25,
        ..World::delivery_config()
    };
    let world = World::with_both(config, limits).await;
    let people = world.people(2).await;
    let create = async |person: &Person, new: Value| {
        let answer = world.call("POST", "/api/attachments", Some(&person.token), Some(new)).await;
        (answer.status.as_u16(), answer.body["error"]["code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(create(&people[0], described(&[0; 11])).await, (413, "tooLarge".to_owned()));
    assert_eq!(create(&people[0], described(&[])).await, invalid());
    let mut two = described(b"one");
    two["partSha256s"] = json!([hash(b"one"), hash(b"one")]);
    assert_eq!(create(&people[0], two).await, invalid());
    let mut other = described(b"one");
    other["sha256"] = json!(hash(b"two"));
    assert_eq!(create(&people[0], other).await, invalid());
    for _ in 0..2 {
        assert_eq!(create(&people[0], described(&[0; 10])).await.0, 201);
    }
    assert_eq!(create(&people[0], described(&[0; 10])).await, (409, "limitReached".to_owned()));
    assert_eq!(create(&people[0], described(&[0; 5])).await.0, 201);
    assert_eq!(create(&people[1], described(&[0; 10])).await.0, 201, "each has their own");
    world.clock.advance(Duration::from_secs(24 * 3_600) + Duration::from_millis(1));
    let owner = world.returns(&people[0]).await;
    assert_eq!(create(&owner, described(&[0; 10])).await.0, 201);
}

/// The attachments of which something stands in storage.
pub(crate) async fn stored(world: &World) -> Vec<String> {
    let listed = world.delivery.files().list(None, 100).await.unwrap();
    listed.stored.iter().map(|stored| stored.id.to_string()).collect()
}

#[tokio::test]
async fn attachments_go_when_they_were_not_sent_in_time_and_when_they_are_old() {
    const KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);
    let world = World::new().await;
    let people = world.people(2).await;
    let chat = world.chat_of(&people).await;
    let sent = world.uploaded(&people[0], b"sent").await;
    world.next_number();
    let unsent = world.uploaded(&people[0], b"unsent").await;
    world.next_number();
    let begun = id_of(&world.begins(&people[0], b"begun").await);
    let seq = world.says(&people[0], &chat, &sent).await;
    let reader = DeviceId { user: people[1].id.parse().unwrap(), number: DeviceNumber(1) };
    let reads = async || {
        let (chat, id) = (chat.parse().unwrap(), sent.parse().unwrap());
        world.delivery.attachment_to_get(reader, chat, Seq(seq), id).await
    };
    let sweep = async |after| world.delivery.remove_old_attachments(after, 2, KEPT).await.unwrap();
    assert_eq!(sweep(None).await.removed, 0, "there is time to send them");
    world.clock.advance(UNSENT_KEPT);
    assert_eq!(sweep(None).await.removed, 0, "somebody may just be sending one");
    world.clock.advance(UNSENT_REMOVED_AFTER - UNSENT_KEPT);
    // Two at a time, and on from there.
    let first = sweep(None).await;
    assert_eq!((first.removed, first.more), (1, true));
    let second = sweep(first.reached).await;
    assert_eq!((second.removed, second.more), (1, false));
    for gone in [&unsent, &begun] {
        assert_eq!(world.store.attachment(gone.parse().unwrap()).await.unwrap(), None);
        assert!(!stored(&world).await.contains(gone));
    }
    assert_eq!(reads().await.unwrap().bytes, 4);
    world.clock.advance(KEPT - (UNSENT_REMOVED_AFTER - UNSENT_KEPT) - Duration::from_secs(1));
    assert_eq!(sweep(second.reached).await.removed, 0);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(sweep(second.reached).await.removed, 1);
    assert_eq!(reads().await, Err(DeliveryError::NoAttachment));
    assert_eq!(world.delivery.metrics().attachments_removed.get(), 3);
}
