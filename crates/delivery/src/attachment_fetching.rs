//! Attachments that are removed once every recipient has fetched them (R41), where that is asked for.
//!
//! A recipient is who is a member now and may read a message that names the attachment, but for its owner; each is noted
//! once, whichever of their devices says so. So nobody waits for those who left, or for anyone in a chat that was deleted.

use std::collections::HashSet;
use std::sync::Arc;

use dunlin_model::{Attachment, AttachmentId, ChatId, DeviceId, Seq, UserId};

use crate::attachment_removal::Counted;
use crate::attachments::names;
use crate::chat::Chat;
use crate::{Delivery, DeliveryError};

/// Events looked at on either side of a message for another one that names the same attachment. Where more was said, the
/// attachment stays until it is old.
const EVENTS_LOOKED_AT_MAX: u64 = 4_096;
/// Events read at a time, and their bytes.
const PAGE_EVENTS: u64 = 256;
const PAGE_BYTES: usize = 4 * 1024 * 1024;

/// What one look at what was fetched came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchedSwept {
    /// Attachments removed.
    pub removed: u64,
    /// Where the next look goes on; nothing when all were looked at.
    pub next: Option<AttachmentId>,
}

impl Delivery {
    /// Notes that the user has fetched an attachment of the message at `seq`, and removes it if they were the last; it counts
    /// for its owner's volume of the day as before. May be repeated, also when it is gone. Where attachments are not removed so, nothing is noted. Cancel safe: what was
    /// noted is looked at again.
    ///
    /// # Errors
    /// `NoAttachment` for everything that the user may not know of, too; `Store`, `Blobs`.
    pub async fn attachment_fetched(
        &self,
        from: DeviceId,
        chat: ChatId,
        seq: Seq,
        id: AttachmentId,
    ) -> Result<(), DeliveryError> {
        let chat = self.current_chat(chat).await?;
        self.message_names(&chat, from.user, seq, id).await?;
        let known = self.attachment_there(id).await?.filter(|known| known.owner != from.user);
        let Some(known) = known.filter(|_| self.config().attachments_removed_when_fetched) else {
            return Ok(());
        };
        self.store.note_fetched(id, from.user, seq).await?;
        self.remove_if_fetched(&known).await.map(drop)
    }

    /// Looks at up to `limit` attachments after `after` that somebody has fetched: the last of those who had not may have
    /// left meanwhile. What cannot be looked at stays. Cancel safe; may be repeated.
    ///
    /// # Errors
    /// `Store`; what was removed before stays so.
    pub async fn remove_fetched_attachments(
        &self,
        after: Option<AttachmentId>,
        limit: usize,
    ) -> Result<FetchedSwept, DeliveryError> {
        let fetched = self.store.fetched_attachments(after, limit).await?;
        let next = fetched.last().copied().filter(|_| fetched.len() >= limit);
        let mut swept = FetchedSwept { removed: 0, next };
        for id in fetched {
            match self.attachment_there(id).await? {
                None => self.store.forget_fetched(id).await?,
                Some(known) if self.config().attachments_removed_when_fetched => {
                    match self.remove_if_fetched(&known).await {
                        Ok(is_removed) => swept.removed += u64::from(is_removed),
                        Err(error) => tracing::warn!(%id, %error, "an attachment stays for now"),
                    }
                }
                Some(_) => {}
            }
        }
        Ok(swept)
    }

    async fn remove_if_fetched(&self, known: &Attachment) -> Result<bool, DeliveryError> {
        let noted = self.store.fetched_by(known.id).await?;
        let Some(first) = noted.iter().map(|(_, seq)| *seq).min() else { return Ok(false) };
        let Some(chat) = self.store.chat_of_attachment(known.id).await? else { return Ok(false) };
        let chat = self.current_chat(chat).await?;
        let done: HashSet<UserId> = noted.into_iter().map(|(user, _)| user).chain([known.owner]).collect();
        let is_awaited = |seq: Seq| {
            chat.look(|state| {
                let mut members = state.members.keys().filter(|user| !done.contains(user));
                members.any(|user| state.may_read(*user, seq))
            })
        };
        if is_awaited(first) {
            return Ok(false);
        }
        // Until it is gone nobody says anything here: not once more with it, either.
        let turn = Arc::clone(&chat.turn).lock_owned().await;
        chat.pipeline.drained().await;
        if chat.is_behind() {
            chat.catch_up(&*self.store).await?;
        }
        if is_awaited(first) {
            return Ok(false);
        }
        let all_said = match chat.look(|state| state.deleted) {
            true => Some(Vec::new()),
            false => self.messages_naming(&chat, known, first).await?,
        };
        if all_said.is_none_or(|all| all.iter().any(|seq| is_awaited(*seq))) {
            return Ok(false);
        }
        self.files.remove(known.id).await?;
        // Whoever sends it again finds that it is not there.
        drop(turn);
        self.forget_attachment(known, Counted::StillInItsDay).await?;
        Ok(true)
    }

    /// The messages that name an attachment, one of which is known; nothing where too much was said to be sure.
    async fn messages_naming(
        &self,
        chat: &Chat,
        known: &Attachment,
        one: Seq,
    ) -> Result<Option<Vec<Seq>>, DeliveryError> {
        let (floor, head) = (self.store.floor(chat.id).await?, chat.head());
        if head.0 > one.0.saturating_add(EVENTS_LOOKED_AT_MAX) {
            return Ok(None);
        }
        let mut found = Vec::new();
        let mut from = one;
        while from <= head {
            let to = Seq(from.0.saturating_add(PAGE_EVENTS - 1)).min(head);
            self.look_through(chat, known, from, to, &mut found).await?;
            from = to.next();
        }
        // Back to when the attachment was made: nobody could name it before.
        let (mut until, least) = (one, Seq(one.0.saturating_sub(EVENTS_LOOKED_AT_MAX)).max(floor));
        while until.0 > floor.0.saturating_add(1) {
            let from = Seq(until.0.saturating_sub(PAGE_EVENTS)).max(floor.next());
            if self.look_through(chat, known, from, Seq(until.0 - 1), &mut found).await? {
                break;
            }
            if from <= least {
                return Ok(None);
            }
            until = from;
        }
        Ok(Some(found))
    }

    /// Whether one of these events is older than the attachment.
    async fn look_through(
        &self,
        chat: &Chat,
        known: &Attachment,
        from: Seq,
        to: Seq,
        found: &mut Vec<Seq>,
    ) -> Result<bool, DeliveryError> {
        let (mut next, mut is_older) = (from, false);
        while next <= to {
            let limit = usize::try_from(PAGE_EVENTS).unwrap_or(usize::MAX);
            let (entries, _) = chat.read(&*self.store, next, to, limit, PAGE_BYTES).await?;
            let Some(last) = entries.last() else { break };
            next = last.event.seq.next();
            is_older |= entries.iter().any(|entry| entry.event.time < known.created());
            let naming = entries.iter().filter(|entry| names(&entry.event, known.id));
            found.extend(naming.map(|entry| entry.event.seq));
        }
        Ok(is_older)
    }
}
