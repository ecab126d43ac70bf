//! Attachments: who may upload and read which, through addresses that serve for a few minutes (R40, R41).
//!
//! The bytes never pass through here: clients put and read them by signed requests. An attachment is its owner's until
//! a message of theirs names it, and from then on one of that message's chat, where those who may read the message may
//! read it.

use std::time::Duration;

use dunlin_blobs::{AttachmentFiles, FileError, Found, SignedRequest, Upload};
use dunlin_model::attachment::UploadName;
use dunlin_model::{
    Attachment, AttachmentId, AttachmentPart, ChatCommand, ChatId, DeviceId, Event, EventKind, Seq, UserId,
};
use futures_util::future::join_all;

use crate::chat::Chat;
use crate::{Delivery, DeliveryError};

/// How long an attachment may wait to be sent; some time after that it is removed.
pub const UNSENT_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// The time over which a user's uploads are added up.
pub(crate) const VOLUME_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);
/// Addresses given out at a time: as many parts as go up within the minutes that they serve, on a usual line.
pub const UPLOADS_MAX: usize = 16;

/// What somebody wants to upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAttachment {
    /// Bytes of the whole.
    pub bytes: u64,
    /// SHA-256 of the whole.
    pub sha256: [u8; 32],
    /// SHA-256 of each part of [`PART_BYTES`](dunlin_model::attachment::PART_BYTES).
    pub parts: Vec<[u8; 32]>,
}

/// Where a part goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartUpload {
    /// Which part.
    pub part: AttachmentPart,
    /// What puts it.
    pub request: SignedRequest,
}

/// How far an upload has got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadState {
    /// The attachment.
    pub id: AttachmentId,
    /// Whether the file is complete.
    pub complete: bool,
    /// The parts that are there, ascending.
    pub there: Vec<u32>,
    /// Where the first of the missing parts go, at most [`UPLOADS_MAX`].
    pub uploads: Vec<PartUpload>,
}

/// Where an attachment can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentAddress {
    /// What reads it.
    pub request: SignedRequest,
    /// Bytes of the whole.
    pub bytes: u64,
}

impl Delivery {
    /// Begins an upload of `from`. Cancel safe; what is not sent within [`UNSENT_KEPT`] is removed.
    ///
    /// # Errors
    /// `TooLarge`, `TooMany` past the user's volume of a day, `Attachment`, `Store`.
    pub async fn create_attachment(
        &self,
        from: DeviceId,
        new: NewAttachment,
    ) -> Result<UploadState, DeliveryError> {
        let (config, owner) = (self.config(), from.user);
        let invalid = |why| Err(DeliveryError::Attachment(why));
        if new.bytes == 0 {
            return invalid("it is empty");
        }
        if new.bytes > config.attachment_bytes_max {
            let limit = usize::try_from(config.attachment_bytes_max).unwrap_or(usize::MAX);
            return Err(DeliveryError::TooLarge { what: "The attachment", limit });
        }
        if u64::try_from(new.parts.len()) != Ok(Attachment::part_count(new.bytes)) {
            return invalid("it has another number of parts");
        }
        if let [only] = new.parts.as_slice()
            && *only != new.sha256
        {
            return invalid("its hash is not that of its only part");
        }
        let now = self.clock.now();
        // One after another, so that uploads begun at once are all counted. On other servers they may not be.
        let counting = self.counting.lock().await;
        let volume = self.store.attachment_bytes(owner, now - VOLUME_WINDOW).await?;
        if volume.saturating_add(new.bytes) > config.attachment_bytes_per_day_max {
            let limit = usize::try_from(config.attachment_bytes_per_day_max).unwrap_or(usize::MAX);
            return Err(DeliveryError::TooMany { what: "bytes of attachments in a day", limit });
        }
        let NewAttachment { bytes, sha256, parts } = new;
        let id = AttachmentId::created_at(now, &*self.randomness);
        let attachment = Attachment { id, owner, bytes, sha256, parts };
        self.store.add_attachment(&attachment).await?;
        drop(counting);
        match self.upload_of(&attachment).await {
            Ok(begun) => {
                self.metrics.attachments_created.add(1);
                Ok(begun)
            }
            Err(error) => {
                // It is begun anew then, and should count once.
                self.store.remove_attachment(&attachment).await?;
                Err(error)
            }
        }
    }

