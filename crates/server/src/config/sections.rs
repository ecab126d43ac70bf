//! The sections of the configuration. Defaults are constants with their reason, or those of the crate that
//! uses them.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::time::Duration;

use dunlin_accounts::{SmtpConfig, WebhookConfig};
use dunlin_delivery::DeliveryConfig;
use dunlin_gateway::GatewayConfig;
use dunlin_gateway::http::HttpConfig;
use dunlin_model::{ChatLimits, Encryption};
use dunlin_store::retention::{BODIES_KEPT, EVENTS_KEPT, RetentionPolicy};
use dunlin_store_embedded::EmbeddedConfig;
use serde::{Deserialize, Serialize};

use super::{AttachmentsSection, DAY_SECONDS, days};

/// Where a server listens: for this machine alone, until told otherwise.
pub const LISTEN: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 7700));
/// Where a server keeps its data.
pub const DATA_DIR: &str = "./data";
/// Seconds between two looks for what has expired.
pub const RETENTION_INTERVAL_SECONDS: u64 = 60;
/// Seconds after the stop signal until connections are cut whatever they do.
pub const DRAIN_LIMIT_SECONDS: u64 = 30;
/// What is logged: warnings of everyone's, information of ours.
pub const LOG_FILTER: &str = "warn,dunlin=info";

/// `[server]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerSection {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Seconds over which clients that are sent away are spread when they come back.
    pub drain_window_seconds: u64,
    /// Seconds after the stop signal until connections are cut.
    pub drain_limit_seconds: u64,
    /// Threads that serve connections; 0 for one fewer than there are cores, so that the store has one.
    pub worker_threads: usize,
}

impl ServerSection {
    /// The threads to start, on a machine with `cores`.
    pub fn worker_threads(&self, cores: usize) -> usize {
        match self.worker_threads {
            0 => cores.saturating_sub(1).max(1),
            set => set,
        }
    }
}

impl Default for ServerSection {
    fn default() -> Self {
        Self {
            listen: LISTEN,
            data_dir: PathBuf::from(DATA_DIR),
            drain_window_seconds: dunlin_gateway::config::DRAIN_WINDOW.as_secs(),
            drain_limit_seconds: DRAIN_LIMIT_SECONDS,
            worker_threads: 0,
        }
    }
}

/// `[tls]`: both, or neither for plain HTTP behind something that ends TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSection {
    /// PEM file with the certificate and those between it and the root.
    pub certificate: Option<PathBuf>,
    /// PEM file with its private key.
    pub key: Option<PathBuf>,
}

/// `[store]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StoreSection {
    /// Bytes of blocks kept in memory.
    pub cache_bytes: u64,
    /// Writes that may wait for the writer.
    pub waiting_writes_max: usize,
    /// Opens the store as a restored one, although it lost acknowledged writes.
    pub accept_loss: bool,
}

impl Default for StoreSection {
    fn default() -> Self {
        let store = EmbeddedConfig::default();
        Self {
            cache_bytes: store.cache_bytes,
            waiting_writes_max: store.waiting_writes_max,
            accept_loss: store.accept_loss,
        }
    }
}

impl StoreSection {
    pub(crate) fn embedded(&self) -> EmbeddedConfig {
        EmbeddedConfig {
            cache_bytes: self.cache_bytes,
            waiting_writes_max: self.waiting_writes_max,
            accept_loss: self.accept_loss,
            ..EmbeddedConfig::default()
        }
    }
}

/// How one-time codes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SenderKind {
    /// Into the server's log: for trying it out.
    #[default]
    Log,
    /// By e-mail.
    Smtp,
    /// By a POST to a service of yours.
    Webhook,
}

/// `[codes]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CodesSection {
    /// How codes are sent.
    pub sender: SenderKind,
    /// The mail server.
    pub smtp: Option<SmtpConfig>,
    /// The service.
    pub webhook: Option<WebhookConfig>,
}

/// `[delivery]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DeliverySection {
    /// Pushed events of one connection that may wait for `received`.
    pub window_events: u32,
    /// Chats kept in memory.
    pub chats_cached_max: usize,
    /// Members up to which receipts and typing are pushed to everyone in a chat.
    pub signal_members_max: usize,
    /// Seconds someone may be disconnected before others see them as gone.
    pub offline_after_seconds: u64,
    /// Whether chats may be created that the server can read.
    pub plaintext_chats: bool,
}

impl Default for DeliverySection {
    fn default() -> Self {
        let delivery = DeliveryConfig::default();
        Self {
            window_events: delivery.window_events,
            chats_cached_max: delivery.chats_cached_max,
            signal_members_max: delivery.signal_members_max,
            offline_after_seconds: delivery.offline_after.as_secs(),
            plaintext_chats: delivery.encryptions.contains(&Encryption::None),
        }
    }
}

impl DeliverySection {
    /// A server with test accounts allows plaintext chats whatever is set: load tools use them.
    pub(crate) fn delivery(
        &self,
        chat: ChatLimits,
        attachments: &AttachmentsSection,
        test_accounts: bool,
    ) -> DeliveryConfig {
        let mut encryptions = vec![Encryption::Mls];
        if self.plaintext_chats || test_accounts {
            encryptions.push(Encryption::None);
        }
        DeliveryConfig {
            chat,
            window_events: self.window_events,
            chats_cached_max: self.chats_cached_max,
            signal_members_max: self.signal_members_max,
            offline_after: Duration::from_secs(self.offline_after_seconds),
            encryptions,
            attachment_bytes_max: attachments.bytes_max,
            attachment_bytes_per_day_max: attachments.bytes_per_user_per_day,
            attachments_removed_when_fetched: attachments.remove_when_fetched,
        }
    }
}

