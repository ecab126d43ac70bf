//! The life of a connection: one task that owns the socket and the device's feed.
//!
//! Each round it collects what is ready (answers, then what the logs have for the device), writes it in one
//! go, and waits for the socket or for the session to ring. While the peer does not read, nothing is pulled
//! for it and nothing more is read from it: the logs keep what it misses.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroU32;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use dunlin_delivery::{Feed, PullBudget, Push};
use dunlin_model::{ErrorCode, Event};
use dunlin_wire::{ClientFrame, CloseCode, Failure, Format, Outcome, ServerFrame, Undecodable};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::io::AsyncWrite;

use crate::outbox::{Outbox, opcode, write_frame};
use crate::socket::Socket;
use crate::websocket::{FrameReader, FramingError, Incoming, PING, PONG, push_close, push_frame};
use crate::{Gateway, GatewayConfig};

/// Log events pulled in one round.
const PULL_EVENTS: u32 = 64;
/// Bytes of an outgoing buffer that are kept for the next round; a larger one is given back.
const OUT_BYTES_KEPT: usize = 4 * 1024;
/// Frames refused for coming too fast, in a row, after which the connection is closed.
const TOO_FAST_MAX: u32 = 1_000;
/// How long a peer may take to read what is left when the connection closes.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);
/// How long to pause before pulling again what the store refused.
const PULL_RETRY_PAUSE: Duration = Duration::from_millis(500);

/// The wire: socket, framing and sub-protocol, before and after a device is known.
pub(crate) struct Link {
    pub(crate) socket: Socket,
    pub(crate) format: Format,
    pub(crate) reader: FrameReader,
    /// What arrived and was decoded, in order; bounded by what fits into one read.
    pub(crate) arrived: VecDeque<Arrived>,
    /// What is to be written, and how much of it was.
    pub(crate) out: Vec<u8>,
    written: usize,
}

/// What a turn at the socket did.
enum Turned {
    /// So many bytes were written.
    Wrote(usize),
    /// So many bytes were read and taken; zero at the end of the stream.
    Read(usize),
}

/// Something that arrived.
pub(crate) enum Arrived {
    Frame(ClientFrame),
    Undecodable(Undecodable),
    Ping(Vec<u8>),
    Pong,
    /// A frame of the other type than the sub-protocol's.
    WrongType,
    Close,
    Fault(FramingError),
    End,
}

impl Link {
    pub(crate) fn new(socket: Socket, format: Format, frame_bytes_max: usize) -> Self {
        Self {
            socket,
            format,
            reader: FrameReader::new(frame_bytes_max),
            arrived: VecDeque::new(),
            out: Vec::new(),
            written: 0,
        }
    }

    /// Takes bytes that arrived. Empty is the end.
    pub(crate) fn take(&mut self, bytes: &mut [u8]) {
        take(&mut self.reader, self.format, &mut self.arrived, bytes);
    }

    /// Reads once what there is. Cancel safe.
    pub(crate) async fn read(&mut self) -> io::Result<usize> {
        let Self { socket, format, reader, arrived, .. } = self;
        socket
            .read(&mut |bytes| {
                take(reader, *format, arrived, bytes);
                bytes.len()
            })
            .await
    }

    pub(crate) fn waiting(&self) -> usize {
        self.out.len() - self.written
    }

    /// Waits until the socket takes what is to be written (if `writes`) or gives something (if `reads`), and
    /// does that; writing comes first. Cancel safe.
    async fn turn(&mut self, writes: bool, reads: bool) -> io::Result<Turned> {
        let Self { socket, format, reader, arrived, out, written } = self;
        let mut into = |bytes: &mut [u8]| {
            take(reader, *format, arrived, bytes);
            bytes.len()
        };
        std::future::poll_fn(|context| {
            if writes {
                let rest = out.get(*written..).unwrap_or_default();
                if let Poll::Ready(count) = Pin::new(&mut *socket).poll_write(context, rest) {
                    return Poll::Ready(count.map(Turned::Wrote));
                }
            }
            if reads { socket.poll_take(context, &mut into).map_ok(Turned::Read) } else { Poll::Pending }
        })
        .await
    }

