//! What a device proves itself with, and who keeps that fresh.

use std::time::Duration;

use async_trait::async_trait;
use dunlin_model::{Clock, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::api::{Api, ApiError};
use crate::clock::SystemClock;

/// An access token is renewed when it has less than this left.
const RENEWED_BEFORE_EXPIRY: Duration = Duration::from_secs(60);

/// What logging in gives.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Credentials {
    /// Proves the device, for a short time.
    pub access_token: String,
    /// When the access token ends, by the server's clock, in milliseconds since the Unix epoch.
    pub expires_ms: u64,
    /// Gets the next credentials, once.
    pub refresh_token: String,
    /// Whose they are.
    pub user_id: String,
    /// Which of the user's devices.
    pub device: u32,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Tokens are not for logs.
        write!(f, "Credentials({}/{})", self.user_id, self.device)
    }
}

impl Credentials {
    /// The user, when the id is one.
    pub fn user(&self) -> Option<UserId> {
        self.user_id.parse().ok()
    }

    /// Whether the access token is about to end, or has.
    pub fn need_renewal(&self, now: Timestamp) -> bool {
        now + RENEWED_BEFORE_EXPIRY >= Timestamp(self.expires_ms)
    }
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The device was logged out or revoked: a person has to log in.
    #[error("this device is not logged in any more")]
    LoginRequired,
    /// The server could not be asked; later it may.
    #[error(transparent)]
    Later(ApiError),
}

impl From<ApiError> for TokenError {
    fn from(error: ApiError) -> Self {
        if error.is_definite() { Self::LoginRequired } else { Self::Later(error) }
    }
}

/// Hands out access tokens and renews them. Refresh tokens are used once, so one owner renews at a time.
#[async_trait]
pub trait Tokens: Send + Sync + 'static {
    /// A token to use now; not `rejected`, which the server did not take.
    ///
    /// # Errors
    /// When a person has to log in, or the server cannot be asked.
    async fn access_token(&self, rejected: Option<&str>) -> Result<String, TokenError>;
}

/// A token that is not renewed, for tests and short runs.
#[derive(Debug, Clone)]
pub struct FixedToken(pub String);

#[async_trait]
impl Tokens for FixedToken {
    async fn access_token(&self, rejected: Option<&str>) -> Result<String, TokenError> {
        if rejected == Some(self.0.as_str()) { Err(TokenError::LoginRequired) } else { Ok(self.0.clone()) }
    }
}

/// Credentials kept fresh in memory, for programs that log in each time they start.
#[derive(Debug)]
pub struct Session {
    api: Api,
    clock: SystemClock,
    credentials: Mutex<Credentials>,
}

impl Session {
    /// A session that begins with `credentials`.
    pub fn new(api: Api, credentials: Credentials) -> Self {
        Self { api, clock: SystemClock::default(), credentials: Mutex::new(credentials) }
    }
}

#[async_trait]
impl Tokens for Session {
    async fn access_token(&self, rejected: Option<&str>) -> Result<String, TokenError> {
        let mut credentials = self.credentials.lock().await;
        if rejected == Some(credentials.access_token.as_str()) || credentials.need_renewal(self.clock.now()) {
            *credentials = self.api.refresh(&credentials.refresh_token).await?;
        }
        Ok(credentials.access_token.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(expires_ms: u64) -> Credentials {
        Credentials {
            access_token: "secret-a".into(),
            expires_ms,
            refresh_token: "secret-r".into(),
            user_id: UserId::from_bytes([1; 16]).to_string(),
            device: 1,
        }
    }

    #[test]
    fn a_token_is_renewed_a_minute_before_it_ends() {
        assert!(!credentials(100_001).need_renewal(Timestamp(40_000)));
        assert!(credentials(100_000).need_renewal(Timestamp(40_000)));
    }

    #[test]
    fn tokens_do_not_print_themselves() {
        assert!(!format!("{:?}", credentials(0)).contains("secret"));
    }
}
