//! What the app wants done, and the action of the core that does it.

use dunlin_client::content::limits::THUMBNAIL_BYTES_MAX;
use dunlin_client::content::{
    Attachment, ChatMetadata, Content, Edit, Mention, PictureChange, Reference, Text as Written,
};
use dunlin_client::identity::linking::LinkText;
use dunlin_client::query::{self, Item};
use dunlin_client::{Action, Client, Rows};
use dunlin_model::view::InviteCode;
use dunlin_model::{
    Body, ChatCommand, ChatId, ChatKind, DeviceNumber, Encryption, ErrorCode, Role, Seq, UserId,
};
use dunlin_wire::Failure;
use serde::Deserialize;

use crate::plain::{Octets, Text};
use crate::sending::{self, FilesWish};
use crate::views::MentionView;

/// What the app wants. Field by field as in `web/src/core/worker/core.ts`.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Wish {
    Send {
        chat: Text<ChatId>,
        text: String,
        #[serde(default)]
        mentions: Vec<MentionView>,
        reply_to: Option<Seq>,
    },
    SendFiles(FilesWish),
    Edit {
        chat: Text<ChatId>,
        seq: Seq,
        text: String,
        #[serde(default)]
        mentions: Vec<MentionView>,
    },
    React {
        chat: Text<ChatId>,
        seq: Seq,
        emoji: Option<String>,
    },
    Delete {
        chat: Text<ChatId>,
        seq: Seq,
    },
    Hide {
        chat: Text<ChatId>,
        seq: Seq,
    },
    Cancel {
        chat: Text<ChatId>,
        place: u64,
    },
    MarkSeen {
        chat: Text<ChatId>,
        seq: Seq,
    },
    RefreshReceipts {
        chat: Text<ChatId>,
    },
    Typing {
        chat: Text<ChatId>,
        typing: bool,
    },
    Draft {
        chat: Text<ChatId>,
        text: String,
    },
    Direct {
        user: Text<UserId>,
    },
    Group {
        title: String,
        members: Vec<Text<UserId>>,
    },
    Title {
        chat: Text<ChatId>,
        text: String,
    },
    Description {
        chat: Text<ChatId>,
        text: String,
    },
    /// Of a group. Nothing removes it.
    Picture {
        chat: Text<ChatId>,
        picture: Option<Octets>,
    },
    /// Of the person. Nothing removes it.
    Face {
        picture: Option<Octets>,
    },
    Timer {
        chat: Text<ChatId>,
        seconds: u32,
    },
    Add {
        chat: Text<ChatId>,
        users: Vec<Text<UserId>>,
    },
    Remove {
        chat: Text<ChatId>,
        user: Text<UserId>,
    },
    Ban {
        chat: Text<ChatId>,
        user: Text<UserId>,
    },
    Unban {
        chat: Text<ChatId>,
        user: Text<UserId>,
    },
    Role {
        chat: Text<ChatId>,
        user: Text<UserId>,
        role: RoleName,
    },
    Leave {
        chat: Text<ChatId>,
    },
    DeleteChat {
        chat: Text<ChatId>,
    },
    Invite {
        chat: Text<ChatId>,
    },
    RevokeInvite {
        chat: Text<ChatId>,
    },
    Join {
        code: Text<InviteCode>,
    },
    WatchPresence {
        users: Vec<Text<UserId>>,
    },
    Verified {
        user: Text<UserId>,
        verified: bool,
        /// The number that was compared.
        digits: String,
    },
    AnswerLink {
        device: u32,
    },
    ScanLink {
        text: String,
    },
    ConfirmLink {
        device: u32,
    },
    RefuseLink {
        device: u32,
    },
    RebuildSearch,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RoleName {
    Owner,
    Admin,
    Member,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Owner => Self::Owner,
            RoleName::Admin => Self::Admin,
            RoleName::Member => Self::Member,
        }
    }
}

