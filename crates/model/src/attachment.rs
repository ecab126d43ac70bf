//! Attachments: encrypted files in object storage, which messages name by their id.

use serde::{Deserialize, Serialize};

use crate::clock::{Randomness, Timestamp};
use crate::ids::{AttachmentId, ID_BYTES, UserId};

/// Bytes of each part of an attachment but the last, which may be shorter.
pub const PART_BYTES: u64 = 8 * 1024 * 1024;
/// Parts of the largest attachment that any server can take: 16 GiB.
pub const PARTS_MAX: u32 = 2_048;

/// Bytes of an id that say when it was made.
const TIME_BYTES: usize = 6;

/// What is known of an attachment; it never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its id, which says when it was created.
    pub id: AttachmentId,
    /// Who uploads it.
    pub owner: UserId,
    /// Bytes of the whole, as it is stored.
    pub bytes: u64,
    /// SHA-256 of the whole.
    pub sha256: [u8; 32],
    /// SHA-256 of each part, in order.
    pub parts: Vec<[u8; 32]>,
}

/// What an object store calls an upload in parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadName(pub String);

/// One part of an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachmentPart {
    /// 1, 2, 3 …
    pub number: u32,
    /// Where it begins in the whole.
    pub offset: u64,
    /// Bytes of it.
    pub bytes: u64,
    /// SHA-256 of it.
    pub sha256: [u8; 32],
}

impl Attachment {
    /// How many parts an attachment of so many bytes has.
    pub const fn part_count(bytes: u64) -> u64 {
        bytes.div_ceil(PART_BYTES)
    }

    /// When it was created.
    pub fn created(&self) -> Timestamp {
        self.id.created()
    }

    /// Its part with this number.
    pub fn part(&self, number: u32) -> Option<AttachmentPart> {
        let index = number.checked_sub(1)?;
        let sha256 = *self.parts.get(usize::try_from(index).ok()?)?;
        let offset = u64::from(index) * PART_BYTES;
        let bytes = self.bytes.checked_sub(offset)?.min(PART_BYTES);
        Some(AttachmentPart { number, offset, bytes, sha256 })
    }

    /// Its parts, in order.
    pub fn parts(&self) -> impl Iterator<Item = AttachmentPart> + '_ {
        (1..).map_while(|number| self.part(number))
    }
}

impl AttachmentId {
    /// A new id: the time in milliseconds, so that ids sort by it, and 80 bits of `randomness`.
    pub fn created_at(now: Timestamp, randomness: &dyn Randomness) -> Self {
        let mut bytes = *Self::first_at(now).as_bytes();
        let (_, rest) = bytes.split_at_mut(TIME_BYTES);
        randomness.fill(rest);
        Self::from_bytes(bytes)
    }

    /// The lowest id of those that are made at this time.
    pub fn first_at(time: Timestamp) -> Self {
        let mut bytes = [0; ID_BYTES];
        let [_, _, millis @ ..] = time.0.to_be_bytes();
        let (start, _) = bytes.split_at_mut(TIME_BYTES);
        start.copy_from_slice(&millis);
        Self::from_bytes(bytes)
    }

    /// When it was made, if [`AttachmentId::created_at`] made it.
    pub fn created(self) -> Timestamp {
        let millis = self.as_bytes().iter().take(TIME_BYTES);
        Timestamp(millis.fold(0, |time, byte| time << 8 | u64::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededRandomness;

    #[test]
    fn an_id_says_when_it_was_made_and_sorts_by_it() {
        let randomness = SeededRandomness::new(1);
        let noon = Timestamp(1_800_000_000_000);
        let (one, two) =
            (AttachmentId::created_at(noon, &randomness), AttachmentId::created_at(noon, &randomness));
        assert_ne!(one, two);
        assert_eq!((one.created(), two.created()), (noon, noon));
        let later = Timestamp(noon.0 + 1);
        assert!(AttachmentId::first_at(noon) <= one && one < AttachmentId::first_at(later));
    }

    #[test]
    fn all_parts_but_the_last_are_of_one_length() {
        let id = AttachmentId::from_bytes([1; 16]);
        let of = |bytes: u64| {
            let count = usize::try_from(Attachment::part_count(bytes)).unwrap();
            let owner = UserId::from_bytes([2; 16]);
            Attachment { id, owner, bytes, sha256: [0; 32], parts: vec![[3; 32]; count] }
        };
        let places = |bytes| of(bytes).parts().map(|part| (part.offset, part.bytes)).collect::<Vec<_>>();
        assert_eq!(places(1), [(0, 1)]);
        assert_eq!(places(PART_BYTES), [(0, PART_BYTES)]);
        assert_eq!(places(PART_BYTES + 1), [(0, PART_BYTES), (PART_BYTES, 1)]);
        assert_eq!((of(1).part(0), of(1).part(2)), (None, None));
    }
}
