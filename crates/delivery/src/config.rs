//! What an operator can set about delivery.

use std::time::Duration;

use dunlin_model::{ChatLimits, Encryption};

/// Pushed events of one connection that may wait for `received`.
pub const WINDOW_EVENTS: u32 = 256;
/// Chats kept in memory; those in use are kept in any case.
pub const CHATS_CACHED_MAX: usize = 100_000;
/// Members up to which receipts and typing are pushed to everyone in a chat.
pub const SIGNAL_MEMBERS_MAX: usize = 64;
/// How long someone may be disconnected before others see them as gone.
pub const OFFLINE_AFTER: Duration = Duration::from_secs(10);
/// Bytes of one attachment, as it is stored: 1 GiB.
pub const ATTACHMENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Bytes of all attachments that one user uploads in a day: 4 GiB.
pub const ATTACHMENT_BYTES_PER_DAY_MAX: u64 = 4 * ATTACHMENT_BYTES_MAX;

/// Settings of delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryConfig {
    /// The limits of chats.
    pub chat: ChatLimits,
    /// Pushed events of one connection that may wait for `received`.
    pub window_events: u32,
    /// Chats kept in memory.
    pub chats_cached_max: usize,
    /// Members up to which receipts and typing are pushed to everyone in a chat.
    pub signal_members_max: usize,
    /// How long someone may be disconnected before others see them as gone.
    pub offline_after: Duration,
    /// With which encryption chats may be created.
    pub encryptions: Vec<Encryption>,
    /// Bytes of one attachment, as it is stored.
    pub attachment_bytes_max: u64,
    /// Bytes of all attachments that one user uploads in a day.
    pub attachment_bytes_per_day_max: u64,
    /// Whether an attachment is removed once every recipient has fetched it.
    pub attachments_removed_when_fetched: bool,
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            chat: ChatLimits::default(),
            window_events: WINDOW_EVENTS,
            chats_cached_max: CHATS_CACHED_MAX,
            signal_members_max: SIGNAL_MEMBERS_MAX,
            offline_after: OFFLINE_AFTER,
            // What a server can read must be asked for.
            encryptions: vec![Encryption::Mls],
            attachment_bytes_max: ATTACHMENT_BYTES_MAX,
            attachment_bytes_per_day_max: ATTACHMENT_BYTES_PER_DAY_MAX,
            attachments_removed_when_fetched: false,
        }
    }
}