/// The action that does it. What comes of it means nothing when rows were missing.
///
/// # Errors
/// When there is nothing to do it to.
pub(crate) fn action(wish: Wish, client: &Client, rows: &dyn Rows) -> Result<Action, Failure> {
    let command = |chat: Text<ChatId>, command| Ok(Action::Submit { chat: chat.0, command });
    let content = |chat: Text<ChatId>, content| Ok(Action::Send { chat: chat.0, content });
    match wish {
        Wish::Send { chat, text, mentions, reply_to } => {
            send(chat.0, text, &mentions, reply_to, client, rows)
        }
        Wish::SendFiles(wish) => sending::action(&wish, rows),
        Wish::Edit { chat, seq, text, mentions } => {
            let mentions = mentions_of(&mentions, &text)?;
            content(chat, Content::Edit(Edit { target: reference(rows, chat.0, seq)?, text, mentions }))
        }
        Wish::React { chat, seq, emoji } => react(chat.0, seq, emoji, rows),
        Wish::Delete { chat, seq } => Ok(Action::Delete { chat: chat.0, seq }),
        Wish::Hide { chat, seq } => Ok(Action::Hide { chat: chat.0, seq }),
        Wish::Cancel { chat, place } => Ok(Action::Cancel { chat: chat.0, place }),
        Wish::MarkSeen { chat, seq } => Ok(Action::MarkSeen { chat: chat.0, seq }),
        Wish::RefreshReceipts { chat } => Ok(Action::RefreshReceipts { chat: chat.0 }),
        Wish::Typing { chat, typing } => Ok(Action::SetTyping { chat: chat.0, typing }),
        Wish::Draft { chat, text } => Ok(Action::SetDraft { chat: chat.0, text }),
        Wish::Direct { user } => Ok(create(ChatKind::Direct, String::new(), vec![user])),
        Wish::Group { title, members } => Ok(create(ChatKind::Group, title, members)),
        Wish::Title { chat, text } => {
            let metadata = ChatMetadata { name: Some(text), ..ChatMetadata::default() };
            Ok(describe(chat.0, metadata, client))
        }
        Wish::Description { chat, text } => {
            let metadata = ChatMetadata { description: Some(text), ..ChatMetadata::default() };
            Ok(describe(chat.0, metadata, client))
        }
        Wish::Picture { chat, picture } => {
            Ok(Action::Send { chat: chat.0, content: pictured(chat.0, picture, client)? })
        }
        Wish::Face { picture } => Ok(Action::SetFace { face: picture.map(within).transpose()? }),
        Wish::Timer { chat, seconds } => content(chat, Content::DisappearingTimer { seconds }),
        Wish::Add { chat, users } => command(chat, ChatCommand::Add { users: plain(users) }),
        Wish::Remove { chat, user } => command(chat, ChatCommand::Remove { users: vec![user.0] }),
        Wish::Ban { chat, user } => command(chat, ChatCommand::Ban { users: vec![user.0] }),
        Wish::Unban { chat, user } => command(chat, ChatCommand::Unban { users: vec![user.0] }),
        Wish::Role { chat, user, role } => {
            command(chat, ChatCommand::SetRole { user: user.0, role: role.into() })
        }
        Wish::Leave { chat } => command(chat, ChatCommand::Leave),
        Wish::DeleteChat { chat } => command(chat, ChatCommand::DeleteChat),
        Wish::Invite { chat } => Ok(Action::SetInvite { chat: chat.0 }),
        Wish::RevokeInvite { chat } => Ok(Action::RevokeInvite { chat: chat.0 }),
        Wish::Join { code } => Ok(Action::JoinByInvite { code: code.0 }),
        Wish::WatchPresence { users } => Ok(Action::WatchPresence { users: plain(users) }),
        Wish::Verified { user, verified: false, .. } => Ok(Action::WithdrawVerified { user: user.0 }),
        Wish::Verified { user, verified: true, digits } => {
            let identity = client.identity_of(user.0).ok_or_else(|| nothing("Their key is not known."))?;
            // Another key may have come since somebody compared.
            if client.safety_number(user.0).is_none_or(|number| number.to_string() != digits) {
                return Err(Failure::new(
                    ErrorCode::Conflict,
                    "Their key has changed. Compare the number again.",
                ));
            }
            Ok(Action::MarkVerified { user: user.0, identity })
        }
        Wish::AnswerLink { device } => Ok(Action::AnswerLink { device: DeviceNumber(device) }),
        Wish::ScanLink { text } => {
            let text: LinkText =
                text.parse().map_err(|error: dunlin_client::identity::linking::NotALinkText| {
                    Failure::new(ErrorCode::InvalidArgument, error.to_string())
                })?;
            Ok(Action::ScanLink { text })
        }
        Wish::ConfirmLink { device } => Ok(Action::ConfirmLink { device: DeviceNumber(device) }),
        Wish::RefuseLink { device } => Ok(Action::RefuseLink { device: DeviceNumber(device) }),
        Wish::RebuildSearch => Ok(Action::RebuildSearch),
    }
}

