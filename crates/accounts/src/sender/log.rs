//! Codes to the log, for a server on a laptop and for tests by hand: the one place where a code is logged.

use std::time::Duration;

use async_trait::async_trait;
use dunlin_model::account::Address;

use super::{CodeSender, SendError};

/// The tracing target of codes, so that log collectors can leave it out.
pub const CODE_LOG_TARGET: &str = "dunlin::one_time_codes";

/// Writes codes to the log.
#[derive(Debug, Clone, Copy, Default)]
pub struct LogSender;

#[async_trait]
impl CodeSender for LogSender {
    async fn send(&self, address: &Address, code: &str, valid_for: Duration) -> Result<(), SendError> {
        tracing::info!(
            target: CODE_LOG_TARGET,
            "The code for {} is {code}, valid for {} minutes.",
            address.expose(),
            valid_for.as_secs() / 60
        );
        Ok(())
    }
}
