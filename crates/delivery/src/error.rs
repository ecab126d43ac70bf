//! Why delivery says no.

use dunlin_blobs::BlobError;
use dunlin_model::{ErrorCode, Refusal};
use dunlin_store::StoreError;

/// Why delivery says no. Only `Refused` and the codes that say "never" are definite.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The chat state machine refused.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// The store did not do it, or does not know.
    #[error("The server cannot reach its store now.")]
    Store(#[from] StoreError),
    /// A blob cannot be read.
    #[error("The server cannot read its blobs now.")]
    Blobs(String),
    /// Someone named does not exist.
    #[error("Someone named does not exist.")]
    NoSuchUser,
    /// Chats with this encryption cannot be created here.
    #[error("This server allows no chats with this encryption.")]
    EncryptionNotAllowed,
    /// Too many others appended at the same time.
    #[error("The chat is too busy.")]
    TooBusy,
    /// A list is longer than its limit.
    #[error("More than {limit} {what}.")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Something must not be empty.
    #[error("{what} must not be empty.")]
    Empty {
        /// What.
        what: &'static str,
    },
    /// Something is longer than its limit.
    #[error("{what} is larger than {limit} bytes.")]
    TooLarge {
        /// What.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// The certificate is another device's.
    #[error("The certificate is not one of this device.")]
    NotThisDevice,
    /// Another identity key is in force.
    #[error("Other devices of this user are certified by another identity key; they must be revoked first.")]
    AnotherIdentity,
    /// A key package is not taken.
    #[error("The key packages are not taken: {0}.")]
    KeyPackage(&'static str),
    /// The chat has no group to enter.
    #[error("The chat has no group yet.")]
    NoGroup,
    /// There is no such blob, or not for the asker.
    #[error("There is no such part of a handshake.")]
    NoBlob,
    /// There is no such attachment, or not for the asker.
    #[error("There is no such attachment.")]
    NoAttachment,
    /// An attachment is not as was said.
    #[error("The attachment is of no use: {0}.")]
    Attachment(&'static str),
    /// Faster than the limit.
    #[error("Too many {what}.")]
    TooFast {
        /// Of what.
        what: &'static str,
        /// When to go on.
        retry_after: std::time::Duration,
    },
    /// The task that did it died.
    #[error("The server failed.")]
    Failed,
}

impl From<BlobError> for DeliveryError {
    fn from(error: BlobError) -> Self {
        tracing::error!(%error, cause = ?std::error::Error::source(&error), "a blob cannot be read");
        Self::Blobs(error.to_string())
    }
}

impl DeliveryError {
    /// The one place that maps delivery's errors to codes.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Store(StoreError::Damaged(_)) | Self::Failed => ErrorCode::Internal,
            Self::Store(_) | Self::Blobs(_) | Self::TooBusy => ErrorCode::Unavailable,
            Self::NoSuchUser | Self::NoGroup | Self::NoBlob | Self::NoAttachment => ErrorCode::NotFound,
            Self::Attachment(_) => ErrorCode::InvalidAttachment,
            Self::NotThisDevice | Self::KeyPackage(_) | Self::Empty { .. } => ErrorCode::InvalidArgument,
            Self::AnotherIdentity => ErrorCode::AlreadyExists,
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::TooFast { .. } => ErrorCode::TooFast,
            Self::EncryptionNotAllowed => ErrorCode::WrongEncryption,
            Self::TooMany { .. } => ErrorCode::LimitReached,
        }
    }

    /// When to try again, where it is known.
    pub const fn retry_after(&self) -> Option<std::time::Duration> {
        match self {
            Self::TooFast { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }
}
