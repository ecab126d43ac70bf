//! What a message says.

use dunlin_client::content::{self, VOICE_NOTE_MEDIA_TYPE};
use dunlin_client::query::{BodyView, Preview};
use dunlin_model::{AttachmentId, UserId};
use serde::{Deserialize, Serialize};

use crate::plain::{Octets, Text};

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(super) enum PreviewView {
    Text { text: String },
    Files { count: usize, name: String },
    Deleted,
    Unreadable,
    NotHere,
}

impl From<Preview> for PreviewView {
    fn from(preview: Preview) -> Self {
        match preview {
            Preview::Text(text) => Self::Text { text },
            Preview::Files { count, name } => Self::Files { count, name },
            Preview::Deleted => Self::Deleted,
            Preview::Unreadable => Self::Unreadable,
            Preview::NotHere => Self::NotHere,
        }
    }
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(super) enum Body {
    Text { text: String, mentions: Vec<MentionView> },
    Files { caption: String, mentions: Vec<MentionView>, files: Vec<AttachmentView> },
    Deleted,
    Expired,
    Stub { reason: String },
    Unknown,
}

impl From<BodyView> for Body {
    fn from(body: BodyView) -> Self {
        match body {
            BodyView::Text(text) => Self::Text { mentions: MentionView::all(&text), text: text.text },
            BodyView::Files(files) => Self::Files {
                mentions: MentionView::all(&files.caption),
                caption: files.caption.text,
                files: files.attachments.into_iter().map(AttachmentView::from).collect(),
            },
            BodyView::Deleted => Self::Deleted,
            BodyView::Expired => Self::Expired,
            BodyView::Stub(reason) => Self::Stub { reason: reason.to_string() },
            BodyView::Unknown { .. } => Self::Unknown,
        }
    }
}

/// Who is named where, counted as JavaScript counts: in UTF-16 units.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MentionView {
    start: usize,
    end: usize,
    user: Text<UserId>,
}

impl MentionView {
    fn all(text: &content::Text) -> Vec<Self> {
        text.mentions.iter().map(|mention| Self::of(mention, &text.text)).collect()
    }

    fn of(mention: &content::Mention, text: &str) -> Self {
        let start = usize::try_from(mention.start).unwrap_or(usize::MAX);
        let end = start.saturating_add(usize::try_from(mention.length).unwrap_or(usize::MAX));
        let units = |bytes: usize| text.get(..bytes).unwrap_or(text).encode_utf16().count();
        Self { start: units(start), end: units(end), user: Text(mention.user) }
    }

    /// As the core counts: in bytes of UTF-8. `None` where that is no place in the text.
    pub(crate) fn in_bytes(&self, text: &str) -> Option<content::Mention> {
        let (start, end) = (bytes_before(text, self.start)?, bytes_before(text, self.end)?);
        let length = u32::try_from(end.checked_sub(start)?).ok()?;
        Some(content::Mention { start: u32::try_from(start).ok()?, length, user: self.user.0 })
    }
}

fn bytes_before(text: &str, units: usize) -> Option<usize> {
    let mut left = units;
    for (at, character) in text.char_indices() {
        if left == 0 {
            return Some(at);
        }
        left = left.checked_sub(character.len_utf16())?;
    }
    (left == 0).then_some(text.len())
}

/// A file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttachmentView {
    id: Text<AttachmentId>,
    kind: &'static str,
    name: String,
    media_type: String,
    bytes: u64,
    width: Option<u32>,
    height: Option<u32>,
    duration_ms: Option<u32>,
    waveform: Option<Vec<u8>>,
    thumbnail: Option<Octets>,
}

impl From<content::Attachment> for AttachmentView {
    fn from(file: content::Attachment) -> Self {
        let kind = match file.media_type.as_str() {
            VOICE_NOTE_MEDIA_TYPE if file.voice_note.is_some() => "voice",
            media_type if media_type.starts_with("image/") => "image",
            media_type if media_type.starts_with("video/") => "video",
            _ => "file",
        };
        Self {
            id: Text(file.id),
            kind,
            name: file.file_name,
            media_type: file.media_type,
            bytes: file.size_bytes,
            width: file.dimensions.map(|it| it.width),
            height: file.dimensions.map(|it| it.height),
            duration_ms: (file.duration_ms > 0).then_some(file.duration_ms),
            waveform: file.voice_note.map(|note| note.waveform),
            thumbnail: (!file.thumbnail.is_empty()).then_some(Octets(file.thumbnail)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_are_counted_as_javascript_counts_and_back() {
        let text = "ä😀 @Ada!";
        let user = UserId::from_bytes([1; 16]);
        let inner = content::Mention { start: 7, length: 4, user };
        let view = MentionView::of(&inner, text);
        assert_eq!((view.start, view.end), (4, 8));
        assert_eq!(view.in_bytes(text), Some(inner));
        let within = MentionView { start: 2, end: 8, user: Text(user) };
        assert_eq!(within.in_bytes(text), None, "in the middle of a character");
        assert_eq!(MentionView { start: 0, end: 99, user: Text(user) }.in_bytes(text), None);
    }
}
