//! The connection on which a new device says and hears things; what they are is the core's.

use std::collections::VecDeque;
use std::time::Duration;

use dunlin_client::identity::linking::{REPEAT_INTERVAL, Say};
use dunlin_model::{ErrorCode, Retry};
use dunlin_wire::{ClientFrame, Command, Format, Outcome, ServerFrame};
use tokio::time::{Instant, sleep_until, timeout};

use super::{Linking, LinkingEvent, LinkingFailure};
use crate::backoff::Backoff;
use crate::credentials::TokenError;
use crate::device::DeviceOptions;
use crate::link::{Incoming, Link, LinkError};

/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long the server may take to read a frame.
const SEND_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a connection may take, with a new token where one is due.
const OPEN_TIME_MAX: Duration = Duration::from_secs(30);
/// How long a good-bye may take.
const FAREWELL_TIME_MAX: Duration = Duration::from_secs(2);
/// The server pings; a connection on which nothing comes for so long is dead.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// Waits between attempts to connect.
const RETRY_MIN: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// Frames that may wait to be sent.
const OUTGOING_MAX: usize = 16;
/// The HTTP status of an upgrade without valid credentials.
const HTTP_UNAUTHORIZED: u16 = 401;

/// A connection that is made anew when it breaks.
pub(super) struct Socket {
    link: Option<Link>,
    outgoing: VecDeque<ClientFrame>,
    last_id: u64,
    repeat_at: Instant,
    heard: Instant,
    retry_at: Instant,
    backoff: Backoff,
    rejected: Option<String>,
    why: Option<String>,
}

impl Default for Socket {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            link: None,
            outgoing: VecDeque::new(),
            last_id: 0,
            repeat_at: now,
            heard: now,
            retry_at: now,
            backoff: Backoff::new(RETRY_MIN, RETRY_MAX),
            rejected: None,
            why: None,
        }
    }
}

/// Why there is no connection.
pub(super) enum Unopened {
    LoggedOut,
    Later(String),
}

/// Opens a connection. `rejected` is the token that was not taken last.
pub(super) async fn open(options: &DeviceOptions, rejected: &mut Option<String>) -> Result<Link, Unopened> {
    let opening = async {
        let token = match options.tokens.access_token(rejected.as_deref()).await {
            Ok(token) => token,
            Err(TokenError::LoginRequired) => return Err(Unopened::LoggedOut),
            Err(TokenError::Later(error)) => return Err(Unopened::Later(error.to_string())),
        };
        match Link::connect(&options.server, Some(&token), Format::Proto).await {
            Ok(link) => Ok(link),
            Err(LinkError::Rejected { status: HTTP_UNAUTHORIZED, .. }) => {
                *rejected = Some(token);
                Err(Unopened::Later("it does not take the token".to_owned()))
            }
            Err(error) => Err(Unopened::Later(error.to_string())),
        }
    };
    timeout(OPEN_TIME_MAX, opening)
        .await
        .unwrap_or_else(|_| Err(Unopened::Later("it is too slow".to_owned())))
}

impl Socket {
    /// Why there is no connection, if there is none.
    pub(super) fn why_not_connected(&self) -> Option<String> {
        self.why.clone().filter(|_| self.link.is_none())
    }

    pub(super) fn close(&mut self) {
        self.link = None;
        self.outgoing.clear();
    }

    /// Whether something waits that can be said.
    pub(super) fn has_something_to_say(&self) -> bool {
        self.link.is_some() && !self.outgoing.is_empty()
    }

    fn say(&mut self, Say { to, payload }: Say) {
        if self.outgoing.len() < OUTGOING_MAX {
            self.last_id += 1;
            let command = Command::RelayToDevices { device: to, payload };
            self.outgoing.push_back(ClientFrame { id: self.last_id, command });
        }
    }

