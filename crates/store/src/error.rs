//! What can go wrong with a store.

/// A store's answer when it has none. Whatever the cause, nothing was shown that is not durable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Definitely not done: out of reach, closing, or too busy. The same call may succeed later.
    #[error("the store cannot do this now: {0}")]
    Unavailable(String),
    /// A write that may or may not have happened. Read what stands there before deciding again.
    #[error("the store does not know whether it wrote: {0}")]
    Uncertain(String),
    /// What is stored cannot be read. Not to be tried again.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}
