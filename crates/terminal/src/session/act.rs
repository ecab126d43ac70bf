//! Asking for something, and waiting for its end.

use std::time::Duration;

use dunlin_client::{Action, Client};
use dunlin_model::{ChatId, ClientSeq, ErrorCode, Seq};
use dunlin_wire::{Command, Outcome};
use serde_json::{Value, json};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::Session;
use super::feed::{End, Online};
use crate::failure::{Failure, Result};

/// A command that only asks does not wait for a server that is out of reach.
pub(crate) const NO_WAIT: Duration = Duration::ZERO;
/// How long the server may take to accept or answer, once it is reached. Keys may have to be changed first.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);
/// How long what was missed may take to arrive, once the server is reached.
const CATCH_UP_TIME_MAX: Duration = Duration::from_secs(120);

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

/// How often a server that is out of reach is tried while somebody waits for it.
const TRIED_EVERY: Duration = Duration::from_secs(1);

/// How often it is looked whether the core is as it should be, beside when it says that something changed.
const LOOKED_EVERY: Duration = Duration::from_millis(20);

/// Watches the connection while something is waited for.
struct Patience {
    online: watch::Receiver<Online>,
    /// How long an unreachable server is waited for; one attempt is made in any case.
    deadline: Instant,
    /// How long a reachable one is.
    while_online: Duration,
    online_since: Option<Instant>,
    has_tried: bool,
}

impl Patience {
    /// Waits for a change of the connection. Cancel safe.
    ///
    /// # Errors
    /// When waiting longer is of no use.
    async fn wait(&mut self, session: &Session) -> Result {
        let online = self.online.borrow_and_update().clone();
        let now = Instant::now();
        let until = match &online {
            Online::NotYet | Online::LoggedOut | Online::Failed(_) => now + self.while_online,
            Online::Connected | Online::CaughtUp => *self.online_since.get_or_insert(now) + self.while_online,
            Online::Offline { why } if self.has_tried && now >= self.deadline => {
                return Err(Failure::Unreachable(plain(why)));
            }
            Online::Offline { .. } if self.has_tried => self.deadline.min(now + TRIED_EVERY),
            // An attempt ends by itself.
            Online::Offline { .. } => now + self.while_online,
        };
        tokio::select! {
            changed = self.online.changed() => {
                self.has_tried = true;
                if changed.is_err() {
                    return Err(session.feed.end().unwrap_or_else(Failure::logged_out));
                }
            }
            () = sleep_until(until) => match online {
                Online::Offline { .. } => session.try_now().await?,
                _ => return Err(Failure::Unreachable("it does not answer".into())),
            }
        }
        session.feed.end().map_or(Ok(()), Err)
    }
}

impl Session {
    async fn patience(&self, wait: Duration, while_online: Duration) -> Result<Patience> {
        if let Some(end) = self.feed.end() {
            return Err(end);
        }
        let online = self.feed.online();
        let is_offline = matches!(&*online.borrow(), Online::Offline { .. });
        if is_offline {
            self.try_now().await?;
        }
        Ok(Patience {
            online,
            deadline: Instant::now() + wait,
            while_online,
            online_since: None,
            // Unless it is offline, an attempt is under way, whose failure is told.
            has_tried: !is_offline,
        })
    }

    async fn try_now(&self) -> Result {
        self.device.try_now().await.map_err(|error| self.device_failure(&error))
    }

    /// Waits until the device has heard all that it missed. Tries for as long as `wait`, at least once. Cancel safe.
    pub(crate) async fn catch_up(&self, wait: Duration) -> Result {
        let mut patience = self.patience(wait, CATCH_UP_TIME_MAX).await?;
        while *patience.online.borrow_and_update() != Online::CaughtUp {
            patience.wait(self).await.map_err(|failure| match failure {
                Failure::Unreachable(why) => Failure::unreachable(&self.server, &why),
                failure => failure,
            })?;
        }
        Ok(())
    }

