//! Chats and messages over REST.

use serde_json::{Value, json};

use crate::world::{Person, World};

async fn group(world: &World, owner: &Person, members: &[Person]) -> String {
    let ids: Vec<_> = members.iter().map(|member| &member.id).collect();
    let body = json!({"clientSeq": 1, "kind": "CHAT_KIND_GROUP", "encryption": "ENCRYPTION_NONE",
        "name": "Birds", "description": "of the sea", "memberIds": ids});
    let accepted = world.done(owner, "POST", "/api/chats", body).await;
    format!("/api/chats/{}", accepted["chatId"].as_str().unwrap())
}

#[tokio::test]
async fn a_message_is_posted_once_read_by_the_other_and_deleted() {
    let world = World::new().await;
    let people = world.people(2).await;
    let (ada, bob) = (&people[0], &people[1]);
    let chat = group(&world, ada, &people[1..]).await;
    let messages = format!("{chat}/messages");
    let hello = json!({"clientSeq": 2, "text": "hello"});
    let first = world.done(ada, "POST", &messages, hello.clone()).await;
    let again = world.done(ada, "POST", &messages, hello).await;
    assert_eq!((&first["seq"], &first["repeated"]), (&json!(2), &json!(false)));
    assert_eq!((&again["seq"], &again["repeated"]), (&json!(2), &json!(true)));
    let opaque = json!({"clientSeq": 1, "opaque": "AQID", "replyTo": 2});
    world.done(bob, "POST", &messages, opaque).await;

    let page = world.get(bob, &messages).await;
    let entries = page["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[0]["update"]["created"]["name"], "Birds");
    assert_eq!(entries[1]["message"]["text"], "hello");
    assert_eq!(entries[1]["message"]["senderId"], json!(ada.id));
    assert_eq!(
        (&entries[2]["message"]["opaque"], &entries[2]["message"]["replyTo"]),
        (&json!("AQID"), &json!(2))
    );
    let older = world.get(bob, &format!("{messages}?before=3&limit=1")).await;
    assert_eq!((&older["entries"][0]["message"]["seq"], &older["nextBefore"]), (&json!(2), &json!(2)));

    let status = world.get(ada, &format!("{messages}/2/status")).await;
    assert_eq!(status["recipients"], json!([{"userId": bob.id, "status": "STATUS_SENT"}]));

    world.done(bob, "DELETE", &format!("{messages}/2?scope=DELETE_SCOPE_ME"), json!(null)).await;
    let hidden = world.get(bob, &messages).await;
    assert_eq!(hidden["skipped"][0]["reason"], "SKIP_REASON_HIDDEN");
    let everyone = format!("{messages}/2?scope=DELETE_SCOPE_EVERYONE");
    assert_eq!(world.refused(ada, "DELETE", &everyone, json!(null)).await.1, "invalidArgument");
    world.done(ada, "DELETE", &format!("{everyone}&clientSeq=3"), json!(null)).await;
    let page = world.get(ada, &messages).await;
    assert_eq!(page["entries"][1]["message"]["gone"], "BODY_GONE_DELETED");
    assert_eq!(page["entries"][3]["update"]["messageDeleted"]["seq"], 2);
}

#[tokio::test]
async fn members_come_go_rise_and_are_banned() {
    let world = World::new().await;
    let people = world.people(4).await;
    let (ada, bob, eve) = (&people[0], &people[1], &people[3]);
    let chat = group(&world, ada, &people[1..3]).await;
    let participants = format!("{chat}/participants");
    let change = |number: u64, action: &str, who: &Person| json!({"clientSeq": number, "action": format!("PARTICIPANT_ACTION_{action}"), "userIds": [who.id]});
    let mut promote = change(2, "SET_ROLE", bob);
    assert_eq!(world.refused(ada, "POST", &participants, promote.clone()).await.1, "invalidArgument");
    promote["role"] = json!("ROLE_ADMIN");
    world.done(ada, "POST", &participants, promote).await;
    world.done(bob, "POST", &participants, change(1, "ADD", eve)).await;
    assert_eq!(
        world.refused(eve, "POST", &participants, change(1, "BAN", bob)).await,
        (403, "forbidden".into())
    );
    world.done(bob, "POST", &participants, change(2, "BAN", eve)).await;
    let send = json!({"clientSeq": 1, "text": "let me"});
    let banned = world.refused(eve, "POST", &format!("{chat}/messages"), send).await;
    assert_eq!(banned, (403, "banned".into()));
    world.done(bob, "POST", &participants, change(3, "UNBAN", eve)).await;
    world.done(bob, "POST", &participants, change(4, "REMOVE", &people[2])).await;
    world.done(ada, "POST", &format!("{chat}/leave"), json!({"clientSeq": 3})).await;

    let details = world.get(bob, &chat).await;
    assert_eq!((&details["role"], &details["memberCount"]), (&json!("ROLE_OWNER"), &json!(1)));
    let page = world.get(bob, &format!("{chat}/messages")).await;
    let changes: Vec<&str> = page["entries"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|entry| entry["update"].as_object().unwrap().keys())
        .filter(|name| {
            !["chatId", "seq", "timeMs", "senderId", "senderDevice", "clientSeq"].contains(&name.as_str())
        })
        .map(String::as_str)
        .collect();
    assert_eq!(changes, ["created", "roleChanged", "added", "banned", "unbanned", "removed", "left"]);
}

#[tokio::test]
async fn an_invite_link_lets_in_until_it_is_withdrawn() {
    let world = World::new().await;
    let people = world.people(3).await;
    let chat = group(&world, &people[0], &[]).await;
    let invite = format!("{chat}/invite");
    let link = world.done(&people[0], "POST", &invite, json!({"clientSeq": 2})).await;
    let join = json!({"clientSeq": 1, "code": link["code"]});
    world.done(&people[1], "POST", "/api/chats/join", join.clone()).await;
    assert_eq!(world.get(&people[1], &chat).await["hasInviteLink"], true);
    world.done(&people[0], "DELETE", &format!("{invite}?clientSeq=3"), json!(null)).await;
    let late = world.refused(&people[2], "POST", "/api/chats/join", join).await;
    assert_eq!(late, (404, "invalidInvite".into()));
}

#[tokio::test]
async fn a_chat_is_listed_renamed_and_deleted() {
    let world = World::new().await;
    let people = world.people(2).await;
    let (ada, bob) = (&people[0], &people[1]);
    let chat = group(&world, ada, &people[1..]).await;
    world.done(ada, "PATCH", &chat, json!({"clientSeq": 2, "name": "Waders"})).await;
    assert_eq!(world.refused(bob, "PATCH", &chat, json!({"clientSeq": 1, "name": "x"})).await.1, "forbidden");
    let listed = world.get(bob, "/api/chats").await;
    assert_eq!((&listed["chats"][0]["name"], &listed["nextAfter"]), (&json!("Waders"), &json!("")));
    world.done(ada, "DELETE", &format!("{chat}?clientSeq=3"), json!(null)).await;
    let send = json!({"clientSeq": 2, "text": "too late"});
    let refused = world.refused(bob, "POST", &format!("{chat}/messages"), send).await;
    assert_eq!(refused, (410, "chatDeleted".into()));
}

#[tokio::test]
async fn a_direct_chat_is_the_same_whoever_starts_it_and_shows_presence() {
    let world = World::new().await;
    let people = world.people(3).await;
    let (ada, bob) = (&people[0], &people[1]);
    let direct = |other: &Person| -> Value {
        json!({"clientSeq": 1, "kind": "CHAT_KIND_DIRECT", "encryption": "ENCRYPTION_NONE", "memberIds": [other.id]})
    };
    let first = world.done(ada, "POST", "/api/chats", direct(bob)).await;
    let second = world.done(bob, "POST", "/api/chats", direct(ada)).await;
    assert_eq!(first["chatId"], second["chatId"]);
    let asked = json!({"userIds": [bob.id, people[2].id]});
    let presence = world.done(ada, "POST", "/api/presence", asked).await;
    assert_eq!(presence, json!({"users": [{"userId": bob.id, "online": false, "lastSeenMs": 0}]}));
    let stranger = format!("/api/chats/{}", first["chatId"].as_str().unwrap());
    assert_eq!(world.refused(&people[2], "GET", &stranger, json!(null)).await, (404, "notFound".into()));
}
