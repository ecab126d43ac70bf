//! Attachments that go once everyone has them, and what storage holds of those that nobody knows.

use std::time::Duration;

use bytes::Bytes;
use dunlin_delivery::{DeliveryConfig, UNSENT_KEPT, UNSENT_REMOVED_AFTER};
use dunlin_gateway::http::HttpConfig;
use dunlin_model::clock::SeededRandomness;
use dunlin_model::{AttachmentId, AttachmentPart, Clock as _};
use dunlin_store::Attachments as _;
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use crate::attachments::stored;
use crate::world::{Person, World};

const KEPT: Duration = Duration::from_secs(30 * 24 * 3_600);

async fn world() -> World {
    let http = HttpConfig { test_accounts: true, ..HttpConfig::default() };
    let config = DeliveryConfig { attachments_removed_when_fetched: true, ..World::delivery_config() };
    World::with_both(http, config).await
}

impl World {
    async fn has_fetched(&self, person: &Person, chat: &str, seq: u64, id: &str) {
        let at = format!("/api/chats/{chat}/messages/{seq}/attachments/{id}/fetched");
        self.done(person, "POST", &at, Value::Null).await;
    }

    async fn leaves(&self, person: &Person, chat: &str) {
        let number = json!({"clientSeq": self.next_number()});
        self.done(person, "POST", &format!("/api/chats/{chat}/leave"), number).await;
    }

    /// What a run of the jobs removes.
    async fn sweeps_fetched(&self) -> u64 {
        let (mut removed, mut after) = (0, None);
        loop {
            let swept = self.delivery.remove_fetched_attachments(after, 1).await.unwrap();
            removed += swept.removed;
            after = swept.next;
            if after.is_none() {
                return removed;
            }
        }
    }
}

#[tokio::test]
async fn a_file_goes_once_every_member_who_may_read_it_has_fetched_it() {
    let world = world().await;
    let people = world.people(5).await;
    let chat = world.chat_of(&people[..4]).await;
    let id = world.uploaded(&people[0], b"picture").await;
    let seq = world.says(&people[0], &chat, &id).await;
    let at = format!("/api/chats/{chat}/messages/{seq}/attachments/{id}/fetched");
    let not_found = (404, "notFound".to_owned());
    assert_eq!(world.refused(&people[4], "POST", &at, Value::Null).await, not_found, "a stranger");
    let elsewhere = at.replace(&format!("/{seq}/"), "/1/");
    assert_eq!(world.refused(&people[1], "POST", &elsewhere, Value::Null).await, not_found);
    for person in [0, 1, 1] {
        world.has_fetched(&people[person], &chat, seq, &id).await;
    }
    // Who comes later may not read it, and is not waited for.
    let add = json!({
        "clientSeq": world.next_number(), "action": "PARTICIPANT_ACTION_ADD", "userIds": [people[4].id],
    });
    world.done(&people[0], "POST", &format!("/api/chats/{chat}/participants"), add).await;
    world.leaves(&people[3], &chat).await;
    assert_eq!(world.sweeps_fetched().await, 0);
    assert_eq!(stored(&world).await, std::slice::from_ref(&id), "one is missing");
    world.has_fetched(&people[2], &chat, seq, &id).await;
    assert_eq!(stored(&world).await, [""; 0]);
    // Said once more, when it is gone.
    world.has_fetched(&people[1], &chat, seq, &id).await;
    assert_eq!(world.store.fetched_attachments(None, 9).await.unwrap(), []);
    let to_get = at.trim_end_matches("/fetched");
    assert_eq!(world.refused(&people[1], "GET", to_get, Value::Null).await, not_found);
}

#[tokio::test]
async fn a_file_that_was_fetched_and_removed_counts_for_the_day_and_cannot_be_put_or_sent_again() {
    let world = world().await;
    let people = world.people(2).await;
    let chat = world.chat_of(&people).await;
    let id = world.uploaded(&people[0], b"picture").await;
    let seq = world.says(&people[0], &chat, &id).await;
    world.has_fetched(&people[1], &chat, seq, &id).await;
    assert_eq!(stored(&world).await, [""; 0]);
    let owner = people[0].id.parse().unwrap();
    let counted = async || {
        let day_ago = world.clock.now() - Duration::from_secs(24 * 3_600);
        world.store.attachment_bytes(owner, day_ago).await.unwrap()
    };
    assert_eq!(counted().await, 7);
    let at = format!("/api/attachments/{id}");
    let not_found = (404, "notFound".to_owned());
    assert_eq!(world.refused(&people[0], "GET", &at, Value::Null).await, not_found);
    assert_eq!(world.refused(&people[0], "POST", &format!("{at}/complete"), Value::Null).await, not_found);
    assert_eq!(world.cannot_say(&people[0], &chat, &id).await, (409, "invalidAttachment".to_owned()));
    assert_eq!(world.delivery.metrics().attachments_removed.get(), 1);
    world.clock.advance(UNSENT_REMOVED_AFTER + Duration::from_millis(1));
    assert_eq!(counted().await, 0);
    world.delivery.remove_old_attachments(None, 9, KEPT).await.unwrap();
    assert_eq!(world.store.attachment(id.parse().unwrap()).await.unwrap(), None, "nothing is left of it");
    assert_eq!(world.delivery.metrics().attachments_removed.get(), 1, "once");
}

