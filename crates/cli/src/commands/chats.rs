//! Chats: list, start, invite, join.

use dunlin_client_native::Connection;
use dunlin_model::view::{ChatDetails, InviteCode};
use dunlin_model::{ChatCommand, ChatId, ChatKind, ClientSeq, Encryption, ErrorCode, UserId};
use dunlin_wire::{Command, Outcome};
use serde_json::{Value, json};

use super::NO_WAIT;
use crate::app::App;
use crate::args::NewArgs;
use crate::chats::not_understood;
use crate::failure::{Failure, Result};
use crate::render::{kind_name, role_name};
use crate::say::Said;

impl App {
    pub(super) async fn list_chats(&self) -> Result {
        let connection = self.connect(NO_WAIT).await?;
        let mut chats = self.load_chats(&connection).await?;
        chats.sort_by_cached_key(|details| self.chat_name(details.chat).to_lowercase());
        if chats.is_empty() && !self.out.is_json() {
            self.out.note("You have no chats yet. Start one with 'dunlin send PERSON TEXT' or 'dunlin new NAME PEOPLE'.");
        }
        self.out.list(&chats, |details| self.chat_json(details), |details| self.chat_line(details))
    }

    fn chat_line(&self, details: &ChatDetails) -> String {
        let name = self.chat_name(details.chat);
        let unread = unread(details);
        let news = if unread > 0 { format!(", {unread} new") } else { String::new() };
        match (details.kind, details.role) {
            _ if details.deleted => format!("{name} (deleted{news})"),
            (_, None) => format!("{name} (you are not a member any more{news})"),
            (ChatKind::Direct, _) => format!("{name} (direct{news})"),
            (kind, Some(role)) => format!(
                "{name} ({}, {} members, you are {}{news})",
                kind_name(kind),
                details.member_count,
                role_name(role)
            ),
        }
    }

    pub(super) fn chat_json(&self, details: &ChatDetails) -> Value {
        json!({
            "chat": details.chat.to_string(),
            "name": self.chat_name(details.chat),
            "kind": kind_name(details.kind),
            "description": details.description,
            "head": details.head.0,
            "received": details.received.0,
            "seen": details.seen.0,
            "unread": unread(details),
            "role": details.role.map(role_name),
            "members": details.member_count,
            "deleted": details.deleted,
            "inviteLink": details.has_invite_link,
            "createdMs": details.created.0,
        })
    }

    pub(super) async fn new_chat(&self, args: NewArgs) -> Result {
        let connection = self.connect(NO_WAIT).await?;
        if let Some(person) = args.direct {
            let user = self.find_person(&person).await?;
            let chat = self.start_direct(&connection, user).await?;
            let value = json!({"chat": chat.to_string(), "chatName": self.chat_name(chat)});
            return self.out.show(&value, || {
                let name = self.chat_name(chat);
                format!("The chat with {name} is there. Write with 'dunlin send {name} TEXT'.")
            });
        }
        let mut members = Vec::new();
        for person in &args.people {
            members.push(self.find_person(person).await?);
        }
        let kind = if args.channel { ChatKind::Channel } else { ChatKind::Group };
        let name = args.name.unwrap_or_default();
        let create = ChatCommand::Create {
            kind,
            encryption: Encryption::None,
            name: name.clone(),
            description: args.description,
            members,
        };
        let said = self.create(&connection, create).await?;
        self.load_chat(&connection, said.chat).await?;
        self.out.show(&self.said_json(said), || {
            format!("The {} '{name}' is there. Write with 'dunlin send {name:?} TEXT'.", kind_name(kind))
        })
    }

    async fn create(&self, connection: &Connection, command: ChatCommand) -> Result<Said> {
        self.say_numbered(connection, |client_seq| Command::CreateChat {
            client_seq,
            command,
            attestation: None,
        })
        .await
    }

    /// The direct chat with `user`, started if it is not there.
    pub(crate) async fn start_direct(&self, connection: &Connection, user: UserId) -> Result<ChatId> {
        if user == self.me() {
            return Err(Failure::Failed("A chat with yourself is not possible.".into()));
        }
        let chat = ChatId::direct(self.me(), user);
        let create = ChatCommand::Create {
            kind: ChatKind::Direct,
            encryption: Encryption::None,
            name: String::new(),
            description: String::new(),
            members: vec![user],
        };
        match self.create(connection, create).await {
            Ok(_) | Err(Failure::Refused { code: ErrorCode::AlreadyExists, .. }) => {}
            Err(failure) => return Err(failure),
        }
        self.load_chat(connection, chat).await?;
        Ok(chat)
    }

    pub(super) async fn invite(&self, chat: &str, withdraw: bool) -> Result {
        let connection = self.connect(NO_WAIT).await?;
        let chat = self.find_chat(&connection, chat).await?;
        let unsent =
            self.files.keep_unsent(|client_seq| Command::SetInviteLink { chat, client_seq, withdraw })?;
        let Outcome::InviteLink { seq, code, .. } = self.deliver(&connection, &unsent).await? else {
            return Err(not_understood());
        };
        let said = Said { chat, seq, number: unsent.number };
        let mut value = self.said_json(said);
        value["code"] = json!(code.as_ref().map(ToString::to_string));
        self.out.show(&value, || match code {
            Some(code) => format!("Whoever has this code can join with 'dunlin join {code}'"),
            None => "The invite link is withdrawn.".into(),
        })
    }

    pub(super) async fn join(&self, code: InviteCode) -> Result {
        let connection = self.connect(NO_WAIT).await?;
        let said = self
            .say_numbered(&connection, |client_seq: ClientSeq| Command::JoinChat {
                code,
                client_seq,
                attestation: None,
            })
            .await?;
        self.load_chat(&connection, said.chat).await?;
        self.out.show(&self.said_json(said), || format!("You are in '{}' now.", self.chat_name(said.chat)))
    }
}

fn unread(details: &ChatDetails) -> u64 {
    details.head.0.saturating_sub(details.seen.0)
}
