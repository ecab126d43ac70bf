//! What a message may be, as the rest of the client sees it. `content.proto` says how it is written.

use std::fmt;

use dunlin_model::view::INVITE_SECRET_BYTES;
use dunlin_model::{AttachmentId, ChatId, IdentityKey, Seq, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// SHA-256 over an earlier message's plaintext; see [`digest`](super::digest).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContentDigest(pub [u8; 32]);

/// SHA-256 over an encrypted file, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FileDigest(pub [u8; 32]);

impl FileDigest {
    /// In the place of one that is not known: no file has it.
    pub const UNKNOWN: Self = Self([0; 32]);
}

/// The secret that a file is encrypted with.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileKey(pub [u8; 32]);

impl fmt::Debug for FileKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileKey(secret)")
    }
}

/// What a message is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Content {
    /// Something written.
    Text(Text),
    /// Files, and what is written below them.
    Files(Files),
    /// An emoji on another message.
    Reaction(Reaction),
    /// New text for an earlier message of the same author.
    Edit(Edit),
    /// How long messages stay after they were read, for those who write from now on.
    DisappearingTimer {
        /// Seconds; zero: for ever.
        seconds: u32,
    },
    /// The chat has another name, description or picture.
    ChatMetadata(ChatMetadata),
    /// What the person did to their own view, for their other devices.
    OwnMarks(OwnMarks),
    /// A kind that a newer client knows. It is shown as such and cannot be sent.
    Unknown {
        /// Its number in `content.proto`.
        kind: i32,
    },
}

/// An earlier message of the same chat. Whoever follows it compares the digest with that of the message at
/// `seq`: where they differ, the server told somebody a wrong place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Its place.
    pub seq: Seq,
    /// What stood there when the sender read it first; edits do not change it.
    pub digest: ContentDigest,
}

/// Names a user within a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mention {
    /// The first byte of the UTF-8 text.
    pub start: u32,
    /// How many bytes; at least 1.
    pub length: u32,
    /// Who.
    pub user: UserId,
}

/// Something written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The words; not empty, except as a caption.
    pub text: String,
    /// Who is named where: in ascending order, without overlap, on character boundaries.
    pub mentions: Vec<Mention>,
    /// The message it answers.
    pub reply_to: Option<Reference>,
}

/// Files, and what is written below them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// At least one.
    pub attachments: Vec<Attachment>,
    /// Text that may be empty.
    pub caption: Text,
}

/// A file in blob storage, and what is needed to read and show it. The picture of a chat may be
/// [whole in the message](Attachment::within) instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Where it is.
    pub id: AttachmentId,
    /// What it is encrypted with.
    pub key: FileKey,
    /// What is stored.
    pub digest: FileDigest,
    /// Bytes before encryption.
    pub size_bytes: u64,
    /// RFC 6838, such as `image/jpeg`.
    pub media_type: String,
    /// Without folders and control characters; may be empty.
    pub file_name: String,
    /// A small WebP or JPEG image; empty when there is none.
    pub thumbnail: Vec<u8>,
    /// Of images and videos.
    pub dimensions: Option<Dimensions>,
    /// Milliseconds of sound and videos; zero otherwise.
    pub duration_ms: u32,
    /// Present where it was recorded to be heard in the chat.
    pub voice_note: Option<VoiceNote>,
}

/// The size of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dimensions {
    /// Pixels; at least 1.
    pub width: u32,
    /// Pixels; at least 1.
    pub height: u32,
}

/// A recording: Opus in Ogg (RFC 7845), with a duration and the media type [`VOICE_NOTE_MEDIA_TYPE`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoiceNote {
    /// The loudest sample of each of up to 64 equally long parts, in order of time: 0 is silence, 255 full scale.
    pub waveform: Vec<u8>,
}

/// The media type of voice notes (RFC 5334 section 10.3).
pub const VOICE_NOTE_MEDIA_TYPE: &str = "audio/ogg; codecs=opus";

/// An emoji on another message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// Which message.
    pub target: Reference,
    /// One grapheme cluster (UAX #29).
    pub emoji: String,
    /// Whether it is taken back.
    pub remove: bool,
}

/// New text for an earlier message. The caller makes sure that the author is the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// Which message.
    pub target: Reference,
    /// The words; may be empty where the message has files.
    pub text: String,
    /// As in [`Text`].
    pub mentions: Vec<Mention>,
}

/// A change of what an encrypted chat is called and looks like; `None` leaves one as it was.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMetadata {
    /// The new name.
    pub name: Option<String>,
    /// The new description.
    pub description: Option<String>,
    /// The new picture.
    pub picture: Option<PictureChange>,
}

/// What became of a picture of a chat or a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PictureChange {
    /// There is a new one.
    Set(Box<Attachment>),
    /// There is none any more.
    Removed,
}

/// What a person did to their own view of things, told to their other devices alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnMarks {
    /// Messages that they deleted for themselves.
    pub hidden: Vec<(ChatId, Seq)>,
    /// Whose safety numbers they compared, with the key that was compared; `None` where that is taken back.
    pub verified: Vec<(UserId, Option<IdentityKey>)>,
    /// What a device that came later cannot read.
    pub chats: Vec<ChatMark>,
    /// What they look like.
    pub face: Option<OwnFace>,
}

/// What a person looks like, and since when: the newest counts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnFace {
    /// When that changed, by the clock of the device where it did, and later than what that knew of; zero: it never did.
    pub changed: Timestamp,
    /// Whole in itself; `None`: there is none any more.
    pub picture: Option<Box<Attachment>>,
}

/// What a device knows of an encrypted chat that one that came later could not read.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatMark {
    /// The chat.
    pub chat: ChatId,
    /// Its name.
    pub name: Option<String>,
    /// What it is about.
    pub description: Option<String>,
    /// Its picture.
    pub picture: Option<Box<Attachment>>,
    /// How long messages stay after they were read; zero: for ever.
    pub disappear_seconds: u32,
    /// The secret of its invite link, where a device of this person made that.
    pub invite: Option<[u8; INVITE_SECRET_BYTES]>,
    /// Which picture of this person the other one of a direct chat was told; [`FileDigest::UNKNOWN`] for one or none.
    pub told_face: Option<FileDigest>,
}

impl ChatMark {
    /// One that says nothing yet.
    pub const fn of(chat: ChatId) -> Self {
        Self {
            chat,
            name: None,
            description: None,
            picture: None,
            disappear_seconds: 0,
            invite: None,
            told_face: None,
        }
    }
}

impl fmt::Debug for ChatMark {
    /// Without the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatMark").field("chat", &self.chat).finish_non_exhaustive()
    }
}
