//! A file to where attachments are kept.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use dunlin_client::content::{FileDigest, FileKey};
use dunlin_client::file::{FileCipher, PartHasher, SealedHashes};
use dunlin_model::attachment::PART_BYTES;
use dunlin_model::{AttachmentId, ErrorCode, Randomness};

use super::requests::UploadState;
use super::{Patience, Progress, TransferError};
use crate::api::{Api, ApiError};
use crate::credentials::Tokens;

/// A file that can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Uploaded {
    /// Where it is.
    pub id: AttachmentId,
    /// What it is encrypted with.
    pub key: FileKey,
    /// What is stored.
    pub digest: FileDigest,
    /// Bytes before encryption.
    pub size_bytes: u64,
}

/// An upload that was begun: with this, another run of the program goes on with it. To be kept as a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Begun {
    /// Where it goes.
    pub id: AttachmentId,
    /// What it is encrypted with.
    pub key: FileKey,
    /// What will be stored.
    pub digest: FileDigest,
}

/// A file that is read and sealed, again and again the same.
struct Sealing {
    file: File,
    cipher: FileCipher,
}

impl Sealing {
    /// The sealed chunk.
    fn chunk(&mut self, index: u32) -> Result<Vec<u8>, TransferError> {
        let place = self.cipher.place(index).ok_or(TransferError::Changed)?;
        let mut chunk = vec![0; usize::try_from(place.end - place.start).map_err(io::Error::other)?];
        self.file.seek(SeekFrom::Start(place.start))?;
        self.file.read_exact(&mut chunk).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => TransferError::Changed,
            _ => TransferError::File(error),
        })?;
        self.cipher.seal(index, &mut chunk)?;
        Ok(chunk)
    }

    fn hashes(&mut self) -> Result<SealedHashes, TransferError> {
        let mut hasher = PartHasher::default();
        for index in 0..self.cipher.chunk_count() {
            hasher.update(&self.chunk(index)?);
        }
        Ok(hasher.finish())
    }

    /// A part of the sealed file. Never one of another hash than was said: with the same key, other bytes must not
    /// leave this machine.
    fn part(&mut self, number: u32, hashes: &SealedHashes) -> Result<Vec<u8>, TransferError> {
        let start = u64::from(number.saturating_sub(1)) * PART_BYTES;
        let range = start..(start + PART_BYTES).min(hashes.bytes);
        let mut part = Vec::new();
        for index in self.cipher.chunks_of_sealed(&range) {
            let place = self.cipher.sealed_place(index).ok_or(TransferError::Changed)?;
            let chunk = self.chunk(index)?;
            let at = |at: u64| {
                let within = at.clamp(place.start, place.end) - place.start;
                usize::try_from(within).unwrap_or(chunk.len())
            };
            part.extend_from_slice(chunk.get(at(range.start)..at(range.end)).unwrap_or_default());
        }
        let mut hasher = PartHasher::default();
        hasher.update(&part);
        let said = usize::try_from(number).ok().and_then(|number| hashes.parts.get(number.checked_sub(1)?));
        if said.is_some_and(|said| hasher.finish().parts == [*said]) {
            Ok(part)
        } else {
            Err(TransferError::Changed)
        }
    }
}

