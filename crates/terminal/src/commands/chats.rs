//! Chats: list, start, invite, join.

use dunlin_client::content::Content;
use dunlin_client::{Action, Chat, Client};
use dunlin_model::view::InviteCode;
use dunlin_model::{ChatId, ChatKind, Encryption, Role, Seq, UserId};
use serde_json::{Value, json};

use crate::args::NewArgs;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::render::{kind_name, role_name};
use crate::session::{NO_WAIT, Said, Session};

/// A chat, as it is listed.
struct Listed {
    chat: ChatId,
    kind: ChatKind,
    encrypted: bool,
    description: String,
    head: Seq,
    received: Seq,
    seen: Seq,
    unread: usize,
    role: Option<Role>,
    members: usize,
    deleted: bool,
    has_invite: bool,
    created_ms: u64,
}

impl Listed {
    fn of(id: ChatId, chat: &Chat, me: UserId) -> Self {
        let state = &chat.state;
        Self {
            chat: id,
            kind: state.kind,
            encrypted: chat.is_encrypted(),
            description: state.description.clone(),
            head: state.head,
            received: chat.marks.cursor,
            seen: chat.marks.seen,
            unread: chat.unread(),
            role: state.role(me),
            members: state.members.len(),
            deleted: state.deleted,
            has_invite: state.invite.is_some(),
            created_ms: state.created.0,
        }
    }
}

impl Session {
    pub(super) async fn list_chats(&self, out: &mut Output) -> Result {
        self.catch_up(NO_WAIT).await?;
        self.refresh_chats().await?;
        self.learn_names_or_not(self.peers()).await?;
        let me = self.me();
        let listed = self.look(move |client| {
            let existing = client.chats().filter(|(_, chat)| chat.state.exists());
            existing.map(|(id, chat)| Listed::of(id, chat, me)).collect::<Vec<_>>()
        });
        let mut chats = listed.await?;
        chats.sort_by_cached_key(|listed| self.chat_name(listed.chat).to_lowercase());
        if chats.is_empty() && !out.is_json() {
            out.note(
                "You have no chats yet. Start one with 'dunlin send PERSON TEXT' or 'dunlin new NAME PEOPLE'.",
            )
            .await;
        }
        out.list(&chats, |listed| self.chat_json(listed), |listed| self.chat_line(listed)).await
    }

    fn chat_line(&self, listed: &Listed) -> String {
        let name = self.chat_name(listed.chat);
        let news = if listed.unread > 0 { format!(", {} new", listed.unread) } else { String::new() };
        let open = if listed.encrypted { "" } else { ", not encrypted" };
        match (listed.kind, listed.role) {
            _ if listed.deleted => format!("{name} (deleted{news})"),
            (_, None) => format!("{name} (you are not a member any more{news})"),
            (ChatKind::Direct, _) => format!("{name} (direct{open}{news})"),
            (kind, Some(role)) => format!(
                "{name} ({}, {} members, you are {}{open}{news})",
                kind_name(kind),
                listed.members,
                role_name(role)
            ),
        }
    }

    fn chat_json(&self, listed: &Listed) -> Value {
        json!({
            "chat": listed.chat.to_string(),
            "name": self.chat_name(listed.chat),
            "kind": kind_name(listed.kind),
            "encrypted": listed.encrypted,
            "description": listed.description,
            "head": listed.head.0,
            "received": listed.received.0,
            "seen": listed.seen.0,
            "unread": listed.unread,
            "role": listed.role.map(role_name),
            "members": listed.members,
            "deleted": listed.deleted,
            "inviteLink": listed.has_invite,
            "createdMs": listed.created_ms,
        })
    }

    pub(super) async fn new_chat(&self, out: &mut Output, args: NewArgs) -> Result {
        self.catch_up(NO_WAIT).await?;
        if let Some(person) = args.direct {
            let user = self.find_person(&person).await?;
            let chat = self.start_direct(user).await?;
            self.refresh_chats().await?;
            let name = self.chat_name(chat);
            let value = json!({"chat": chat.to_string(), "chatName": name});
            return out
                .show(&value, || {
                    format!("The chat with {name} is there. Write with 'dunlin send {name} TEXT'.")
                })
                .await;
        }
        let mut members = Vec::new();
        for person in &args.people {
            members.push(self.find_person(person).await?);
        }
        let kind = if args.channel { ChatKind::Channel } else { ChatKind::Group };
        let name = args.name.unwrap_or_default();
        let said = self.start_group(kind, name.clone(), members).await?;
        let chat = said.chat;
        if !args.description.is_empty() {
            let content = Content::ChatMetadata(super::described(args.description));
            self.perform(Action::Send { chat, content }, NO_WAIT).await?;
        }
        self.refresh_chats().await?;
        out.show(&self.said_json(said), || {
            format!("The {} '{name}' is there. Write with 'dunlin send {name:?} TEXT'.", kind_name(kind))
        })
        .await
    }

