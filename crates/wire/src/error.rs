//! Why bytes are not a frame.

use crate::Failure;

/// The bytes are not a frame, or not one that may be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("request {id}: {}", failure.message)]
pub struct Undecodable {
    /// The request's id; zero when it could not be read.
    pub id: u64,
    /// What to answer.
    pub failure: Failure,
}
