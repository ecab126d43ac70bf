//! The shared side of a connection: where answers are left, and what the rest of the gateway wants of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use dunlin_delivery::Session;
use dunlin_wire::{Format, Outcome, ServerFrame};
use parking_lot::Mutex;

use crate::websocket::{BINARY, TEXT, push_frame};

/// How the rest of the gateway reaches a connection's task.
pub(crate) struct Outbox {
    pub(crate) session: Arc<Session>,
    format: Format,
    /// Whole frames, in the order in which they were left. Bounded by the requests in flight.
    frames: Mutex<Vec<u8>>,
    in_flight: AtomicU32,
    /// Heartbeats that were not answered yet.
    unanswered: AtomicU32,
    ping_due: AtomicU32,
    /// When a draining client is to come back, in milliseconds plus one; zero while not draining.
    drain_ms: AtomicU64,
    replaced: AtomicU32,
}

/// A request that is being answered. Dropping it without an answer answers with a failure, so that every
/// request gets exactly one answer whatever becomes of its task.
pub(crate) struct Pending {
    outbox: Arc<Outbox>,
    id: u64,
    answered: bool,
}

impl Outbox {
    pub(crate) fn new(session: Arc<Session>, format: Format) -> Self {
        Self {
            session,
            format,
            frames: Mutex::default(),
            in_flight: AtomicU32::new(0),
            unanswered: AtomicU32::new(0),
            ping_due: AtomicU32::new(0),
            drain_ms: AtomicU64::new(0),
            replaced: AtomicU32::new(0),
        }
    }

    /// Counts a request as in flight until its answer is left.
    pub(crate) fn begin(self: &Arc<Self>, id: u64) -> Pending {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
        Pending { outbox: Arc::clone(self), id, answered: false }
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Moves the frames left so far to `out`.
    pub(crate) fn take_into(&self, out: &mut Vec<u8>) {
        let mut frames = self.frames.lock();
        if out.is_empty() {
            std::mem::swap(&mut *frames, out);
        } else {
            out.append(&mut frames);
        }
        if frames.is_empty() && frames.capacity() > 0 && self.in_flight() == 0 {
            *frames = Vec::new(); // An idle connection holds no buffer.
        }
    }

    fn leave(&self, frame: &ServerFrame) {
        write_frame(self.format, frame, &mut self.frames.lock());
    }

    /// The timer wheel's tick: a ping is due.
    pub(crate) fn request_ping(&self) {
        self.ping_due.store(1, Ordering::Release);
        self.session.ring();
    }

    /// Whether a ping is due; gives how many before it were not answered.
    pub(crate) fn take_ping(&self) -> Option<u32> {
        (self.ping_due.swap(0, Ordering::AcqRel) == 1).then(|| self.unanswered.fetch_add(1, Ordering::AcqRel))
    }

    /// The peer is alive.
    pub(crate) fn heard(&self) {
        if self.unanswered.load(Ordering::Relaxed) != 0 {
            self.unanswered.store(0, Ordering::Release);
        }
    }

    /// Sends the client away, to come back after `reconnect_after`.
    pub(crate) fn drain(&self, reconnect_after: Duration) {
        let ms = u64::try_from(reconnect_after.as_millis()).unwrap_or(u64::MAX - 1);
        self.drain_ms.store(ms.saturating_add(1), Ordering::Release);
        self.session.ring();
    }

    /// When to come back, once draining.
    pub(crate) fn draining(&self) -> Option<Duration> {
        match self.drain_ms.load(Ordering::Acquire) {
            0 => None,
            ms => Some(Duration::from_millis(ms - 1)),
        }
    }

    /// Closes the connection in favour of a newer one of the same device.
    pub(crate) fn replace(&self) {
        self.replaced.store(1, Ordering::Release);
        self.session.ring();
    }

    pub(crate) fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::Acquire) == 1
    }
}

impl Pending {
    /// Leaves the answer. A request without an id is answered only when it failed.
    pub(crate) fn answer(mut self, outcome: Outcome) {
        self.leave(outcome);
    }

    fn leave(&mut self, outcome: Outcome) {
        self.answered = true;
        if self.id != 0 || matches!(outcome, Outcome::Failed(_)) {
            self.outbox.leave(&ServerFrame::Reply { id: self.id, outcome });
        }
        self.outbox.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.outbox.session.ring();
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.answered {
            let failure = dunlin_wire::Failure::new(dunlin_model::ErrorCode::Internal, "The server failed.");
            self.leave(Outcome::Failed(failure));
        }
    }
}

/// Appends a server frame as a WebSocket frame.
pub(crate) fn write_frame(format: Format, frame: &ServerFrame, out: &mut Vec<u8>) {
    push_frame(out, opcode(format), |out| dunlin_wire::encode_server(format, frame, out));
}

/// The opcode that frames of this sub-protocol have.
pub(crate) const fn opcode(format: Format) -> u8 {
    match format {
        Format::Proto => BINARY,
        Format::Json => TEXT,
    }
}
