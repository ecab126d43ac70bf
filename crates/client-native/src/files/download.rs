//! A file back from where attachments are kept.

use std::fs::File;
use std::io::Write as _;

use dunlin_client::content::{Attachment, FileDigest};
use dunlin_client::file::FileCipher;
use dunlin_model::{ChatId, ErrorCode, Randomness, Seq};
use sha2::{Digest as _, Sha256};

use super::{Patience, Progress, TransferError};
use crate::api::{Api, ApiError};
use crate::credentials::Tokens;

/// What is to be downloaded.
#[derive(Debug, Clone, Copy)]
pub struct Download<'a> {
    /// The chat of the message.
    pub chat: ChatId,
    /// The message that names the attachment.
    pub seq: Seq,
    /// What the message says of it.
    pub attachment: &'a Attachment,
}

/// A file in the making.
struct Opening<'a> {
    cipher: FileCipher,
    to: &'a mut File,
    /// The next chunk.
    next: u32,
    hash: Sha256,
}

impl Opening<'_> {
    fn is_done(&self) -> bool {
        self.next == self.cipher.chunk_count()
    }

    /// Where the next chunk begins in the sealed file.
    fn from(&self) -> u64 {
        self.cipher.sealed_place(self.next).map_or(self.cipher.sealed_bytes(), |place| place.start)
    }

    /// Opens and writes what is whole of `waiting`, and takes it away. Nothing is written that was not verified.
    fn take(&mut self, waiting: &mut Vec<u8>) -> Result<(), TransferError> {
        while let Some(place) = self.cipher.sealed_place(self.next) {
            let length = usize::try_from(place.end - place.start).unwrap_or(usize::MAX);
            if waiting.len() < length {
                return Ok(());
            }
            let rest = waiting.split_off(length);
            let mut chunk = std::mem::replace(waiting, rest);
            self.hash.update(&chunk);
            self.cipher.open(self.next, &mut chunk)?;
            self.to.write_all(&chunk)?;
            self.next += 1;
        }
        if waiting.is_empty() { Ok(()) } else { Err(TransferError::Tampered) }
    }
}

/// Downloads an attachment of a message, and writes what it holds to `to`, which is empty. What breaks on the way goes
/// on where it was. The bytes are durable when this returns. Not cancel safe: what was written stays.
///
/// # Errors
/// See [`TransferError`]; `Tampered` when the bytes are not the sender's. What was written then is of no use.
pub async fn download(
    api: &Api,
    tokens: &dyn Tokens,
    randomness: &dyn Randomness,
    what: Download<'_>,
    to: &mut File,
    mut progress: impl FnMut(Progress),
) -> Result<(), TransferError> {
    let Attachment { key, digest, size_bytes, .. } = what.attachment;
    let cipher = FileCipher::new(key, *size_bytes)?;
    let of = cipher.sealed_bytes();
    let mut opening = Opening { cipher, to, next: 0, hash: Sha256::new() };
    let mut patience = Patience::new(randomness);
    while !opening.is_done() {
        let before = opening.next;
        match some(api, tokens, what, &mut opening, &mut progress).await {
            Ok(()) if opening.next > before => patience.renew(),
            Ok(()) => patience.wait(ApiError::NotUnderstood { status: 206 }).await?,
            Err(TransferError::Api(error)) => {
                if opening.next > before {
                    patience.renew();
                }
                patience.wait(error).await?;
            }
            Err(error) => return Err(error),
        }
        progress(Progress { done: opening.from(), of });
    }
    if FileDigest(opening.hash.finalize().into()) != *digest {
        return Err(TransferError::Tampered);
    }
    Ok(opening.to.sync_all()?)
}

/// Tells the server that it may forget the file as far as this user is concerned, after which other devices of theirs may
/// not get it any more: so only once the file has its name, and the folder that says so is durable. May be repeated.
///
/// # Errors
/// `Api`, `Token`; the file stays where it is until it is old.
pub async fn report_saved(api: &Api, tokens: &dyn Tokens, what: Download<'_>) -> Result<(), TransferError> {
    let token = tokens.access_token(None).await?;
    Ok(api.attachment_fetched(&token, what.chat, what.seq, what.attachment.id).await?)
}

/// As much as one connection gives.
async fn some(
    api: &Api,
    tokens: &dyn Tokens,
    what: Download<'_>,
    opening: &mut Opening<'_>,
    progress: &mut impl FnMut(Progress),
) -> Result<(), TransferError> {
    let token = tokens.access_token(None).await?;
    let source = match api.attachment_source(&token, what.chat, what.seq, what.attachment.id).await {
        Err(error) if error.code() == Some(ErrorCode::InvalidAttachment) => {
            return Err(TransferError::Tampered);
        }
        source => source?,
    };
    let of = opening.cipher.sealed_bytes();
    if source.size != of {
        return Err(TransferError::Tampered);
    }
    let mut answer = api.open_file(&source.request, opening.from()).await?;
    let mut waiting = Vec::new();
    while let Some(piece) = answer.chunk().await.map_err(ApiError::Unreachable)? {
        waiting.extend_from_slice(&piece);
        opening.take(&mut waiting)?;
        progress(Progress { done: opening.from(), of });
    }
    Ok(())
}
