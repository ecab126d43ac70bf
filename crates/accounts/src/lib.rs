//! People and how they log in: one-time codes, tokens, devices, profiles, contacts, blocks.
//!
//! Everything durable is put-if-absent or a versioned document, so any number of servers can share a store.
//! Tokens are derived from a secret that the servers share; nothing here stores one. Deliberately absent:
//! sockets to clients, SQL, and limits per network address (the gateway's).

mod codes;
pub mod config;
mod documents;
mod error;
mod keys;
mod login;
mod refresh;
mod residents;
mod sender;
mod sessions;
mod test_accounts;
mod token;

use std::sync::Arc;

use dunlin_model::{Clock, Randomness};
use dunlin_store::Store;

pub use config::AccountsConfig;
pub use error::AccountError;
pub use login::Credentials;
pub use residents::LoginListener;
pub use sender::{
    CODE_LOG_TARGET, CodeSender, LogSender, SendError, SmtpConfig, SmtpSender, WebhookAuthentication,
    WebhookConfig, WebhookSender,
};
pub use sessions::{Authenticated, DeviceView, RevocationListener};
pub use test_accounts::TEST_ACCOUNTS_PER_CALL_MAX;

use keys::Keys;
use refresh::RecentRefreshes;
use sessions::DeviceCache;

/// Times that a lost race for a versioned replacement is run again before the caller is told to try later.
const RACES_MAX: usize = 32;

/// The accounts of a server, over a store that may be shared with others. One per server.
pub struct Accounts {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    sender: Arc<dyn CodeSender>,
    config: AccountsConfig,
    keys: Keys,
    devices: DeviceCache,
    recent_refreshes: RecentRefreshes,
    listeners: parking_lot::RwLock<Vec<RevocationListener>>,
    login_listeners: parking_lot::RwLock<Vec<LoginListener>>,
}

impl Accounts {
    /// Opens the accounts of `store`. The first server to do so makes the secret that all of them share.
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn open(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        sender: Arc<dyn CodeSender>,
        config: AccountsConfig,
    ) -> Result<Self, AccountError> {
        let mut candidate = [0; 32];
        randomness.fill(&mut candidate);
        let secret = store.shared_secret(keys::SECRET_NAME, candidate).await?;
        Ok(Self {
            store,
            clock,
            randomness,
            sender,
            config,
            keys: Keys::derive(&secret),
            devices: DeviceCache::default(),
            recent_refreshes: RecentRefreshes::default(),
            listeners: parking_lot::RwLock::default(),
            login_listeners: parking_lot::RwLock::default(),
        })
    }
}
