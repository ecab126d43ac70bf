//! What can go wrong with a relay.

use crate::ServerId;

/// A relay's answer when it has none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelayError {
    /// Out of reach. The same call may succeed later.
    #[error("the relay cannot do this now: {0}")]
    Unavailable(String),
    /// The server did not attach.
    #[error("server {} is not attached to the relay", .0.0)]
    NotAttached(ServerId),
}
