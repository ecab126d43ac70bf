//! Content to protobuf and back. What is checked here is only what the domain types cannot hold.

use dunlin_model::{
    AttachmentId, ChatId, ClientSeq, DeviceId, DeviceNumber, IdentityKey, Seq, Timestamp, UserId,
};

use super::Envelope;
use super::error::ContentError;
use super::kinds::{
    Attachment, ChatMark, ChatMetadata, Content, ContentDigest, Dimensions, Edit, FileDigest, FileKey, Files,
    Mention, OwnFace, OwnMarks, PictureChange, Reaction, Reference, Text, VoiceNote,
};
use super::proto::{self, Kind, chat_metadata, envelope, own_marks};

pub(super) fn to_proto(from: &Envelope) -> Result<proto::Envelope, ContentError> {
    let (kind, content) = content_to_proto(&from.content)?;
    Ok(proto::Envelope {
        chat_id: from.chat.as_bytes().to_vec(),
        sender_user_id: from.sender.user.as_bytes().to_vec(),
        sender_device: from.sender.number.0,
        client_seq: from.client_seq.0,
        sender_counter: from.sender_counter,
        sent_ms: from.sent.0,
        kind: kind.into(),
        disappear_seconds: from.disappear_seconds,
        content: Some(content),
    })
}

pub(super) fn from_proto(from: proto::Envelope) -> Result<Envelope, ContentError> {
    let user = user("senderUserId", &from.sender_user_id)?;
    Ok(Envelope {
        chat: ChatId::try_from(from.chat_id.as_slice()).map_err(|_| not_an_id("chatId"))?,
        sender: DeviceId { user, number: DeviceNumber(from.sender_device) },
        client_seq: ClientSeq(from.client_seq),
        sender_counter: from.sender_counter,
        sent: Timestamp(from.sent_ms),
        disappear_seconds: from.disappear_seconds,
        content: content_from_proto(from.kind, from.content)?,
    })
}

const fn not_an_id(field: &'static str) -> ContentError {
    ContentError::invalid(field, "is not an id")
}

fn user(field: &'static str, bytes: &[u8]) -> Result<UserId, ContentError> {
    UserId::try_from(bytes).map_err(|_| not_an_id(field))
}

fn thirty_two(field: &'static str, bytes: &[u8]) -> Result<[u8; 32], ContentError> {
    bytes.try_into().map_err(|_| ContentError::invalid(field, "does not have 32 bytes"))
}

const fn missing(field: &'static str) -> ContentError {
    ContentError::invalid(field, "is missing")
}

fn content_to_proto(content: &Content) -> Result<(Kind, envelope::Content), ContentError> {
    Ok(match content {
        Content::Text(text) => (Kind::Text, envelope::Content::Text(text_to_proto(text))),
        Content::Files(files) => (Kind::Files, envelope::Content::Files(files_to_proto(files))),
        Content::Reaction(reaction) => {
            let Reaction { target, emoji, remove } = reaction;
            let target = Some(reference_to_proto(target));
            let reaction = proto::Reaction { target, emoji: emoji.clone(), remove: *remove };
            (Kind::Reaction, envelope::Content::Reaction(reaction))
        }
        Content::Edit(Edit { target, text, mentions }) => {
            let target = Some(reference_to_proto(target));
            let edit = proto::Edit { target, text: text.clone(), mentions: mentions_to_proto(mentions) };
            (Kind::Edit, envelope::Content::Edit(edit))
        }
        Content::DisappearingTimer { seconds } => {
            let timer = proto::DisappearingTimer { seconds: *seconds };
            (Kind::DisappearingTimer, envelope::Content::DisappearingTimer(timer))
        }
        Content::ChatMetadata(metadata) => {
            (Kind::ChatMetadata, envelope::Content::ChatMetadata(metadata_to_proto(metadata)))
        }
        Content::OwnMarks(marks) => (Kind::OwnMarks, envelope::Content::OwnMarks(marks_to_proto(marks))),
        Content::Unknown { .. } => return Err(ContentError::UnknownKind),
    })
}

