//! Encrypted files: in chunks, so that a large one streams, a range can be read, and nothing can be cut off, put in
//! another order or taken from another file unnoticed.
//!
//! The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption and its
//! Nonce-Reuse Misuse-Resistance, CRYPTO 2015, section 7) with ChaCha20-Poly1305 (RFC 8439): chunks of 64 KiB, of which
//! the last may be shorter, each sealed with the nonce `0⁷ ‖ index (4 bytes, big-endian) ‖ is last (1 byte)` and the
//! associated data "dunlin file v1" and the file's length (8 bytes, big-endian). An empty file is one empty chunk. The
//! key is drawn anew for each file: with the same one, other bytes must never be sealed.

use std::ops::Range;

use chacha20poly1305::aead::AeadInOut as _;
use chacha20poly1305::{ChaCha20Poly1305, KeyInit as _, Nonce};
use dunlin_model::attachment::PART_BYTES;
use sha2::{Digest as _, Sha256};

use crate::content::FileKey;
use crate::content::limits::FILE_BYTES_MAX;

/// Bytes of the file in each chunk but the last.
pub const CHUNK_BYTES: u64 = 64 * 1024;
/// Bytes that sealing adds to each chunk.
pub const TAG_BYTES: u64 = 16;

const LABEL: &[u8; 14] = b"dunlin file v1";
const SEALED_CHUNK_BYTES: u64 = CHUNK_BYTES + TAG_BYTES;

/// A chunk is not what it was to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FileCipherError {
    /// The file is larger than any may be.
    #[error("the file is larger than {FILE_BYTES_MAX} bytes")]
    TooLarge,
    /// There is no chunk with this index, or it has another length.
    #[error("a piece of the file has another length")]
    WrongLength,
    /// It was changed, moved, or sealed with another key.
    #[error("the file was changed on its way")]
    Tampered,
}

/// Seals and opens the chunks of one file.
pub struct FileCipher {
    cipher: ChaCha20Poly1305,
    bytes: u64,
}

impl FileCipher {
    /// For a file of so many bytes.
    ///
    /// # Errors
    /// `TooLarge`.
    pub fn new(key: &FileKey, bytes: u64) -> Result<Self, FileCipherError> {
        if bytes > FILE_BYTES_MAX {
            return Err(FileCipherError::TooLarge);
        }
        Ok(Self { cipher: ChaCha20Poly1305::new(&key.0.into()), bytes })
    }

    /// How many chunks there are.
    pub fn chunk_count(&self) -> u32 {
        let count = self.bytes.div_ceil(CHUNK_BYTES).max(1);
        u32::try_from(count).expect("no file has 2^32 chunks: its length was checked")
    }

    /// Bytes of the sealed file.
    pub fn sealed_bytes(&self) -> u64 {
        self.bytes + u64::from(self.chunk_count()) * TAG_BYTES
    }

    /// Where the chunk lies in the file; `None` beyond the last.
    pub fn place(&self, index: u32) -> Option<Range<u64>> {
        let start = u64::from(index) * CHUNK_BYTES;
        (index < self.chunk_count()).then(|| start..(start + CHUNK_BYTES).min(self.bytes))
    }

    /// Where the chunk lies in the sealed file; `None` beyond the last.
    pub fn sealed_place(&self, index: u32) -> Option<Range<u64>> {
        let place = self.place(index)?;
        let start = u64::from(index) * SEALED_CHUNK_BYTES;
        Some(start..start + (place.end - place.start) + TAG_BYTES)
    }

    /// The chunks that hold a range of the file.
    pub fn chunks_of(&self, range: &Range<u64>) -> Range<u32> {
        self.covering(range, CHUNK_BYTES)
    }

    /// The chunks that hold a range of the sealed file.
    pub fn chunks_of_sealed(&self, range: &Range<u64>) -> Range<u32> {
        self.covering(range, SEALED_CHUNK_BYTES)
    }

    fn covering(&self, range: &Range<u64>, chunk: u64) -> Range<u32> {
        let index = |at: u64| u32::try_from(at).map_or(self.chunk_count(), |at| at.min(self.chunk_count()));
        let start = index(range.start / chunk);
        if range.is_empty() { start..start } else { start..index(range.end.div_ceil(chunk)) }
    }

    /// Seals a chunk in place.
    ///
    /// # Errors
    /// `WrongLength`.
    pub fn seal(&self, index: u32, chunk: &mut Vec<u8>) -> Result<(), FileCipherError> {
        let place = self.place(index).ok_or(FileCipherError::WrongLength)?;
        if u64::try_from(chunk.len()) != Ok(place.end - place.start) {
            return Err(FileCipherError::WrongLength);
        }
        let sealed = self.cipher.encrypt_in_place(&self.nonce(index), &self.associated(), chunk);
        sealed.map_err(|_| FileCipherError::WrongLength)
    }

    /// Opens a chunk in place.
    ///
    /// # Errors
    /// `WrongLength`, `Tampered`; what is in `chunk` then is of no use.
    pub fn open(&self, index: u32, chunk: &mut Vec<u8>) -> Result<(), FileCipherError> {
        let place = self.sealed_place(index).ok_or(FileCipherError::WrongLength)?;
        if u64::try_from(chunk.len()) != Ok(place.end - place.start) {
            return Err(FileCipherError::WrongLength);
        }
        let opened = self.cipher.decrypt_in_place(&self.nonce(index), &self.associated(), chunk);
        opened.map_err(|_| FileCipherError::Tampered)
    }

    fn nonce(&self, index: u32) -> Nonce {
        let mut nonce = [0; 12];
        let is_last = index + 1 == self.chunk_count();
        let (_, rest) = nonce.split_at_mut(7);
        for (to, from) in rest.iter_mut().zip(index.to_be_bytes().into_iter().chain([u8::from(is_last)])) {
            *to = from;
        }
        nonce.into()
    }

    fn associated(&self) -> [u8; 22] {
        let mut associated = [0; 22];
        let all = LABEL.iter().copied().chain(self.bytes.to_be_bytes());
        for (to, from) in associated.iter_mut().zip(all) {
            *to = from;
        }
        associated
    }
}

/// What the server is told of a sealed file before it is uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedHashes {
    /// Bytes.
    pub bytes: u64,
    /// SHA-256 of the whole.
    pub whole: [u8; 32],
    /// SHA-256 of each part of [`PART_BYTES`], in order.
    pub parts: Vec<[u8; 32]>,
}

/// Hashes a sealed file as it passes.
#[derive(Debug, Default)]
pub struct PartHasher {
    whole: Sha256,
    part: Sha256,
    in_part: u64,
    done: SealedHashesBegun,
}

#[derive(Debug, Default)]
struct SealedHashesBegun {
    bytes: u64,
    parts: Vec<[u8; 32]>,
}

impl PartHasher {
    /// Takes the next bytes, however many.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.whole.update(bytes);
        while !bytes.is_empty() {
            let room = usize::try_from(PART_BYTES - self.in_part).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.part.update(now);
            let count = now.len() as u64;
            self.in_part += count;
            self.done.bytes += count;
            if self.in_part == PART_BYTES {
                self.end_part();
            }
            bytes = later;
        }
    }

    /// The hashes of all that came.
    pub fn finish(mut self) -> SealedHashes {
        if self.in_part > 0 {
            self.end_part();
        }
        let SealedHashesBegun { bytes, parts } = self.done;
        SealedHashes { bytes, whole: self.whole.finalize().into(), parts }
    }

    fn end_part(&mut self) {
        let part = std::mem::take(&mut self.part);
        self.done.parts.push(part.finalize().into());
        self.in_part = 0;
    }
}
