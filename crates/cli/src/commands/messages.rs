//! Messages: send, status, delete.

use std::io::Read;
use std::time::Duration;

use dunlin_model::view::Status;
use dunlin_model::{Body, ChatCommand, ChatId, Seq};
use dunlin_wire::{Command, Outcome};
use serde_json::json;

use super::NO_WAIT;
use crate::app::App;
use crate::args::SendArgs;
use crate::chats::{Meant, not_understood};
use crate::failure::{Failure, Result};
use crate::profile::{Entry, Unsent};
use crate::say::Said;

/// Bytes read from standard input; the server's own limit is below.
const INPUT_BYTES_MAX: u64 = 1024 * 1024;

impl App {
    pub(super) async fn send(&self, args: SendArgs) -> Result {
        let text = message_text(&args.text)?;
        let command = |chat, client_seq, text| {
            let send = ChatCommand::Send {
                body: Body::Text(text),
                reply_to: args.reply_to.map(Seq),
                attachments: Vec::new(),
                epoch: None,
            };
            Command::Submit { chat, client_seq, command: send, attestation: None }
        };
        // What goes to a chat that is known here is kept before anything else, so that it survives whatever
        // happens next; a server out of reach delays it only.
        let kept: Option<(ChatId, Unsent)> = match self.known_chat(&args.chat)? {
            Some(chat) => Some((chat, self.files.keep_unsent(|number| command(chat, number, text.clone()))?)),
            None => None,
        };
        let connection = match self.connect(Duration::from_secs(args.wait)).await {
            Ok(connection) => connection,
            Err(Failure::Unreachable(why)) if kept.is_some() => {
                return Err(Failure::Unreachable(format!(
                    "{why} Your message is kept and goes out with the next 'dunlin send' or 'dunlin tail'."
                )));
            }
            Err(failure) => return Err(failure),
        };
        let (chat, unsent) = match kept {
            Some(kept) => kept,
            None => {
                let chat = match self.find(&connection, &args.chat).await? {
                    Meant::Chat(chat) => chat,
                    Meant::Person(user) => self.start_direct(&connection, user).await?,
                };
                (chat, self.files.keep_unsent(|number| command(chat, number, text))?)
            }
        };
        let Outcome::Accepted { seq, .. } = self.deliver(&connection, &unsent).await? else {
            return Err(not_understood());
        };
        let said = Said { chat, seq, number: unsent.number };
        self.out.show(&self.said_json(said), || format!("Sent to {} as #{seq}.", self.chat_name(chat)))
    }

    pub(super) async fn status(&self, chat: &str, seq: u64) -> Result {
        let connection = self.connect(NO_WAIT).await?;
        let chat = self.find_chat(&connection, chat).await?;
        let query = Command::MessageStatus { chat, seq: Seq(seq) };
        let Outcome::MessageStatus { status, .. } = self.request(&connection, query).await? else {
            return Err(not_understood());
        };
        self.learn_names(status.recipients.iter().map(|(user, _)| *user)).await?;
        let recipients: Vec<_> = status
            .recipients
            .iter()
            .map(|(user, status)| {
                let mut value = self.user_json(*user);
                value["status"] = json!(status_name(*status));
                value
            })
            .collect();
        let value = json!({
            "chat": chat.to_string(), "chatName": self.chat_name(chat), "seq": seq,
            "status": status_name(status.status), "recipients": recipients,
        });
        self.out.show(&value, || {
            let mut lines =
                vec![format!("#{seq} of {}: {}", self.chat_name(chat), status_name(status.status))];
            lines.extend(
                status
                    .recipients
                    .iter()
                    .map(|(user, status)| format!("  {}: {}", self.name(*user), status_name(*status))),
            );
            lines.join("\n")
        })
    }

    pub(super) async fn delete(&self, chat: &str, seq: u64, everyone: bool) -> Result {
        let target = Seq(seq);
        if everyone {
            return self.change(chat, ChatCommand::DeleteMessage { target }).await;
        }
        let connection = self.connect(NO_WAIT).await?;
        let chat = self.find_chat(&connection, chat).await?;
        self.request(&connection, Command::HideMessage { chat, seq: target }).await?;
        // Also here, in case nobody tails: history without the server hides it too.
        // A mark has no place of its own in the log, so there is no gap that it could leave.
        let _no_gap = self.store(chat, &[Entry::Hidden(target)])?;
        self.done(&format!("#{seq} is deleted for you, on all your devices."))
    }
}

fn message_text(words: &[String]) -> Result<String> {
    if words != ["-"] {
        return Ok(words.join(" "));
    }
    let mut text = String::new();
    std::io::stdin()
        .take(INPUT_BYTES_MAX)
        .read_to_string(&mut text)
        .map_err(|error| Failure::Failed(format!("Standard input cannot be read as text: {error}.")))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Sent => "sent",
        Status::Delivered => "delivered",
        Status::Seen => "seen",
    }
}
