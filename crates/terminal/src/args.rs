//! The commands of the terminal client, as they are typed. What they take is public as parts of [`Command`] alone: nobody
//! outside can name it.

use std::path::{Path, PathBuf};

#[cfg(any(unix, test))]
use clap::Parser;
use clap::{Args, Subcommand, ValueEnum};

use crate::profile::UnlockChoice;

/// A command line of the terminal client, as one process gives it to another of its profile.
#[cfg(any(unix, test))]
#[derive(Debug, Parser)]
#[command(name = "dunlin")]
pub(crate) struct CommandLine {
    #[command(flatten)]
    pub(crate) globals: Globals,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What all commands share: which profile, and how its output is read.
#[derive(Debug, Args)]
pub struct Globals {
    /// Print JSON, one value a line, for scripts
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Which profile to use, so that several people can share a machine
    #[arg(long, global = true, env = "DUNLIN_PROFILE", default_value = "default", value_name = "NAME")]
    pub(crate) profile: String,
    /// Where profiles are kept [default: the user's data directory]
    #[arg(long, global = true, env = "DUNLIN_HOME", value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
}

/// The commands of the terminal client.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Log in with a phone number or e-mail address; registers who is new
    Login(LoginArgs),
    /// Log this device out
    Logout,
    /// List your chats
    Chats,
    /// Start a group, or a chat with one person
    New(NewArgs),
    /// Send a message; '-' reads it from standard input
    Send(SendArgs),
    /// Save the files of a message
    Save {
        /// The chat
        chat: String,
        /// The message's number
        seq: u64,
        /// The directory to save them in; nothing in it is overwritten
        #[arg(long, value_name = "DIR", default_value = ".")]
        to: PathBuf,
    },
    /// Give a message of yours another text; '-' reads it from standard input
    Edit {
        /// The chat
        chat: String,
        /// The message's number
        seq: u64,
        /// The new text; nothing behind '--' is taken for an option
        #[arg(required = true, allow_negative_numbers = true)]
        text: Vec<String>,
    },
    /// Put an emoji on a message
    React {
        /// The chat
        chat: String,
        /// The message's number
        seq: u64,
        /// The emoji
        #[arg(required_unless_present = "remove")]
        emoji: Option<String>,
        /// Take it back instead, or the one that is there
        #[arg(long)]
        remove: bool,
    },
    /// Find messages by words, or the beginnings of words
    Search {
        /// Words that must all be there
        #[arg(required = true)]
        words: Vec<String>,
        /// Only in this chat
        #[arg(long, value_name = "CHAT")]
        chat: Option<String>,
        /// How many at most
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Chat on the whole screen, by keyboard; F1 shows the keys, Ctrl+Q leaves
    Chat {
        /// The chat to open
        chat: Option<String>,
    },
    /// Show what is new and go on showing it; stop with Ctrl-C
    Tail(TailArgs),
    /// Show earlier messages of a chat
    History(HistoryArgs),
    /// Show how far a message has got
    Status {
        /// The chat
        chat: String,
        /// The message's number
        seq: u64,
    },
    /// Delete a message, for yourself unless told otherwise
    Delete {
        /// The chat
        chat: String,
        /// The message's number
        seq: u64,
        /// For everyone in the chat
        #[arg(long)]
        everyone: bool,
    },
    /// Show or change who is in a chat
    #[command(subcommand)]
    Members(MembersCommand),
    /// Leave a group
    Leave {
        /// The chat
        chat: String,
    },
    /// Delete a chat that you own, for everyone
    DeleteChat {
        /// The chat
        chat: String,
    },
    /// Make a new invite link; the one before it ends
    Invite {
        /// The chat
        chat: String,
        /// Withdraw the link instead
        #[arg(long)]
        withdraw: bool,
    },
    /// Join a group by its invite link
    Join {
        /// The link's code
        code: String,
    },
    /// Give a group another name
    Rename {
        /// The chat
        chat: String,
        /// The new name
        name: String,
    },
    /// Give a group another description
    Describe {
        /// The chat
        chat: String,
        /// The new description
        description: String,
    },
    /// Show the digits that two people compare to know that no one stands between them
    Verify {
        /// With whom
        person: String,
        /// The digits are the same on both sides
        #[arg(long, conflicts_with = "unmark")]
        mark: bool,
        /// Take that back
        #[arg(long)]
        unmark: bool,
    },
    /// Let a new device of yours in, which waits in 'dunlin login'
    Link {
        /// The text that the new device shows
        text: Option<String>,
        /// The six digits that the new device shows, where nobody can be asked
        #[arg(long, conflicts_with = "text", value_name = "DIGITS")]
        code: Option<String>,
    },
    /// List your devices, or log one of them out
    Devices {
        /// What to change; without it they are listed
        #[command(subcommand)]
        command: Option<DevicesCommand>,
    },
    /// Show or change your profile
    Profile(ProfileArgs),
    /// List or change your contacts
    Contacts {
        /// What to change; without it they are listed
        #[command(subcommand)]
        command: Option<ContactsCommand>,
    },
    /// Block people; without any, list whom you have blocked
    Block {
        /// Whom
        people: Vec<String>,
    },
    /// Unblock people
    Unblock {
        /// Whom
        #[arg(required = true)]
        people: Vec<String>,
    },
    /// Show who is there, or was last
    Presence {
        /// Whom
        #[arg(required = true)]
        people: Vec<String>,
    },
}

impl Command {
    /// Whether it can only run in the process whose terminal it is for.
    pub(crate) const fn needs_terminal(&self) -> bool {
        matches!(self, Self::Chat { .. })
    }
}

#[derive(Debug, Args)]
pub struct LoginArgs {
    /// Your phone number with country code, or e-mail address
    pub(crate) address: Option<String>,
    /// The server [default: the one before, else this machine's]
    #[arg(long, env = "DUNLIN_SERVER", value_name = "URL")]
    pub(crate) server: Option<String>,
    /// What to call this device
    #[arg(long, value_name = "NAME")]
    pub(crate) device_name: Option<String>,
    /// The one-time code, when you have it already; no other is sent then
    #[arg(long)]
    pub(crate) code: Option<String>,
    /// Your name, as others are to see it
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Only have a code sent
    #[arg(long, conflicts_with = "code")]
    pub(crate) request_code: bool,
    /// What is to open what this device keeps [default: a passphrase if DUNLIN_PASSPHRASE holds one, else the
    /// keyring, else a key file]
    #[arg(long, value_name = "HOW")]
    pub(crate) unlock: Option<UnlockChoice>,
    /// Begin with new keys although you have other devices; those you write with are told so
    #[arg(long)]
    pub(crate) new_identity: bool,
}

#[derive(Debug, Args)]
pub struct NewArgs {
    /// The group's name
    #[arg(required_unless_present = "direct")]
    pub(crate) name: Option<String>,
    /// Who is to be in it beside you
    pub(crate) people: Vec<String>,
    /// Start a chat with one person instead
    #[arg(long, value_name = "PERSON", conflicts_with_all = ["name", "people", "channel", "description"])]
    pub(crate) direct: Option<String>,
    /// Only admins post
    #[arg(long)]
    pub(crate) channel: bool,
    /// The group's description
    #[arg(long, default_value = "")]
    pub(crate) description: String,
}

impl Command {
    /// Takes paths for those of whoever typed them, in `folder`.
    pub(crate) fn within(mut self, folder: &Path) -> Self {
        match &mut self {
            Self::Send(args) => args.file.iter_mut().for_each(|path| *path = folder.join(&*path)),
            Self::Save { to, .. } => *to = folder.join(&*to),
            _ => {}
        }
        self
    }
}

#[derive(Debug, Args)]
pub struct SendArgs {
    /// The chat, or a person
    pub(crate) chat: String,
    /// What to say; nothing behind '--' is taken for an option
    #[arg(required_unless_present = "file", allow_negative_numbers = true)]
    pub(crate) text: Vec<String>,
    /// Files to send, with the text below them
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) file: Vec<PathBuf>,
    /// The number of the message that this answers
    #[arg(long, visible_alias = "reply-to", value_name = "SEQ")]
    pub(crate) reply: Option<u64>,
    /// Seconds to wait for a server that is out of reach
    #[arg(long, default_value_t = 5, value_name = "SECONDS")]
    pub(crate) wait: u64,
}

