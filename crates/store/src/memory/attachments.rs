//! Attachments.

use std::collections::BTreeMap;
use std::ops::Bound;

use async_trait::async_trait;
use dunlin_model::attachment::UploadName;
use dunlin_model::{Attachment, AttachmentId, ChatId, Seq, Timestamp, UserId};

use super::{MemoryStore, Operation};
use crate::{Attachments, StoreError};

#[derive(Debug, Default)]
pub(super) struct Files {
    known: BTreeMap<AttachmentId, Attachment>,
    chats: BTreeMap<AttachmentId, ChatId>,
    uploads: BTreeMap<AttachmentId, UploadName>,
    fetched: BTreeMap<AttachmentId, BTreeMap<UserId, Seq>>,
}

#[async_trait]
impl Attachments for MemoryStore {
    async fn add_attachment(&self, attachment: &Attachment) -> Result<(), StoreError> {
        self.write(Operation::WriteAttachments, |tables| {
            tables.attachments.known.insert(attachment.id, attachment.clone());
        })
    }

    async fn attachment(&self, id: AttachmentId) -> Result<Option<Attachment>, StoreError> {
        self.read(Operation::ReadAttachments, |tables| tables.attachments.known.get(&id).cloned())
    }

    async fn bind_attachment(&self, id: AttachmentId, chat: ChatId) -> Result<ChatId, StoreError> {
        self.write(Operation::WriteAttachments, |tables| *tables.attachments.chats.entry(id).or_insert(chat))
    }

    async fn chat_of_attachment(&self, id: AttachmentId) -> Result<Option<ChatId>, StoreError> {
        self.read(Operation::ReadAttachments, |tables| tables.attachments.chats.get(&id).copied())
    }

    async fn attachment_bytes(&self, owner: UserId, since: Timestamp) -> Result<u64, StoreError> {
        self.read(Operation::ReadAttachments, |tables| {
            let recent = tables.attachments.known.range(AttachmentId::first_at(since)..);
            recent.filter(|(_, file)| file.owner == owner).map(|(_, file)| file.bytes).sum()
        })
    }

    async fn attachments(
        &self,
        after: Option<AttachmentId>,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Attachment>, StoreError> {
        self.read(Operation::ReadAttachments, |tables| {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let all = tables.attachments.known.range((from, Bound::Unbounded));
            let older = all.take_while(|(_, file)| file.created() < before);
            older.take(limit).map(|(_, file)| file.clone()).collect()
        })
    }

    async fn remove_attachment(&self, attachment: &Attachment) -> Result<(), StoreError> {
        self.write(Operation::WriteAttachments, |tables| {
            tables.attachments.known.remove(&attachment.id);
            tables.attachments.chats.remove(&attachment.id);
            tables.attachments.uploads.remove(&attachment.id);
        })
    }

    async fn name_upload(&self, id: AttachmentId, name: &UploadName) -> Result<UploadName, StoreError> {
        self.write(Operation::WriteAttachments, |tables| {
            tables.attachments.uploads.entry(id).or_insert_with(|| name.clone()).clone()
        })
    }

    async fn upload_name(&self, id: AttachmentId) -> Result<Option<UploadName>, StoreError> {
        self.read(Operation::ReadAttachments, |tables| tables.attachments.uploads.get(&id).cloned())
    }

    async fn note_fetched(&self, id: AttachmentId, user: UserId, seq: Seq) -> Result<(), StoreError> {
        self.write(Operation::WriteAttachments, |tables| {
            tables.attachments.fetched.entry(id).or_default().entry(user).or_insert(seq);
        })
    }

    async fn fetched_by(&self, id: AttachmentId) -> Result<Vec<(UserId, Seq)>, StoreError> {
        self.read(Operation::ReadAttachments, |tables| {
            let fetched = tables.attachments.fetched.get(&id).into_iter().flatten();
            fetched.map(|(user, seq)| (*user, *seq)).collect()
        })
    }

    async fn fetched_attachments(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<AttachmentId>, StoreError> {
        self.read(Operation::ReadAttachments, |tables| {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            let fetched = tables.attachments.fetched.range((from, Bound::Unbounded));
            fetched.map(|(id, _)| *id).take(limit).collect()
        })
    }

    async fn forget_fetched(&self, id: AttachmentId) -> Result<(), StoreError> {
        self.write(Operation::WriteAttachments, |tables| {
            tables.attachments.fetched.remove(&id);
        })
    }
}