    /// Waits until the core is as it should be, while the server answers. Cancel safe.
    pub(crate) async fn until(&self, is_so: impl Fn(&Client) -> bool + Copy + Send + 'static) -> Result {
        let mut changes = self.feed.changes();
        let deadline = Instant::now() + ANSWER_TIME_MAX;
        while !self.look(is_so).await? {
            self.catch_up(NO_WAIT).await?;
            if Instant::now() >= deadline {
                return Err(Failure::unreachable(&self.server, "it does not answer"));
            }
            // Not every step of the core shows a change, so it is looked again after a while too.
            let _ = timeout(LOOKED_EVERY, changes.recv()).await;
        }
        Ok(())
    }

    /// Asks for something that becomes an event, and waits until the server has accepted or refused it. What is asked
    /// for is kept from the moment this is polled first; dropping it is to stop waiting.
    pub(crate) async fn perform(&self, action: Action, wait: Duration) -> Result<Said> {
        let (token, end) = self.feed.expect();
        self.act(token, action).await?;
        match self.ended(end, wait).await {
            Ok(End::Accepted { chat, seq }) => {
                self.touched.borrow_mut().insert(chat);
                let stored = self.device.message(chat, seq);
                Ok(Said { chat, seq, number: stored.map(|stored| stored.client_seq).unwrap_or_default() })
            }
            Ok(End::Refused(failure)) => Err(Failure::of_server(&failure)),
            Ok(End::Waits(why)) => Err(Failure::Unreachable(format!(
                "{why} What you said is kept, and goes out with the first 'dunlin' command after that."
            ))),
            Ok(End::Answered(_)) => Err(not_understood()),
            Err(Failure::Unreachable(why)) => Err(self.kept(&why)),
            Err(failure) => Err(failure),
        }
    }

    /// Asks the server something that adds nothing to a log.
    pub(crate) async fn ask(&self, command: Command) -> Result<Outcome> {
        self.catch_up(NO_WAIT).await?;
        let (token, end) = self.feed.expect();
        self.act(token, Action::Ask { command }).await?;
        match self.ended(end, NO_WAIT).await? {
            End::Answered(outcome) => match *outcome {
                Outcome::Failed(failure) if failure.code == ErrorCode::Unavailable => {
                    Err(Failure::unreachable(&self.server, &plain(&failure.message)))
                }
                Outcome::Failed(failure) => Err(Failure::of_server(&failure)),
                outcome => Ok(outcome),
            },
            _ => Err(not_understood()),
        }
    }

    /// Asks for something whose end nobody waits for.
    pub(crate) async fn act(&self, token: u64, action: Action) -> Result {
        self.device.act(token, action).await.map_err(|error| self.device_failure(&error))
    }

    async fn ended(&self, mut end: oneshot::Receiver<End>, wait: Duration) -> Result<End> {
        let mut patience = self.patience(wait, ANSWER_TIME_MAX).await?;
        loop {
            tokio::select! {
                biased;
                end = &mut end => return end.map_err(|_| self.feed.end().unwrap_or_else(Failure::logged_out)),
                waited = patience.wait(self) => waited?,
            }
        }
    }

    /// The server is out of reach, and what was said waits in the outbox.
    fn kept(&self, why: &str) -> Failure {
        Failure::Unreachable(format!(
            "The server {} cannot be reached ({why}). What you said is kept and goes out with the next 'dunlin' \
             command that reaches it.",
            self.server
        ))
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

/// Failures are put into sentences that say so themselves.
fn plain(why: &str) -> String {
    why.trim_start_matches("the server cannot be reached: ").trim_end_matches('.').to_owned()
}

/// The server's answer is of another kind than was asked for.
pub(crate) fn not_understood() -> Failure {
    Failure::Failed(
        "The server's answer is not the one asked for. Is it of the same version as this program?".into(),
    )
}