    /// Notes that `count` bytes were written; gives the buffer back when all were.
    async fn wrote(&mut self, count: usize) -> io::Result<()> {
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.written += count;
        if self.written == self.out.len() {
            std::future::poll_fn(|context| Pin::new(&mut self.socket).poll_flush(context)).await?;
            self.written = 0;
            self.out.clear();
            if self.out.capacity() > OUT_BYTES_KEPT {
                self.out = Vec::new();
            }
        }
        Ok(())
    }

    /// Writes all that waits and the close frame, then ends the stream; gives up after a while.
    pub(crate) async fn close(mut self, code: CloseCode) {
        push_close(&mut self.out, code.number(), code.text());
        let goodbye = async {
            while self.waiting() > 0 {
                if let Turned::Wrote(count) = self.turn(true, false).await? {
                    self.wrote(count).await?;
                }
            }
            std::future::poll_fn(|context| Pin::new(&mut self.socket).poll_shutdown(context)).await?;
            // What the peer still sends is read, so that it is not answered with a reset that would destroy
            // the close frame on its way.
            while self.socket.read(&mut |bytes| bytes.len()).await? > 0 {}
            io::Result::Ok(())
        };
        let _ = tokio::time::timeout(CLOSE_WITHIN, goodbye).await;
    }
}

fn take(reader: &mut FrameReader, format: Format, arrived: &mut VecDeque<Arrived>, bytes: &mut [u8]) {
    if bytes.is_empty() {
        arrived.push_back(Arrived::End);
        return;
    }
    let fed = reader.feed(bytes, &mut |incoming| {
        arrived.push_back(match (incoming, format) {
            (Incoming::Binary(payload), Format::Proto) | (Incoming::Text(payload), Format::Json) => {
                match dunlin_wire::decode_client(format, payload) {
                    Ok(frame) => Arrived::Frame(frame),
                    Err(undecodable) => Arrived::Undecodable(undecodable),
                }
            }
            (Incoming::Binary(_) | Incoming::Text(_), _) => Arrived::WrongType,
            (Incoming::Ping(payload), _) => Arrived::Ping(payload.to_vec()),
            (Incoming::Pong, _) => Arrived::Pong,
            (Incoming::Close(_), _) => Arrived::Close,
        });
    });
    if let Err(fault) = fed {
        arrived.push_back(Arrived::Fault(fault));
    }
}

/// A connection whose device is known.
pub(crate) struct Connection {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) link: Link,
    pub(crate) feed: Feed,
    pub(crate) outbox: Arc<Outbox>,
    config: Arc<GatewayConfig>,
    limiter: Option<DefaultDirectRateLimiter>,
    too_fast: u32,
    pushes: Vec<Push>,
    more_to_pull: bool,
    told_to_leave: bool,
    ending: Option<CloseCode>,
}

impl Connection {
    pub(crate) fn new(gateway: Arc<Gateway>, link: Link, feed: Feed, outbox: Arc<Outbox>) -> Self {
        let config = gateway.config();
        let limiter = NonZeroU32::new(config.frames_per_second).map(|per_second| {
            let burst = NonZeroU32::new(config.frames_burst).unwrap_or(per_second);
            RateLimiter::direct(Quota::per_second(per_second).allow_burst(burst))
        });
        Self {
            gateway,
            link,
            feed,
            outbox,
            config,
            limiter,
            too_fast: 0,
            pushes: Vec::new(),
            more_to_pull: false,
            told_to_leave: false,
            ending: None,
        }
    }

    /// Runs until either side ends it.
    pub(crate) async fn run(mut self) {
        let session = Arc::clone(self.feed.session());
        let config = Arc::clone(&self.config);
        let mut pull_again = None;
        while self.ending.is_none() {
            self.take_arrived().await;
            self.look_at_requests_from_within();
            if self.ending.is_none() && self.more_to_pull && !self.is_full() {
                pull_again = self.pull().await.err();
            }
            self.outbox.take_into(&mut self.link.out);
            if self.ending.is_some() || (self.has_arrived() && self.link.waiting() == 0) {
                continue;
            }
            let writes = self.link.waiting() > 0;
            let reads = !self.has_arrived()
                && !self.is_full()
                && self.outbox.in_flight() < config.requests_in_flight_max;
            let again = self.more_to_pull && pull_again.is_none() && !self.is_full();
            tokio::select! {
                biased;
                // What is ready leaves before new requests are read; both go before wakes, which can wait
                // because the logs do.
                turned = self.link.turn(writes, reads) => match turned {
                    Ok(turned) => if self.turned(turned).await.is_err() { return },
                    Err(_) => return,
                },
                () = session.rung() => {
                    self.more_to_pull = true;
                    // Others who were woken by the same batch leave their answers first: one write for all.
                    tokio::task::yield_now().await;
                }
                () = tokio::task::yield_now(), if again => {}
                // In a block, so that no timer is made in the rounds that need none.
                () = async { tokio::time::sleep(PULL_RETRY_PAUSE).await }, if pull_again.is_some() => {
                    pull_again = None;
                }
            }
        }
        if let Some(code) = self.ending {
            self.outbox.take_into(&mut self.link.out);
            let Self { link, feed, outbox, .. } = self;
            drop((feed, outbox)); // The device counts as gone while the last bytes leave.
            link.close(code).await;
        }
    }

