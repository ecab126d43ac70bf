//! Every failure is JSON with a stable code, whatever is wrong with a request.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use dunlin_gateway::http::HttpConfig;
use serde_json::json;

use crate::world::World;

#[tokio::test]
async fn what_is_not_there_or_not_allowed_says_so_in_json() {
    let world = World::new().await;
    for (method, path, status, code) in [
        ("GET", "/api/nothing", 404, "notFound"),
        ("GET", "/", 404, "notFound"),
        ("PATCH", "/api/otp", 405, "malformed"),
        ("GET", "/api/profile", 401, "unauthenticated"),
    ] {
        let answer = world.call(method, path, None, None).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{method} {path}");
        assert!(answer.body["error"]["message"].as_str().unwrap().ends_with('.'));
    }
    let answer = world.call("GET", "/api/profile", None, None).await;
    assert_eq!(answer.headers[header::WWW_AUTHENTICATE], "Bearer");
    assert_eq!(answer.body["error"]["retry"], "RETRY_AFTER_LOGIN");
}

#[tokio::test]
async fn a_body_that_is_not_json_or_too_large_is_told_apart() {
    let world = World::with(HttpConfig { body_bytes_max: 100, ..HttpConfig::default() }).await;
    let large = format!("{{\"address\": \"{}\"}}", "x".repeat(100));
    for (kind, body, status, code) in [
        (Some("application/json"), "{", 400, "malformed"),
        (Some("application/json"), "{\"address\": 5}", 400, "malformed"),
        (Some("application/json"), "{\"address\": \"a@b\", \"more\": 1}", 400, "malformed"),
        (Some("application/json; charset=utf-8"), "{\"address\": \"nonsense\"}", 400, "invalidArgument"),
        (Some("application/json"), large.as_str(), 413, "tooLarge"),
        (Some("text/plain"), "{\"address\": \"a@b\"}", 415, "malformed"),
        (None, "{\"address\": \"a@b\"}", 415, "malformed"),
    ] {
        let mut request = Request::post("/api/otp");
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let answer = world.send(request.body(Body::from(body.to_owned())).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{body}");
    }
}

#[tokio::test]
async fn ids_and_parameters_that_are_none_are_invalid_arguments() {
    let world = World::new().await;
    let ada = &world.people(1).await[0];
    for path in [
        "/api/users/short",
        "/api/chats/short",
        "/api/chats?limit=many",
        "/api/chats?unknown=1",
        &format!("/api/chats/{}/messages?before=-1", "a".repeat(26)),
        &format!("/api/chats/{}/messages/x/status", "a".repeat(26)),
    ] {
        let refused = world.refused(ada, "GET", path, json!(null)).await;
        assert_eq!(refused, (400, "invalidArgument".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn wrong_and_foreign_credentials_are_refused() {
    let world = World::new().await;
    for value in ["Bearer nonsense", "Bearer a.b.c", "Basic YTpi", "", "Bearer"] {
        let request = Request::get("/api/profile").header(header::AUTHORIZATION, value);
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "unauthenticated"), "{value}");
    }
}

#[tokio::test]
async fn too_many_requests_from_one_address_are_told_when_to_come_back() {
    let config = HttpConfig {
        requests_per_address_per_second: 1,
        requests_per_address_burst: 3,
        ..HttpConfig::default()
    };
    let world = World::with(config).await;
    for _ in 0..3 {
        assert_eq!(world.call("GET", "/api/profile", None, None).await.status, StatusCode::UNAUTHORIZED);
    }
    let answer = world.call("GET", "/api/profile", None, None).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (429, "tooFast"));
    assert_eq!(answer.body["error"]["retry"], "RETRY_LATER");
    assert!(answer.body["error"]["retryAfterMs"].as_u64().unwrap() > 0);
    assert!(answer.headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn guessing_codes_and_looking_people_up_have_limits_of_their_own() {
    let config =
        HttpConfig { logins_per_address_per_minute: 2, finds_per_user_per_hour: 2, ..HttpConfig::default() };
    let world = World::with(config).await;
    let ada = world.login("ada@example.org").await; // A code and a login: both are used up.
    let otp = world.call("POST", "/api/otp", None, Some(json!({"address": "eve@example.org"}))).await;
    assert_eq!(otp.code(), "tooFast");
    let find = json!({"address": "nobody@example.org"});
    for _ in 0..2 {
        assert_eq!(world.refused(&ada, "POST", "/api/users/find", find.clone()).await.0, 404);
    }
    assert_eq!(world.refused(&ada, "POST", "/api/users/find", find).await.0, 429);
}

#[tokio::test]
async fn without_a_store_everything_is_unavailable_for_now() {
    let world = World::new().await;
    let ada = &world.people(1).await[0];
    world.get(ada, "/api/profile").await;
    world.store.set_unavailable(true);
    for path in ["/api/profile", "/api/chats", "/api/devices"] {
        let answer = world.call("GET", path, Some(&ada.token), None).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (503, "unavailable"), "{path}");
        assert_eq!(answer.body["error"]["retry"], "RETRY_LATER");
    }
}

#[tokio::test]
async fn test_accounts_exist_only_where_they_were_asked_for() {
    let world = World::with(HttpConfig::default()).await;
    let answer = world.call("POST", "/api/test/accounts", None, Some(json!({"count": 1}))).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