    /// How far an upload of `from` has got, and where the missing parts go. Cancel safe.
    ///
    /// # Errors
    /// `NoAttachment`, `Store`, `Blobs`.
    pub async fn upload_state(&self, from: DeviceId, id: AttachmentId) -> Result<UploadState, DeliveryError> {
        self.upload_of(&self.own_attachment(from.user, id).await?).await
    }

    /// Says that all parts are there. May be repeated.
    ///
    /// # Errors
    /// `NoAttachment`; `Attachment` when a part is missing, or when what is there is otherwise than was said, in which case
    /// its bytes are removed and may be put again (a wrong hash of a whole in several parts is not found out in an object
    /// store); `TooBusy`, `Store`, `Blobs`.
    pub async fn complete_attachment(&self, from: DeviceId, id: AttachmentId) -> Result<(), DeliveryError> {
        let attachment = self.own_attachment(from.user, id).await?;
        let name = self.upload_name(&attachment).await?;
        let upload = Upload { attachment: &attachment, name: name.as_ref() };
        self.files.complete(upload).await.map_err(|error| match error {
            FileError::Incomplete => DeliveryError::Attachment("not all of its parts are there"),
            FileError::WrongHash => DeliveryError::Attachment("it has another hash than was said"),
            FileError::Busy => DeliveryError::TooBusy,
            other => other.into(),
        })
    }

    /// An address where `from` can read an attachment of the message at `seq`. Cancel safe.
    ///
    /// # Errors
    /// `NoAttachment` for everything that the user may not know of, too; `Attachment` when the file is not any more as it
    /// was described; `Store`, `Blobs`.
    pub async fn attachment_to_get(
        &self,
        from: DeviceId,
        chat: ChatId,
        seq: Seq,
        id: AttachmentId,
    ) -> Result<AttachmentAddress, DeliveryError> {
        let chat = self.current_chat(chat).await?;
        self.message_names(&chat, from.user, seq, id).await?;
        let known = self.attachment_there(id).await?.ok_or(DeliveryError::NoAttachment)?;
        match self.files.found(&known).await? {
            Found::Whole => {}
            Found::Missing => return Err(DeliveryError::NoAttachment),
            Found::WrongLength | Found::WrongHash => {
                return Err(DeliveryError::Attachment("it was changed where it is kept"));
            }
        }
        let request = self.files.to_get(id, known.bytes, self.clock.now());
        Ok(AttachmentAddress { request, bytes: known.bytes })
    }

