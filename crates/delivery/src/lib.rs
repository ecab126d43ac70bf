//! The rules of the way of a message: submit, wake, pull, receipts, presence (DESIGN.md, section 2).
//!
//! [`Delivery::submit`] is the front door. A connected device has a [`Feed`], which pulls from the logs by
//! cursor; wakes only say that there is something to pull. Deliberately absent: sockets, SQL, and any queue
//! of messages for a recipient.

mod attachment_fetching;
mod attachment_removal;
mod attachments;
mod blob_addresses;
mod blob_removal;
mod cache;
mod chat;
mod claims;
pub mod config;
mod context;
mod counts;
mod error;
mod feed;
mod handshakes;
mod history;
mod invites;
pub mod keys;
mod link;
mod listing;
pub mod metrics;
mod pipeline;
mod presence;
mod pull;
mod receipts;
mod registry;
mod relaying;
mod revoking;
mod session;
mod sink;
mod submit;

use std::sync::Arc;

use dunlin_blobs::{AttachmentFiles, Blobs};
use dunlin_model::{Clock, Randomness, Timestamp};
use dunlin_relay::{Relay, ServerId};
use dunlin_store::Store;

pub use attachment_fetching::FetchedSwept;
pub use attachment_removal::{AttachmentsSwept, OrphansSwept, UNSENT_REMOVED_AFTER};
pub use attachments::{AttachmentAddress, NewAttachment, PartUpload, UNSENT_KEPT, UPLOADS_MAX, UploadState};
pub use blob_addresses::{BLOB_ADDRESSES_SECRET, BlobAddress};
pub use blob_removal::{BLOBS_KEPT_MIN, BlobsSwept};
pub use chat::LogEntry;
pub use config::DeliveryConfig;
pub use error::DeliveryError;
pub use feed::{Feed, ResumeAt};
pub use handshakes::fuzz;
pub use history::HistoryQuery;
pub use keys::GroupEntrance;
pub use metrics::{Counter, Histogram, Metrics};
pub use pull::{PullBudget, Push};
pub use relaying::RELAYED_BYTES_MAX;
pub use session::Session;
pub use submit::{Accepted, Submission};

/// Where bytes are that are too large for the store.
#[derive(Clone)]
pub struct Storage {
    /// Large parts of handshakes.
    pub blobs: Arc<dyn Blobs>,
    /// Attachments.
    pub files: Arc<dyn AttachmentFiles>,
}

impl Storage {
    /// In memory, gone with the process. For tests.
    pub fn in_memory(blobs: Arc<dyn Blobs>) -> Self {
        Self { blobs, files: Arc::new(dunlin_blobs::MemoryFiles::default()) }
    }
}

/// The rules, over a store and a relay. One per server.
pub struct Delivery {
    store: Arc<dyn Store>,
    blobs: Arc<dyn Blobs>,
    files: Arc<dyn AttachmentFiles>,
    /// Held while a user's uploads are added up.
    counting: tokio::sync::Mutex<()>,
    relay: Arc<dyn Relay>,
    server: ServerId,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
    config: parking_lot::RwLock<Arc<DeliveryConfig>>,
    chats: cache::ChatCache,
    registry: registry::Registry,
    blocks: context::BlockCache,
    receipts: receipts::ReceiptQueue,
    presence: presence::PresenceBook,
    claims: claims::ClaimBook,
    handshakes: handshakes::Handshakes,
    /// Signs addresses of blobs; read at first use.
    grant_key: tokio::sync::OnceCell<dunlin_blobs::GrantKey>,
    /// Rung when a revocation is to be carried out.
    revocation_told: Arc<tokio::sync::Notify>,
    metrics: Metrics,
}

impl Delivery {
    /// Starts the rules on this server: attaches to the relay and starts writing receipts.
    ///
    /// Must be called within a tokio runtime; the tasks it starts end when the last handle is dropped.
    ///
    /// # Errors
    /// When the relay cannot be reached.
    pub async fn start(
        store: Arc<dyn Store>,
        storage: Storage,
        relay: Arc<dyn Relay>,
        server: ServerId,
        clock: Arc<dyn Clock>,
        randomness: Arc<dyn Randomness>,
        config: DeliveryConfig,
    ) -> Result<Arc<Self>, dunlin_relay::RelayError> {
        let delivery = Arc::new(Self {
            store,
            blobs: storage.blobs,
            files: storage.files,
            counting: tokio::sync::Mutex::default(),
            relay,
            server,
            clock,
            randomness,
            chats: cache::ChatCache::new(config.chats_cached_max),
            config: parking_lot::RwLock::new(Arc::new(config)),
            registry: registry::Registry::default(),
            blocks: context::BlockCache::default(),
            receipts: receipts::ReceiptQueue::default(),
            presence: presence::PresenceBook::default(),
            claims: claims::ClaimBook::default(),
            handshakes: handshakes::Handshakes::default(),
            grant_key: tokio::sync::OnceCell::new(),
            revocation_told: Arc::default(),
            metrics: Metrics::default(),
        });
        let sink: Arc<dyn dunlin_relay::WakeSink> = Arc::clone(&delivery) as _;
        delivery.relay.attach(server, Arc::downgrade(&sink)).await?;
        tokio::spawn(receipts::write_receipts(Arc::downgrade(&delivery)));
        tokio::spawn(presence::watch_absences(Arc::downgrade(&delivery)));
        tokio::spawn(revoking::carry_out_revocations(Arc::downgrade(&delivery)));
        Ok(delivery)
    }

    /// The settings in force.
    pub fn config(&self) -> Arc<DeliveryConfig> {
        Arc::clone(&self.config.read())
    }

    /// Puts other settings in force, for what comes from now on (R64).
    pub fn reconfigure(&self, config: DeliveryConfig) {
        *self.config.write() = Arc::new(config);
    }

    /// What was counted since the start.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The time here, by which addresses expire.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Where large parts of handshakes are.
    pub fn blobs(&self) -> &dyn Blobs {
        &*self.blobs
    }

    /// The store, for jobs that work on it directly.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }
}
