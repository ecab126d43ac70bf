//! The task that owns the core, and carries out what it wants.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dunlin_client::{Action, Change, Client, Effects, Input, UserCommand, Want};
use dunlin_model::{ErrorCode, Timestamp};
use dunlin_wire::{ClientFrame, Format, Outcome, ServerFrame, Welcome};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::blobs::{self, BLOBS_MAX, Errand};
use super::{DeviceEvent, DeviceOptions, Order, complete, messages_after};
use crate::backoff::Backoff;
use crate::credentials::TokenError;
use crate::link::{Incoming, Link, LinkError};
use crate::vault::Vault;

/// How long the server may take to say `welcome`.
const WELCOME_TIME_MAX: Duration = Duration::from_secs(10);
/// A link that lived so long was a good one: the next attempt starts with short waits.
const STABLE_AFTER: Duration = Duration::from_secs(10);
/// Heartbeats that may be missing before the link counts as dead.
const HEARTBEATS_MISSED_MAX: u32 = 3;
/// How long to sleep when nothing is due.
const IDLE: Duration = Duration::from_secs(3_600);
/// The HTTP status of an upgrade without valid credentials.
const HTTP_UNAUTHORIZED: u16 = 401;

pub(super) struct Actor {
    client: Client,
    vault: Arc<Mutex<Vault>>,
    options: DeviceOptions,
    orders: mpsc::Receiver<Order>,
    events: mpsc::Sender<DeviceEvent>,
    errands_done: mpsc::Receiver<Input>,
    errand_done: mpsc::Sender<Input>,
    turns: Arc<Semaphore>,
    wake_at: Option<Timestamp>,
    /// The core asked for a new connection.
    reconnect: bool,
    /// Somebody wants the server tried without waiting.
    try_now: bool,
    /// The search index turned out to be damaged.
    mend_search: bool,
}

/// Why the device, or its connection, ended.
enum End {
    /// All handles were dropped.
    Unwanted,
    /// The connection is gone.
    Lost { why: String, come_back_after: Option<Duration> },
    /// The token was not taken.
    Unauthenticated { token: String },
    /// The device was logged out.
    LoggedOut,
    /// The vault failed. Nobody knows what of the last batch is on disk, so nothing may follow from it.
    Failed(String),
}

impl From<LinkError> for End {
    fn from(error: LinkError) -> Self {
        Self::Lost { why: error.to_string(), come_back_after: None }
    }
}

/// What woke the task.
enum Woken {
    Order(Option<Order>),
    Errand(Input),
    Due,
    Frame(Result<Incoming, LinkError>),
}

impl Actor {
    pub(super) fn new(
        client: Client,
        vault: Arc<Mutex<Vault>>,
        options: DeviceOptions,
        orders: mpsc::Receiver<Order>,
        events: mpsc::Sender<DeviceEvent>,
    ) -> Self {
        let (errand_done, errands_done) = mpsc::channel(BLOBS_MAX);
        Self {
            client,
            vault,
            options,
            orders,
            events,
            errands_done,
            errand_done,
            turns: Arc::new(Semaphore::new(BLOBS_MAX)),
            wake_at: None,
            reconnect: false,
            try_now: false,
            mend_search: false,
        }
    }

    pub(super) async fn run(mut self) {
        let last = match self.connect_for_ever().await {
            End::LoggedOut => DeviceEvent::LoggedOut,
            End::Failed(why) => {
                tracing::error!(why, "the device stops");
                DeviceEvent::Failed(why)
            }
            End::Unwanted | End::Lost { .. } | End::Unauthenticated { .. } => return,
        };
        let _ = self.events.send(last).await;
    }

