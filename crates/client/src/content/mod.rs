//! What stands inside the ciphertext of a message: an envelope that says where it belongs, and its content.
//!
//! `proto/dunlin/content/v1` is the schema; protobuf types stop in this module. [`Envelope::seal_plaintext`]
//! checks, encodes and pads, [`Envelope::open`] does the reverse and compares what the envelope says of itself with
//! what the server says of it. MLS encrypts in between.

mod check;
mod convert;
mod error;
mod kinds;
pub mod limits;
mod make;
mod padding;
mod picture;
mod proto;

use dunlin_model::{ChatId, ClientSeq, DeviceId, Timestamp};
use prost::Message;
use sha2::{Digest, Sha256};

pub use error::ContentError;
pub use kinds::{
    Attachment, ChatMark, ChatMetadata, Content, ContentDigest, Dimensions, Edit, FileDigest, FileKey, Files,
    Mention, OwnFace, OwnMarks, PictureChange, Reaction, Reference, Text, VOICE_NOTE_MEDIA_TYPE, VoiceNote,
};

const DIGEST_LABEL: &[u8] = b"dunlin content v1";

/// A message's content, and where it belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The chat that it was written for.
    pub chat: ChatId,
    /// The device that wrote it.
    pub sender: DeviceId,
    /// That device's number for it.
    pub client_seq: ClientSeq,
    /// How many messages of this device the chat has accepted, this one included: a receiver who finds the
    /// counter more than one above the last shows a gap, and one that does not rise is a replay.
    pub sender_counter: u64,
    /// When it was sent, by the sender's clock: for people, never for order.
    pub sent: Timestamp,
    /// How long it stays after it was read; zero: for ever.
    pub disappear_seconds: u32,
    /// What it is.
    pub content: Content,
}

/// What the server (and for the sender, MLS) says of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expected {
    /// The chat in whose log it stands.
    pub chat: ChatId,
    /// The device that the event and the MLS leaf name.
    pub sender: DeviceId,
    /// The event's client sequence number.
    pub client_seq: ClientSeq,
}

impl Envelope {
    /// The padded plaintext, of one of nine lengths, to be encrypted for the chat.
    ///
    /// # Errors
    ///
    /// `TooLarge`, `Invalid` and `UnknownKind` for content that receivers would refuse.
    pub fn seal_plaintext(&self) -> Result<Vec<u8>, ContentError> {
        if self.sender_counter == 0 {
            return Err(NOT_COUNTED);
        }
        check::envelope(self)?;
        padding::pad(&convert::to_proto(self)?.encode_to_vec())
    }

    /// Reads a decrypted plaintext.
    ///
    /// # Errors
    ///
    /// `WrongBinding` when it belongs elsewhere, which is checked before anything of the content is; otherwise what
    /// is wrong with it. Kinds that this client does not know are no error but [`Content::Unknown`].
    pub fn open(padded: &[u8], expected: &Expected) -> Result<Self, ContentError> {
        let encoded = padding::unpad(padded)?;
        let decoded = proto::Envelope::decode(encoded)
            .map_err(|_| ContentError::invalid("content", "is not an envelope"))?;
        compare(&decoded, expected)?;
        if decoded.sender_counter == 0 {
            return Err(NOT_COUNTED);
        }
        let envelope = convert::from_proto(decoded)?;
        check::envelope(&envelope)?;
        Ok(envelope)
    }
}

const NOT_COUNTED: ContentError = ContentError::invalid("senderCounter", "is zero");

fn compare(decoded: &proto::Envelope, expected: &Expected) -> Result<(), ContentError> {
    let differs = |field| Err(ContentError::WrongBinding { field });
    if decoded.chat_id != expected.chat.as_bytes() {
        return differs("chat");
    }
    let user = expected.sender.user.as_bytes();
    if decoded.sender_user_id != user || decoded.sender_device != expected.sender.number.0 {
        return differs("sender");
    }
    if decoded.client_seq != expected.client_seq.0 {
        return differs("clientSeq");
    }
    Ok(())
}

/// What replies, reactions and edits name a message by: SHA-256 over a label and the padded plaintext, exactly as
/// it was sealed or decrypted. It is kept with the message, since an edit does not change it.
pub fn digest(padded: &[u8]) -> ContentDigest {
    ContentDigest(Sha256::new().chain_update(DIGEST_LABEL).chain_update(padded).finalize().into())
}