    async fn turned(&mut self, turned: Turned) -> io::Result<()> {
        let metrics = &self.gateway.metrics;
        match turned {
            Turned::Wrote(count) => {
                metrics.writes.add(1);
                metrics.bytes_out.add(u64::try_from(count).unwrap_or(0));
                self.link.wrote(count).await
            }
            Turned::Read(count) => {
                self.outbox.heard();
                metrics.bytes_in.add(u64::try_from(count).unwrap_or(0));
                Ok(())
            }
        }
    }

    /// Whether as much waits to be written as may: the peer does not read, so nothing more is done for it.
    fn is_full(&self) -> bool {
        self.link.waiting() >= self.config.out_bytes_max
    }

    fn has_arrived(&self) -> bool {
        !self.link.arrived.is_empty()
            && !self.is_full()
            && self.outbox.in_flight() < self.config.requests_in_flight_max
    }

    /// Handles what arrived, in order, as far as requests may be in flight and answers may wait.
    async fn take_arrived(&mut self) {
        let in_flight_max = self.config.requests_in_flight_max;
        while self.ending.is_none() && !self.is_full() && self.outbox.in_flight() < in_flight_max {
            let Some(arrived) = self.link.arrived.pop_front() else {
                if self.link.arrived.capacity() > 0 && self.link.reader.is_idle() {
                    self.link.arrived.shrink_to(4);
                }
                return;
            };
            match arrived {
                Arrived::Frame(frame) => {
                    self.gateway.metrics.frames_in.add(1);
                    if self.admits(frame.id) {
                        Box::pin(self.handle(frame)).await;
                    }
                }
                Arrived::Undecodable(undecodable) => {
                    self.gateway.metrics.undecodable.add(1);
                    if self.admits(undecodable.id) {
                        self.reply(undecodable.id, Outcome::Failed(undecodable.failure));
                    }
                }
                Arrived::Ping(payload) => {
                    push_frame(&mut self.link.out, PONG, |out| out.extend_from_slice(&payload));
                }
                Arrived::Pong => {}
                Arrived::WrongType => self.end(CloseCode::WrongFrameType),
                Arrived::Close => self.end(CloseCode::Normal),
                Arrived::End => self.end(CloseCode::Normal),
                Arrived::Fault(fault) => self.fault(fault),
            }
        }
    }

    /// What the timer wheel, the drain or another connection of the device asked for.
    fn look_at_requests_from_within(&mut self) {
        if self.feed.session().is_revoked() {
            return self.end(CloseCode::DeviceRevoked);
        }
        if self.outbox.is_replaced() {
            return self.end(CloseCode::Replaced);
        }
        if let Some(unanswered) = self.outbox.take_ping() {
            if unanswered >= 2 {
                self.gateway.metrics.heartbeats_missed.add(1);
                return self.end(CloseCode::HeartbeatMissed);
            }
            push_frame(&mut self.link.out, PING, |_| {});
            self.more_to_pull |= self.feed.recheck();
        }
        if let Some(reconnect_after) = self.outbox.draining() {
            if !self.told_to_leave {
                self.told_to_leave = true;
                self.push(&ServerFrame::Draining { reconnect_after });
            }
            // What was asked is answered first.
            if self.outbox.in_flight() == 0 {
                self.outbox.take_into(&mut self.link.out);
                self.end(CloseCode::GoingAway);
            }
        }
    }

