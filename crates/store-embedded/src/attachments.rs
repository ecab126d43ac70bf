//! Attachments.

use async_trait::async_trait;
use dunlin_model::attachment::UploadName;
use dunlin_model::{Attachment, AttachmentId, ChatId, Seq, Timestamp, UserId};
use dunlin_store::{Attachments, StoreError};

use crate::operation::Operation;
use crate::store::EmbeddedStore;
use crate::{keys, rows};

#[async_trait]
impl Attachments for EmbeddedStore {
    async fn add_attachment(&self, attachment: &Attachment) -> Result<(), StoreError> {
        let size = rows::numbers([attachment.bytes]);
        let rows = vec![
            (keys::attachment_of(attachment.owner, attachment.id), Some(size)),
            (keys::attachment(attachment.id), Some(rows::encode(attachment)?)),
        ];
        self.submit(|reply| Operation::Change { rows, reply }).await
    }

    async fn attachment(&self, id: AttachmentId) -> Result<Option<Attachment>, StoreError> {
        self.engine.get(&keys::attachment(id))?.map(|row| rows::decode(&row)).transpose()
    }

    async fn bind_attachment(&self, id: AttachmentId, chat: ChatId) -> Result<ChatId, StoreError> {
        let (key, row) = (keys::attachment_chat(id), rows::encode(&chat)?);
        let bound = self.submit(|reply| Operation::Remember { key, row, reply }).await?;
        rows::decode(&bound)
    }

    async fn chat_of_attachment(&self, id: AttachmentId) -> Result<Option<ChatId>, StoreError> {
        self.engine.get(&keys::attachment_chat(id))?.map(|row| rows::decode(&row)).transpose()
    }

    async fn attachment_bytes(&self, owner: UserId, since: Timestamp) -> Result<u64, StoreError> {
        let (from, to) = keys::attachments_of(owner, AttachmentId::first_at(since));
        let mut sum = 0_u64;
        for entry in self.engine.range(from, to) {
            let [bytes] = rows::read_numbers::<1>(&entry?.1)?;
            sum = sum.saturating_add(bytes);
        }
        Ok(sum)
    }

    async fn attachments(
        &self,
        after: Option<AttachmentId>,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Attachment>, StoreError> {
        let (from, to) = keys::attachments_between(after, AttachmentId::first_at(before));
        if from >= to {
            return Ok(Vec::new());
        }
        let listed = self.engine.range(from, to).map(|entry| rows::decode::<Attachment>(&entry?.1));
        // The end belongs to the range of keys, but not to the times before it.
        let older = listed.filter(|file| file.as_ref().map_or(true, |file| file.created() < before));
        older.take(limit).collect()
    }

    async fn remove_attachment(&self, attachment: &Attachment) -> Result<(), StoreError> {
        let rows = vec![
            (keys::attachment(attachment.id), None),
            (keys::attachment_chat(attachment.id), None),
            (keys::attachment_of(attachment.owner, attachment.id), None),
            (keys::attachment_upload(attachment.id), None),
        ];
        self.submit(|reply| Operation::Change { rows, reply }).await
    }

    async fn name_upload(&self, id: AttachmentId, name: &UploadName) -> Result<UploadName, StoreError> {
        let (key, row) = (keys::attachment_upload(id), rows::encode(name)?);
        let noted = self.submit(|reply| Operation::Remember { key, row, reply }).await?;
        rows::decode(&noted)
    }

    async fn upload_name(&self, id: AttachmentId) -> Result<Option<UploadName>, StoreError> {
        self.engine.get(&keys::attachment_upload(id))?.map(|row| rows::decode(&row)).transpose()
    }

    async fn note_fetched(&self, id: AttachmentId, user: UserId, seq: Seq) -> Result<(), StoreError> {
        let (key, row) = (keys::attachment_fetched(id, user), rows::numbers([seq.0]));
        self.submit(|reply| Operation::Remember { key, row, reply }).await.map(drop)
    }

    async fn fetched_by(&self, id: AttachmentId) -> Result<Vec<(UserId, Seq)>, StoreError> {
        let (from, to) = keys::attachment_fetched_by(id);
        let read = self.engine.range(from, to).map(|entry| {
            let (key, row) = entry?;
            let [seq] = rows::read_numbers::<1>(&row)?;
            Ok((read_fetched(&key)?.1, Seq(seq)))
        });
        read.collect()
    }

    async fn fetched_attachments(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<Vec<AttachmentId>, StoreError> {
        let mut found: Vec<AttachmentId> = Vec::new();
        // One look for each: an attachment may have been fetched by many.
        while found.len() < limit {
            let (from, to) = keys::attachments_fetched_after(found.last().copied().or(after));
            let Some(entry) = self.engine.range(from, to).next() else { break };
            found.push(read_fetched(&entry?.0)?.0);
        }
        Ok(found)
    }

    async fn forget_fetched(&self, id: AttachmentId) -> Result<(), StoreError> {
        let (from, to) = keys::attachment_fetched_by(id);
        let keys = self.engine.range(from, to).map(|entry| Ok((entry?.0, None)));
        let rows = keys.collect::<Result<Vec<_>, StoreError>>()?;
        self.submit(|reply| Operation::Change { rows, reply }).await
    }
}

fn read_fetched(key: &[u8]) -> Result<(AttachmentId, UserId), StoreError> {
    keys::read_attachment_fetched(key).ok_or_else(|| StoreError::Damaged("who fetched an attachment".into()))
}
