//! What can go wrong with an account, and the one place that maps it to codes.

use std::time::Duration;

use dunlin_model::ErrorCode;
use dunlin_store::StoreError;

use crate::sender::SendError;

/// Why something about an account was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// Not a phone number or e-mail address.
    #[error("This is not a phone number with country code (+15551234567), nor an e-mail address.")]
    InvalidAddress,
    /// A field is longer than its limit.
    #[error("{what} is larger than {limit} bytes.")]
    TooLarge {
        /// Which field.
        what: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// A field must not be empty.
    #[error("{what} must not be empty.")]
    Empty {
        /// Which field.
        what: &'static str,
    },
    /// There are more of something than its limit.
    #[error("More than {limit} {what}.")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// Codes were asked for, or tried, more often than allowed.
    #[error("Too many codes were asked for or tried. Wait, then ask for a new one.")]
    TooFast {
        /// When it may be tried again.
        retry_after: Duration,
    },
    /// The code is wrong, used, expired, or was tried too often: deliberately the same for all of them.
    #[error("The code is wrong, used or expired.")]
    WrongCode,
    /// No token of this server, or an expired one.
    #[error("The token is not valid, or has expired.")]
    Unauthenticated,
    /// The device was revoked or logged out.
    #[error("This device was revoked or logged out.")]
    DeviceRevoked,
    /// An old refresh token was used again: somebody else may hold a copy, so the device was revoked.
    #[error("This refresh token was used before. The device has been logged out for safety.")]
    RefreshReused,
    /// Not to be done to oneself.
    #[error("You cannot do this to yourself.")]
    Oneself,
    /// There is no such user.
    #[error("There is no such user.")]
    NoSuchUser,
    /// There is no such device.
    #[error("There is no such device.")]
    NoSuchDevice,
    /// The document changed since it was read.
    #[error("It changed since it was read. Read it again.")]
    Changed,
    /// Too many others were changing the same thing.
    #[error("Too many changes at once. Try again.")]
    Busy,
    /// The code could not be sent.
    #[error("The code could not be sent now.")]
    NotSent(#[source] SendError),
    /// The store has no answer.
    #[error("The server cannot do this now.")]
    Store(#[from] StoreError),
}

impl AccountError {
    /// The one place that maps account errors to codes.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidAddress | Self::Empty { .. } | Self::Oneself => ErrorCode::InvalidArgument,
            Self::TooLarge { .. } => ErrorCode::TooLarge,
            Self::TooMany { .. } => ErrorCode::LimitReached,
            Self::TooFast { .. } => ErrorCode::TooFast,
            Self::WrongCode => ErrorCode::WrongCode,
            Self::Unauthenticated => ErrorCode::Unauthenticated,
            Self::DeviceRevoked | Self::RefreshReused => ErrorCode::DeviceRevoked,
            Self::NoSuchUser | Self::NoSuchDevice => ErrorCode::NotFound,
            Self::Changed => ErrorCode::Conflict,
            Self::Busy
            | Self::NotSent(_)
            | Self::Store(StoreError::Unavailable(_) | StoreError::Uncertain(_)) => ErrorCode::Unavailable,
            Self::Store(StoreError::Damaged(_)) => ErrorCode::Internal,
        }
    }

    /// When to try again, where it is known.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooFast { retry_after } => Some(*retry_after),
            _ => None,
        }
    }
}
