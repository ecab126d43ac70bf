//! Messages with files: made when the files are where attachments are kept, and looked up to read them.

use data_encoding::HEXLOWER;
use dunlin_client::content::{
    Attachment, Content, Dimensions, Envelope, FileDigest, FileKey, Files, Reference, Text as Written,
    VOICE_NOTE_MEDIA_TYPE, VoiceNote,
};
use dunlin_client::query::{self, BodyView, Item};
use dunlin_client::{Action, Client, Rows};
use dunlin_model::{AttachmentId, ChatId, ClientSeq, ErrorCode, Seq, Timestamp};
use dunlin_wire::Failure;
use serde::{Deserialize, Serialize};

use crate::files::hex;
use crate::plain::{Octets, Text};
use crate::views::{MentionView, Place};
use crate::wishes::{is_encrypted, mentions_of, reference};

/// A message with files.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FilesWish {
    chat: Text<ChatId>,
    files: Vec<FileWish>,
    caption: String,
    #[serde(default)]
    mentions: Vec<MentionView>,
    reply_to: Option<Seq>,
}

/// One of its files. What is not known before it was uploaded is missing while it is only checked.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileWish {
    id: Option<Text<AttachmentId>>,
    /// Hexadecimal.
    key: Option<String>,
    /// Hexadecimal.
    digest: Option<String>,
    bytes: u64,
    is_voice: bool,
    media_type: String,
    name: String,
    #[serde(default)]
    thumbnail: Octets,
    width: Option<u32>,
    height: Option<u32>,
    duration_ms: Option<u32>,
    #[serde(default)]
    waveform: Vec<u8>,
}

/// What is needed to read a file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct KeptFile {
    /// Hexadecimal.
    key: String,
    /// Hexadecimal.
    digest: String,
    bytes: u64,
    media_type: String,
}

impl From<Attachment> for KeptFile {
    fn from(file: Attachment) -> Self {
        Self {
            key: HEXLOWER.encode(&file.key.0),
            digest: HEXLOWER.encode(&file.digest.0),
            bytes: file.size_bytes,
            media_type: file.media_type,
        }
    }
}

impl FileWish {
    fn attachment(&self) -> Result<Attachment, Failure> {
        let secret = |digits: &Option<String>| match digits {
            None => Ok([0; 32]),
            Some(digits) => hex(digits).ok_or_else(|| invalid("A key or hash is none.")),
        };
        let dimensions = match (self.width, self.height) {
            (Some(width), Some(height)) => Some(Dimensions { width, height }),
            _ => None,
        };
        let media_type = if self.is_voice { VOICE_NOTE_MEDIA_TYPE } else { &self.media_type };
        Ok(Attachment {
            id: self.id.map_or(AttachmentId::from_bytes([0; 16]), |id| id.0),
            key: FileKey(secret(&self.key)?),
            digest: FileDigest(secret(&self.digest)?),
            size_bytes: self.bytes,
            media_type: media_type.to_owned(),
            file_name: self.name.clone(),
            thumbnail: self.thumbnail.0.clone(),
            dimensions,
            duration_ms: self.duration_ms.unwrap_or_default(),
            voice_note: self.is_voice.then(|| VoiceNote { waveform: self.waveform.clone() }),
        })
    }
}

impl FilesWish {
    fn content(&self, reply_to: Option<Reference>) -> Result<Content, Failure> {
        let attachments = self.files.iter().map(FileWish::attachment).collect::<Result<_, _>>()?;
        let mentions = mentions_of(&self.mentions, &self.caption)?;
        let caption = Written { text: self.caption.clone(), mentions, reply_to };
        Ok(Content::Files(Files { attachments, caption }))
    }
}

/// Whether it could be sent if its files were there: so that nobody uploads what will be refused.
///
/// # Errors
/// Why not.
pub(crate) fn check(wish: &FilesWish, client: &Client, rows: &dyn Rows) -> Result<(), Failure> {
    let chat = wish.chat.0;
    let known =
        client.chat(chat).ok_or_else(|| Failure::new(ErrorCode::NotFound, "There is no such chat."))?;
    let me = client.account().user();
    if known.state.exists() && known.state.role(me).is_none() {
        return Err(Failure::new(ErrorCode::NotAMember, "You are no member of this chat."));
    }
    if !is_encrypted(chat, client) {
        let message = "Files can be sent to encrypted chats only.";
        return Err(Failure::new(ErrorCode::WrongEncryption, message));
    }
    let reply_to = wish.reply_to.map(|seq| reference(rows, chat, seq)).transpose()?;
    let envelope = Envelope {
        chat,
        sender: client.account().device(),
        client_seq: ClientSeq(0),
        sender_counter: 1,
        sent: Timestamp(0),
        disappear_seconds: 0,
        content: wish.content(reply_to)?,
    };
    envelope.seal_plaintext().map_err(|error| invalid(&error.to_string()))?;
    Ok(())
}

/// The action that sends it. An answer to a message that is gone meanwhile becomes one to nothing: the files are there.
///
/// # Errors
/// When a key or hash is none.
pub(crate) fn action(wish: &FilesWish, rows: &dyn Rows) -> Result<Action, Failure> {
    let chat = wish.chat.0;
    let reply_to = wish.reply_to.and_then(|seq| query::reference(rows, chat, seq));
    Ok(Action::Send { chat, content: wish.content(reply_to)? })
}

/// A file of a message that is sent, or waits to be.
pub(crate) fn find(rows: &dyn Rows, chat: ChatId, place: Place, id: AttachmentId) -> Option<Attachment> {
    let item = match place {
        Place::At(seq) => query::view(rows, chat, seq)?,
        Place::Waiting(number) => {
            let is_it = |item: &Item| match item {
                Item::Message(message) => message.place == query::Place::Waiting(number),
                _ => false,
            };
            query::history(rows, chat, None, 1).items.into_iter().find(is_it)?
        }
    };
    let Item::Message(message) = item else { return None };
    let BodyView::Files(files) = message.body else { return None };
    files.attachments.into_iter().find(|file| file.id == id)
}

fn invalid(message: &str) -> Failure {
    Failure::new(ErrorCode::InvalidArgument, message)
}