/// Encrypts a file and uploads it. What breaks on the way is tried again, part by part. Cancel safe: what was begun is
/// removed by the server after a day.
///
/// `note` gets what is needed to go on with the upload, before the first byte leaves; `earlier` is what it got in another
/// run. Parts that are there are not sent again. A file that has changed since is uploaded anew, with another key.
///
/// Reads the file twice: its hash must be known before the first byte leaves. No more than a part is in memory.
///
/// # Errors
/// See [`TransferError`].
pub async fn upload(
    api: &Api,
    tokens: &dyn Tokens,
    randomness: &dyn Randomness,
    file: File,
    earlier: Option<Begun>,
    note: impl AsyncFnOnce(Begun) -> Result<(), TransferError>,
    mut progress: impl FnMut(Progress),
) -> Result<Uploaded, TransferError> {
    let size_bytes = file.metadata()?.len();
    let mut patience = Patience::new(randomness);
    let begun = begin(api, tokens, &mut patience, file, earlier).await?;
    let (mut sealing, mut state, key, hashes) = (begun.sealing, begun.state, begun.key, begun.hashes);
    let id: AttachmentId =
        state.attachment_id.parse().map_err(|_| ApiError::NotUnderstood { status: 201 })?;
    if begun.is_new {
        note(Begun { id, key, digest: FileDigest(hashes.whole) }).await?;
    }
    let mut most = 0;
    while !state.complete {
        if state.parts_there.len() > most {
            most = state.parts_there.len();
            patience.renew();
        }
        let done = (state.parts_there.len() as u64 * PART_BYTES).min(hashes.bytes);
        progress(Progress { done, of: hashes.bytes });
        let token = tokens.access_token(None).await?;
        let attempted = match state.uploads.first() {
            None => api.complete_attachment(&token, id).await,
            Some(upload) => {
                let (number, said) = (upload.part, Arc::clone(&hashes));
                let (again, part) = off(sealing, move |sealing| sealing.part(number, &said)).await?;
                sealing = again;
                api.put_part(&upload.request, part).await
            }
        };
        let next = match attempted {
            Ok(()) => match after(&mut state) {
                true => continue,
                false => api.upload_state(&token, id).await,
            },
            Err(error) => {
                patience.wait(error).await?;
                api.upload_state(&token, id).await
            }
        };
        match next {
            Ok(next) => state = next,
            // Asked for again with the next attempt, which fails likewise while nobody answers.
            Err(error) => patience.wait(error).await?,
        }
    }
    progress(Progress { done: hashes.bytes, of: hashes.bytes });
    Ok(Uploaded { id, key, digest: FileDigest(hashes.whole), size_bytes })
}

/// What is about to be uploaded.
struct Beginning {
    sealing: Sealing,
    hashes: Arc<SealedHashes>,
    key: FileKey,
    state: UploadState,
    /// It was not begun earlier.
    is_new: bool,
}

/// Goes on with what was begun earlier if the server has it and the file is the same; else begins.
async fn begin(
    api: &Api,
    tokens: &dyn Tokens,
    patience: &mut Patience<'_>,
    file: File,
    earlier: Option<Begun>,
) -> Result<Beginning, TransferError> {
    let mut file = file;
    if let Some(Begun { id, key, digest }) = earlier {
        let (sealing, hashes) = hashed(file, &key).await?;
        if hashes.whole == digest.0
            && let Some(state) = going_on(api, tokens, patience, id).await?
        {
            return Ok(Beginning { sealing, hashes: Arc::new(hashes), key, state, is_new: false });
        }
        file = sealing.file;
    }
    let mut key = FileKey([0; 32]);
    patience.randomness.fill(&mut key.0);
    let (sealing, hashes) = hashed(file, &key).await?;
    let state = loop {
        match create(api, tokens, &hashes).await {
            Ok(state) => break state,
            Err(TransferError::Api(error)) => patience.wait(error).await?,
            Err(error) => return Err(error),
        }
    };
    Ok(Beginning { sealing, hashes: Arc::new(hashes), key, state, is_new: true })
}

/// How far an earlier upload has got; nothing when it is not there any more.
async fn going_on(
    api: &Api,
    tokens: &dyn Tokens,
    patience: &mut Patience<'_>,
    id: AttachmentId,
) -> Result<Option<UploadState>, TransferError> {
    loop {
        let token = tokens.access_token(None).await?;
        match api.upload_state(&token, id).await {
            Ok(state) => return Ok(Some(state)),
            Err(error) if error.code() == Some(ErrorCode::NotFound) => return Ok(None),
            Err(error) => patience.wait(error).await?,
        }
    }
}

async fn hashed(file: File, key: &FileKey) -> Result<(Sealing, SealedHashes), TransferError> {
    let cipher = FileCipher::new(key, file.metadata()?.len())?;
    off(Sealing { file, cipher }, Sealing::hashes).await
}

/// Notes that the first of the uploads is done. Whether it is known from this alone what comes next.
fn after(state: &mut UploadState) -> bool {
    if state.uploads.len() < 2 {
        return false;
    }
    let done = state.uploads.remove(0);
    state.parts_there.push(done.part);
    true
}

async fn create(api: &Api, tokens: &dyn Tokens, hashes: &SealedHashes) -> Result<UploadState, TransferError> {
    let token = tokens.access_token(None).await?;
    Ok(api.create_attachment(&token, hashes).await?)
}

/// Reads and seals beside the tasks of others.
async fn off<T: Send + 'static>(
    mut sealing: Sealing,
    work: impl FnOnce(&mut Sealing) -> Result<T, TransferError> + Send + 'static,
) -> Result<(Sealing, T), TransferError> {
    let done = tokio::task::spawn_blocking(move || work(&mut sealing).map(|done| (sealing, done)));
    done.await.map_err(io::Error::other)?
}
