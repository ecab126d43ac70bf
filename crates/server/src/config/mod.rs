//! What an operator can set: defaults, then one TOML file, then environment variables.
//!
//! `DUNLIN_SECTION__FIELD` stands for `field` under `[section]`; deeper names take further pairs of
//! underscores. Variables without a pair of underscores belong to the terminal commands.

mod attachments;
mod environment;
mod error;
mod sections;

use std::path::Path;
use std::time::Duration;

use dunlin_accounts::AccountsConfig;
use dunlin_model::ChatLimits;
use serde::{Deserialize, Serialize};

pub use attachments::{AttachmentsSection, S3_PREFIX, S3_REGION, S3Section, Secret};
pub use error::ConfigError;
pub use sections::{
    CodesSection, ConnectionsSection, DATA_DIR, DRAIN_LIMIT_SECONDS, DeliverySection, HttpSection, LISTEN,
    LOG_FILTER, LogFormat, LogSection, MetricsSection, RETENTION_INTERVAL_SECONDS, RetentionSection,
    SenderKind, ServerSection, StoreSection, TlsSection,
};

/// Seconds in a day.
const DAY_SECONDS: u64 = 24 * 3_600;

/// So many days; of more than time has, all of it.
const fn days(days: u64) -> Duration {
    Duration::from_secs(days.saturating_mul(DAY_SECONDS))
}

/// Everything that can be set. Sections marked so take effect again on SIGHUP.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the server listens and keeps its data.
    pub server: ServerSection,
    /// The certificate, for a server that speaks TLS itself.
    pub tls: TlsSection,
    /// The embedded store.
    pub store: StoreSection,
    /// How one-time codes are sent.
    pub codes: CodesSection,
    /// Lifetimes and limits of codes and tokens.
    pub accounts: AccountsConfig,
    /// The limits of chats; read again on SIGHUP.
    pub chats: ChatLimits,
    /// How events reach devices; read again on SIGHUP.
    pub delivery: DeliverySection,
    /// The limits of connections; read again on SIGHUP.
    pub connections: ConnectionsSection,
    /// The limits of REST.
    pub http: HttpSection,
    /// The limits of attachments, and how long they are kept.
    pub attachments: AttachmentsSection,
    /// How long messages are kept.
    pub retention: RetentionSection,
    /// Where metrics are served.
    pub metrics: MetricsSection,
    /// What the log looks like.
    pub log: LogSection,
}

impl Config {
    /// Reads the file, if one is named, and the variables, and checks what they say.
    ///
    /// # Errors
    /// With a sentence that names the file or variable and what is wrong with it.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut table = toml::Table::new();
        if let Some(path) = file {
            let text = std::fs::read_to_string(path)
                .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
            // From the text itself first: that error knows the line.
            toml::from_str::<Self>(&text)
                .map_err(|source| ConfigError::File { path: path.to_owned(), source: Box::new(source) })?;
            table = text
                .parse()
                .map_err(|source| ConfigError::File { path: path.to_owned(), source: Box::new(source) })?;
        }
        environment::apply(&mut table, variables)?;
        let config: Self =
            table.try_into().map_err(|error: toml::de::Error| ConfigError::Invalid(error.to_string()))?;
        config.check()?;
        Ok(config)
    }

    /// What no type can say.
    fn check(&self) -> Result<(), ConfigError> {
        let wrong = |sentence: &str| Err(ConfigError::Invalid(sentence.to_owned()));
        if self.tls.certificate.is_some() != self.tls.key.is_some() {
            return wrong("tls.certificate and tls.key must be set together.");
        }
        if self.retention.days == 0 || self.retention.event_days < self.retention.days {
            return wrong("retention.days must be at least 1, and retention.event_days no less.");
        }
        let parts_max = u64::from(dunlin_model::attachment::PARTS_MAX);
        let most = dunlin_model::attachment::PART_BYTES * parts_max;
        if self.attachments.days == 0 || !(1..=most).contains(&self.attachments.bytes_max) {
            return wrong("attachments.days must be at least 1, and attachments.bytes_max 1 to 17179869184.");
        }
        if let Some(s3) = &self.attachments.s3 {
            s3.check()?;
        }
        if self.codes.sender == SenderKind::Smtp && self.codes.smtp.is_none() {
            return wrong("codes.sender is \"smtp\", but codes.smtp.url and codes.smtp.from are not set.");
        }
        if self.codes.sender == SenderKind::Webhook && self.codes.webhook.is_none() {
            return wrong("codes.sender is \"webhook\", but codes.webhook.url is not set.");
        }
        let positive = [
            ("chats.text_bytes_max", self.chats.text_bytes_max),
            ("chats.members_max", self.chats.members_max),
            ("connections.connections_max", self.connections.connections_max),
            ("connections.frame_bytes_max", self.connections.frame_bytes_max),
            ("http.body_bytes_max", self.http.body_bytes_max),
            ("store.waiting_writes_max", self.store.waiting_writes_max),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(ConfigError::Invalid(format!("{name} must be at least 1.")));
        }
        if self.delivery.window_events == 0 || self.connections.heartbeat_seconds == 0 {
            return wrong("delivery.window_events and connections.heartbeat_seconds must be at least 1.");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod documented;