fn content_from_proto(kind: i32, content: Option<envelope::Content>) -> Result<Content, ContentError> {
    let Ok(known) = Kind::try_from(kind) else { return Ok(Content::Unknown { kind }) };
    Ok(match (known, content) {
        (Kind::Text, Some(envelope::Content::Text(text))) => Content::Text(text_from_proto(text)?),
        (Kind::Files, Some(envelope::Content::Files(files))) => Content::Files(files_from_proto(files)?),
        (Kind::Reaction, Some(envelope::Content::Reaction(reaction))) => Content::Reaction(Reaction {
            target: reference_from_proto("reaction.target", reaction.target)?,
            emoji: reaction.emoji,
            remove: reaction.remove,
        }),
        (Kind::Edit, Some(envelope::Content::Edit(edit))) => Content::Edit(Edit {
            target: reference_from_proto("edit.target", edit.target)?,
            text: edit.text,
            mentions: mentions_from_proto(&edit.mentions)?,
        }),
        (Kind::DisappearingTimer, Some(envelope::Content::DisappearingTimer(timer))) => {
            Content::DisappearingTimer { seconds: timer.seconds }
        }
        (Kind::ChatMetadata, Some(envelope::Content::ChatMetadata(metadata))) => {
            Content::ChatMetadata(metadata_from_proto(metadata)?)
        }
        (Kind::OwnMarks, Some(envelope::Content::OwnMarks(marks))) => {
            Content::OwnMarks(marks_from_proto(marks)?)
        }
        (Kind::Unspecified, _) => return Err(missing("kind")),
        _ => return Err(ContentError::invalid("content", "is not of its kind")),
    })
}

fn reference_to_proto(reference: &Reference) -> proto::Reference {
    proto::Reference { seq: reference.seq.0, digest: reference.digest.0.to_vec() }
}

fn reference_from_proto(
    field: &'static str,
    reference: Option<proto::Reference>,
) -> Result<Reference, ContentError> {
    let proto::Reference { seq, digest } = reference.ok_or(missing(field))?;
    Ok(Reference { seq: Seq(seq), digest: ContentDigest(thirty_two(field, &digest)?) })
}

fn mentions_to_proto(mentions: &[Mention]) -> Vec<proto::Mention> {
    let one = |mention: &Mention| proto::Mention {
        start: mention.start,
        length: mention.length,
        user_id: mention.user.as_bytes().to_vec(),
    };
    mentions.iter().map(one).collect()
}

fn mentions_from_proto(mentions: &[proto::Mention]) -> Result<Vec<Mention>, ContentError> {
    let one = |mention: &proto::Mention| {
        let user = user("mentions.userId", &mention.user_id)?;
        Ok(Mention { start: mention.start, length: mention.length, user })
    };
    mentions.iter().map(one).collect()
}

fn text_to_proto(text: &Text) -> proto::Text {
    proto::Text {
        text: text.text.clone(),
        mentions: mentions_to_proto(&text.mentions),
        reply_to: text.reply_to.as_ref().map(reference_to_proto),
    }
}

fn text_from_proto(text: proto::Text) -> Result<Text, ContentError> {
    let reply_to = text.reply_to.map(|reference| reference_from_proto("replyTo", Some(reference)));
    Ok(Text {
        text: text.text,
        mentions: mentions_from_proto(&text.mentions)?,
        reply_to: reply_to.transpose()?,
    })
}

fn files_to_proto(files: &Files) -> proto::Files {
    let caption = (files.caption != Text::default()).then(|| text_to_proto(&files.caption));
    proto::Files { attachments: files.attachments.iter().map(attachment_to_proto).collect(), caption }
}

fn files_from_proto(files: proto::Files) -> Result<Files, ContentError> {
    Ok(Files {
        attachments: files.attachments.into_iter().map(attachment_from_proto).collect::<Result<_, _>>()?,
        caption: files.caption.map(text_from_proto).transpose()?.unwrap_or_default(),
    })
}

fn attachment_to_proto(attachment: &Attachment) -> proto::Attachment {
    proto::Attachment {
        attachment_id: attachment.id.as_bytes().to_vec(),
        key: attachment.key.0.to_vec(),
        digest: attachment.digest.0.to_vec(),
        size: attachment.size_bytes,
        media_type: attachment.media_type.clone(),
        file_name: attachment.file_name.clone(),
        thumbnail: attachment.thumbnail.clone(),
        width: attachment.dimensions.map_or(0, |dimensions| dimensions.width),
        height: attachment.dimensions.map_or(0, |dimensions| dimensions.height),
        duration_ms: attachment.duration_ms,
        voice_note: attachment
            .voice_note
            .as_ref()
            .map(|voice_note| proto::VoiceNote { waveform: voice_note.waveform.clone() }),
    }
}

fn attachment_from_proto(attachment: proto::Attachment) -> Result<Attachment, ContentError> {
    let (width, height) = (attachment.width, attachment.height);
    let id = AttachmentId::try_from(attachment.attachment_id.as_slice());
    Ok(Attachment {
        id: id.map_err(|_| not_an_id("attachment.attachmentId"))?,
        key: FileKey(thirty_two("attachment.key", &attachment.key)?),
        digest: FileDigest(thirty_two("attachment.digest", &attachment.digest)?),
        size_bytes: attachment.size,
        media_type: attachment.media_type,
        file_name: attachment.file_name,
        thumbnail: attachment.thumbnail,
        dimensions: (width != 0 || height != 0).then_some(Dimensions { width, height }),
        duration_ms: attachment.duration_ms,
        voice_note: attachment.voice_note.map(|voice_note| VoiceNote { waveform: voice_note.waveform }),
    })
}

