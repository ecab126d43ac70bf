//! Files in chunks, sealed on their way out and opened on their way in, so that a large one is never whole in memory.

use data_encoding::HEXLOWER;
use dunlin_client::content::{FileDigest, FileKey};
use dunlin_client::file::{CHUNK_BYTES, FileCipher, FileCipherError, PartHasher, SealedHashes};
use dunlin_model::ErrorCode;
use dunlin_model::attachment::PART_BYTES;
use dunlin_wire::Failure;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use wasm_bindgen::prelude::*;

use crate::plain::{to_js, whole};
use crate::views::FailureView;

/// Seals a file, and hashes it as the server wants to be told.
#[wasm_bindgen]
pub struct FileSealer {
    cipher: FileCipher,
    next: u32,
    hasher: PartHasher,
}

impl std::fmt::Debug for FileSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileSealer").field("next", &self.next).finish_non_exhaustive()
    }
}

/// Field by field as in `web/src/core/worker/core.ts`.
#[derive(Debug, Serialize)]
struct Hashes {
    bytes: u64,
    whole: String,
    parts: Vec<String>,
}

impl From<SealedHashes> for Hashes {
    fn from(hashes: SealedHashes) -> Self {
        let SealedHashes { bytes, whole, parts } = hashes;
        let parts = parts.iter().map(|part| HEXLOWER.encode(part)).collect();
        Self { bytes, whole: HEXLOWER.encode(&whole), parts }
    }
}

#[wasm_bindgen]
impl FileSealer {
    /// For a file of so many bytes. `key` is 32 bytes that were drawn for it, and for nothing else.
    ///
    /// # Errors
    /// A `Failure` of `web/src/core/api.ts`: `tooLarge`.
    #[wasm_bindgen(constructor)]
    pub fn new(key: &[u8], bytes: f64) -> Result<Self, JsValue> {
        Ok(Self { cipher: cipher(key, bytes)?, next: 0, hasher: PartHasher::default() })
    }

    /// Bytes of the file that all but the last `seal` take a multiple of.
    #[wasm_bindgen(js_name = chunkBytes)]
    pub fn chunk_bytes() -> f64 {
        float(CHUNK_BYTES)
    }

    /// Bytes of each part of the sealed file but the last.
    #[wasm_bindgen(js_name = partBytes)]
    pub fn part_bytes() -> f64 {
        float(PART_BYTES)
    }

    /// Bytes of the sealed file.
    #[wasm_bindgen(getter, js_name = sealedBytes)]
    pub fn sealed_bytes(&self) -> f64 {
        float(self.cipher.sealed_bytes())
    }

    /// Seals the next stretch of the file: whole chunks, and at its end what is left.
    ///
    /// # Errors
    /// A `Failure`: `changed`, when it is no such stretch.
    pub fn seal(&mut self, stretch: &[u8]) -> Result<Vec<u8>, JsValue> {
        let chunks = chunk_count(stretch.len());
        let mut sealed = Vec::with_capacity(stretch.len() + chunks * TAG_ROOM);
        for number in 0..chunks {
            let from = number * CHUNK_LENGTH;
            let until = (from + CHUNK_LENGTH).min(stretch.len());
            let mut chunk = Vec::with_capacity(until - from + TAG_ROOM);
            chunk.extend_from_slice(stretch.get(from..until).unwrap_or_default());
            self.cipher.seal(self.next, &mut chunk).map_err(|_| changed())?;
            self.hasher.update(&chunk);
            sealed.extend_from_slice(&chunk);
            self.next += 1;
        }
        Ok(sealed)
    }

    /// What the server is told of it.
    ///
    /// # Errors
    /// A `Failure`: `changed`, when not all of it came.
    pub fn finish(self) -> Result<JsValue, JsValue> {
        if self.next == self.cipher.chunk_count() {
            Ok(to_js(&Hashes::from(self.hasher.finish())))
        } else {
            Err(changed())
        }
    }
}

/// Opens a file, and checks it.
#[wasm_bindgen]
pub struct FileOpener {
    cipher: FileCipher,
    next: u32,
    hash: Sha256,
    digest: FileDigest,
    /// The beginning of the next chunk, as it came.
    waiting: Vec<u8>,
}

impl std::fmt::Debug for FileOpener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileOpener").field("next", &self.next).finish_non_exhaustive()
    }
}

#[wasm_bindgen]
impl FileOpener {
    /// For a file of so many bytes. `key` and `digest` are those of the message, in hexadecimal digits.
    ///
    /// # Errors
    /// A `Failure`: `tooLarge`.
    #[wasm_bindgen(constructor)]
    pub fn new(key: &str, digest: &str, bytes: f64) -> Result<Self, JsValue> {
        let cipher = cipher(&hex(key).ok_or_else(tampered)?, bytes)?;
        let digest = FileDigest(hex(digest).ok_or_else(tampered)?);
        Ok(Self { cipher, next: 0, hash: Sha256::new(), digest, waiting: Vec::new() })
    }

    /// Bytes of the sealed file.
    #[wasm_bindgen(getter, js_name = sealedBytes)]
    pub fn sealed_bytes(&self) -> f64 {
        float(self.cipher.sealed_bytes())
    }

    /// Where the next bytes begin in the sealed file.
    #[wasm_bindgen(getter)]
    pub fn place(&self) -> f64 {
        let start = self.cipher.sealed_place(self.next);
        let start = start.map_or(self.cipher.sealed_bytes(), |place| place.start);
        float(start + self.waiting.len() as u64)
    }

