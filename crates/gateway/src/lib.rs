//! Sockets and HTTP: accept, connection, registry, routes.
//!
//! In reading order: `listener` accepts, `upgrade` shakes hands, `connection` lives, `requests` is the table
//! of commands, `outbox` is how the rest of the server reaches a connection. Deliberately absent: a channel
//! or a queue of messages for a connection.

mod attachments;
pub mod config;
mod connection;
pub mod http;
mod listener;
mod metrics;
mod outbox;
mod registry;
mod requests;
mod socket;
mod upgrade;
pub mod websocket;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderValue;
use dunlin_accounts::Accounts;
use dunlin_delivery::Delivery;
use dunlin_model::{Clock, DeviceId, ErrorCode, Randomness, UserId};
use dunlin_wire::Failure;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use parking_lot::RwLock;

pub use config::GatewayConfig;
pub use listener::accept;
pub use metrics::Metrics;

/// How often limiters forget those who have been quiet.
const LIMITERS_SWEPT_EVERY_TICKS: usize = 60;
/// Uploads of attachments that one user may begin in a minute; their bytes have a limit of their own.
const UPLOADS_PER_USER_PER_MINUTE: NonZeroU32 = NonZeroU32::new(120).expect("it is not zero");

/// The gateway of one server.
pub struct Gateway {
    delivery: Arc<Delivery>,
    accounts: Arc<Accounts>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    config: RwLock<Arc<GatewayConfig>>,
    connections: Arc<registry::Connections>,
    handshakes: DefaultKeyedRateLimiter<IpAddr>,
    requests: DefaultKeyedRateLimiter<UserId>,
    uploads: DefaultKeyedRateLimiter<UserId>,
    metrics: Metrics,
    incarnation: String,
    draining: AtomicBool,
}

impl Gateway {
    /// A gateway over the rules and the accounts, and the task that drives its heartbeats.
    ///
    /// Must be called within a tokio runtime; the task ends when the last handle is dropped.
    pub fn start(
        delivery: Arc<Delivery>,
        accounts: Arc<Accounts>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        config: GatewayConfig,
        incarnation: u64,
    ) -> Arc<Self> {
        let gateway = Arc::new(Self {
            delivery,
            accounts,
            clock,
            randomness,
            connections: Arc::default(),
            handshakes: RateLimiter::keyed(quota(
                config.handshakes_per_address_per_second,
                config.handshakes_per_address_per_second.saturating_mul(4),
            )),
            requests: RateLimiter::keyed(quota(
                config.requests_per_user_per_second,
                config.requests_per_user_burst,
            )),
            uploads: RateLimiter::keyed(Quota::per_minute(UPLOADS_PER_USER_PER_MINUTE)),
            config: RwLock::new(Arc::new(config)),
            metrics: Metrics::default(),
            incarnation: format!("{incarnation:016x}"),
            draining: AtomicBool::new(false),
        });
        tokio::spawn(turn_wheel(Arc::downgrade(&gateway)));
        gateway
    }

    /// The settings in force.
    pub fn config(&self) -> Arc<GatewayConfig> {
        Arc::clone(&self.config.read())
    }

    /// Puts other settings in force for connections that begin from now on (R64). The rates of handshakes and
    /// of requests stay as they were at the start.
    pub fn reconfigure(&self, config: GatewayConfig) {
        *self.config.write() = Arc::new(config);
    }

    /// The WebSocket route; everything else is `http::router` and the server's own.
    pub fn websocket_route(self: &Arc<Self>) -> Router {
        Router::new().route("/v1/ws", axum::routing::any(upgrade::upgrade)).with_state(Arc::clone(self))
    }

    /// What was counted since the start.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Connections with a device now.
    pub fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// Sends every client away, spread over the drain window, and refuses new ones (DESIGN.md, section 8).
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        let mut random = || {
            let mut bytes = [0; 8];
            self.randomness.fill(&mut bytes);
            u64::from_ne_bytes(bytes)
        };
        self.connections.drain(self.config().drain_window, &mut random);
    }

    /// Whether clients are being sent away.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// The rules.
    pub fn delivery(&self) -> &Arc<Delivery> {
        &self.delivery
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn incarnation(&self) -> &str {
        &self.incarnation
    }

    pub(crate) fn admit_handshake(&self, address: IpAddr) -> bool {
        self.handshakes.check_key(&address).is_ok()
    }

    /// Counts a request of `user` against their limit.
    pub(crate) fn admit_request(&self, user: UserId) -> Result<(), Failure> {
        check(&self.requests, user, "Too many requests: wait before the next.")
    }

    /// Counts an upload of an attachment that `user` begins.
    pub(crate) fn admit_upload(&self, user: UserId) -> Result<(), Failure> {
        check(&self.uploads, user, "Too many uploads: wait before the next.")
    }

    pub(crate) async fn authenticate_header(&self, value: &HeaderValue) -> Result<DeviceId, Failure> {
        let token = value.to_str().ok().and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
        });
        match token {
            Some(token) => self.authenticate_token(token).await,
            None => Err(Failure::new(
                ErrorCode::Unauthenticated,
                "The Authorization header is not a bearer token.",
            )),
        }
    }

    pub(crate) async fn authenticate_token(&self, token: &str) -> Result<DeviceId, Failure> {
        match self.accounts.authenticate(token).await {
            Ok(authenticated) => Ok(authenticated.device),
            Err(error) => Err(Failure::new(error.code(), error.to_string())),
        }
    }
}

fn check(limiter: &DefaultKeyedRateLimiter<UserId>, user: UserId, refusal: &str) -> Result<(), Failure> {
    limiter.check_key(&user).map_err(|not_until| {
        use governor::clock::Clock as _;
        let mut failure = Failure::new(ErrorCode::TooFast, refusal);
        failure.retry_after = Some(not_until.wait_time_from(governor::clock::DefaultClock::default().now()));
        failure
    })
}

fn quota(per_second: u32, burst: u32) -> Quota {
    let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MAX);
    Quota::per_second(per_second).allow_burst(NonZeroU32::new(burst).unwrap_or(per_second))
}

/// One wheel for all heartbeats: each connection has a slot, and each second one slot is pinged.
async fn turn_wheel(gateway: std::sync::Weak<Gateway>) {
    let mut turn: usize = 0;
    loop {
        let Some(strong) = gateway.upgrade() else { return };
        // Two turns of the wheel lie between two pings at the shortest; tests use very short heartbeats.
        let heartbeat = strong.config().heartbeat;
        let slots = usize::try_from(heartbeat.as_secs()).unwrap_or(usize::MAX).max(1);
        let pause = if heartbeat < Duration::from_secs(1) { heartbeat } else { Duration::from_secs(1) };
        strong.connections.tick(turn % slots, slots);
        if turn.is_multiple_of(LIMITERS_SWEPT_EVERY_TICKS) {
            strong.handshakes.retain_recent();
            strong.requests.retain_recent();
            strong.uploads.retain_recent();
        }
        turn = turn.wrapping_add(1);
        drop(strong);
        tokio::time::sleep(pause).await;
    }
}