fn metadata_to_proto(metadata: &ChatMetadata) -> proto::ChatMetadata {
    let picture_change = metadata.picture.as_ref().map(|change| match change {
        PictureChange::Set(picture) => chat_metadata::PictureChange::Picture(attachment_to_proto(picture)),
        PictureChange::Removed => {
            chat_metadata::PictureChange::PictureRemoved(chat_metadata::PictureRemoved {})
        }
    });
    proto::ChatMetadata {
        name: metadata.name.clone(),
        description: metadata.description.clone(),
        picture_change,
    }
}

fn metadata_from_proto(metadata: proto::ChatMetadata) -> Result<ChatMetadata, ContentError> {
    let picture = match metadata.picture_change {
        Some(chat_metadata::PictureChange::Picture(picture)) => {
            Some(PictureChange::Set(Box::new(attachment_from_proto(picture)?)))
        }
        Some(chat_metadata::PictureChange::PictureRemoved(_)) => Some(PictureChange::Removed),
        None => None,
    };
    Ok(ChatMetadata { name: metadata.name, description: metadata.description, picture })
}

fn marks_to_proto(marks: &OwnMarks) -> proto::OwnMarks {
    let hidden =
        |(chat, seq): &(ChatId, Seq)| own_marks::Hidden { chat_id: chat.as_bytes().to_vec(), seq: seq.0 };
    let verified = |(user, identity): &(UserId, Option<IdentityKey>)| own_marks::Verified {
        user_id: user.as_bytes().to_vec(),
        identity: identity.map_or_else(Vec::new, |identity| identity.0.to_vec()),
    };
    let chat = |mark: &ChatMark| own_marks::Chat {
        chat_id: mark.chat.as_bytes().to_vec(),
        name: mark.name.clone(),
        description: mark.description.clone(),
        picture: mark.picture.as_deref().map(attachment_to_proto),
        disappear_seconds: mark.disappear_seconds,
        invite_secret: mark.invite.map_or_else(Vec::new, |secret| secret.to_vec()),
        told_face: mark.told_face.map_or_else(Vec::new, |told| told.0.to_vec()),
    };
    proto::OwnMarks {
        hidden: marks.hidden.iter().map(hidden).collect(),
        verified: marks.verified.iter().map(verified).collect(),
        chats: marks.chats.iter().map(chat).collect(),
        face: marks.face.as_ref().map(|face| own_marks::Face {
            changed_ms: face.changed.0,
            picture: face.picture.as_deref().map(attachment_to_proto),
        }),
    }
}

fn marks_from_proto(marks: proto::OwnMarks) -> Result<OwnMarks, ContentError> {
    let chat_id = |bytes: &[u8]| ChatId::try_from(bytes).map_err(|_| not_an_id("ownMarks.chatId"));
    let hidden = |hidden: own_marks::Hidden| Ok((chat_id(&hidden.chat_id)?, Seq(hidden.seq)));
    let verified = |mark: own_marks::Verified| {
        let identity = match mark.identity.as_slice() {
            [] => None,
            key => Some(IdentityKey(thirty_two("ownMarks.identity", key)?)),
        };
        Ok((user("ownMarks.userId", &mark.user_id)?, identity))
    };
    let chat = |mark: own_marks::Chat| {
        let invite = match mark.invite_secret.as_slice() {
            [] => None,
            secret => {
                let wrong = ContentError::invalid("ownMarks.inviteSecret", "does not have 20 bytes");
                Some(secret.try_into().map_err(|_| wrong)?)
            }
        };
        let told_face = match mark.told_face.as_slice() {
            [] => None,
            digest => Some(FileDigest(thirty_two("ownMarks.toldFace", digest)?)),
        };
        Ok(ChatMark {
            chat: chat_id(&mark.chat_id)?,
            name: mark.name,
            description: mark.description,
            picture: mark.picture.map(attachment_from_proto).transpose()?.map(Box::new),
            disappear_seconds: mark.disappear_seconds,
            invite,
            told_face,
        })
    };
    let face = |face: own_marks::Face| {
        let picture = face.picture.map(attachment_from_proto).transpose()?.map(Box::new);
        Ok::<_, ContentError>(OwnFace { changed: Timestamp(face.changed_ms), picture })
    };
    Ok(OwnMarks {
        hidden: marks.hidden.into_iter().map(hidden).collect::<Result<_, ContentError>>()?,
        verified: marks.verified.into_iter().map(verified).collect::<Result<_, ContentError>>()?,
        chats: marks.chats.into_iter().map(chat).collect::<Result<_, ContentError>>()?,
        face: marks.face.map(face).transpose()?,
    })
}
