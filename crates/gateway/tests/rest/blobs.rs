//! Blobs over REST.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use dunlin_blobs::BlobHash;
use dunlin_model::mls::HANDSHAKE_BYTES_MAX;
use http_body_util::BodyExt as _;
use serde_json::json;
use tower::ServiceExt as _;

use crate::world::{Person, World};

fn path(bytes: &[u8]) -> String {
    format!("/api/blobs/{}", BlobHash::of(bytes))
}

async fn put(world: &World, person: &Person, path: &str, bytes: Vec<u8>) -> (u16, String) {
    let token = format!("Bearer {}", person.token);
    let request = Request::put(path).header(header::AUTHORIZATION, token).body(Body::from(bytes)).unwrap();
    let answer = world.send(request).await;
    let code = answer.body["error"]["code"].as_str().unwrap_or_default().to_owned();
    (answer.status.as_u16(), code)
}

#[tokio::test]
async fn what_one_puts_another_gets_by_its_hash_and_nobody_without_a_token() {
    let world = World::new().await;
    let people = world.people(2).await;
    let bytes = vec![7; HANDSHAKE_BYTES_MAX];
    let address = path(&bytes);
    let missing = world.refused(&people[1], "GET", &address, json!(null)).await;
    assert_eq!(missing, (404, "notFound".to_owned()));
    for _ in 0..2 {
        assert_eq!(put(&world, &people[0], &address, bytes.clone()).await.0, 204);
    }
    let token = format!("Bearer {}", people[1].token);
    let request = Request::get(&address).header(header::AUTHORIZATION, token).body(Body::empty()).unwrap();
    let answer = world.router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/octet-stream");
    assert!(answer.into_body().collect().await.unwrap().to_bytes() == bytes);
    for method in ["GET", "PUT"] {
        let answer = world.call(method, &address, None, None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method}");
    }
}

#[tokio::test]
async fn what_is_too_large_or_not_what_its_name_says_is_refused() {
    let world = World::new().await;
    let people = world.people(1).await;
    let put = async |path: &str, bytes| put(&world, &people[0], path, bytes).await;
    let large = vec![7; HANDSHAKE_BYTES_MAX + 1];
    assert_eq!(put(&path(&large), large).await, (413, "tooLarge".to_owned()));
    assert_eq!(put(&path(b"one"), b"another".to_vec()).await, (400, "invalidArgument".to_owned()));
    let upper = path(b"one").to_uppercase().replace("/API/BLOBS", "/api/blobs");
    assert_eq!(put(&upper, b"one".to_vec()).await, (400, "invalidArgument".to_owned()));
    assert_eq!(put("/api/blobs/one", b"one".to_vec()).await, (400, "invalidArgument".to_owned()));
}

#[tokio::test]
async fn a_user_puts_so_many_blobs_in_a_minute() {
    let config = dunlin_gateway::http::HttpConfig { blobs_per_user_per_minute: 3, ..Default::default() };
    let world = World::with(config).await;
    let person = world.login("ada@example.org").await;
    for number in 0..3_u8 {
        assert_eq!(put(&world, &person, &path(&[number]), vec![number]).await.0, 204);
    }
    assert_eq!(put(&world, &person, &path(&[9]), vec![9]).await, (429, "tooFast".to_owned()));
}