    /// Takes the next bytes, however many, and gives those of the file that are verified now.
    ///
    /// # Errors
    /// A `Failure`: `tampered`. Nothing of the file is of use then.
    pub fn open(&mut self, sealed: &[u8]) -> Result<Vec<u8>, JsValue> {
        let mut opened = Vec::with_capacity(sealed.len() + self.waiting.len());
        let mut rest = sealed;
        while let Some(place) = self.cipher.sealed_place(self.next) {
            let length = usize::try_from(place.end - place.start).map_err(|_| tampered())?;
            let (now, later) = rest.split_at((length - self.waiting.len()).min(rest.len()));
            self.waiting.extend_from_slice(now);
            rest = later;
            if self.waiting.len() < length {
                return Ok(opened);
            }
            let mut chunk = std::mem::take(&mut self.waiting);
            self.hash.update(&chunk);
            self.cipher.open(self.next, &mut chunk).map_err(|_| tampered())?;
            opened.extend_from_slice(&chunk);
            self.next += 1;
        }
        if rest.is_empty() { Ok(opened) } else { Err(tampered()) }
    }

    /// Says whether all of it came, and is what the sender sent.
    ///
    /// # Errors
    /// A `Failure`: `tampered`.
    pub fn finish(self) -> Result<(), JsValue> {
        let is_whole = self.next == self.cipher.chunk_count();
        if is_whole && FileDigest(self.hash.finalize().into()) == self.digest {
            Ok(())
        } else {
            Err(tampered())
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "64 KiB")]
const CHUNK_LENGTH: usize = CHUNK_BYTES as usize;
#[expect(clippy::cast_possible_truncation, reason = "16")]
const TAG_ROOM: usize = dunlin_client::file::TAG_BYTES as usize;

/// Chunks of a stretch of so many bytes; an empty file is one empty chunk.
fn chunk_count(bytes: usize) -> usize {
    bytes.div_ceil(CHUNK_LENGTH).max(1)
}

fn cipher(key: &[u8], bytes: f64) -> Result<FileCipher, JsValue> {
    let key = FileKey(key.try_into().map_err(|_| tampered())?);
    FileCipher::new(&key, whole(bytes)).map_err(|error| match error {
        FileCipherError::TooLarge => {
            to_js(&FailureView::from(&Failure::new(ErrorCode::TooLarge, error.to_string())))
        }
        FileCipherError::WrongLength | FileCipherError::Tampered => tampered(),
    })
}

/// 32 bytes in hexadecimal digits.
pub(crate) fn hex(digits: &str) -> Option<[u8; 32]> {
    HEXLOWER.decode(digits.as_bytes()).ok()?.try_into().ok()
}

/// Lengths of files are far below what a float holds exactly.
#[expect(clippy::cast_precision_loss, reason = "see above")]
fn float(bytes: u64) -> f64 {
    bytes as f64
}

fn changed() -> JsValue {
    failure("changed", "The file changed while it was read.")
}

fn tampered() -> JsValue {
    failure("tampered", "The file is not what its sender sent.")
}

fn failure(code: &str, message: &str) -> JsValue {
    to_js(&FailureView { code: code.to_owned(), message: message.to_owned(), retry_after: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [7; 32];

    /// A file of so many bytes, sealed in stretches of so many chunks.
    fn sealed(bytes: usize, chunks: usize) -> (Vec<u8>, SealedHashes) {
        let file = plain(bytes);
        let mut sealer = FileSealer::new(&KEY, float(bytes as u64)).unwrap();
        let mut sealed = Vec::new();
        let mut rest = file.as_slice();
        loop {
            let (now, later) = rest.split_at((chunks * CHUNK_LENGTH).min(rest.len()));
            sealed.extend(sealer.seal(now).unwrap());
            rest = later;
            if rest.is_empty() {
                return (sealed, sealer.hasher.finish());
            }
        }
    }

    fn plain(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    fn opener(bytes: usize, hashes: &SealedHashes) -> FileOpener {
        let (key, digest) = (HEXLOWER.encode(&KEY), HEXLOWER.encode(&hashes.whole));
        FileOpener::new(&key, &digest, float(bytes as u64)).unwrap()
    }

    #[test]
    fn a_file_is_the_same_in_whatever_stretches_it_is_sealed_and_opened() {
        for bytes in [0, 1, CHUNK_LENGTH, 3 * CHUNK_LENGTH + 5] {
            let (whole, hashes) = sealed(bytes, 64);
            assert_eq!(sealed(bytes, 1), (whole.clone(), hashes.clone()));
            for step in [1_000, CHUNK_LENGTH, whole.len()] {
                let mut opener = opener(bytes, &hashes);
                let mut opened = Vec::new();
                for piece in whole.chunks(step) {
                    opened.extend(opener.open(piece).unwrap());
                }
                assert_eq!(opener.place(), opener.sealed_bytes());
                assert_eq!(opened, plain(bytes));
                assert!(opener.finish().is_ok());
            }
        }
    }

    #[test]
    fn the_place_says_what_is_still_to_come() {
        let (whole, hashes) = sealed(CHUNK_LENGTH + 10, 2);
        let mut opener = opener(CHUNK_LENGTH + 10, &hashes);
        assert_eq!(opener.open(&whole[..100]).unwrap(), Vec::<u8>::new());
        assert_eq!(opener.place(), 100.0);
        assert_eq!(opener.open(&whole[100..CHUNK_LENGTH + 20]).unwrap().len(), CHUNK_LENGTH);
        assert_eq!(opener.place(), float(CHUNK_BYTES + 20));
        assert_eq!(opener.open(&whole[CHUNK_LENGTH + 20..]).unwrap().len(), 10);
        assert!(opener.finish().is_ok());
    }
}
