//! What a demonstration is given of the server that it runs in: a door of its own on this machine, accounts that need
//! no code, and who logs in. Nothing else: its people are clients like any other.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use dunlin_accounts::{AccountError, Accounts};
use dunlin_model::{DeviceId, Timestamp, UserId};
use tokio::sync::mpsc;

/// People who logged in and whom the demonstration has not met yet; beyond them it meets nobody.
const ARRIVALS_MAX: usize = 256;
/// What the devices of the demonstration's people are called.
const DEVICE_NAME: &str = "demonstration";

/// What a demonstration does, until it ends or is dropped.
pub type Performance = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A demonstration, and whether it may run where others can reach the server.
pub struct Demo {
    /// Whether the server may listen beyond this machine.
    pub public: bool,
    /// Runs beside the server, and is dropped when that stops.
    pub run: Box<dyn FnOnce(Reception) -> Performance + Send>,
}

/// Where the people of a demonstration enter a server.
pub struct Reception {
    accounts: Arc<Accounts>,
    url: String,
    folder: PathBuf,
    arrivals: mpsc::Receiver<UserId>,
}

/// What a device of the demonstration proves itself with.
pub struct DemoLogin {
    /// Which device.
    pub device: DeviceId,
    /// For requests and connections, until it expires.
    pub access_token: String,
    /// When the access token expires.
    pub expires: Timestamp,
    /// Good for one refresh.
    pub refresh_token: String,
}

impl Reception {
    pub(crate) fn new(accounts: &Arc<Accounts>, url: String, data: &Path) -> Self {
        let (arrive, arrivals) = mpsc::channel(ARRIVALS_MAX);
        accounts.on_login(Arc::new(move |user| {
            if arrive.try_send(user).is_err() {
                tracing::warn!("so many log in that the demonstration does not greet everyone");
            }
        }));
        Self { accounts: Arc::clone(accounts), url, folder: data.join("demo"), arrivals }
    }

    /// Where the server is reached from this machine, without TLS.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the demonstration keeps what is its own.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Logs one of the demonstration's people in, as the device that they were before if that is still theirs. The
    /// first time they are registered.
    ///
    /// # Errors
    /// Why not, as a sentence.
    pub async fn log_in(&self, address: &str, before: Option<DeviceId>) -> Result<DemoLogin, String> {
        let login = self.accounts.resident(address, DEVICE_NAME, before).await;
        let login = login.map_err(|error: AccountError| error.to_string())?;
        Ok(DemoLogin {
            device: login.device,
            access_token: login.access_token,
            expires: login.expires,
            refresh_token: login.refresh_token,
        })
    }

    /// Waits for somebody to log in by a code; the people of the demonstration do not count. Cancel safe.
    pub async fn arrival(&mut self) -> Option<UserId> {
        self.arrivals.recv().await
    }
}
