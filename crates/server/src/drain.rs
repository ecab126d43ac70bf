//! Stopping: soft first, then hard (DESIGN.md, section 8).

use std::time::Duration;

use dunlin_gateway::Gateway;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often to look whether everyone is gone.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);

/// The signals that stop a server: SIGTERM and SIGINT.
pub(crate) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// From now on the process does not end at once on these signals.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next one. May be dropped at any time.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// How a drain ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Drained {
    /// Everyone went.
    Empty,
    /// The time was up.
    TimeUp,
    /// A second signal came.
    Hurried,
}

/// Sends all clients away and waits until they are gone, the limit is reached or a second signal comes.
pub(crate) async fn drain(gateway: &Gateway, limit: Duration, signals: &mut StopSignals) -> Drained {
    gateway.drain();
    let everyone_gone = async {
        while gateway.connection_count() > 0 {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    };
    tokio::select! {
        biased;
        () = everyone_gone => Drained::Empty,
        () = signals.next() => Drained::Hurried,
        () = tokio::time::sleep(limit) => Drained::TimeUp,
    }
}