#[tokio::test]
async fn a_file_waits_for_those_who_may_read_an_earlier_message_with_it() {
    let world = world().await;
    let people = world.people(3).await;
    for said_between in [0, 300] {
        let chat = world.chat_of(&people).await;
        let id = world.uploaded(&people[0], b"picture").await;
        let first = world.says(&people[0], &chat, &id).await;
        // The last one is there for the first message and not for the second.
        world.leaves(&people[2], &chat).await;
        for _ in 0..said_between {
            let text = json!({"clientSeq": world.next_number(), "text": "something else"});
            world.done(&people[0], "POST", &format!("/api/chats/{chat}/messages"), text).await;
        }
        let second = world.says(&people[0], &chat, &id).await;
        let add = json!({
            "clientSeq": world.next_number(), "action": "PARTICIPANT_ACTION_ADD", "userIds": [people[2].id],
        });
        world.done(&people[0], "POST", &format!("/api/chats/{chat}/participants"), add).await;
        world.has_fetched(&people[1], &chat, second, &id).await;
        assert_eq!(world.sweeps_fetched().await, 0);
        assert_eq!(stored(&world).await, std::slice::from_ref(&id), "one may still read the first message");
        world.has_fetched(&people[2], &chat, first, &id).await;
        assert_eq!(stored(&world).await, [""; 0]);
    }
}

#[tokio::test]
async fn nobody_waits_for_those_who_left_or_in_a_chat_that_was_deleted() {
    let world = world().await;
    let people = world.people(3).await;
    for is_deleted in [false, true] {
        let chat = world.chat_of(&people).await;
        let id = world.uploaded(&people[0], b"picture").await;
        let seq = world.says(&people[0], &chat, &id).await;
        world.has_fetched(&people[1], &chat, seq, &id).await;
        assert_eq!(world.sweeps_fetched().await, 0);
        if is_deleted {
            let at = format!("/api/chats/{chat}?clientSeq={}", world.next_number());
            world.done(&people[0], "DELETE", &at, Value::Null).await;
        } else {
            world.leaves(&people[2], &chat).await;
        }
        assert_eq!(world.sweeps_fetched().await, 1);
        assert_eq!(stored(&world).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_file_that_was_sent_again_waits_for_all_who_may_read_either_message() {
    let world = world().await;
    let people = world.people(3).await;
    let chat = world.chat_of(&people[..2]).await;
    let id = world.uploaded(&people[0], b"picture").await;
    let first = world.says(&people[0], &chat, &id).await;
    let add = json!({
        "clientSeq": world.next_number(), "action": "PARTICIPANT_ACTION_ADD", "userIds": [people[2].id],
    });
    world.done(&people[0], "POST", &format!("/api/chats/{chat}/participants"), add).await;
    let second = world.says(&people[0], &chat, &id).await;
    world.has_fetched(&people[1], &chat, first, &id).await;
    assert_eq!(stored(&world).await, std::slice::from_ref(&id), "who came later may read the second message");
    world.has_fetched(&people[2], &chat, second, &id).await;
    assert_eq!(stored(&world).await, [""; 0]);
}

#[tokio::test]
async fn without_the_setting_nothing_is_noted() {
    let world = World::new().await;
    let people = world.people(2).await;
    let chat = world.chat_of(&people).await;
    let id = world.uploaded(&people[0], b"picture").await;
    let seq = world.says(&people[0], &chat, &id).await;
    world.has_fetched(&people[1], &chat, seq, &id).await;
    assert_eq!(world.store.fetched_attachments(None, 9).await.unwrap(), []);
    assert_eq!(stored(&world).await, [id]);
}

#[tokio::test]
async fn a_file_that_nobody_knows_of_is_removed_from_storage_no_earlier_than_one_that_is_known() {
    let world = World::new().await;
    let people = world.people(2).await;
    let chat = world.chat_of(&people).await;
    let known = world.uploaded(&people[0], b"known").await;
    world.says(&people[0], &chat, &known).await;
    let lost = AttachmentId::created_at(world.clock.now(), &SeededRandomness::new(1));
    let sha256 = dunlin_blobs::BlobHash::of(b"lost").0;
    let part = AttachmentPart { number: 1, offset: 0, bytes: 4, sha256 };
    let body = futures_util::stream::iter([Ok(Bytes::from_static(b"lost"))]).boxed();
    world.delivery.files().here().unwrap().put_part(lost, part, body).await.unwrap();
    let sweep = async || {
        let (mut removed, mut after) = (0, None);
        loop {
            let swept = world.delivery.remove_orphaned_files(after, 1, KEPT).await.unwrap();
            removed += swept.removed;
            after = swept.next;
            if after.is_none() {
                return removed;
            }
        }
    };
    assert_eq!(sweep().await, 0, "it may be about to be known");
    // Perhaps this is not the store that belongs to the files: an older copy of it, or an empty one.
    world.clock.advance(UNSENT_KEPT + KEPT);
    assert_eq!(sweep().await, 0, "a store that knows it would still give it out");
    world.clock.advance(Duration::from_millis(1));
    assert_eq!((sweep().await, sweep().await), (1, 0));
    assert_eq!(stored(&world).await, [known]);
    assert_eq!(world.delivery.metrics().attachments_orphaned.get(), 1);
}
