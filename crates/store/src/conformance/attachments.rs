//! Attachments.

use std::sync::Arc;
use std::time::Duration;

use dunlin_model::attachment::UploadName;
use dunlin_model::clock::SeededRandomness;
use dunlin_model::{Attachment, AttachmentId, Seq, Timestamp};

use super::fixtures::{NOON, answered, at_once, chat, user};
use crate::Store;

const HOUR: Duration = Duration::from_secs(3_600);

fn attachment(owner: u32, created: Timestamp, bytes: u64) -> Attachment {
    let id = AttachmentId::created_at(created, &SeededRandomness::new(u64::from(owner) << 32 | bytes));
    Attachment { id, owner: user(owner), bytes, sha256: [6; 32], parts: vec![[6; 32], [7; 32]] }
}

/// Of several chats that race for an attachment one gets it, and all are told which.
pub async fn an_attachment_is_of_the_first_chat_it_was_sent_in<S: Store>(store: Arc<S>) {
    let file = attachment(1, NOON, 10);
    assert_eq!(answered(store.attachment(file.id).await), None);
    for _ in 0..2 {
        answered(store.add_attachment(&file).await);
        assert_eq!(answered(store.attachment(file.id).await), Some(file.clone()));
    }
    assert_eq!(answered(store.chat_of_attachment(file.id).await), None);
    let id = file.id;
    at_once(&store, 6, |store, task| async move {
        let bound = answered(store.bind_attachment(id, chat(task)).await);
        assert_eq!(answered(store.chat_of_attachment(id).await), Some(bound));
    })
    .await;
    let bound = answered(store.chat_of_attachment(id).await).expect("one of them");
    assert_eq!(answered(store.bind_attachment(id, chat(99)).await), bound);
}

/// What a user uploaded lately is added up.
pub async fn attachments_are_counted_by_owner_and_time<S: Store>(store: Arc<S>) {
    for (owner, created, bytes) in [(1, NOON, 10), (1, NOON + HOUR, 200), (2, NOON, 3_000)] {
        answered(store.add_attachment(&attachment(owner, created, bytes)).await);
    }
    let bytes = async |owner, since| answered(store.attachment_bytes(user(owner), since).await);
    assert_eq!(bytes(1, NOON).await, 210);
    assert_eq!(bytes(1, NOON + Duration::from_millis(1)).await, 200);
    assert_eq!(bytes(2, NOON - HOUR).await, 3_000);
    assert_eq!((bytes(2, NOON + HOUR).await, bytes(3, NOON).await), (0, 0));
}

/// The list ends before a time, goes on after an id, and forgets what was removed.
pub async fn attachments_are_listed_oldest_first_until_they_are_removed<S: Store>(store: Arc<S>) {
    let files = [attachment(2, NOON, 1), attachment(1, NOON + HOUR, 2), attachment(1, NOON + 2 * HOUR, 3)];
    for file in files.iter().rev() {
        answered(store.add_attachment(file).await);
        answered(store.bind_attachment(file.id, chat(1)).await);
    }
    let end = NOON + 3 * HOUR;
    assert_eq!(answered(store.attachments(None, end, 9).await), files);
    assert_eq!(answered(store.attachments(None, end, 2).await), files[..2]);
    assert_eq!(answered(store.attachments(Some(files[0].id), end, 9).await), files[1..]);
    assert_eq!(answered(store.attachments(None, NOON + HOUR, 9).await), files[..1]);
    for _ in 0..2 {
        answered(store.remove_attachment(&files[1]).await);
        assert_eq!(answered(store.attachment(files[1].id).await), None);
        assert_eq!(answered(store.chat_of_attachment(files[1].id).await), None);
    }
    assert_eq!(answered(store.attachments(Some(files[0].id), end, 9).await), files[2..]);
    assert_eq!(answered(store.attachment_bytes(user(1), NOON).await), 3);
}

/// Of several servers that begin an upload one gives it its name, and all are told which.
pub async fn an_upload_has_the_first_name_it_was_given<S: Store>(store: Arc<S>) {
    let file = attachment(1, NOON, 10);
    answered(store.add_attachment(&file).await);
    assert_eq!(answered(store.upload_name(file.id).await), None);
    let id = file.id;
    at_once(&store, 6, |store, task| async move {
        let named = answered(store.name_upload(id, &UploadName(format!("upload {task}"))).await);
        assert_eq!(answered(store.upload_name(id).await), Some(named));
    })
    .await;
    let name = answered(store.upload_name(id).await).expect("one of them");
    assert_eq!(answered(store.name_upload(id, &UploadName("late".into())).await), name);
    answered(store.remove_attachment(&file).await);
    assert_eq!(answered(store.upload_name(id).await), None);
}

/// Each user counts once, with the first message, until all of it is forgotten.
pub async fn who_fetched_what_is_known_until_it_is_forgotten<S: Store>(store: Arc<S>) {
    let files = [attachment(1, NOON, 1), attachment(1, NOON + HOUR, 2), attachment(2, NOON + 2 * HOUR, 3)];
    assert_eq!(answered(store.fetched_attachments(None, 9).await), []);
    for file in &files {
        for (who, seq) in [(7, 5), (8, 5), (7, 9)] {
            answered(store.note_fetched(file.id, user(who), Seq(seq)).await);
        }
    }
    let ids = files.each_ref().map(|file| file.id);
    for id in ids {
        let mut fetched = answered(store.fetched_by(id).await);
        fetched.sort_unstable();
        let mut expected = [(user(7), Seq(5)), (user(8), Seq(5))];
        expected.sort_unstable();
        assert_eq!(fetched, expected);
    }
    assert_eq!(answered(store.fetched_attachments(None, 9).await), ids);
    assert_eq!(answered(store.fetched_attachments(None, 2).await), ids[..2]);
    assert_eq!(answered(store.fetched_attachments(Some(ids[0]), 9).await), ids[1..]);
    for _ in 0..2 {
        answered(store.forget_fetched(ids[1]).await);
        assert_eq!(answered(store.fetched_by(ids[1]).await), []);
    }
    assert_eq!(answered(store.fetched_attachments(None, 9).await), [ids[0], ids[2]]);
    assert_eq!(answered(store.fetched_by(ids[0]).await).len(), 2);
}
