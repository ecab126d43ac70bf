//! `[attachments]`: their limits, and where they are.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use dunlin_blobs::S3Config;
use dunlin_delivery::DeliveryConfig;
use dunlin_store::retention::BODIES_KEPT;
use serde::{Deserialize, Serialize};

use super::{ConfigError, DAY_SECONDS};

/// The region of stores that have none.
pub const S3_REGION: &str = "us-east-1";
/// What the keys of attachments begin with.
pub const S3_PREFIX: &str = "attachments/";

/// `[attachments]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttachmentsSection {
    /// Bytes of one attachment, as it is stored.
    pub bytes_max: u64,
    /// Bytes of all attachments that one user uploads in a day.
    pub bytes_per_user_per_day: u64,
    /// Days after which attachments are removed (R41).
    pub days: u64,
    /// Whether one is removed once every recipient has fetched it (R41).
    pub remove_when_fetched: bool,
    /// The object store that holds them; the data directory when it is not set.
    pub s3: Option<S3Section>,
}

impl Default for AttachmentsSection {
    fn default() -> Self {
        let delivery = DeliveryConfig::default();
        Self {
            bytes_max: delivery.attachment_bytes_max,
            bytes_per_user_per_day: delivery.attachment_bytes_per_day_max,
            days: BODIES_KEPT.as_secs() / DAY_SECONDS,
            remove_when_fetched: delivery.attachments_removed_when_fetched,
            s3: None,
        }
    }
}

impl AttachmentsSection {
    /// How long they are kept.
    pub(crate) const fn kept(&self) -> Duration {
        super::days(self.days)
    }
}

/// Something that is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// `[attachments.s3]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Section {
    /// Where the server reaches the store.
    pub endpoint: String,
    /// Where clients do, if elsewhere.
    pub public_endpoint: Option<String>,
    /// The bucket.
    pub bucket: String,
    /// Its region.
    #[serde(default = "region")]
    pub region: String,
    /// The bucket is the first part of the path, not of the host's name.
    #[serde(default)]
    pub path_style: bool,
    /// What the keys of attachments begin with.
    #[serde(default = "prefix")]
    pub prefix: String,
    /// The name of the key that signs.
    pub access_key_id: String,
    /// The key that signs.
    pub secret_access_key: Option<Secret>,
    /// A file that holds it.
    pub secret_access_key_file: Option<PathBuf>,
}

fn region() -> String {
    S3_REGION.to_owned()
}

fn prefix() -> String {
    S3_PREFIX.to_owned()
}

impl S3Section {
    /// What no type can say.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.secret_access_key.is_some() == self.secret_access_key_file.is_some() {
            let sentence = "attachments.s3.secret_access_key or attachments.s3.secret_access_key_file must be set, not both.";
            return Err(ConfigError::Invalid(sentence.to_owned()));
        }
        Ok(())
    }

    /// With the key, which is read now.
    ///
    /// # Errors
    /// When its file cannot be read.
    pub(crate) fn config(&self) -> std::io::Result<S3Config> {
        let secret = match (&self.secret_access_key, &self.secret_access_key_file) {
            (Some(Secret(secret)), _) => secret.clone(),
            (None, Some(file)) => std::fs::read_to_string(file)?.trim().to_owned(),
            (None, None) => String::new(),
        };
        Ok(S3Config {
            endpoint: self.endpoint.clone(),
            public_endpoint: self.public_endpoint.clone(),
            bucket: self.bucket.clone(),
            region: self.region.clone(),
            path_style: self.path_style,
            prefix: self.prefix.clone(),
            access_key_id: self.access_key_id.clone(),
            secret_access_key: secret,
        })
    }
}
