//! Who is in a chat.

use dunlin_model::{ChatCommand, Role, UserId};
use serde_json::json;

use super::NO_WAIT;
use crate::app::App;
use crate::args::{MembersArgs, MembersCommand, RoleArg};
use crate::failure::Result;
use crate::render::role_name;

impl App {
    pub(super) async fn members(&self, command: MembersCommand) -> Result {
        match command {
            MembersCommand::List { chat } => self.list_members(&chat).await,
            MembersCommand::Add(args) => self.modify(args, |users| ChatCommand::Add { users }).await,
            MembersCommand::Remove(args) => self.modify(args, |users| ChatCommand::Remove { users }).await,
            MembersCommand::Ban(args) => self.modify(args, |users| ChatCommand::Ban { users }).await,
            MembersCommand::Unban(args) => self.modify(args, |users| ChatCommand::Unban { users }).await,
            MembersCommand::Role { chat, person, role } => {
                let args = MembersArgs { chat, people: vec![person] };
                let role = match role {
                    RoleArg::Member => Role::Member,
                    RoleArg::Admin => Role::Admin,
                    RoleArg::Owner => Role::Owner,
                };
                let set_role = |users: Vec<UserId>| ChatCommand::SetRole {
                    // One person was given, so one user was found.
                    user: users.first().copied().unwrap_or_else(|| self.me()),
                    role,
                };
                self.modify(args, set_role).await
            }
        }
    }

    async fn list_members(&self, chat: &str) -> Result {
        let connection = self.connect(NO_WAIT).await?;
        let chat = self.find_chat(&connection, chat).await?;
        let mut members = self.load_chat(&connection, chat).await?.members;
        members.sort_by_cached_key(|member| {
            (std::cmp::Reverse(member.role), self.name(member.user).to_lowercase())
        });
        self.out.list(
            &members,
            |member| {
                let mut value = self.user_json(member.user);
                value["role"] = json!(role_name(member.role));
                value["online"] = json!(member.online);
                value["delivered"] = json!(member.delivered.0);
                value["seen"] = json!(member.seen.0);
                value
            },
            |member| {
                let online = if member.online { ", online" } else { "" };
                format!("{} ({}{online})", self.name(member.user), role_name(member.role))
            },
        )
    }

    async fn modify(&self, args: MembersArgs, command: impl FnOnce(Vec<UserId>) -> ChatCommand) -> Result {
        let connection = self.connect(NO_WAIT).await?;
        let chat = self.find_chat(&connection, &args.chat).await?;
        // So that members can be named as they call themselves.
        self.load_chat(&connection, chat).await?;
        let mut users = Vec::new();
        for person in &args.people {
            users.push(self.find_person(person).await?);
        }
        let said = self.say(&connection, chat, command(users)).await?;
        let name = self.chat_name(chat);
        self.out.show(&self.said_json(said), || format!("Done, as #{} of {name}.", said.seq))
    }
}
