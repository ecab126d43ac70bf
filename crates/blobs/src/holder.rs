//! For which chat a blob is.

use dunlin_model::{ChatId, Seq, Timestamp};

/// Bytes of a holder's number and time.
const BYTES: usize = 16;

/// A chat that a blob was put for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// The chat.
    pub chat: ChatId,
    /// The event that names the blob comes after this one.
    pub after: Seq,
    /// When somebody last said that they would put it.
    pub held: Timestamp,
}

impl Holder {
    /// What is known when the same chat holds a blob again: the event may have come in between.
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        Self { chat: self.chat, after: self.after.min(other.after), held: self.held.max(other.held) }
    }

    /// The number and the time, each as eight bytes, big-endian.
    pub(crate) fn to_bytes(self) -> [u8; BYTES] {
        (u128::from(self.after.0) << 64 | u128::from(self.held.0)).to_be_bytes()
    }

    pub(crate) fn from_bytes(chat: ChatId, bytes: &[u8]) -> Option<Self> {
        let (after, held) = bytes.split_first_chunk::<8>()?;
        let held: [u8; 8] = held.try_into().ok()?;
        let (after, held) = (Seq(u64::from_be_bytes(*after)), Timestamp(u64::from_be_bytes(held)));
        Some(Self { chat, after, held })
    }
}
