//! The task that owns the link.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use dunlin_model::ErrorCode;
use dunlin_wire::{ClientFrame, Command, Outcome, ServerFrame, Welcome};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{Answer, ConnectionOptions, Order, Push, RequestError};
use crate::backoff::Backoff;
use crate::credentials::TokenError;
use crate::link::{Incoming, Link, LinkError};
use crate::progress::ProgressBoard;

/// How long the server may take to say `welcome`.
const WELCOME_TIME_MAX: Duration = Duration::from_secs(10);
/// A link that lived so long was a good one: the next attempt starts with short waits.
const STABLE_AFTER: Duration = Duration::from_secs(10);
/// Heartbeats that may be missing before the link counts as dead.
const HEARTBEATS_MISSED_MAX: u32 = 3;
/// Requests in flight before the server has said its limit.
const IN_FLIGHT_DEFAULT: usize = 16;
/// The HTTP status of an upgrade without valid credentials.
const HTTP_UNAUTHORIZED: u16 = 401;

/// Why a link ended.
enum End {
    /// Every handle was dropped.
    Unwanted,
    /// It broke, or the server closed it.
    Lost { why: String, come_back_after: Option<Duration> },
    /// The token was not taken.
    Unauthenticated { token: String },
}

impl From<LinkError> for End {
    fn from(error: LinkError) -> Self {
        Self::Lost { why: error.to_string(), come_back_after: None }
    }
}

struct Pending {
    command: Command,
    answer: Answer,
}

pub(super) struct Actor {
    options: ConnectionOptions,
    orders: mpsc::Receiver<Order>,
    pushes: mpsc::Sender<Push>,
    board: Arc<ProgressBoard>,
    /// Asked and not answered, by id; they outlive the link.
    pending: BTreeMap<u64, Pending>,
    last_id: u64,
    in_flight_max: usize,
    /// A push that found the stream full. While there is one, nothing is read from the socket.
    parked: Option<Push>,
    /// The `resume` of this link.
    resume_id: u64,
}

impl Actor {
    pub(super) fn new(
        options: ConnectionOptions,
        orders: mpsc::Receiver<Order>,
        pushes: mpsc::Sender<Push>,
        board: Arc<ProgressBoard>,
    ) -> Self {
        Self {
            options,
            orders,
            pushes,
            board,
            pending: BTreeMap::new(),
            last_id: 0,
            in_flight_max: IN_FLIGHT_DEFAULT,
            parked: None,
            resume_id: 0,
        }
    }

    pub(super) async fn run(mut self) {
        let mut backoff = Backoff::default();
        let mut rejected: Option<String> = None;
        let mut rejections: u32 = 0;
        loop {
            let token = match self.options.tokens.access_token(rejected.as_deref()).await {
                Ok(token) => token,
                Err(TokenError::LoginRequired) => return self.log_out().await,
                Err(TokenError::Later(error)) => {
                    let wait = backoff.next_wait(&*self.options.randomness);
                    if self.wait_offline(error.to_string(), wait).await { continue } else { return }
                }
            };
            rejected = None;
            let began = Instant::now();
            let (why, wait) = match self.live(token).await {
                End::Unwanted => return,
                End::Unauthenticated { token } => {
                    rejected = Some(token);
                    rejections += 1;
                    // A fresh token follows at once; when that is not taken either, the wait keeps the peace.
                    if rejections == 1 {
                        continue;
                    }
                    let wait = backoff.next_wait(&*self.options.randomness);
                    ("the server does not take the token".to_owned(), wait)
                }
                End::Lost { why, come_back_after } => {
                    rejections = 0;
                    if began.elapsed() >= STABLE_AFTER {
                        backoff.reset();
                    }
                    let wait = backoff.next_wait(&*self.options.randomness);
                    (why, come_back_after.unwrap_or(wait))
                }
            };
            if !self.wait_offline(why, wait).await {
                return;
            }
        }
    }

