//! What an administrator may change about accounts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Name of the server in its tokens.
pub const ISSUER: &str = "dunlin";
/// Seconds for which an access token is valid.
pub const ACCESS_TOKEN_SECONDS: u64 = 15 * 60;
/// Seconds for which a one-time code is valid.
pub const CODE_SECONDS: u64 = 10 * 60;
/// Codes sent to one address within an hour.
pub const CODES_PER_HOUR_MAX: usize = 5;
/// Wrong attempts on one code.
pub const ATTEMPTS_PER_CODE_MAX: u32 = 5;
/// Wrong attempts on one address within a day, over all its codes. With codes of six digits, someone who
/// tries every day for a year finds one with a probability of 1 %.
pub const FAILURES_PER_DAY_MAX: usize = 30;

/// Limits and lifetimes. They hold for every address alike, registered or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AccountsConfig {
    /// Name of the server in its tokens; a token of another issuer is refused.
    pub issuer: String,
    /// Seconds for which an access token is valid.
    pub access_token_seconds: u64,
    /// Seconds for which a one-time code is valid.
    pub code_seconds: u64,
    /// Codes sent to one address within an hour.
    pub codes_per_hour_max: usize,
    /// Wrong attempts on one code.
    pub attempts_per_code_max: u32,
    /// Wrong attempts on one address within a day.
    pub failures_per_day_max: usize,
}

impl Default for AccountsConfig {
    fn default() -> Self {
        Self {
            issuer: ISSUER.to_owned(),
            access_token_seconds: ACCESS_TOKEN_SECONDS,
            code_seconds: CODE_SECONDS,
            codes_per_hour_max: CODES_PER_HOUR_MAX,
            attempts_per_code_max: ATTEMPTS_PER_CODE_MAX,
            failures_per_day_max: FAILURES_PER_DAY_MAX,
        }
    }
}

impl AccountsConfig {
    pub(crate) const fn access_token_lifetime(&self) -> Duration {
        Duration::from_secs(self.access_token_seconds)
    }

    pub(crate) const fn code_lifetime(&self) -> Duration {
        Duration::from_secs(self.code_seconds)
    }
}