    /// Connects if need be, sends what waits, and waits a moment for something to come.
    async fn turn(&mut self, options: &DeviceOptions) -> Result<Option<ServerFrame>, Unopened> {
        if self.link.is_none() {
            let now = Instant::now();
            if now < self.retry_at {
                sleep_until(self.retry_at.min(now + TICK)).await;
                return Ok(None);
            }
            match open(options, &mut self.rejected).await {
                Ok(link) => self.link = Some(link),
                Err(Unopened::Later(why)) => {
                    self.lost(why, options);
                    return Ok(None);
                }
                Err(Unopened::LoggedOut) => return Err(Unopened::LoggedOut),
            }
            self.backoff.reset();
            (self.heard, self.repeat_at) = (Instant::now(), Instant::now());
            return Ok(None);
        }
        match self.exchange().await {
            Ok(frame) => Ok(frame),
            Err(error) => {
                self.lost(error.to_string(), options);
                Ok(None)
            }
        }
    }

    async fn exchange(&mut self) -> Result<Option<ServerFrame>, LinkError> {
        let Some(link) = &mut self.link else { return Ok(None) };
        let has_something = !self.outgoing.is_empty();
        while let Some(frame) = self.outgoing.front() {
            timeout(SEND_TIME_MAX, link.send(frame)).await.map_err(|_| LinkError::BrokenOff)??;
            self.outgoing.pop_front();
        }
        if has_something {
            return Ok(None); // Somebody may wait for this to have been said.
        }
        match timeout(TICK, link.next()).await {
            Ok(incoming) => {
                let incoming = incoming?;
                self.heard = Instant::now();
                match incoming {
                    Incoming::Frame(frame) => Ok(Some(frame)),
                    Incoming::Heartbeat => Ok(None),
                }
            }
            Err(_) if self.heard.elapsed() >= SILENCE_MAX => Err(LinkError::BrokenOff),
            Err(_) => Ok(None),
        }
    }

    fn lost(&mut self, why: String, options: &DeviceOptions) {
        self.link = None;
        self.outgoing.clear();
        self.why = Some(why);
        self.retry_at = Instant::now() + self.backoff.next_wait(&*options.randomness);
    }

    /// Says that it goes on no further, if there is a connection to say it on.
    pub(super) async fn farewell(&mut self, farewell: Say) {
        self.outgoing.clear();
        self.say(farewell);
        let Some(mut link) = self.link.take() else { return };
        let sending = async {
            for frame in &self.outgoing {
                link.send(frame).await?;
            }
            link.close().await;
            Ok::<(), LinkError>(())
        };
        // The other device forgets this one by itself when it does not hear this.
        let _ = timeout(FAREWELL_TIME_MAX, sending).await;
    }
}

impl Linking {
    /// One turn of the conversation. Cancel safe: state changes only between waits, and what is not sent is repeated.
    pub(super) async fn converse(&mut self) -> Result<Option<LinkingEvent>, LinkingFailure> {
        if self.socket.link.is_some() && Instant::now() >= self.socket.repeat_at {
            self.socket.repeat_at = Instant::now() + REPEAT_INTERVAL;
            if let Some(say) = self.newcomer.repeat() {
                self.socket.say(say);
            }
        }
        match self.socket.turn(&self.options).await {
            Ok(Some(frame)) => self.hear(frame),
            Ok(None) => Ok(None),
            Err(_) => Err(LinkingFailure::LoggedOut),
        }
    }

    fn hear(&mut self, frame: ServerFrame) -> Result<Option<LinkingEvent>, LinkingFailure> {
        match frame {
            ServerFrame::Relayed { device, payload } => {
                if let Some(say) = self.newcomer.hear(device, payload)? {
                    self.socket.say(say);
                }
                Ok(None)
            }
            ServerFrame::Reply { outcome: Outcome::Relayed { reached }, .. } => {
                let is_news = self.newcomer.is_asking() && self.reached != Some(reached);
                self.reached = Some(reached);
                Ok(is_news.then_some(LinkingEvent::Reached(reached)))
            }
            ServerFrame::Reply { outcome: Outcome::Failed(failure), .. } => match failure.code {
                ErrorCode::DeviceRevoked => Err(LinkingFailure::LoggedOut),
                _ if failure.retry == Retry::Never => Err(LinkingFailure::Failed(failure)),
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }
}
