//! What an operator can set about connections.

use std::time::Duration;

/// Connections of the whole server.
pub const CONNECTIONS_MAX: usize = 1_000_000;
/// Connections from one address.
pub const CONNECTIONS_PER_ADDRESS_MAX: u32 = 1_000;
/// Connections of one device; the oldest is closed for a new one.
pub const CONNECTIONS_PER_DEVICE_MAX: usize = 4;
/// Handshakes a second from one address.
pub const HANDSHAKES_PER_ADDRESS_PER_SECOND: u32 = 100;
/// Frames a second of one connection.
pub const FRAMES_PER_SECOND: u32 = 200;
/// Frames that one connection may send at once.
pub const FRAMES_BURST: u32 = 1_000;
/// Requests a second of one user, over all devices.
pub const REQUESTS_PER_USER_PER_SECOND: u32 = 100;
/// Requests that one user may make at once.
pub const REQUESTS_PER_USER_BURST: u32 = 500;
/// Requests of one connection that may wait for an answer; past it the server reads no further.
pub const REQUESTS_IN_FLIGHT_MAX: u32 = 64;
/// Bytes of a frame.
pub const FRAME_BYTES_MAX: usize = 192 * 1024;
/// Bytes that may wait to be written to one connection; past it the server reads and pulls no further.
pub const OUT_BYTES_MAX: usize = 256 * 1024;
/// How often a connection is pinged.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(30);
/// How long a connection without an `Authorization` header may take to authenticate.
pub const AUTHENTICATE_WITHIN: Duration = Duration::from_secs(10);
/// Over how long clients are spread that are sent away.
pub const DRAIN_WINDOW: Duration = Duration::from_secs(10);

/// Settings of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayConfig {
    /// Connections of the whole server.
    pub connections_max: usize,
    /// Connections from one address.
    pub connections_per_address_max: u32,
    /// Connections of one device.
    pub connections_per_device_max: usize,
    /// Handshakes a second from one address.
    pub handshakes_per_address_per_second: u32,
    /// Frames a second of one connection.
    pub frames_per_second: u32,
    /// Frames that one connection may send at once.
    pub frames_burst: u32,
    /// Requests a second of one user.
    pub requests_per_user_per_second: u32,
    /// Requests that one user may make at once.
    pub requests_per_user_burst: u32,
    /// Requests of one connection that may wait for an answer.
    pub requests_in_flight_max: u32,
    /// Bytes of a frame.
    pub frame_bytes_max: usize,
    /// Bytes that may wait to be written to one connection.
    pub out_bytes_max: usize,
    /// How often a connection is pinged.
    pub heartbeat: Duration,
    /// How long a connection may take to authenticate.
    pub authenticate_within: Duration,
    /// Over how long clients are spread that are sent away.
    pub drain_window: Duration,
    /// Origins of web pages that may connect, beside the server's own host: `https://chat.example.org`.
    pub allowed_origins: Vec<String>,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            connections_max: CONNECTIONS_MAX,
            connections_per_address_max: CONNECTIONS_PER_ADDRESS_MAX,
            connections_per_device_max: CONNECTIONS_PER_DEVICE_MAX,
            handshakes_per_address_per_second: HANDSHAKES_PER_ADDRESS_PER_SECOND,
            frames_per_second: FRAMES_PER_SECOND,
            frames_burst: FRAMES_BURST,
            requests_per_user_per_second: REQUESTS_PER_USER_PER_SECOND,
            requests_per_user_burst: REQUESTS_PER_USER_BURST,
            requests_in_flight_max: REQUESTS_IN_FLIGHT_MAX,
            frame_bytes_max: FRAME_BYTES_MAX,
            out_bytes_max: OUT_BYTES_MAX,
            heartbeat: HEARTBEAT_INTERVAL,
            authenticate_within: AUTHENTICATE_WITHIN,
            drain_window: DRAIN_WINDOW,
            allowed_origins: Vec::new(),
        }
    }
}
