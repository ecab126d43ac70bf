//! A part that is checked against its length and hash while it arrives.

use dunlin_model::AttachmentPart;
use sha2::{Digest as _, Sha256};

use super::FileError;

/// What has come of a part so far.
pub(super) struct Arriving {
    hash: Sha256,
    left: u64,
}

impl Arriving {
    pub(super) fn new(part: &AttachmentPart) -> Self {
        Self { hash: Sha256::new(), left: part.bytes }
    }

    /// Takes note of the next bytes.
    ///
    /// # Errors
    /// `WrongLength` when they are too many.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), FileError> {
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        self.left = self.left.checked_sub(length).ok_or(FileError::WrongLength)?;
        self.hash.update(piece);
        Ok(())
    }

    /// Whether all came, and is what was said.
    ///
    /// # Errors
    /// `WrongLength`, `WrongHash`.
    pub(super) fn finish(self, part: &AttachmentPart) -> Result<(), FileError> {
        if self.left > 0 {
            return Err(FileError::WrongLength);
        }
        if <[u8; 32]>::from(self.hash.finalize()) != part.sha256 {
            return Err(FileError::WrongHash);
        }
        Ok(())
    }
}
