//! What content must be like, whether it is about to be sent or was received. This is its only home.

use unicode_segmentation::UnicodeSegmentation;

use super::Envelope;
use super::error::ContentError;
use super::kinds::{
    Attachment, ChatMetadata, Content, Edit, Files, Mention, OwnMarks, PictureChange, Reaction, Reference,
    Text, VOICE_NOTE_MEDIA_TYPE, VoiceNote,
};
use super::limits::{
    ATTACHMENTS_MAX, DESCRIPTION_BYTES_MAX, DIMENSION_PIXELS_MAX, DISAPPEARING_SECONDS_MAX, EMOJI_BYTES_MAX,
    FILE_BYTES_MAX, FILE_NAME_BYTES_MAX, MEDIA_TYPE_BYTES_MAX, MENTIONS_MAX, NAME_BYTES_MAX, OWN_MARKS_MAX,
    TEXT_BYTES_MAX, THUMBNAIL_BYTES_MAX, WAVEFORM_BYTES_MAX,
};

pub(super) fn envelope(envelope: &Envelope) -> Result<(), ContentError> {
    let (seconds, most) = (envelope.disappear_seconds, DISAPPEARING_SECONDS_MAX);
    at_most("disappearSeconds", u64::from(seconds), u64::from(most))?;
    content(&envelope.content)
}

fn content(content: &Content) -> Result<(), ContentError> {
    match content {
        Content::Text(text) => {
            if text.text.is_empty() {
                return Err(ContentError::invalid("text", "is empty"));
            }
            written(text)
        }
        Content::Files(files) => self::files(files),
        Content::Reaction(reaction) => self::reaction(reaction),
        Content::Edit(edit) => self::edit(edit),
        Content::DisappearingTimer { seconds } => {
            at_most("disappearingTimer.seconds", u64::from(*seconds), u64::from(DISAPPEARING_SECONDS_MAX))
        }
        Content::ChatMetadata(metadata) => chat_metadata(metadata),
        Content::OwnMarks(marks) => own_marks(marks),
        Content::Unknown { .. } => Ok(()),
    }
}

fn at_most(field: &'static str, size: u64, limit: u64) -> Result<(), ContentError> {
    if size <= limit { Ok(()) } else { Err(ContentError::TooLarge { field, size, limit }) }
}

fn length_at_most(field: &'static str, length: usize, limit: usize) -> Result<(), ContentError> {
    at_most(field, length as u64, limit as u64)
}

fn written(text: &Text) -> Result<(), ContentError> {
    length_at_most("text", text.text.len(), TEXT_BYTES_MAX)?;
    mentions(&text.text, &text.mentions)?;
    text.reply_to.as_ref().map_or(Ok(()), |target| reference("replyTo", target))
}

fn mentions(text: &str, mentions: &[Mention]) -> Result<(), ContentError> {
    length_at_most("mentions", mentions.len(), MENTIONS_MAX)?;
    let invalid = |why| ContentError::invalid("mentions", why);
    let mut free_from = 0_u32;
    for mention in mentions {
        let end = mention.start.checked_add(mention.length).ok_or_else(|| invalid("end beyond the text"))?;
        if mention.length == 0 {
            return Err(invalid("include an empty range"));
        }
        if mention.start < free_from {
            return Err(invalid("overlap or are out of order"));
        }
        let range = mention.start as usize..end as usize;
        if text.get(range).is_none() {
            return Err(invalid("do not lie on characters of the text"));
        }
        free_from = end;
    }
    Ok(())
}

fn reference(field: &'static str, reference: &Reference) -> Result<(), ContentError> {
    if reference.seq.0 == 0 { Err(ContentError::invalid(field, "names no message")) } else { Ok(()) }
}

fn files(files: &Files) -> Result<(), ContentError> {
    if files.attachments.is_empty() {
        return Err(ContentError::invalid("attachments", "is empty"));
    }
    length_at_most("attachments", files.attachments.len(), ATTACHMENTS_MAX)?;
    files.attachments.iter().try_for_each(attachment)?;
    written(&files.caption)
}

fn attachment(attachment: &Attachment) -> Result<(), ContentError> {
    at_most("attachment.size", attachment.size_bytes, FILE_BYTES_MAX)?;
    length_at_most("attachment.thumbnail", attachment.thumbnail.len(), THUMBNAIL_BYTES_MAX)?;
    media_type(&attachment.media_type)?;
    file_name(&attachment.file_name)?;
    if let Some(dimensions) = attachment.dimensions {
        for side in [dimensions.width, dimensions.height] {
            at_most("attachment.dimensions", u64::from(side), u64::from(DIMENSION_PIXELS_MAX))?;
            if side == 0 {
                return Err(ContentError::invalid("attachment.dimensions", "are incomplete"));
            }
        }
    }
    attachment.voice_note.as_ref().map_or(Ok(()), |voice_note| self::voice_note(attachment, voice_note))
}

