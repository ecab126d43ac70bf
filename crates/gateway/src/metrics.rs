//! What the gateway counts.

use dunlin_delivery::Counter;

/// Counters of connections, in the order of a connection's life.
#[derive(Debug, Default)]
pub struct Metrics {
    /// Sockets accepted.
    pub accepted: Counter,
    /// Upgrades refused, for whatever reason.
    pub upgrades_refused: Counter,
    /// WebSocket connections begun.
    pub opened: Counter,
    /// WebSocket connections ended.
    pub closed: Counter,
    /// Frames read.
    pub frames_in: Counter,
    /// Frames that could not be decoded.
    pub undecodable: Counter,
    /// Frames refused for coming too fast.
    pub too_fast: Counter,
    /// Frames written.
    pub frames_out: Counter,
    /// Writes to sockets.
    pub writes: Counter,
    /// Bytes read from WebSocket connections.
    pub bytes_in: Counter,
    /// Bytes written to WebSocket connections.
    pub bytes_out: Counter,
    /// Bytes of bodies of requests over REST.
    pub http_bytes_in: Counter,
    /// Bytes of bodies of answers over REST.
    pub http_bytes_out: Counter,
    /// Connections closed because a heartbeat was not answered.
    pub heartbeats_missed: Counter,
}