/// `[connections]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectionsSection {
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
    /// Seconds between two pings of a connection.
    pub heartbeat_seconds: u64,
    /// Seconds a connection may take to authenticate.
    pub authenticate_within_seconds: u64,
    /// Web pages that may connect, beside the server's own host.
    pub allowed_origins: Vec<String>,
}

impl Default for ConnectionsSection {
    fn default() -> Self {
        let gateway = GatewayConfig::default();
        Self {
            connections_max: gateway.connections_max,
            connections_per_address_max: gateway.connections_per_address_max,
            connections_per_device_max: gateway.connections_per_device_max,
            handshakes_per_address_per_second: gateway.handshakes_per_address_per_second,
            frames_per_second: gateway.frames_per_second,
            frames_burst: gateway.frames_burst,
            requests_per_user_per_second: gateway.requests_per_user_per_second,
            requests_per_user_burst: gateway.requests_per_user_burst,
            requests_in_flight_max: gateway.requests_in_flight_max,
            frame_bytes_max: gateway.frame_bytes_max,
            out_bytes_max: gateway.out_bytes_max,
            heartbeat_seconds: gateway.heartbeat.as_secs(),
            authenticate_within_seconds: gateway.authenticate_within.as_secs(),
            allowed_origins: gateway.allowed_origins,
        }
    }
}

impl ConnectionsSection {
    pub(crate) fn gateway(&self, server: &ServerSection) -> GatewayConfig {
        GatewayConfig {
            connections_max: self.connections_max,
            connections_per_address_max: self.connections_per_address_max,
            connections_per_device_max: self.connections_per_device_max,
            handshakes_per_address_per_second: self.handshakes_per_address_per_second,
            frames_per_second: self.frames_per_second,
            frames_burst: self.frames_burst,
            requests_per_user_per_second: self.requests_per_user_per_second,
            requests_per_user_burst: self.requests_per_user_burst,
            requests_in_flight_max: self.requests_in_flight_max,
            frame_bytes_max: self.frame_bytes_max,
            out_bytes_max: self.out_bytes_max,
            heartbeat: Duration::from_secs(self.heartbeat_seconds),
            authenticate_within: Duration::from_secs(self.authenticate_within_seconds),
            drain_window: Duration::from_secs(server.drain_window_seconds),
            allowed_origins: self.allowed_origins.clone(),
        }
    }
}

/// `[http]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSection {
    /// Bytes of a request's body.
    pub body_bytes_max: usize,
    /// Requests a second from one address.
    pub requests_per_address_per_second: u32,
    /// Requests at once from one address.
    pub requests_per_address_burst: u32,
    /// Codes asked for, and logins and refreshes tried, a minute from one address.
    pub logins_per_address_per_minute: u32,
    /// Users looked up by address in an hour by one user.
    pub finds_per_user_per_hour: u32,
    /// Blobs that one user puts in a minute.
    pub blobs_per_user_per_minute: u32,
    /// Serve the web app at `/`.
    pub web_app: bool,
}

impl Default for HttpSection {
    fn default() -> Self {
        let http = HttpConfig::default();
        Self {
            body_bytes_max: http.body_bytes_max,
            requests_per_address_per_second: http.requests_per_address_per_second,
            requests_per_address_burst: http.requests_per_address_burst,
            logins_per_address_per_minute: http.logins_per_address_per_minute,
            finds_per_user_per_hour: http.finds_per_user_per_hour,
            blobs_per_user_per_minute: http.blobs_per_user_per_minute,
            web_app: true,
        }
    }
}

impl HttpSection {
    pub(crate) fn http(&self, test_accounts: bool) -> HttpConfig {
        HttpConfig {
            body_bytes_max: self.body_bytes_max,
            requests_per_address_per_second: self.requests_per_address_per_second,
            requests_per_address_burst: self.requests_per_address_burst,
            logins_per_address_per_minute: self.logins_per_address_per_minute,
            finds_per_user_per_hour: self.finds_per_user_per_hour,
            blobs_per_user_per_minute: self.blobs_per_user_per_minute,
            test_accounts,
        }
    }
}

/// `[retention]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionSection {
    /// Days after which bodies are emptied (R5).
    pub days: u64,
    /// Days after which whole events are removed; never fewer.
    pub event_days: u64,
    /// Seconds between two looks for what has expired.
    pub interval_seconds: u64,
}

impl Default for RetentionSection {
    fn default() -> Self {
        Self {
            days: BODIES_KEPT.as_secs() / DAY_SECONDS,
            event_days: EVENTS_KEPT.as_secs() / DAY_SECONDS,
            interval_seconds: RETENTION_INTERVAL_SECONDS,
        }
    }
}

impl RetentionSection {
    pub(crate) fn policy(&self) -> RetentionPolicy {
        RetentionPolicy { bodies: days(self.days), events: days(self.event_days) }
    }
}

/// `[metrics]`
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetricsSection {
    /// Address and port of `/metrics`, apart from the clients' one; not served when it is not set.
    pub listen: Option<SocketAddr>,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSection {
    /// Which lines, as `tracing` filters write it.
    pub filter: String,
    /// How they are written.
    pub format: LogFormat,
}

impl Default for LogSection {
    fn default() -> Self {
        Self { filter: LOG_FILTER.to_owned(), format: LogFormat::default() }
    }
}