#[derive(Debug, Clone, Args)]
pub struct TailArgs {
    /// Show only this chat
    pub(crate) chat: Option<String>,
    /// Stop when everything up to now is shown
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Debug, Args)]
pub struct HistoryArgs {
    /// The chat
    pub(crate) chat: String,
    /// Only what is before this number
    #[arg(long, value_name = "SEQ")]
    pub(crate) before: Option<u64>,
    /// How many at most
    #[arg(long, default_value_t = 50)]
    pub(crate) limit: u32,
    /// Only messages of this person
    #[arg(long, value_name = "PERSON")]
    pub(crate) from: Option<String>,
    /// What this device has stored, without asking the server
    #[arg(long)]
    pub(crate) offline: bool,
    /// What the server lost and this device has kept, when the server came back from a backup
    #[arg(long, conflicts_with = "before")]
    pub(crate) set_aside: bool,
}

#[derive(Debug, Subcommand)]
pub enum MembersCommand {
    /// List the members
    List {
        /// The chat
        chat: String,
    },
    /// Add people
    Add(MembersArgs),
    /// Remove people; they may be added again
    Remove(MembersArgs),
    /// Remove people for good
    Ban(MembersArgs),
    /// Let banned people come back
    Unban(MembersArgs),
    /// Change what a member may do
    Role {
        /// The chat
        chat: String,
        /// Whose
        person: String,
        /// To what
        role: RoleArg,
    },
}

