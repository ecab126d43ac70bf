//! Who is in a chat.

use dunlin_client::Action;
use dunlin_model::{ChatCommand, Role, UserId};
use dunlin_wire::{Command, Outcome};
use serde_json::json;

use crate::args::{MembersArgs, MembersCommand, RoleArg};
use crate::failure::Result;
use crate::output::Output;
use crate::render::role_name;
use crate::session::{NO_WAIT, Session, not_understood};

impl Session {
    pub(super) async fn members(&self, out: &mut Output, command: MembersCommand) -> Result {
        match command {
            MembersCommand::List { chat } => self.list_members(out, &chat).await,
            MembersCommand::Add(args) => self.modify(out, args, |users| ChatCommand::Add { users }).await,
            MembersCommand::Remove(args) => {
                self.modify(out, args, |users| ChatCommand::Remove { users }).await
            }
            MembersCommand::Ban(args) => self.modify(out, args, |users| ChatCommand::Ban { users }).await,
            MembersCommand::Unban(args) => self.modify(out, args, |users| ChatCommand::Unban { users }).await,
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
                self.modify(out, args, set_role).await
            }
        }
    }

    async fn list_members(&self, out: &mut Output, chat: &str) -> Result {
        self.catch_up(NO_WAIT).await?;
        let chat = self.find_chat(chat).await?;
        let Outcome::Chat(details) = self.ask(Command::GetChat { chat }).await? else {
            return Err(not_understood());
        };
        let mut members = details.members;
        self.learn_names_or_not(members.iter().map(|member| member.user)).await?;
        members.sort_by_cached_key(|member| {
            (std::cmp::Reverse(member.role), self.name(member.user).to_lowercase())
        });
        out.list(
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
        .await
    }

    async fn modify(
        &self,
        out: &mut Output,
        args: MembersArgs,
        command: impl FnOnce(Vec<UserId>) -> ChatCommand,
    ) -> Result {
        self.catch_up(NO_WAIT).await?;
        let chat = self.find_chat(&args.chat).await?;
        // So that members can be named as they call themselves.
        let members = self.look(move |client| {
            client.chat(chat).map(|chat| chat.state.members.keys().copied().collect::<Vec<_>>())
        });
        self.learn_names_or_not(members.await?.unwrap_or_default()).await?;
        let mut users = Vec::new();
        for person in &args.people {
            users.push(self.find_person(person).await?);
        }
        let said = self.perform(Action::Submit { chat, command: command(users) }, NO_WAIT).await?;
        let name = self.chat_name(chat);
        out.show(&self.said_json(said), || format!("Done, as #{} of {name}.", said.seq)).await
    }
}
