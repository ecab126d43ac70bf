//! The commands, a file for each subject.

mod chats;
mod devices;
mod history;
mod login;
mod members;
mod messages;
mod people;
mod tail;

use std::time::Duration;

use dunlin_model::ChatCommand;
use dunlin_model::view::InviteCode;
use serde_json::json;

use crate::app::App;
use crate::args::{Command, ContactsCommand, DevicesCommand};
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::profile::Profile;

/// A command that only asks does not wait for a server that is out of reach.
pub(crate) const NO_WAIT: Duration = Duration::ZERO;

/// Runs a command of the chat client. Commands that are not are handled before.
pub(crate) async fn run(command: Command, out: Output, profile: Profile) -> Result {
    if let Command::Login(args) = command {
        return Box::pin(login::login(out, profile, args)).await;
    }
    let app = App::open(out, profile)?;
    match command {
        // Handled before; nothing is left to do.
        Command::Serve(_) | Command::Load(_) | Command::Completions { .. } | Command::Login(_) => Ok(()),
        Command::Logout => Box::pin(app.log_out()).await,
        Command::Chats => Box::pin(app.list_chats()).await,
        Command::New(args) => Box::pin(app.new_chat(args)).await,
        Command::Send(args) => Box::pin(app.send(args)).await,
        Command::Tail(args) => Box::pin(app.tail(args)).await,
        Command::History(args) => Box::pin(app.history(args)).await,
        Command::Status { chat, seq } => Box::pin(app.status(&chat, seq)).await,
        Command::Delete { chat, seq, everyone } => Box::pin(app.delete(&chat, seq, everyone)).await,
        Command::Members(command) => Box::pin(app.members(command)).await,
        Command::Leave { chat } => Box::pin(app.change(&chat, ChatCommand::Leave)).await,
        Command::DeleteChat { chat } => Box::pin(app.change(&chat, ChatCommand::DeleteChat)).await,
        Command::Invite { chat, withdraw } => Box::pin(app.invite(&chat, withdraw)).await,
        Command::Join { code } => {
            let code: InviteCode = code
                .parse()
                .map_err(|_| Failure::Usage("This is not an invite code. Copy the whole of it.".into()))?;
            Box::pin(app.join(code)).await
        }
        Command::Rename { chat, name } => {
            let update = ChatCommand::Update { name: Some(name), description: None, picture: None };
            Box::pin(app.change(&chat, update)).await
        }
        Command::Describe { chat, description } => {
            let update = ChatCommand::Update { name: None, description: Some(description), picture: None };
            Box::pin(app.change(&chat, update)).await
        }
        Command::Devices { command: None } => Box::pin(app.list_devices()).await,
        Command::Devices { command: Some(DevicesCommand::Revoke { number }) } => {
            Box::pin(app.revoke_device(number)).await
        }
        Command::Profile(args) => Box::pin(app.profile(args)).await,
        Command::Contacts { command: None } => Box::pin(app.list_contacts()).await,
        Command::Contacts { command: Some(ContactsCommand::Add { person, name }) } => {
            Box::pin(app.add_contact(&person, name)).await
        }
        Command::Contacts { command: Some(ContactsCommand::Remove { person }) } => {
            Box::pin(app.remove_contact(&person)).await
        }
        Command::Block { people } if people.is_empty() => Box::pin(app.list_blocks()).await,
        Command::Block { people } => Box::pin(app.block(&people)).await,
        Command::Unblock { people } => Box::pin(app.unblock(&people)).await,
        Command::Presence { people } => Box::pin(app.presence(&people)).await,
    }
}

impl App {
    /// Changes a chat and says where the change stands.
    pub(crate) async fn change(&self, chat: &str, command: ChatCommand) -> Result {
        let connection = self.connect(NO_WAIT).await?;
        let chat = self.find_chat(&connection, chat).await?;
        let name = self.chat_name(chat);
        let said = self.say(&connection, chat, command).await?;
        self.out.show(&self.said_json(said), || format!("Done, as #{} of {name}.", said.seq))
    }

    /// Tells that something is done that has no result.
    pub(crate) fn done(&self, text: &str) -> Result {
        self.out.show(&json!({"done": true}), || text.to_owned())
    }
}