    /// Why a message with these attachments cannot be sent, from what is known of them alone: no byte is read. Those
    /// that can are of this chat from now on.
    pub(crate) async fn attachment_fault(
        &self,
        chat: &Chat,
        from: DeviceId,
        command: &ChatCommand,
    ) -> Result<Option<&'static str>, DeliveryError> {
        let ChatCommand::Send { attachments, .. } = command else { return Ok(None) };
        // None, too many, or no member: refused, or not, without being looked for.
        let looks = !attachments.is_empty()
            && attachments.len() <= self.config().chat.attachments_max
            && chat.look(|state| state.role(from.user).is_some());
        if !looks {
            return Ok(None);
        }
        // At once: each may be a question to an object store, and the chat waits.
        let faults = join_all(attachments.iter().map(|id| self.fault_of(chat.id, from.user, *id))).await;
        for fault in faults {
            if let Some(why) = fault? {
                return Ok(Some(why));
            }
        }
        Ok(None)
    }

    async fn fault_of(
        &self,
        chat: ChatId,
        from: UserId,
        id: AttachmentId,
    ) -> Result<Option<&'static str>, DeliveryError> {
        // Somebody else's is not there either: nobody learns of it by trying.
        let known = self.attachment_there(id).await?.filter(|known| known.owner == from);
        let Some(known) = known else { return Ok(Some("it is not there")) };
        match self.files.found(&known).await? {
            Found::Missing => return Ok(Some("it is not complete")),
            Found::WrongLength => return Ok(Some("it has another size")),
            Found::WrongHash => return Ok(Some("it has another hash")),
            Found::Whole => {}
        }
        match self.store.chat_of_attachment(id).await? {
            Some(bound) if bound == chat => Ok(None),
            Some(_) => Ok(Some("it is of another chat")),
            // It may be removed at any moment.
            None if known.created() + UNSENT_KEPT <= self.clock.now() => Ok(Some("it is not there")),
            None if self.store.bind_attachment(id, chat).await? != chat => Ok(Some("it is of another chat")),
            None => Ok(None),
        }
    }

    /// That the message at `seq`, which the reader may read, names the attachment.
    ///
    /// # Errors
    /// `NoAttachment` for everything else, so that nobody learns of what they may not know; `Store`.
    pub(crate) async fn message_names(
        &self,
        chat: &Chat,
        reader: UserId,
        seq: Seq,
        id: AttachmentId,
    ) -> Result<(), DeliveryError> {
        if !chat.look(|state| state.may_read(reader, seq)) {
            return Err(DeliveryError::NoAttachment);
        }
        let (entries, _) = chat.read(&*self.store, seq, seq, 1, usize::MAX).await?;
        let event = entries.first().map(|entry| &entry.event).filter(|event| event.seq == seq);
        if event.is_some_and(|event| names(event, id)) { Ok(()) } else { Err(DeliveryError::NoAttachment) }
    }

    async fn own_attachment(&self, owner: UserId, id: AttachmentId) -> Result<Attachment, DeliveryError> {
        let known = self.attachment_there(id).await?;
        known.filter(|known| known.owner == owner).ok_or(DeliveryError::NoAttachment)
    }

    /// What is known of an attachment, unless it only counts.
    pub(crate) async fn attachment_there(
        &self,
        id: AttachmentId,
    ) -> Result<Option<Attachment>, DeliveryError> {
        Ok(self.store.attachment(id).await?.filter(is_there))
    }

    async fn upload_of(&self, attachment: &Attachment) -> Result<UploadState, DeliveryError> {
        let name = self.upload_name(attachment).await?;
        let upload = Upload { attachment, name: name.as_ref() };
        let progress = self.files.progress(upload).await?;
        let now = self.clock.now();
        let missing = attachment.parts().filter(|part| progress.there.binary_search(&part.number).is_err());
        let uploads = missing
            .take(UPLOADS_MAX)
            .map(|part| PartUpload { request: self.files.to_put(upload, &part, now), part })
            .collect();
        Ok(UploadState { id: attachment.id, complete: progress.complete, there: progress.there, uploads })
    }

    /// What the object store calls the upload, which is begun there if it was not. Of several servers that begin it at
    /// once, one is right.
    async fn upload_name(&self, attachment: &Attachment) -> Result<Option<UploadName>, DeliveryError> {
        if !self.files.names_uploads(attachment) {
            return Ok(None);
        }
        if let Some(name) = self.store.upload_name(attachment.id).await? {
            return Ok(Some(name));
        }
        let Some(begun) = self.files.begin(attachment).await? else { return Ok(None) };
        let name = self.store.name_upload(attachment.id, &begun).await?;
        if name != begun {
            self.files.abandon(attachment.id, &begun).await?;
        }
        Ok(Some(name))
    }

    /// Where the bytes of attachments are.
    pub fn files(&self) -> &dyn AttachmentFiles {
        &*self.files
    }
}

/// Whether there are bytes of it, or may be. One that was removed before its day was over is known without its parts, since
/// it counts.
pub(crate) fn is_there(attachment: &Attachment) -> bool {
    !attachment.parts.is_empty()
}

/// Whether it is a message with this attachment.
pub(crate) fn names(event: &Event, id: AttachmentId) -> bool {
    match &event.kind {
        EventKind::Message { attachments, .. } => attachments.contains(&id),
        _ => false,
    }
}

impl From<FileError> for DeliveryError {
    fn from(error: FileError) -> Self {
        if matches!(error, FileError::Gone) {
            return Self::NoAttachment;
        }
        tracing::error!(%error, cause = ?std::error::Error::source(&error), "attachments are out of reach");
        Self::Blobs(error.to_string())
    }
}
