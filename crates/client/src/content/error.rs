//! Why content can be neither sent nor read.

/// Content is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Written in a format that this client does not know: a newer one can read it.
    #[error("The message is in format {version}, which this version of Dunlin does not know.")]
    UnknownVersion {
        /// Which.
        version: u8,
    },
    /// The length is not a bucket's, a shorter bucket would have done, or the padding is not zeros.
    #[error("The message's padding is not as it must be.")]
    Padding,
    /// The message says of itself something else than the server says of it: it was moved or replayed, or
    /// its sender lied.
    #[error("The message was written for another place: its {field} differs.")]
    WrongBinding {
        /// What differs: `chat`, `sender` or `clientSeq`.
        field: &'static str,
    },
    /// A field does not hold what it must.
    #[error("The message's {field} {why}.")]
    Invalid {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something is above its limit.
    #[error("The message's {field} has {size}; {limit} are allowed.")]
    TooLarge {
        /// Which field.
        field: &'static str,
        /// How much it has, in the unit of the limit.
        size: u64,
        /// The limit, one of `content::limits`.
        limit: u64,
    },
    /// A kind that this client does not know can be shown, but not sent.
    #[error("A message of an unknown kind cannot be sent.")]
    UnknownKind,
}

impl ContentError {
    pub(super) const fn invalid(field: &'static str, why: &'static str) -> Self {
        Self::Invalid { field, why }
    }
}