    /// Connects and serves until the link ends.
    async fn live(&mut self, token: String) -> End {
        let mut link = match Link::connect(&self.options.server, Some(&token), self.options.format).await {
            Ok(link) => link,
            Err(LinkError::Rejected { status: HTTP_UNAUTHORIZED, .. }) => {
                return End::Unauthenticated { token };
            }
            Err(LinkError::Rejected { failure: Some(failure), .. }) => {
                return End::Lost { why: failure.message, come_back_after: failure.retry_after };
            }
            Err(error) => return error.into(),
        };
        let welcome = match self.greet(&mut link, &token).await {
            Ok(welcome) => welcome,
            Err(end) => return end,
        };
        let end = match self.restate(&mut link).await {
            Ok(()) => self.serve(&mut link, &welcome, token).await,
            Err(error) => error.into(),
        };
        if matches!(end, End::Unwanted) && self.report(&mut link).await.is_ok() {
            link.close().await;
        }
        end
    }

    async fn greet(&mut self, link: &mut Link, token: &str) -> Result<Welcome, End> {
        let first = timeout(WELCOME_TIME_MAX, link.next_frame())
            .await
            .map_err(|_| LinkError::Unreachable(io::ErrorKind::TimedOut.into()))??;
        match first {
            ServerFrame::Welcome(welcome) => {
                self.in_flight_max =
                    usize::try_from(welcome.requests_in_flight_max).unwrap_or(IN_FLIGHT_DEFAULT).max(1);
                self.parked = Some(Push::Online(welcome.clone()));
                Ok(welcome)
            }
            ServerFrame::Reply { outcome: Outcome::Failed(failure), .. } => Err(match failure.code {
                ErrorCode::Unauthenticated => End::Unauthenticated { token: token.to_owned() },
                _ => End::Lost { why: failure.message, come_back_after: failure.retry_after },
            }),
            _ => Err(End::Lost { why: "the server did not say welcome".into(), come_back_after: None }),
        }
    }

    /// Says where the device stands, and asks again what was not answered.
    async fn restate(&mut self, link: &mut Link) -> Result<(), LinkError> {
        if self.options.follow {
            // All have the one id: whichever fails ends the attempt.
            self.resume_id = self.next_id();
            for command in self.board.restate() {
                link.feed(&ClientFrame { id: self.resume_id, command }).await?;
            }
        }
        self.pending.retain(|_, pending| !pending.answer.is_closed());
        for (id, pending) in &self.pending {
            link.feed(&ClientFrame { id: *id, command: pending.command.clone() }).await?;
        }
        link.flush().await
    }

    async fn serve(&mut self, link: &mut Link, welcome: &Welcome, token: String) -> End {
        let silence_max = welcome.heartbeat.max(Duration::from_secs(1)) * HEARTBEATS_MISSED_MAX;
        let mut heard = Instant::now();
        let mut drain: Option<Instant> = None;
        let pushes = self.pushes.clone();
        loop {
            let result = tokio::select! {
                // What the program wants goes first: it is bounded by the requests in flight.
                biased;
                order = self.orders.recv(), if self.pending.len() < self.in_flight_max => match order {
                    None => return End::Unwanted,
                    Some(order) => self.ask(link, order).await,
                },
                () = self.board.changed() => self.report(link).await,
                () = sleep_until(drain.unwrap_or(heard)), if drain.is_some() => {
                    return End::Lost { why: "the server is going away".into(), come_back_after: Some(Duration::ZERO) };
                }
                permit = pushes.reserve(), if self.parked.is_some() => {
                    if let (Ok(permit), Some(push)) = (permit, self.parked.take()) {
                        permit.send(push);
                    }
                    heard = Instant::now(); // Silence is measured while there is someone to listen.
                    Ok(())
                }
                incoming = link.next(), if self.parked.is_none() => match incoming {
                    Ok(Incoming::Heartbeat) => { heard = Instant::now(); Ok(()) }
                    Ok(Incoming::Frame(frame)) => {
                        heard = Instant::now();
                        match self.take(frame, &mut drain) {
                            Taken::Fine => Ok(()),
                            Taken::Unauthenticated => return End::Unauthenticated { token },
                            Taken::ResumeFailed(why) => return End::Lost { why, come_back_after: None },
                        }
                    }
                    Err(error) => Err(error),
                },
                () = sleep_until(heard + silence_max), if self.parked.is_none() => {
                    return End::Lost { why: "the server fell silent".into(), come_back_after: None };
                }
            };
            if let Err(error) = result {
                let come_back_after = drain.map(|at| at.saturating_duration_since(Instant::now()));
                return End::Lost { why: error.to_string(), come_back_after };
            }
        }
    }