    /// Starts a group, and waits until it has keys and its name.
    pub(crate) async fn start_group(
        &self,
        kind: ChatKind,
        name: String,
        members: Vec<UserId>,
    ) -> Result<Said> {
        let create = Action::Create { kind, encryption: Encryption::Mls, name, members };
        let said = self.perform(create, NO_WAIT).await?;
        let chat = said.chat;
        // The name follows the creation, and the keys stand between them.
        self.until(move |client| client.chat(chat).is_some_and(|chat| !chat.is_busy())).await?;
        Ok(said)
    }

    /// The direct chat with `user`, started if it is not there.
    pub(crate) async fn start_direct(&self, user: UserId) -> Result<ChatId> {
        if user == self.me() {
            return Err(Failure::Failed("A chat with yourself is not possible.".into()));
        }
        let chat = ChatId::direct(self.me(), user);
        let is_begun = self.look(move |client| {
            client.chat(chat).is_some_and(|chat| chat.state.exists() || chat.waiting_to_send() > 0)
        });
        if is_begun.await? {
            self.until(move |client| client.chat(chat).is_some_and(|chat| chat.state.exists())).await?;
            return Ok(chat);
        }
        let create = Action::Create {
            kind: ChatKind::Direct,
            encryption: Encryption::Mls,
            name: String::new(),
            members: vec![user],
        };
        self.perform(create, NO_WAIT).await?;
        Ok(chat)
    }

    /// Whether the chat is encrypted, so that its name is content, which only owners and admins say.
    pub(super) async fn may_describe(&self, chat: ChatId) -> Result<bool> {
        let me = self.me();
        let state = self.look(move |client| {
            client.chat(chat).map(|chat| (chat.is_encrypted(), chat.state.role(me), chat.state.kind))
        });
        match state.await? {
            Some((false, ..)) => Ok(false),
            Some((true, Some(Role::Admin | Role::Owner), kind)) if kind != ChatKind::Direct => Ok(true),
            _ => Err(Failure::Refused {
                code: dunlin_model::ErrorCode::Forbidden,
                message: "Only the owner and admins of a group may do this.".into(),
            }),
        }
    }

    pub(super) async fn invite(&self, out: &mut Output, chat: &str, withdraw: bool) -> Result {
        self.catch_up(NO_WAIT).await?;
        let chat = self.find_chat(chat).await?;
        let action = if withdraw { Action::RevokeInvite { chat } } else { Action::SetInvite { chat } };
        let said = self.perform(action, NO_WAIT).await?;
        let code = self.look(move |client| client.chat(chat).and_then(Chat::invite)).await?;
        let code = code.filter(|_| !withdraw);
        let mut value = self.said_json(said);
        value["code"] = json!(code.as_ref().map(ToString::to_string));
        out.show(&value, || match code {
            Some(code) => format!("Whoever has this code can join with 'dunlin join {code}'"),
            None => "The invite link is withdrawn.".into(),
        })
        .await
    }

    pub(super) async fn join(&self, out: &mut Output, code: &str) -> Result {
        let not_a_code = |_| Failure::Usage("This is not an invite code. Copy the whole of it.".into());
        let code: InviteCode = code.parse().map_err(not_a_code)?;
        let said = self.perform(Action::JoinByInvite { code }, NO_WAIT).await?;
        let chat = said.chat;
        // Its keys come from those who are in it.
        let has_come =
            move |client: &Client| client.chat(chat).is_some_and(|chat| !chat.is_busy() && !chat.is_behind());
        self.until(has_come).await?;
        self.refresh_chats().await?;
        out.show(&self.said_json(said), || format!("You are in '{}' now.", self.chat_name(chat))).await
    }
}
