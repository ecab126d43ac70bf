//! Accounts and people over REST.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::json;

use crate::world::{Person, World};

#[tokio::test]
async fn a_person_registers_refreshes_and_logs_out() {
    let world = World::new().await;
    let ada = world.login("ada@example.org").await;
    let refresh = json!({"refreshToken": ada.refresh_token});
    let refreshed = world.call("POST", "/api/auth/refresh", None, Some(refresh.clone())).await;
    let retried = world.call("POST", "/api/auth/refresh", None, Some(refresh)).await;
    assert_eq!(refreshed.status, StatusCode::OK);
    assert_eq!(refreshed.body, retried.body);
    let ada = Person::new(&refreshed.body["credentials"]);
    assert_eq!(world.call("POST", "/api/auth/logout", Some(&ada.token), None).await.status, 204);
    let after = world.call("GET", "/api/profile", Some(&ada.token), None).await;
    assert_eq!((after.status.as_u16(), after.code().as_str()), (401, "deviceRevoked"));
}

#[tokio::test]
async fn a_wrong_code_is_401_and_the_answer_to_strangers_is_that_to_users() {
    let world = World::new().await;
    world.login("ada@example.org").await;
    let code = world.code("ada@example.org").await;
    let wrong = if code == "000000" { "111111" } else { "000000" };
    for address in ["ada@example.org", "stranger@example.org"] {
        let login = json!({"address": address, "code": wrong, "deviceName": "x"});
        let answer = world.call("POST", "/api/auth/login", None, Some(login)).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "wrongCode"));
    }
    for _ in 0..3 {
        world.code("ada@example.org").await;
    }
    let answer = world.call("POST", "/api/otp", None, Some(json!({"address": "ada@example.org"}))).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.body["error"]["retryAfterMs"], 3_600_000);
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let world = World::new().await;
    let ada = world.login("ada@example.org").await;
    world.clock.advance(Duration::from_secs(15 * 60));
    assert_eq!(world.refused(&ada, "GET", "/api/profile", json!(null)).await.0, 401);
}

#[tokio::test]
async fn one_device_lists_and_revokes_another() {
    let world = World::new().await;
    let laptop = world.login("ada@example.org").await;
    let phone = world.login("ada@example.org").await;
    let devices = world.get(&laptop, "/api/devices").await;
    assert_eq!(devices["devices"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&devices["devices"][0]["current"], &devices["devices"][1]["current"]),
        (&json!(true), &json!(false))
    );
    world.done(&laptop, "DELETE", "/api/devices/2", json!(null)).await;
    assert_eq!(world.refused(&phone, "GET", "/api/devices", json!(null)).await.1, "deviceRevoked");
    assert_eq!(world.refused(&laptop, "DELETE", "/api/devices/9", json!(null)).await.0, 404);
}

#[tokio::test]
async fn a_profile_is_shown_to_others_and_replaced_under_its_version() {
    let world = World::new().await;
    let (ada, bob) = (world.login("ada@example.org").await, world.login("bob@example.org").await);
    let read = world.get(&ada, "/api/profile").await;
    let new = json!({"version": read["version"], "name": "Ada", "about": "counts"});
    world.done(&ada, "PUT", "/api/profile", new.clone()).await;
    assert_eq!(world.refused(&ada, "PUT", "/api/profile", new).await, (409, "conflict".into()));
    let shown = json!({"userId": ada.id, "name": "Ada", "about": "counts", "picture": ""});
    assert_eq!(world.get(&bob, &format!("/api/users/{}", ada.id)).await, shown);
    let found = world.done(&bob, "POST", "/api/users/find", json!({"address": "Ada@example.org"})).await;
    assert_eq!(found, shown);
}

#[tokio::test]
async fn settings_contacts_and_blocks_are_kept() {
    let world = World::new().await;
    let people = world.people(2).await;
    let [ada, bob] = people.as_slice() else { panic!("two people") };
    assert_eq!(world.get(ada, "/api/settings").await["lastSeen"], "LAST_SEEN_EVERYONE");
    world.done(ada, "PUT", "/api/settings", json!({"lastSeen": "LAST_SEEN_NOBODY"})).await;
    assert_eq!(world.get(ada, "/api/settings").await["lastSeen"], "LAST_SEEN_NOBODY");

    let contact = format!("/api/contacts/{}", bob.id);
    world.done(ada, "PUT", &contact, json!({"name": "Bob"})).await;
    let contacts = world.get(ada, "/api/contacts").await;
    assert_eq!(contacts["contacts"], json!([{"userId": bob.id, "name": "Bob"}]));
    let all = json!({"version": contacts["version"], "contacts": [{"userId": bob.id, "name": "Robert"}]});
    world.done(ada, "PUT", "/api/contacts", all.clone()).await;
    assert_eq!(world.refused(ada, "PUT", "/api/contacts", all).await.1, "conflict");
    world.done(ada, "DELETE", &contact, json!(null)).await;
    assert_eq!(world.get(ada, "/api/contacts").await["contacts"], json!([]));

    let block = format!("/api/blocks/{}", bob.id);
    world.done(ada, "PUT", &block, json!(null)).await;
    assert_eq!(world.get(ada, "/api/blocks").await, json!({"userIds": [bob.id]}));
    let chat = json!({"clientSeq": 1, "kind": "CHAT_KIND_DIRECT", "encryption": "ENCRYPTION_NONE",
        "memberIds": [ada.id]});
    assert_eq!(world.refused(bob, "POST", "/api/chats", chat.clone()).await, (403, "blocked".into()));
    world.done(ada, "DELETE", &block, json!(null)).await;
    world.done(bob, "POST", "/api/chats", chat).await;
}

#[tokio::test]
async fn a_device_linked_later_starts_at_the_heads_of_its_users_chats() {
    let world = World::new().await;
    let laptop = world.login("ada@example.org").await;
    let chat =
        json!({"clientSeq": 1, "kind": "CHAT_KIND_GROUP", "encryption": "ENCRYPTION_NONE", "name": "Birds"});
    let chat = world.done(&laptop, "POST", "/api/chats", chat).await["chatId"].as_str().unwrap().to_owned();
    let messages = format!("/api/chats/{chat}/messages");
    world.done(&laptop, "POST", &messages, json!({"clientSeq": 2, "text": "before"})).await;
    let phone = world.login("ada@example.org").await;
    world.done(&laptop, "POST", &messages, json!({"clientSeq": 3, "text": "after"})).await;
    let details = world.get(&phone, &format!("/api/chats/{chat}")).await;
    assert_eq!((&details["received"], &details["head"]), (&json!(2), &json!(3)));
}
