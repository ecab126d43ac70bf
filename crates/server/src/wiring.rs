//! Putting the parts of a server together.

use std::path::PathBuf;
use std::sync::Arc;

use dunlin_accounts::{AccountError, Accounts, CodeSender, LogSender, SendError, SmtpSender, WebhookSender};
use dunlin_blobs::{AttachmentFiles, GrantKey, LocalBlobs, LocalFiles, S3ConfigError, S3Files};
use dunlin_delivery::{BLOB_ADDRESSES_SECRET, Delivery, Storage};
use dunlin_gateway::http::HttpConfig;
use dunlin_gateway::{Gateway, GatewayConfig};
use dunlin_model::mls::HANDSHAKE_BYTES_MAX;
use dunlin_model::{Clock, Randomness};
use dunlin_relay::{InProcessRelay, RelayError, ServerId};
use dunlin_store::{Secrets as _, Store, StoreError};
use dunlin_store_embedded::{EmbeddedStore, OpenError};

use crate::config::{CodesSection, Config, ConnectionsSection, HttpSection, SenderKind};
use crate::{OsRandomness, SystemClock};

/// Far above what one machine can ask for, and far below where sums overflow.
const UNLIMITED: u32 = 100_000_000;

/// Where attachments are in the data directory.
const ATTACHMENTS_FOLDER: &str = "attachments";