    async fn ask(&mut self, link: &mut Link, order: Order) -> Result<(), LinkError> {
        let mut next = Some(order);
        // Whatever else waits leaves in the same write.
        while let Some(Order { command, answer }) = next {
            let frame = ClientFrame { id: self.next_id(), command };
            let fed = link.feed(&frame).await;
            // Kept even when the link is broken: it is asked again on the next one.
            self.pending.insert(frame.id, Pending { command: frame.command, answer });
            fed?;
            next = if self.pending.len() < self.in_flight_max { self.orders.try_recv().ok() } else { None };
        }
        link.flush().await
    }

    async fn report(&mut self, link: &mut Link) -> Result<(), LinkError> {
        for frame in self.board.take_unsaid() {
            link.feed(&frame).await?;
        }
        link.flush().await
    }

    fn take(&mut self, frame: ServerFrame, drain: &mut Option<Instant>) -> Taken {
        match frame {
            ServerFrame::Reply { id, outcome } => return self.answer(id, outcome),
            ServerFrame::Draining { reconnect_after } => *drain = Some(Instant::now() + reconnect_after),
            push => self.parked = Some(Push::Frame(push)),
        }
        Taken::Fine
    }

    fn answer(&mut self, id: u64, outcome: Outcome) -> Taken {
        if let Outcome::Failed(failure) = &outcome
            && failure.code == ErrorCode::Unauthenticated
        {
            return Taken::Unauthenticated; // What was asked stays pending and is asked again.
        }
        if id == self.resume_id
            && let Outcome::Failed(failure) = outcome
        {
            return Taken::ResumeFailed(failure.message);
        }
        match (self.pending.remove(&id), outcome) {
            (Some(pending), outcome) => {
                let result = match outcome {
                    Outcome::Failed(failure) => Err(RequestError::Failed(failure)),
                    outcome => Ok(outcome),
                };
                // Whoever asked may have stopped waiting.
                let _ = pending.answer.send(result);
            }
            (None, Outcome::Failed(failure)) => {
                tracing::warn!(code = %failure.code, "the server did not take a frame that carries no id");
            }
            (None, _) => {}
        }
        Taken::Fine
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Waits while offline; false when every handle was dropped meanwhile.
    async fn wait_offline(&mut self, why: String, wait: Duration) -> bool {
        if let Some(push) = self.parked.take() {
            // Order is kept: what arrived before the loss is told first.
            let _ = self.pushes.send(push).await;
        }
        // Full means that nobody reads; that the link is down can wait less than what it brought.
        let _ = self.pushes.try_send(Push::Offline { why, retry_in: wait });
        let mut left = std::pin::pin!(sleep(wait));
        loop {
            tokio::select! {
                () = &mut left => return true,
                order = self.orders.recv(), if self.pending.len() < self.in_flight_max => match order {
                    None => return false,
                    Some(Order { command, answer }) => {
                        let id = self.next_id();
                        self.pending.insert(id, Pending { command, answer });
                    }
                },
            }
        }
    }

    async fn log_out(mut self) {
        for (_, pending) in std::mem::take(&mut self.pending) {
            let _ = pending.answer.send(Err(RequestError::LoggedOut));
        }
        let _ = self.pushes.send(Push::LoggedOut).await;
        self.orders.close();
        while let Some(order) = self.orders.recv().await {
            let _ = order.answer.send(Err(RequestError::LoggedOut));
        }
    }
}

enum Taken {
    Fine,
    Unauthenticated,
    ResumeFailed(String),
}
