//! Pictures that are whole in the message.
//!
//! What is uploaded is removed after a while, and whoever comes into a chat later is told its picture anew. So the
//! picture of a chat is no file on the server: it is small, and travels and is kept as its own thumbnail.

use dunlin_model::AttachmentId;
use sha2::{Digest as _, Sha256};

use super::kinds::{Attachment, FileDigest, FileKey};
use super::limits::THUMBNAIL_BYTES_MAX;

/// In the place of an id: nothing was uploaded.
const NOWHERE: AttachmentId = AttachmentId::from_bytes([0; 16]);

impl Attachment {
    /// A picture that is whole in the message, and nowhere else; `None` when it is neither WebP nor JPEG by its first
    /// bytes. How large it may be says [`THUMBNAIL_BYTES_MAX`](super::limits::THUMBNAIL_BYTES_MAX).
    pub fn within(picture: Vec<u8>) -> Option<Self> {
        let (media_type, file_name) = match picture.as_slice() {
            [0xff, 0xd8, 0xff, ..] => ("image/jpeg", "picture.jpg"),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
                ("image/webp", "picture.webp")
            }
            _ => return None,
        };
        Some(Self {
            id: NOWHERE,
            key: FileKey([0; 32]),
            digest: digest(&picture),
            size_bytes: picture.len() as u64,
            media_type: media_type.to_owned(),
            file_name: file_name.to_owned(),
            thumbnail: picture,
            dimensions: None,
            duration_ms: 0,
            voice_note: None,
        })
    }

    /// Whether it is one that [`within`](Self::within) gave, and not too large for a message.
    pub(crate) fn is_sendable_within(&self) -> bool {
        self.is_within() && self.is_whole() && (1..=THUMBNAIL_BYTES_MAX).contains(&self.thumbnail.len())
    }

    /// Whether there is nothing of it but its thumbnail.
    pub fn is_within(&self) -> bool {
        self.id == NOWHERE
    }

    /// Whether the thumbnail is what [`within`](Self::within) was given.
    pub(super) fn is_whole(&self) -> bool {
        self.size_bytes == self.thumbnail.len() as u64 && self.digest == digest(&self.thumbnail)
    }
}

fn digest(picture: &[u8]) -> FileDigest {
    FileDigest(Sha256::digest(picture).into())
}