    async fn connect_for_ever(&mut self) -> End {
        let mut backoff = Backoff::default();
        let mut rejected: Option<String> = None;
        let mut was_rejected = false;
        loop {
            let began = Instant::now();
            let end = match self.options.tokens.access_token(rejected.take().as_deref()).await {
                Ok(token) => Box::pin(self.live(token)).await,
                Err(TokenError::LoginRequired) => End::LoggedOut,
                Err(TokenError::Later(error)) => End::Lost { why: error.to_string(), come_back_after: None },
            };
            let (why, come_back_after) = match end {
                End::Lost { why, come_back_after } => {
                    was_rejected = false;
                    (why, come_back_after)
                }
                End::Unauthenticated { token } => {
                    rejected = Some(token);
                    // The first time a new token helps, or there is none: either is known at once.
                    if !std::mem::replace(&mut was_rejected, true) {
                        continue;
                    }
                    ("the server does not take the token".to_owned(), None)
                }
                end => return end,
            };
            if began.elapsed() >= STABLE_AFTER {
                backoff.reset();
            }
            let wait = backoff.next_wait(&*self.options.randomness);
            if let Err(end) = self.be_offline(why, come_back_after.unwrap_or(wait)).await {
                return end;
            }
        }
    }

    /// What is asked meanwhile is kept by the core.
    async fn be_offline(&mut self, why: String, wait: Duration) -> Result<(), End> {
        self.step(Input::Disconnected, None).await?;
        self.reconnect = false;
        self.tell(DeviceEvent::Offline { why }).await?;
        self.try_now = false;
        let until = Instant::now() + wait;
        while !self.try_now && Instant::now() < until {
            let woken = tokio::select! {
                woken = self.woken(None) => woken,
                () = tokio::time::sleep_until(until) => return Ok(()),
            };
            self.take(woken, None).await?;
        }
        Ok(())
    }

    /// Connects and serves until the link ends.
    async fn live(&mut self, token: String) -> End {
        let (mut link, welcome) = match self.greeted(token).await {
            Ok(greeted) => greeted,
            Err(end) => return end,
        };
        let heartbeat = welcome.heartbeat.max(Duration::from_secs(1));
        match self.serve(&mut link, welcome, heartbeat * HEARTBEATS_MISSED_MAX).await {
            Ok(()) => End::Lost { why: "the connection is made anew".into(), come_back_after: None },
            Err(End::Unwanted) => {
                link.close().await;
                End::Unwanted
            }
            Err(end) => end,
        }
    }

    async fn greeted(&mut self, token: String) -> Result<(Link, Welcome), End> {
        let mut link = match Link::connect(&self.options.server, Some(&token), Format::Proto).await {
            Ok(link) => link,
            Err(LinkError::Rejected { status: HTTP_UNAUTHORIZED, .. }) => {
                return Err(End::Unauthenticated { token });
            }
            Err(LinkError::Rejected { failure: Some(failure), .. }) => {
                return Err(End::Lost { why: failure.message, come_back_after: failure.retry_after });
            }
            Err(error) => return Err(error.into()),
        };
        let late = |_| End::Lost { why: "the server did not say welcome".into(), come_back_after: None };
        match timeout(WELCOME_TIME_MAX, link.next_frame()).await.map_err(late)?? {
            ServerFrame::Welcome(welcome) => Ok((link, welcome)),
            ServerFrame::Reply { outcome: Outcome::Failed(failure), .. } => {
                if failure.code == ErrorCode::Unauthenticated {
                    return Err(End::Unauthenticated { token });
                }
                Err(End::Lost { why: failure.message, come_back_after: failure.retry_after })
            }
            _ => Err(End::Lost { why: "the server did not say welcome".into(), come_back_after: None }),
        }
    }

    async fn serve(&mut self, link: &mut Link, welcome: Welcome, silence_max: Duration) -> Result<(), End> {
        let mut entropy = [0; 32];
        self.options.randomness.fill(&mut entropy);
        self.step(Input::Entropy(entropy), Some(link)).await?;
        self.step(Input::Connected(welcome), Some(link)).await?;
        self.tell(DeviceEvent::Online).await?;
        let mut heard = Instant::now();
        while !self.reconnect {
            let Ok(woken) = timeout_at(heard + silence_max, self.woken(Some(link))).await else {
                return Err(LinkError::BrokenOff.into());
            };
            if matches!(woken, Woken::Frame(Ok(_))) {
                heard = Instant::now();
            }
            self.take(woken, Some(link)).await?;
        }
        Ok(())
    }

