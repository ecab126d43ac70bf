//! How one-time codes reach people. Deployments plug in their own.

mod log;
mod smtp;
mod webhook;

use std::time::Duration;

use async_trait::async_trait;
use dunlin_model::account::Address;

pub use log::{CODE_LOG_TARGET, LogSender};
pub use smtp::{SmtpConfig, SmtpSender};
pub use webhook::{WebhookAuthentication, WebhookConfig, WebhookSender};

/// How long a code may take to hand over.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// Why a code was not sent. Neither names the address nor the code.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The sender does not reach addresses of this kind.
    #[error("codes cannot be sent to addresses of this kind")]
    WrongKind,
    /// What the sender was configured with is not usable.
    #[error("the code sender's {0} is not valid")]
    Configuration(&'static str),
    /// The mail server did not take it.
    #[error("the mail server did not take the code")]
    Smtp(#[source] lettre::transport::smtp::Error),
    /// The mail could not be composed.
    #[error("the mail could not be composed")]
    Mail(#[source] lettre::error::Error),
    /// The webhook was not reached.
    #[error("the webhook was not reached")]
    Webhook(#[source] reqwest::Error),
    /// The webhook refused.
    #[error("the webhook answered with status {0}")]
    WebhookStatus(u16),
}

/// Sends one-time codes. Dropping the future may or may not stop a code that is on its way.
#[async_trait]
pub trait CodeSender: Send + Sync + 'static {
    /// Sends `code`, which is accepted for `valid_for`, to `address`.
    ///
    /// # Errors
    /// When it was not handed over.
    async fn send(&self, address: &Address, code: &str, valid_for: Duration) -> Result<(), SendError>;
}
