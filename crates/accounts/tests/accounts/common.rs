//! Accounts over a store in memory, with a clock and an outbox of codes that the test holds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dunlin_accounts::{AccountError, Accounts, AccountsConfig, CodeSender, Credentials, SendError};
use dunlin_model::account::Address;
use dunlin_model::clock::{ManualClock, SeededRandomness};
use dunlin_model::{Clock, Timestamp};
use dunlin_store::memory::MemoryStore;
use parking_lot::Mutex;

pub(crate) const ADA: &str = "ada@example.org";
pub(crate) const START: Timestamp = Timestamp(1_800_000_000_000);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// Keeps codes instead of sending them.
#[derive(Default)]
pub(crate) struct Outbox(Mutex<HashMap<String, Vec<String>>>);

impl Outbox {
    pub(crate) fn codes(&self, address: &str) -> Vec<String> {
        self.0.lock().get(address).cloned().unwrap_or_default()
    }
}

#[async_trait]
impl CodeSender for Outbox {
    async fn send(&self, address: &Address, code: &str, _valid_for: Duration) -> Result<(), SendError> {
        self.0.lock().entry(address.expose().to_owned()).or_default().push(code.to_owned());
        Ok(())
    }
}

pub(crate) struct World {
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) accounts: Arc<Accounts>,
    seed: u64,
}

impl World {
    pub(crate) async fn new() -> Self {
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(ManualClock::at(START));
        let outbox = Arc::new(Outbox::default());
        let accounts = open(&store, &clock, &outbox, 1).await;
        Self { store, clock, outbox, accounts, seed: 1 }
    }

    /// Another server on the same store; also what a restart leaves.
    pub(crate) async fn another_server(&mut self) -> Arc<Accounts> {
        self.seed += 1;
        open(&self.store, &self.clock, &self.outbox, self.seed).await
    }

    pub(crate) async fn code(&self, address: &str) -> String {
        self.accounts.request_code(address).await.unwrap();
        self.outbox.codes(address).pop().unwrap()
    }

    pub(crate) async fn login(&self, address: &str) -> Credentials {
        self.try_login(address).await.unwrap()
    }

    pub(crate) async fn try_login(&self, address: &str) -> Result<Credentials, AccountError> {
        let code = self.code(address).await;
        let credentials = self.accounts.login(address, &code, "laptop").await;
        // So that the limit on codes per hour does not stand in the way of tests of something else.
        self.clock.advance(HOUR);
        credentials
    }

    pub(crate) fn set_back(&self, by: Duration) {
        self.clock.jump_to(self.clock.now() - by);
    }

    pub(crate) fn set_forward(&self, by: Duration) {
        self.clock.jump_to(self.clock.now() + by);
    }
}

async fn open(
    store: &Arc<MemoryStore>,
    clock: &Arc<ManualClock>,
    outbox: &Arc<Outbox>,
    seed: u64,
) -> Arc<Accounts> {
    let accounts = Accounts::open(
        store.clone(),
        clock.clone(),
        Arc::new(SeededRandomness::new(seed)),
        outbox.clone(),
        AccountsConfig::default(),
    );
    Arc::new(accounts.await.unwrap())
}

/// A code of six digits that is not `right`.
pub(crate) fn wrong(right: &str) -> &'static str {
    if right == "000000" { "111111" } else { "000000" }
}
