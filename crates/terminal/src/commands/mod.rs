//! The commands, a file for each subject.

mod chats;
mod devices;
mod files;
mod history;
mod link;
mod login;
mod members;
mod messages;
mod people;
mod tail;
mod verify;

use std::io::Read;
use std::rc::Rc;

use dunlin_client::Action;
use dunlin_client::content::{ChatMetadata, Content};
use dunlin_model::ChatCommand;
use tokio::sync::watch;

use crate::args::{Command, ContactsCommand, DevicesCommand, SendArgs};
use crate::chat::needs_screen;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::session::{NO_WAIT, Session};

pub(crate) use files::size;
pub(crate) use login::login;

/// Bytes read from standard input; the server's own limit is below.
const INPUT_BYTES_MAX: u64 = 1024 * 1024;

/// What of this process's standard input a command reads, read before it runs somewhere.
pub(crate) fn input_of(command: &Command) -> Result<Option<String>> {
    match command {
        Command::Send(SendArgs { text, .. }) | Command::Edit { text, .. } if *text == ["-"] => {
            let mut input = String::new();
            std::io::stdin().take(INPUT_BYTES_MAX).read_to_string(&mut input).map_err(|error| {
                Failure::Failed(format!("Standard input cannot be read as text: {error}."))
            })?;
            Ok(Some(input.trim_end_matches(['\n', '\r']).to_owned()))
        }
        _ => Ok(None),
    }
}

/// Runs a command of the chat client on a device that this process owns. Commands that are not are handled before.
/// Those without an end of their own end with `Moved` when `leaving` turns true.
pub(crate) async fn run(
    session: &Rc<Session>,
    command: Command,
    input: Option<String>,
    leaving: watch::Receiver<bool>,
    out: &mut Output,
) -> Result {
    match command {
        // Handled before; nothing is left to do.
        Command::Login(_) => Ok(()),
        Command::Logout => Box::pin(session.log_out(out)).await,
        Command::Chats => Box::pin(session.list_chats(out)).await,
        Command::New(args) => Box::pin(session.new_chat(out, args)).await,
        Command::Send(args) => Box::pin(session.send(out, args, input)).await,
        Command::Save { chat, seq, to } => Box::pin(session.save(out, &chat, seq, &to)).await,
        Command::Edit { chat, seq, text } => Box::pin(session.edit(out, &chat, seq, &text, input)).await,
        Command::React { chat, seq, emoji, remove } => {
            Box::pin(session.react(out, &chat, seq, emoji, remove)).await
        }
        Command::Chat { chat } => {
            needs_screen(out)?;
            Box::pin(session.chat(chat.as_deref(), leaving)).await
        }
        Command::Tail(args) => Box::pin(session.tail(out, args, leaving)).await,
        Command::History(args) => Box::pin(session.history(out, args)).await,
        Command::Search { words, chat, limit } => {
            Box::pin(session.search(out, &words.join(" "), chat, limit)).await
        }
        Command::Status { chat, seq } => Box::pin(session.status(out, &chat, seq)).await,
        Command::Delete { chat, seq, everyone } => Box::pin(session.delete(out, &chat, seq, everyone)).await,
        Command::Members(command) => Box::pin(session.members(out, command)).await,
        Command::Leave { chat } => Box::pin(session.change(out, &chat, ChatCommand::Leave)).await,
        Command::DeleteChat { chat } => Box::pin(session.change(out, &chat, ChatCommand::DeleteChat)).await,
        Command::Invite { chat, withdraw } => Box::pin(session.invite(out, &chat, withdraw)).await,
        Command::Join { code } => Box::pin(session.join(out, &code)).await,
        Command::Rename { chat, name } => {
            Box::pin(session.describe(
                out,
                &chat,
                ChatMetadata { name: Some(name), ..ChatMetadata::default() },
            ))
            .await
        }
        Command::Describe { chat, description } => {
            Box::pin(session.describe(out, &chat, described(description))).await
        }
        command => Box::pin(about_people(session, command, out)).await,
    }
}

/// Commands that are not about chats.
async fn about_people(session: &Session, command: Command, out: &mut Output) -> Result {
    match command {
        Command::Verify { person, mark, unmark } => session.verify(out, &person, mark, unmark).await,
        Command::Link { text, code } => session.link(out, text.as_deref(), code.as_deref()).await,
        Command::Devices { command: None } => session.list_devices(out).await,
        Command::Devices { command: Some(DevicesCommand::Revoke { number }) } => {
            session.revoke_device(out, number).await
        }
        Command::Profile(args) => session.profile(out, args).await,
        Command::Contacts { command: None } => session.list_contacts(out).await,
        Command::Contacts { command: Some(ContactsCommand::Add { person, name }) } => {
            session.add_contact(out, &person, name).await
        }
        Command::Contacts { command: Some(ContactsCommand::Remove { person }) } => {
            session.remove_contact(out, &person).await
        }
        Command::Block { people } if people.is_empty() => session.list_blocks(out).await,
        Command::Block { people } => session.block(out, &people).await,
        Command::Unblock { people } => session.unblock(out, &people).await,
        Command::Presence { people } => session.presence(out, &people).await,
        // `run` knows the others.
        _ => Ok(()),
    }
}

fn described(description: String) -> ChatMetadata {
    ChatMetadata { description: Some(description), ..ChatMetadata::default() }
}

impl Session {
    /// Changes a chat and says where the change stands.
    pub(crate) async fn change(&self, out: &mut Output, chat: &str, command: ChatCommand) -> Result {
        self.catch_up(NO_WAIT).await?;
        let chat = self.find_chat(chat).await?;
        let name = self.chat_name(chat);
        let said = self.perform(Action::Submit { chat, command }, NO_WAIT).await?;
        out.show(&self.said_json(said), || format!("Done, as #{} of {name}.", said.seq)).await
    }

    /// Gives a chat another name or description: content, where it is encrypted.
    async fn describe(&self, out: &mut Output, chat: &str, metadata: ChatMetadata) -> Result {
        self.catch_up(NO_WAIT).await?;
        let chat = self.find_chat(chat).await?;
        let action = if self.may_describe(chat).await? {
            Action::Send { chat, content: Content::ChatMetadata(metadata) }
        } else {
            let ChatMetadata { name, description, .. } = metadata;
            Action::Submit { chat, command: ChatCommand::Update { name, description, picture: None } }
        };
        let said = self.perform(action, NO_WAIT).await?;
        self.refresh_chats().await?;
        out.show(&self.said_json(said), || format!("Done, as #{} of {}.", said.seq, self.chat_name(chat)))
            .await
    }
}