#[derive(Debug, Args)]
pub struct MembersArgs {
    /// The chat
    pub(crate) chat: String,
    /// Whom
    #[arg(required = true)]
    pub(crate) people: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RoleArg {
    Member,
    Admin,
    /// Hands the chat over
    Owner,
}

#[derive(Debug, Subcommand)]
pub enum DevicesCommand {
    /// Log one of your devices out
    Revoke {
        /// Its number
        number: u32,
    },
}

#[derive(Debug, Args)]
pub struct ProfileArgs {
    /// Your new name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Your new line about yourself
    #[arg(long)]
    pub(crate) about: Option<String>,
    /// Who may see when you were last here
    #[arg(long, value_name = "WHO")]
    pub(crate) last_seen: Option<LastSeenArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LastSeenArg {
    Everyone,
    Contacts,
    Nobody,
}

#[derive(Debug, Subcommand)]
pub enum ContactsCommand {
    /// Add someone, or give them another name
    Add {
        /// Whom
        person: String,
        /// What you call them [default: as they call themselves]
        name: Option<String>,
    },
    /// Remove someone
    Remove {
        /// Whom
        person: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_needs_no_quotes_and_options_may_stand_behind_it() {
        let sent = |arguments: &[&str]| match CommandLine::parse_from(arguments).command {
            Command::Send(args) => (args.chat, args.text.join(" "), args.reply),
            _ => panic!("not send"),
        };
        let answer = sent(&["dunlin", "send", "Team", "minus", "-5", "today", "--reply-to", "3"]);
        assert_eq!(answer, ("Team".into(), "minus -5 today".into(), Some(3)));
        let dashed = sent(&["dunlin", "send", "Team", "--", "-v", "--reply-to", "3"]);
        assert_eq!(dashed, ("Team".into(), "-v --reply-to 3".into(), None));
    }
}
