//! A connection that stays up: requests matched to answers, pushes as a bounded stream, reconnects.
//!
//! One task owns the link. While it is down, unanswered requests wait and go out again unchanged; that is
//! harmless, since reads can be repeated and commands carry the device's number. Drain [`Pushes`] in a task
//! of its own: while it is full nothing is read from the socket, answers included.

mod actor;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use dunlin_model::{ChatId, Randomness, Retry, Seq};
use dunlin_wire::{Command, Failure, Format, Outcome, Position, ServerFrame, Welcome};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use self::actor::Actor;
use crate::backoff::Backoff;
use crate::clock::SystemRandomness;
use crate::credentials::Tokens;
use crate::progress::ProgressBoard;
use crate::server_url::ServerUrl;

/// Requests that wait for the task to take them.
const ORDERS_WAITING_MAX: usize = 256;
/// Pushes that wait for the program to take them.
const PUSHES_WAITING_MAX: usize = 1_024;
/// How long a request may take, unless told otherwise.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(20);

/// How to connect.
#[derive(Clone)]
pub struct ConnectionOptions {
    /// Where to.
    pub server: ServerUrl,
    /// Binary or JSON frames.
    pub format: Format,
    /// Who keeps the access token fresh.
    pub tokens: Arc<dyn Tokens>,
    /// Whether events of the log are to be delivered; then the positions are restated at each connect.
    pub follow: bool,
    /// What the device has already.
    pub positions: Vec<Position>,
    /// How long a request may take.
    pub request_time_max: Duration,
    /// For the jitter of reconnects.
    pub randomness: Arc<dyn Randomness>,
}

impl ConnectionOptions {
    /// Binary frames, no delivery, the default time-outs.
    pub fn new(server: ServerUrl, tokens: Arc<dyn Tokens>) -> Self {
        Self {
            server,
            format: Format::Proto,
            tokens,
            follow: false,
            positions: Vec::new(),
            request_time_max: REQUEST_TIME_MAX,
            randomness: Arc::new(SystemRandomness),
        }
    }

    /// Asks for delivery of events, from these positions.
    #[must_use]
    pub fn following(mut self, positions: Vec<Position>) -> Self {
        self.follow = true;
        self.positions = positions;
        self
    }
}

impl fmt::Debug for ConnectionOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionOptions").field("server", &self.server).finish_non_exhaustive()
    }
}

/// What happens unasked.
#[derive(Debug)]
pub enum Push {
    /// The connection is up.
    Online(Welcome),
    /// The connection is down and will be tried again.
    Offline {
        /// Why, as a sentence's end.
        why: String,
        /// When it is tried again.
        retry_in: Duration,
    },
    /// The server said something.
    Frame(ServerFrame),
    /// The device is not logged in any more; nothing follows.
    LoggedOut,
}

/// Why a request has no result.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The server said no.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// There was no answer in time; it may have been done.
    #[error("the server did not answer in time")]
    TimedOut,
    /// The device is not logged in any more.
    #[error("this device is not logged in any more")]
    LoggedOut,
    /// The connection was closed by this program.
    #[error("the connection was closed")]
    Closed,
}

pub(crate) type Answer = oneshot::Sender<Result<Outcome, RequestError>>;

/// A request on its way to the task.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) command: Command,
    pub(crate) answer: Answer,
}

/// The stream of pushes, in the order of the socket.
#[derive(Debug)]
pub struct Pushes(mpsc::Receiver<Push>);

impl Pushes {
    /// The next push; `None` once the connection is closed for good. Cancel safe.
    pub async fn next(&mut self) -> Option<Push> {
        self.0.recv().await
    }

    /// A push that has arrived already, if there is one.
    pub fn try_next(&mut self) -> Option<Push> {
        self.0.try_recv().ok()
    }
}

/// A handle to a connection that stays up. It closes when the last handle is dropped.
#[derive(Debug, Clone)]
pub struct Connection {
    orders: mpsc::Sender<Order>,
    board: Arc<ProgressBoard>,
    request_time_max: Duration,
    randomness: Randomizer,
}

/// An `Arc<dyn Randomness>` that prints itself.
#[derive(Clone)]
struct Randomizer(Arc<dyn Randomness>);

impl fmt::Debug for Randomizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Randomizer")
    }
}

impl Connection {
    /// Starts connecting, in a task of its own.
    pub fn open(options: ConnectionOptions) -> (Self, Pushes) {
        let (orders, orders_taken) = mpsc::channel(ORDERS_WAITING_MAX);
        let (pushes, pushes_taken) = mpsc::channel(PUSHES_WAITING_MAX);
        let board = Arc::new(ProgressBoard::starting_at(options.positions.clone()));
        let connection = Self {
            orders,
            board: Arc::clone(&board),
            request_time_max: options.request_time_max,
            randomness: Randomizer(Arc::clone(&options.randomness)),
        };
        tokio::spawn(Actor::new(options, orders_taken, pushes, board).run());
        (connection, Pushes(pushes_taken))
    }

    /// Asks once, and waits for the answer for the time that was set. A dropped future may have been heard.
    ///
    /// # Errors
    /// When the server says no, does not answer in time, or the device is logged out.
    pub async fn request(&self, command: Command) -> Result<Outcome, RequestError> {
        timeout(self.request_time_max, self.ask(command)).await.map_err(|_| RequestError::TimedOut)?
    }

    /// Asks until there is a definite answer, however long that takes. The command keeps its client sequence
    /// number, so that it is accepted once at most.
    ///
    /// # Errors
    /// When the server refuses for good, or the device is logged out.
    pub async fn submit(&self, command: Command) -> Result<Outcome, RequestError> {
        let mut backoff = Backoff::default();
        loop {
            match self.ask(command.clone()).await {
                Err(RequestError::Failed(failure)) if failure.retry == Retry::Later => {
                    let wait = backoff.next_wait(&*self.randomness.0);
                    sleep(failure.retry_after.unwrap_or_default() + wait).await;
                }
                definite => return definite,
            }
        }
    }

    async fn ask(&self, command: Command) -> Result<Outcome, RequestError> {
        let (answer, answered) = oneshot::channel();
        self.orders.send(Order { command, answer }).await.map_err(|_| RequestError::Closed)?;
        answered.await.map_err(|_| RequestError::Closed)?
    }

    /// Says that all of the chat up to `seq` is stored. Never waits; what is said while away is said later.
    pub fn received(&self, chat: ChatId, seq: Seq) {
        self.board.received(chat, seq);
    }

    /// Says that all of the chat up to `seq` was shown.
    pub fn mark_seen(&self, chat: ChatId, seq: Seq) {
        self.board.seen(chat, seq);
    }
}
