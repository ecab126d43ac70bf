//! Messages: send, edit, react, status, delete.

use std::path::PathBuf;
use std::time::Duration;

use dunlin_client::Action;
use dunlin_client::content::{Content, Reference, Text};
use dunlin_client::query::Item;
use dunlin_model::view::Status;
use dunlin_model::{Body, ChatCommand, ChatId, ErrorCode, Seq};
use dunlin_wire::{Command, Outcome};
use serde_json::json;

use crate::args::SendArgs;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::session::{Meant, NO_WAIT, Session, not_understood};

impl Session {
    pub(super) async fn send(&self, out: &mut Output, args: SendArgs, input: Option<String>) -> Result {
        let text = input.unwrap_or_else(|| args.text.join(" "));
        let wait = Duration::from_secs(args.wait);
        // What goes to a chat that is known here is in the outbox before the server is needed.
        let chat = match self.known_chat(&args.chat).await? {
            Some(chat) => chat,
            None => {
                self.catch_up(wait).await?;
                match self.find(&args.chat).await? {
                    Meant::Chat(chat) => chat,
                    Meant::Person(user) => self.start_direct(user).await?,
                }
            }
        };
        let reply = args.reply.map(Seq);
        let action = if args.file.is_empty() {
            self.message(chat, text, reply).await?
        } else {
            self.files_message(out, chat, &args.file, text, reply).await?
        };
        let said = match self.perform(action, wait).await {
            Ok(said) => said,
            Err(failure) => return Err(self.why_gone(chat, failure).await?),
        };
        let files = args.file.iter().map(PathBuf::as_path);
        self.forget_transfers(chat, files).await.map_err(|error| self.device_failure(&error))?;
        self.refresh_chats().await?;
        let name = self.chat_name(chat);
        out.show(&self.said_json(said), || format!("Sent to {name} as #{}.", said.seq)).await
    }

    /// What sends a text: as content, or readable to the server in a chat without encryption.
    async fn message(&self, chat: ChatId, text: String, reply: Option<Seq>) -> Result<Action> {
        if self.takes_content(chat).await? {
            let reply_to = match reply {
                Some(seq) => Some(self.reference(chat, seq)?),
                None => None,
            };
            let content = Content::Text(Text { text, mentions: Vec::new(), reply_to });
            return Ok(Action::Send { chat, content });
        }
        let command = ChatCommand::Send {
            body: Body::Text(text),
            reply_to: reply,
            attachments: Vec::new(),
            epoch: None,
        };
        Ok(Action::Submit { chat, command })
    }

    /// Whether what is said there is encrypted, or will be once the chat is there.
    pub(super) async fn takes_content(&self, chat: ChatId) -> Result<bool> {
        self.look(move |client| {
            client.chat(chat).is_none_or(|chat| chat.is_encrypted() || !chat.state.exists())
        })
        .await
    }

    /// The core says of whoever is gone that they are no member; here it is told whether they were banned.
    async fn why_gone(&self, chat: ChatId, failure: Failure) -> Result<Failure> {
        let me = self.me();
        let banned =
            self.look(move |client| client.chat(chat).is_some_and(|chat| chat.state.banned.contains(&me)));
        Ok(match failure {
            Failure::Refused { code: ErrorCode::NotAMember, .. } if banned.await? => Failure::Refused {
                code: ErrorCode::Banned,
                message: "You were banned from this chat.".into(),
            },
            failure => failure,
        })
    }

    pub(super) async fn edit(
        &self,
        out: &mut Output,
        chat: &str,
        seq: u64,
        words: &[String],
        input: Option<String>,
    ) -> Result {
        let text = input.unwrap_or_else(|| words.join(" "));
        self.catch_up(NO_WAIT).await?;
        let chat = self.find_chat(chat).await?;
        let target = self.reference(chat, Seq(seq))?;
        let own = self.device.message(chat, Seq(seq)).is_some_and(|stored| stored.sender.user == self.me());
        if !own {
            return Err(Failure::Failed(format!("#{seq} is not yours to change.")));
        }
        let said = self.perform(Action::Send { chat, content: Content::edit(target, text) }, NO_WAIT).await?;
        out.show(&self.said_json(said), || format!("#{seq} is changed.")).await
    }

    pub(super) async fn react(
        &self,
        out: &mut Output,
        chat: &str,
        seq: u64,
        emoji: Option<String>,
        remove: bool,
    ) -> Result {
        self.catch_up(NO_WAIT).await?;
        let chat = self.find_chat(chat).await?;
        let target = self.reference(chat, Seq(seq))?;
        let content = match (emoji, remove) {
            (Some(emoji), false) => Content::reaction(target, emoji),
            (Some(emoji), true) => Content::reaction_withdrawn(target, emoji),
            (None, _) => {
                let none = || Failure::Failed(format!("There is no emoji of yours on #{seq}."));
                Content::reaction_withdrawn(target, self.own_emoji(chat, Seq(seq)).ok_or_else(none)?)
            }
        };
        let said = self.perform(Action::Send { chat, content }, NO_WAIT).await?;
        out.show(&self.said_json(said), || "Done.".into()).await
    }

    fn own_emoji(&self, chat: ChatId, seq: Seq) -> Option<String> {
        let Some(Item::Message(message)) = self.device.view(chat, seq) else { return None };
        message.reactions.into_iter().find(|reaction| reaction.is_own).map(|reaction| reaction.emoji)
    }

    /// What replies, edits and reactions name a message by.
    pub(super) fn reference(&self, chat: ChatId, seq: Seq) -> Result<Reference> {
        self.device.reference(chat, seq).ok_or_else(|| {
            let name = self.chat_name(chat);
            Failure::Failed(format!("There is no message #{seq} in {name} that this device could read."))
        })
    }

    pub(super) async fn status(&self, out: &mut Output, chat: &str, seq: u64) -> Result {
        self.catch_up(NO_WAIT).await?;
        let chat = self.find_chat(chat).await?;
        let query = Command::MessageStatus { chat, seq: Seq(seq) };
        let Outcome::MessageStatus { status, .. } = self.ask(query).await? else {
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
        out.show(&value, || {
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
        .await
    }

    pub(super) async fn delete(&self, out: &mut Output, chat: &str, seq: u64, everyone: bool) -> Result {
        self.catch_up(NO_WAIT).await?;
        let chat = self.find_chat(chat).await?;
        let seq = Seq(seq);
        if everyone {
            let name = self.chat_name(chat);
            let said = self.perform(Action::Delete { chat, seq }, NO_WAIT).await?;
            return out.show(&self.said_json(said), || format!("Done, as #{} of {name}.", said.seq)).await;
        }
        if self.device.view(chat, seq).is_none() {
            return Err(Failure::Failed(format!("There is no message #{seq} here.")));
        }
        self.act(self.feed.next_token(), Action::Hide { chat, seq }).await?;
        out.done(&format!("#{seq} is deleted for you, on all your devices.")).await
    }
}

const fn status_name(status: Status) -> &'static str {
    match status {
        Status::Sent => "sent",
        Status::Delivered => "delivered",
        Status::Seen => "seen",
    }
}