fn media_type(media_type: &str) -> Result<(), ContentError> {
    length_at_most("attachment.mediaType", media_type.len(), MEDIA_TYPE_BYTES_MAX)?;
    let invalid = ContentError::invalid("attachment.mediaType", "is not a media type");
    let (top, sub) = media_type.split_once('/').ok_or_else(|| invalid.clone())?;
    let is_printable = media_type.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
    if is_printable && !top.is_empty() && !sub.is_empty() { Ok(()) } else { Err(invalid) }
}

/// A name from outside never leads out of the folder that a file is saved in.
fn file_name(name: &str) -> Result<(), ContentError> {
    length_at_most("attachment.fileName", name.len(), FILE_NAME_BYTES_MAX)?;
    let has_wrong = name.chars().any(|c| matches!(c, '/' | '\\') || c.is_control());
    if has_wrong || matches!(name, "." | "..") {
        return Err(ContentError::invalid("attachment.fileName", "is not the name of a file"));
    }
    Ok(())
}

fn voice_note(attachment: &Attachment, voice_note: &VoiceNote) -> Result<(), ContentError> {
    length_at_most("voiceNote.waveform", voice_note.waveform.len(), WAVEFORM_BYTES_MAX)?;
    if attachment.media_type != VOICE_NOTE_MEDIA_TYPE {
        return Err(ContentError::invalid("voiceNote", "is not Opus in Ogg"));
    }
    if attachment.duration_ms == 0 {
        return Err(ContentError::invalid("voiceNote", "has no duration"));
    }
    Ok(())
}

fn reaction(reaction: &Reaction) -> Result<(), ContentError> {
    reference("reaction.target", &reaction.target)?;
    length_at_most("reaction.emoji", reaction.emoji.len(), EMOJI_BYTES_MAX)?;
    let is_one = reaction.emoji.graphemes(true).count() == 1;
    if !is_one || reaction.emoji.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(ContentError::invalid("reaction.emoji", "is not one visible character"));
    }
    Ok(())
}

fn edit(edit: &Edit) -> Result<(), ContentError> {
    reference("edit.target", &edit.target)?;
    length_at_most("text", edit.text.len(), TEXT_BYTES_MAX)?;
    mentions(&edit.text, &edit.mentions)
}

fn chat_metadata(metadata: &ChatMetadata) -> Result<(), ContentError> {
    if *metadata == ChatMetadata::default() {
        return Err(ContentError::invalid("chatMetadata", "changes nothing"));
    }
    length_at_most("chatMetadata.name", metadata.name.as_ref().map_or(0, String::len), NAME_BYTES_MAX)?;
    let description = metadata.description.as_ref().map_or(0, String::len);
    length_at_most("chatMetadata.description", description, DESCRIPTION_BYTES_MAX)?;
    match &metadata.picture {
        Some(PictureChange::Set(picture)) => chat_picture(picture),
        Some(PictureChange::Removed) | None => Ok(()),
    }
}

/// One that says that it is whole in the message is.
fn chat_picture(picture: &Attachment) -> Result<(), ContentError> {
    attachment(picture)?;
    if picture.is_within() && (picture.thumbnail.is_empty() || !picture.is_whole()) {
        return Err(ContentError::invalid("picture", "is not whole"));
    }
    Ok(())
}

fn own_marks(marks: &OwnMarks) -> Result<(), ContentError> {
    if *marks == OwnMarks::default() {
        return Err(ContentError::invalid("ownMarks", "says nothing"));
    }
    length_at_most("ownMarks.hidden", marks.hidden.len(), OWN_MARKS_MAX)?;
    length_at_most("ownMarks.verified", marks.verified.len(), OWN_MARKS_MAX)?;
    length_at_most("ownMarks.chats", marks.chats.len(), OWN_MARKS_MAX)?;
    if marks.hidden.iter().any(|(_, seq)| seq.0 == 0) {
        return Err(ContentError::invalid("ownMarks.hidden", "names no message"));
    }
    if let Some(face) = &marks.face {
        face.picture.as_deref().map_or(Ok(()), chat_picture)?;
    }
    for chat in &marks.chats {
        let description = chat.description.as_ref().map_or(0, String::len);
        length_at_most("ownMarks.name", chat.name.as_ref().map_or(0, String::len), NAME_BYTES_MAX)?;
        length_at_most("ownMarks.description", description, DESCRIPTION_BYTES_MAX)?;
        let (seconds, most) = (chat.disappear_seconds, DISAPPEARING_SECONDS_MAX);
        at_most("ownMarks.disappearSeconds", u64::from(seconds), u64::from(most))?;
        chat.picture.as_deref().map_or(Ok(()), chat_picture)?;
    }
    Ok(())
}