    /// Waits for whatever comes first. Cancel safe.
    async fn woken(&mut self, link: Option<&mut Link>) -> Woken {
        if std::mem::take(&mut self.mend_search) {
            let action = Action::RebuildSearch;
            return Woken::Order(Some(Order::Act(UserCommand { token: 0, action })));
        }
        let now = self.options.clock.now();
        let due = self.wake_at.map_or(IDLE, |at| at.since(now));
        let frame = async {
            match link {
                Some(link) => link.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            // What the person wants goes first; what the server says can wait, for it is in the log.
            biased;
            order = self.orders.recv() => Woken::Order(order),
            Some(input) = self.errands_done.recv() => Woken::Errand(input),
            () = sleep(due) => Woken::Due,
            frame = frame => Woken::Frame(frame),
        }
    }

    async fn take(&mut self, woken: Woken, link: Option<&mut Link>) -> Result<(), End> {
        match woken {
            Woken::Order(None) => Err(End::Unwanted),
            Woken::Order(Some(Order::Look(look))) => {
                look(&self.client);
                Ok(())
            }
            Woken::Order(Some(Order::TryNow)) => {
                self.try_now = true;
                Ok(())
            }
            Woken::Order(Some(Order::Act(command))) => self.step(Input::Command(command), link).await,
            Woken::Errand(input) => self.step(input, link).await,
            Woken::Due => self.step(Input::Tick, link).await,
            Woken::Frame(Ok(Incoming::Heartbeat)) => Ok(()),
            Woken::Frame(Ok(Incoming::Frame(frame))) => match frame {
                ServerFrame::Draining { reconnect_after } => Err(End::Lost {
                    why: "the server is going away".into(),
                    come_back_after: Some(reconnect_after),
                }),
                frame => self.step(Input::Frame(frame), link).await,
            },
            Woken::Frame(Err(error)) => Err(error.into()),
        }
    }

    /// One step of the core, and what follows from it, in this order: persist, send, show.
    async fn step(&mut self, input: Input, link: Option<&mut Link>) -> Result<(), End> {
        let unfinished = self.client.begin_step(self.options.clock.now(), input);
        let effects = complete(&self.vault, unfinished).await.map_err(End::Failed)?;
        let Effects { persist: _, send, changes, wants, wake_at } = effects;
        self.wake_at = wake_at;
        if let Some(link) = link {
            send_all(link, &send).await?;
        }
        for want in wants {
            match want {
                Want::FetchBlob { chat, seq, hash } => self.run_errand(Errand::Fetch { chat, seq, hash }),
                Want::StoreBlob { chat, hash, bytes } => self.run_errand(Errand::Store { chat, hash, bytes }),
                Want::LoadMessages { chat, after } => {
                    let rows = messages_after(&self.vault, chat, after).await.map_err(End::Failed)?;
                    let (done, input) =
                        (self.errand_done.clone(), Input::MessagesLoaded { chat, after, rows });
                    // The channel may be full, and is read by this task.
                    tokio::spawn(async move { drop(done.send(input).await) });
                }
                Want::Reconnect => self.reconnect = true,
            }
        }
        for change in changes {
            self.mend_search |= change == Change::SearchDamaged;
            self.tell(DeviceEvent::Change(Box::new(change))).await?;
        }
        Ok(())
    }

    fn run_errand(&self, errand: Errand) {
        blobs::send(&self.options, errand, Arc::clone(&self.turns), self.errand_done.clone());
    }

    async fn tell(&mut self, event: DeviceEvent) -> Result<(), End> {
        self.events.send(event).await.map_err(|_| End::Unwanted)
    }
}

async fn send_all(link: &mut Link, frames: &[ClientFrame]) -> Result<(), LinkError> {
    if frames.is_empty() {
        return Ok(());
    }
    for frame in frames {
        link.feed(frame).await?;
    }
    link.flush().await
}
