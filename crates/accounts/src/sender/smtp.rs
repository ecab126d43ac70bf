//! Codes by e-mail.

use std::time::Duration;

use async_trait::async_trait;
use dunlin_model::account::Address;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use serde::{Deserialize, Serialize};

use super::{CodeSender, SEND_TIMEOUT, SendError};

/// Which mail server, and as whom.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpConfig {
    /// `smtps://user:password@host:465` for TLS, `smtp://host:587?tls=required` for STARTTLS, `smtp://localhost:25`
    /// for neither.
    pub url: String,
    /// From whom, such as `Dunlin <codes@example.org>`.
    pub from: String,
    /// Logs in with this name rather than one in the URL.
    #[serde(default)]
    pub user: Option<String>,
    /// And this password.
    #[serde(default)]
    pub password: Option<String>,
}

impl std::fmt::Debug for SmtpConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may hold a password.
        f.debug_struct("SmtpConfig").field("from", &self.from).finish_non_exhaustive()
    }
}

/// Sends codes by e-mail; phone numbers are refused.
pub struct SmtpSender {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl SmtpSender {
    /// A sender for this mail server. Connects when it first sends.
    ///
    /// # Errors
    /// When the URL or the sender's address cannot be read.
    pub fn new(config: &SmtpConfig) -> Result<Self, SendError> {
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&config.url)
            .map_err(|_| SendError::Configuration("smtp url"))?
            .timeout(Some(SEND_TIMEOUT));
        if let (Some(user), Some(password)) = (&config.user, &config.password) {
            builder = builder.credentials(Credentials::new(user.clone(), password.clone()));
        }
        let from = config.from.parse().map_err(|_| SendError::Configuration("from"))?;
        Ok(Self { transport: builder.build(), from })
    }
}

#[async_trait]
impl CodeSender for SmtpSender {
    async fn send(&self, address: &Address, code: &str, valid_for: Duration) -> Result<(), SendError> {
        if !address.is_email() {
            return Err(SendError::WrongKind);
        }
        let to = address.expose().parse().map_err(|_| SendError::WrongKind)?;
        let minutes = valid_for.as_secs() / 60;
        let mail = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject("Your Dunlin code")
            .body(format!(
                "Your code is {code}.\n\nIt is valid for {minutes} minutes. Give it to nobody.\n\
                 If you did not ask for it, you need not do anything.\n"
            ))
            .map_err(SendError::Mail)?;
        self.transport.send(mail).await.map_err(SendError::Smtp)?;
        Ok(())
    }
}