fn plain(users: Vec<Text<UserId>>) -> Vec<UserId> {
    users.into_iter().map(|user| user.0).collect()
}

fn nothing(message: &str) -> Failure {
    Failure::new(ErrorCode::NotFound, message)
}

fn create(kind: ChatKind, name: String, members: Vec<Text<UserId>>) -> Action {
    Action::Create { kind, encryption: Encryption::Mls, name, members: plain(members) }
}

/// Whether what is said in it is encrypted; of one that does not exist yet it will be.
pub(crate) fn is_encrypted(chat: ChatId, client: &Client) -> bool {
    client.chat(chat).is_none_or(|chat| chat.is_encrypted() || !chat.state.exists())
}

fn send(
    chat: ChatId,
    text: String,
    mentions: &[MentionView],
    reply_to: Option<Seq>,
    client: &Client,
    rows: &dyn Rows,
) -> Result<Action, Failure> {
    if !is_encrypted(chat, client) {
        let command =
            ChatCommand::Send { body: Body::Text(text), reply_to, attachments: Vec::new(), epoch: None };
        return Ok(Action::Submit { chat, command });
    }
    let mentions = mentions_of(mentions, &text)?;
    let reply_to = reply_to.map(|seq| reference(rows, chat, seq)).transpose()?;
    Ok(Action::Send { chat, content: Content::Text(Written { text, mentions, reply_to }) })
}

/// Who is named in a text.
///
/// # Errors
/// When one of them is named where no text is.
pub(crate) fn mentions_of(mentions: &[MentionView], text: &str) -> Result<Vec<Mention>, Failure> {
    let mentions: Option<_> = mentions.iter().map(|mention| mention.in_bytes(text)).collect();
    mentions.ok_or_else(|| Failure::new(ErrorCode::InvalidArgument, "A mention is outside of the text."))
}

fn react(chat: ChatId, seq: Seq, emoji: Option<String>, rows: &dyn Rows) -> Result<Action, Failure> {
    let target = reference(rows, chat, seq)?;
    let content = match emoji {
        Some(emoji) => Content::reaction(target, emoji),
        None => {
            let own = match query::view(rows, chat, seq) {
                Some(Item::Message(message)) => {
                    message.reactions.into_iter().find(|reaction| reaction.is_own)
                }
                _ => None,
            };
            let own = own.ok_or_else(|| nothing("There is no emoji of yours to take back."))?;
            Content::reaction_withdrawn(target, own.emoji)
        }
    };
    Ok(Action::Send { chat, content })
}

fn describe(chat: ChatId, metadata: ChatMetadata, client: &Client) -> Action {
    if is_encrypted(chat, client) {
        return Action::Send { chat, content: Content::ChatMetadata(metadata) };
    }
    let ChatMetadata { name, description, .. } = metadata;
    Action::Submit { chat, command: ChatCommand::Update { name, description, picture: None } }
}

/// What gives a chat another picture, or none. It is whole in the message, so that those who come later are told it too.
fn pictured(chat: ChatId, picture: Option<Octets>, client: &Client) -> Result<Content, Failure> {
    if !is_encrypted(chat, client) {
        let message = "Only encrypted chats have a picture.";
        return Err(Failure::new(ErrorCode::WrongEncryption, message));
    }
    if client.chat(chat).is_some_and(|chat| chat.state.kind == ChatKind::Direct) {
        let message = "A chat of two shows the picture of the other person.";
        return Err(Failure::new(ErrorCode::InvalidArgument, message));
    }
    let change = match picture {
        None => PictureChange::Removed,
        Some(picture) => PictureChange::Set(Box::new(within(picture)?)),
    };
    Ok(Content::ChatMetadata(ChatMetadata { picture: Some(change), ..ChatMetadata::default() }))
}

fn within(Octets(picture): Octets) -> Result<Attachment, Failure> {
    let refused = |message: &str| Failure::new(ErrorCode::InvalidArgument, message);
    if picture.len() > THUMBNAIL_BYTES_MAX {
        return Err(refused("The picture is too large."));
    }
    Attachment::within(picture).ok_or_else(|| refused("That is no WebP or JPEG picture."))
}

pub(crate) fn reference(rows: &dyn Rows, chat: ChatId, seq: Seq) -> Result<Reference, Failure> {
    query::reference(rows, chat, seq).ok_or_else(|| nothing("There is no such message that can be named."))
}
