//! What the app asks, answered from the rows and the core alone.

use data_encoding::HEXLOWER;
use dunlin_client::content::Attachment;
use dunlin_client::query;
use dunlin_client::search::Query;
use dunlin_client::{Client, Rows};
use dunlin_model::{AttachmentId, ChatId, ErrorCode, Seq, UserId};
use dunlin_wire::Failure;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;

use crate::kept;
use crate::plain::{Octets, Text, to_js};
use crate::sending::{self, FilesWish, KeptFile};
use crate::views::{Details, Found, Info, Item, Page, Place, Summary};

/// A question. Field by field as in `web/src/core/worker/core.ts`.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Question {
    Chats {
        skip: usize,
        limit: usize,
    },
    /// Some chats of the list, by name.
    Summaries {
        chats: Vec<Text<ChatId>>,
    },
    Chat {
        chat: Text<ChatId>,
    },
    /// The bytes of its picture.
    Picture {
        chat: Text<ChatId>,
    },
    History {
        chat: Text<ChatId>,
        before: Option<Seq>,
        limit: usize,
    },
    Message {
        chat: Text<ChatId>,
        seq: Seq,
    },
    Info {
        chat: Text<ChatId>,
        seq: Seq,
    },
    Find {
        text: String,
        chat: Option<Text<ChatId>>,
        limit: usize,
    },
    /// The number of the newest message that waits to be sent.
    LastWaiting {
        chat: Text<ChatId>,
    },
    Person {
        user: Text<UserId>,
    },
    /// The bytes of what somebody looks like.
    Face {
        user: Text<UserId>,
    },
    SafetyNumber {
        user: Text<UserId>,
    },
    /// Whether these files can be sent, as far as that is known here.
    CheckFiles(FilesWish),
    /// What is needed to read a file of a message.
    File {
        chat: Text<ChatId>,
        place: Place,
        attachment: Text<AttachmentId>,
    },
    Count,
}

/// What the core knows of a person.
#[derive(Serialize)]
struct Known {
    verified: bool,
    /// Which picture of them.
    picture: Option<String>,
}

#[derive(Serialize)]
struct SafetyNumber {
    digits: String,
    verified: bool,
}

/// The answer, which means nothing when rows were missing.
///
/// # Errors
/// When the search index is damaged, or files cannot be sent.
pub(crate) fn answer(question: &Question, client: &Client, rows: &dyn Rows) -> Result<JsValue, Failure> {
    Ok(match question {
        Question::Chats { skip, limit } => {
            summaries(client.chats_by_activity().into_iter().skip(*skip).take(*limit), client, rows)
        }
        Question::Summaries { chats } => summaries(chats.iter().map(|chat| chat.0), client, rows),
        Question::Chat { chat } => {
            let view = query::chat(rows, chat.0);
            let invite = client.chat(chat.0).and_then(|chat| chat.invite()).map(|code| code.to_string());
            let me = client.account().user();
            let picture = picture(client, chat.0);
            to_js(&view.map(|view| Details::of(view, picture, &flags(rows, chat.0), me, invite)))
        }
        Question::Picture { chat } => {
            to_js(&picture(client, chat.0).map(|picture| Octets(picture.thumbnail.clone())))
        }
        Question::History { chat, before, limit } => {
            to_js(&Page::from(query::history(rows, chat.0, *before, *limit)))
        }
        Question::Message { chat, seq } => to_js(&query::view(rows, chat.0, *seq).and_then(Item::of)),
        Question::Info { chat, seq } => to_js(&query::info(rows, chat.0, *seq).map(Info::from)),
        Question::Find { text, chat, limit } => {
            let query = Query { text, chat: chat.map(|chat| chat.0), limit: *limit };
            let found = query::find(rows, &query)
                .map_err(|damaged| Failure::new(ErrorCode::Internal, damaged.to_string()))?;
            to_js(&found.into_iter().map(Found::from).collect::<Vec<_>>())
        }
        Question::LastWaiting { chat } => {
            to_js(&client.chat(chat.0).and_then(dunlin_client::Chat::last_waiting))
        }
        Question::Person { user } => to_js(&Known {
            verified: client.is_verified(user.0),
            picture: client.face(user.0).filter(|face| is_shown(face)).map(name_of),
        }),
        Question::Face { user } => to_js(
            &client.face(user.0).filter(|face| is_shown(face)).map(|face| Octets(face.thumbnail.clone())),
        ),
        Question::SafetyNumber { user } => {
            to_js(&client.safety_number(user.0).map(|number| SafetyNumber {
                digits: number.to_string(),
                verified: client.is_verified(user.0),
            }))
        }
        Question::CheckFiles(wish) => {
            sending::check(wish, client, rows)?;
            JsValue::UNDEFINED
        }
        Question::File { chat, place, attachment } => {
            to_js(&sending::find(rows, chat.0, *place, attachment.0).map(KeptFile::from))
        }
        Question::Count => to_js(&client.chats().map(|(_, chat)| chat.marks.cursor.0).sum::<u64>()),
    })
}

fn summaries(chats: impl Iterator<Item = ChatId>, client: &Client, rows: &dyn Rows) -> JsValue {
    let summary = |view: query::ChatSummary| {
        let (chat, flags) = (view.chat, flags(rows, view.chat));
        Summary::of(view, picture(client, chat), &flags)
    };
    to_js(&query::summaries(rows, chats).into_iter().map(summary).collect::<Vec<_>>())
}

/// What is shown of a chat: files on the server are removed after a while.
fn picture(client: &Client, chat: ChatId) -> Option<&Attachment> {
    client.chat(chat)?.about.picture.as_deref().filter(|picture| is_shown(picture))
}

fn is_shown(picture: &Attachment) -> bool {
    !picture.thumbnail.is_empty()
}

/// What a picture is called, so that another one is noticed.
pub(crate) fn name_of(picture: &Attachment) -> String {
    HEXLOWER.encode(&picture.digest.0)
}

fn flags(rows: &dyn Rows, chat: ChatId) -> Vec<u8> {
    rows.get(&kept::key(&format!("flags/{chat}"))).unwrap_or_default()
}
