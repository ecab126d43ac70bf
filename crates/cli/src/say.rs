//! Saying something: number it, keep it, send it, and forget it once the server has answered for good.

use std::time::Duration;

use dunlin_client_native::{Connection, RequestError};
use dunlin_model::{Body, ChatCommand, ChatId, ClientSeq, ErrorCode, Seq};
use dunlin_wire::{Command, Outcome};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::app::App;
use crate::chats::not_understood;
use crate::failure::{Failure, Result};
use crate::profile::Unsent;

/// How long the server may take to accept, once it is reached.
const ACCEPT_TIME_MAX: Duration = Duration::from_secs(20);

/// Where something that was said stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Said {
    /// The chat.
    pub(crate) chat: ChatId,
    /// Its place.
    pub(crate) seq: Seq,
    /// The device's number for it.
    pub(crate) number: ClientSeq,
}

impl App {
    /// Says a command on a chat and waits until it is accepted or refused.
    pub(crate) async fn say(
        &self,
        connection: &Connection,
        chat: ChatId,
        command: ChatCommand,
    ) -> Result<Said> {
        self.say_numbered(connection, |client_seq| Command::Submit {
            chat,
            client_seq,
            command,
            attestation: None,
        })
        .await
    }

    /// As [`App::say`], for commands of any kind that carry a number and are answered with a place.
    pub(crate) async fn say_numbered(
        &self,
        connection: &Connection,
        with_number: impl FnOnce(ClientSeq) -> Command,
    ) -> Result<Said> {
        let unsent = self.files.keep_unsent(with_number)?;
        match self.deliver(connection, &unsent).await? {
            Outcome::Accepted { chat, seq, .. } | Outcome::InviteLink { chat, seq, .. } => {
                Ok(Said { chat, seq, number: unsent.number })
            }
            _ => Err(not_understood()),
        }
    }

    /// Sends what was kept before `unsent`, in order, and then that one, whose answer it gives. Another process
    /// of the profile may have sent it already; the server then says where it stands.
    pub(crate) async fn deliver(&self, connection: &Connection, unsent: &Unsent) -> Result<Outcome> {
        self.deliver_before(connection, unsent.number).await?;
        self.deliver_one(connection, unsent).await
    }

    /// Sends all that is kept. For a process that stays connected.
    pub(crate) async fn deliver_all(&self, connection: &Connection) -> Result {
        self.deliver_before(connection, ClientSeq(u64::MAX)).await
    }

    async fn deliver_before(&self, connection: &Connection, number: ClientSeq) -> Result {
        for unsent in self.files.unsent()?.into_iter().take_while(|unsent| unsent.number < number) {
            match self.deliver_one(connection, &unsent).await {
                Ok(_) => {}
                Err(Failure::Refused { message, .. }) => self.tell_refusal(&unsent, &message),
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    async fn deliver_one(&self, connection: &Connection, unsent: &Unsent) -> Result<Outcome> {
        let Ok(answer) = timeout(ACCEPT_TIME_MAX, connection.submit(unsent.command.clone())).await else {
            return Err(self.kept("it does not answer"));
        };
        match answer {
            Ok(outcome) => {
                self.files.forget_unsent(unsent.number)?;
                Ok(outcome)
            }
            Err(error @ (RequestError::TimedOut | RequestError::Closed)) => {
                Err(self.kept(&error.to_string()))
            }
            Err(error @ RequestError::LoggedOut) => Err(Failure::of_request(&self.server, &error)),
            Err(RequestError::Failed(failure)) => {
                self.files.forget_unsent(unsent.number)?;
                Err(match failure.code {
                    ErrorCode::TooOld => Failure::Refused {
                        code: failure.code,
                        message:
                            "It is not known any more whether this was accepted; look at 'dunlin history'."
                                .into(),
                    },
                    _ => Failure::of_server(&failure),
                })
            }
        }
    }

    /// The server is out of reach, and what was said waits in the outbox.
    pub(crate) fn kept(&self, why: &str) -> Failure {
        Failure::Unreachable(format!(
            "The server {} cannot be reached ({why}). What you said is kept and goes out with the next 'dunlin send' \
             or 'dunlin tail'.",
            self.server
        ))
    }

    fn tell_refusal(&self, unsent: &Unsent, why: &str) {
        self.out.note(&format!(
            "{} was kept from earlier and has been refused: {why}",
            self.describe(&unsent.command)
        ));
    }

    fn describe(&self, command: &Command) -> String {
        match command {
            Command::Submit { chat, command: ChatCommand::Send { body: Body::Text(text), .. }, .. } => {
                format!("'{text}' to {}", self.chat_name(*chat))
            }
            Command::Submit { chat, .. } => format!("A change of {}", self.chat_name(*chat)),
            _ => "A command".into(),
        }
    }

    /// What was said, for scripts.
    pub(crate) fn said_json(&self, said: Said) -> Value {
        json!({
            "chat": said.chat.to_string(),
            "chatName": self.chat_name(said.chat),
            "seq": said.seq.0,
            "clientSeq": said.number.0,
        })
    }
}