/// Why the parts do not go together.
#[derive(Debug, thiserror::Error)]
pub enum WiringError {
    /// The store did not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The store opened, and does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A directory of blobs or attachments cannot be used.
    #[error("a directory of blobs or attachments cannot be used")]
    Blobs(#[source] std::io::Error),
    /// The object store for attachments cannot be used as it is configured.
    #[error("attachments.s3: {0}")]
    ObjectStore(#[from] S3ConfigError),
    /// The key for the object store cannot be read.
    #[error("attachments.s3.secret_access_key_file cannot be read: {0}")]
    ObjectStoreKey(#[source] std::io::Error),
    /// The accounts could not be opened.
    #[error(transparent)]
    Accounts(#[from] AccountError),
    /// Codes cannot be sent as configured.
    #[error(transparent)]
    Codes(#[from] SendError),
    /// The relay is out of reach.
    #[error(transparent)]
    Relay(#[from] RelayError),
}

/// A server's parts.
pub(crate) struct Parts {
    pub(crate) store: Arc<EmbeddedStore>,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) clock: Arc<dyn Clock>,
    /// Where browsers find attachments, if not at this server.
    pub(crate) object_store: Option<String>,
}

/// Opens the store and starts delivery and gateway on it.
pub(crate) async fn assemble(config: &Config, test_accounts: bool) -> Result<Parts, WiringError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let randomness: Arc<dyn Randomness> = Arc::new(OsRandomness);
    let store = open_store(config, Arc::clone(&clock)).await?;
    let shared: Arc<dyn Store> = Arc::clone(&store) as _;
    let accounts = Accounts::open(
        Arc::clone(&shared),
        Arc::clone(&clock),
        Arc::clone(&randomness),
        code_sender(&config.codes)?,
        config.accounts.clone(),
    );
    let accounts = Arc::new(accounts.await?);
    let mut server = [0; 8];
    randomness.fill(&mut server);
    let (storage, object_store) = open_storage(config, &*store, &clock).await?;
    let delivery = Delivery::start(
        shared,
        storage,
        Arc::new(InProcessRelay::new()),
        ServerId(u64::from_ne_bytes(server)),
        Arc::clone(&clock),
        Arc::clone(&randomness),
        config.delivery.delivery(config.chats.clone(), &config.attachments, test_accounts),
    )
    .await?;
    let revoked = Arc::clone(&delivery);
    accounts.on_revoked(Arc::new(move |device| revoked.revoke_device(device)));
    let incarnation = store.incarnation().await?;
    let gateway = Gateway::start(
        delivery,
        Arc::clone(&accounts),
        Arc::clone(&clock),
        randomness,
        gateway_config(config, test_accounts),
        incarnation,
    );
    Ok(Parts { store, gateway, accounts, clock, object_store })
}

async fn open_store(config: &Config, clock: Arc<dyn Clock>) -> Result<Arc<EmbeddedStore>, WiringError> {
    let (folder, settings) = (config.server.data_dir.join("store"), config.store.embedded());
    let opening =
        tokio::task::spawn_blocking(move || EmbeddedStore::open(&folder, &settings, clock, &OsRandomness));
    let opened = opening.await.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    Ok(Arc::new(opened?))
}

/// Where blobs and attachments are, and the origin of the object store, if there is one.
async fn open_storage(
    config: &Config,
    store: &dyn Store,
    clock: &Arc<dyn Clock>,
) -> Result<(Storage, Option<String>), WiringError> {
    let data = config.server.data_dir.clone();
    let blobs = blocking(move || LocalBlobs::open(&data.join("blobs"), HANDSHAKE_BYTES_MAX)).await?;
    let (files, origin): (Arc<dyn AttachmentFiles>, _) = match &config.attachments.s3 {
        Some(section) => {
            let s3 = section.config().map_err(WiringError::ObjectStoreKey)?;
            let files = Arc::new(S3Files::new(&s3, Arc::clone(clock))?);
            let origin = files.client_origin();
            tokio::spawn(check(Arc::clone(&files)));
            warn_of_files_left(config.server.data_dir.join(ATTACHMENTS_FOLDER));
            (files, Some(origin))
        }
        None => {
            let mut candidate = [0; 32];
            OsRandomness.fill(&mut candidate);
            let key = GrantKey::new(store.shared_secret(BLOB_ADDRESSES_SECRET, candidate).await?);
            let folder = config.server.data_dir.join(ATTACHMENTS_FOLDER);
            (Arc::new(blocking(move || LocalFiles::open(&folder, key)).await?), None)
        }
    };
    Ok((Storage { blobs: Arc::new(blobs), files }, origin))
}

/// Says so at once where the object store does not do what it is there for; chats go on without it.
async fn check(files: Arc<S3Files>) {
    if let Err(error) = files.check().await {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        tracing::error!(%error, cause, "attachments cannot be sent or read until the object store answers");
    }
}

/// Says so where files from before the object store would be taken for lost.
fn warn_of_files_left(folder: PathBuf) {
    tokio::task::spawn_blocking(move || {
        // What cannot be read is not there, as far as can be told.
        if std::fs::read_dir(&folder).is_ok_and(|mut entries| entries.next().is_some()) {
            let folder = folder.display();
            tracing::warn!(%folder, "files here are not given out any more: attachments are in the object store");
        }
    });
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, WiringError> {
    let opened = tokio::task::spawn_blocking(work).await;
    opened.unwrap_or_else(|error| Err(std::io::Error::other(error))).map_err(WiringError::Blobs)
}

fn code_sender(codes: &CodesSection) -> Result<Arc<dyn CodeSender>, SendError> {
    Ok(match (codes.sender, &codes.smtp, &codes.webhook) {
        (SenderKind::Log, _, _) => Arc::new(LogSender),
        (SenderKind::Smtp, Some(smtp), _) => Arc::new(SmtpSender::new(smtp)?),
        (SenderKind::Webhook, _, Some(webhook)) => Arc::new(WebhookSender::new(webhook.clone())?),
        (SenderKind::Smtp, None, _) => return Err(SendError::Configuration("section codes.smtp")),
        (SenderKind::Webhook, _, None) => return Err(SendError::Configuration("section codes.webhook")),
    })
}

/// The gateway's settings. A server with test accounts is there to be loaded by one machine, so its rates and
/// its limit per address are lifted where they were left at their defaults.
pub(crate) fn gateway_config(config: &Config, test_accounts: bool) -> GatewayConfig {
    let mut section = config.connections.clone();
    if test_accounts {
        let usual = ConnectionsSection::default();
        lift(&mut section.connections_per_address_max, usual.connections_per_address_max);
        lift(&mut section.handshakes_per_address_per_second, usual.handshakes_per_address_per_second);
        lift(&mut section.frames_per_second, usual.frames_per_second);
        lift(&mut section.frames_burst, usual.frames_burst);
        lift(&mut section.requests_per_user_per_second, usual.requests_per_user_per_second);
        lift(&mut section.requests_per_user_burst, usual.requests_per_user_burst);
    }
    section.gateway(&config.server)
}

/// The settings of REST, lifted likewise.
pub(crate) fn http_config(config: &Config, test_accounts: bool) -> HttpConfig {
    let mut section = config.http.clone();
    if test_accounts {
        let usual = HttpSection::default();
        lift(&mut section.requests_per_address_per_second, usual.requests_per_address_per_second);
        lift(&mut section.requests_per_address_burst, usual.requests_per_address_burst);
        lift(&mut section.logins_per_address_per_minute, usual.logins_per_address_per_minute);
    }
    section.http(test_accounts)
}

fn lift(limit: &mut u32, usual: u32) {
    if *limit == usual {
        *limit = UNLIMITED;
    }
}