    /// Whether the frame comes within the limits; one that does not is answered.
    fn admits(&mut self, id: u64) -> bool {
        let refused = self.limiter.as_ref().and_then(|limiter| {
            use governor::clock::Clock as _;
            let wait = |until: governor::NotUntil<_>| {
                until.wait_time_from(governor::clock::DefaultClock::default().now())
            };
            limiter.check().err().map(wait)
        });
        let Some(wait) = refused else {
            self.too_fast = 0;
            return true;
        };
        self.gateway.metrics.too_fast.add(1);
        self.too_fast += 1;
        let mut failure = Failure::new(ErrorCode::TooFast, "Too many frames: wait before the next.");
        failure.retry_after = Some(wait);
        self.reply(id, Outcome::Failed(failure));
        if self.too_fast >= TOO_FAST_MAX {
            self.end(CloseCode::TooFast);
        }
        false
    }

    /// Pulls what the logs have for the device.
    async fn pull(&mut self) -> Result<(), dunlin_delivery::DeliveryError> {
        let budget = PullBudget { events: PULL_EVENTS };
        let pulled = Box::pin(self.feed.pull(budget, &mut self.pushes)).await;
        let format = self.link.format;
        let count = u64::try_from(self.pushes.len()).unwrap_or(0);
        for push in self.pushes.drain(..) {
            write_push(format, push, &mut self.link.out);
        }
        if self.pushes.capacity() > 64 {
            self.pushes = Vec::new();
        }
        self.gateway.metrics.frames_out.add(count);
        match pulled {
            Ok(more) => {
                self.more_to_pull = more;
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "a device waits for its log");
                Err(error)
            }
        }
    }

    /// Answers a request at once.
    pub(crate) fn reply(&mut self, id: u64, outcome: Outcome) {
        if id != 0 || matches!(outcome, Outcome::Failed(_)) {
            self.push(&ServerFrame::Reply { id, outcome });
        }
    }

    pub(crate) fn push(&mut self, frame: &ServerFrame) {
        self.gateway.metrics.frames_out.add(1);
        write_frame(self.link.format, frame, &mut self.link.out);
    }

    /// Says that there may be something to pull.
    pub(crate) fn pull_soon(&mut self) {
        self.more_to_pull = true;
    }

    pub(crate) fn end(&mut self, code: CloseCode) {
        self.ending.get_or_insert(code);
    }

    fn fault(&mut self, fault: FramingError) {
        let (outcome, code) = fault_outcome(fault);
        self.reply(0, outcome);
        self.end(code);
    }
}

/// How a fault of framing is answered, and how the connection then closes.
pub(crate) fn fault_outcome(fault: FramingError) -> (Outcome, CloseCode) {
    let (code, close) = match fault {
        FramingError::TooLarge { .. } => (ErrorCode::TooLarge, CloseCode::TooLarge),
        FramingError::NotUtf8 => (ErrorCode::Malformed, CloseCode::NotUtf8),
        FramingError::Protocol(_) => (ErrorCode::Malformed, CloseCode::ProtocolError),
    };
    (Outcome::Failed(Failure::new(code, format!("The connection ends: {fault}."))), close)
}

/// Appends a push. An event is encoded once for all who get it.
fn write_push(format: Format, push: Push, out: &mut Vec<u8>) {
    let frame = match push {
        Push::Event { chat, entry } => {
            let encoded = entry.encoded(format == Format::Json, |event: &Event| {
                let mut frame = Vec::with_capacity(320);
                push_frame(&mut frame, opcode(format), |out| {
                    dunlin_wire::encode_event(format, chat, event, out);
                });
                Bytes::from(frame)
            });
            out.extend_from_slice(encoded);
            return;
        }
        Push::Skipped { chat, range } => ServerFrame::Skipped { chat, range },
        Push::CaughtUp => ServerFrame::CaughtUp,
        Push::Status { chat, receipt } => ServerFrame::StatusUpdate { chat, receipt },
        Push::Presence(presence) => ServerFrame::PresenceUpdate(presence),
        Push::Typing { chat, user, typing } => ServerFrame::Typing { chat, user, typing },
        Push::KeyPackagesLow { suite, left } => ServerFrame::KeyPackagesLow { suite, left },
        Push::Relayed { device, payload } => ServerFrame::Relayed { device, payload },
        Push::Hidden { chat, seq } => ServerFrame::MessageHidden { chat, seq },
    };
    write_frame(format, &frame, out);
}
