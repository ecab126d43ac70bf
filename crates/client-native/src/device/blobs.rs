//! Large parts of handshakes: fetched and stored beside the connection.

use std::sync::Arc;

use bytes::Bytes;
use dunlin_client::Input;
use dunlin_model::{ChatId, Seq};
use tokio::sync::{Semaphore, mpsc};

use super::DeviceOptions;

/// Blobs under way at a time; others wait their turn.
pub(super) const BLOBS_MAX: usize = 8;

/// What is to be done with a blob.
pub(super) enum Errand {
    Fetch { chat: ChatId, seq: Option<Seq>, hash: [u8; 32] },
    Store { chat: ChatId, hash: [u8; 32], bytes: Bytes },
}

/// Runs an errand in a task of its own; its end comes back as an input.
pub(super) fn send(
    options: &DeviceOptions,
    errand: Errand,
    turns: Arc<Semaphore>,
    done: mpsc::Sender<Input>,
) {
    let options = options.clone();
    tokio::spawn(async move {
        let Ok(_turn) = turns.acquire_owned().await else { return };
        let token = options.tokens.access_token(None).await.ok();
        let input = match (errand, token) {
            (Errand::Fetch { chat, seq, hash }, Some(token)) => {
                let bytes = options.api.blob(&token, chat, seq, &hash).await;
                let bytes = bytes.inspect_err(|error| tracing::debug!(%error, "a blob was not fetched")).ok();
                Input::BlobFetched { hash, bytes }
            }
            (Errand::Fetch { hash, .. }, None) => Input::BlobFetched { hash, bytes: None },
            (Errand::Store { chat, hash, bytes }, Some(token)) => {
                let stored = options.api.put_blob(&token, chat, &hash, bytes).await;
                let stored = stored.inspect_err(|error| tracing::debug!(%error, "a blob was not stored"));
                Input::BlobStored { hash, stored: stored.is_ok() }
            }
            (Errand::Store { hash, .. }, None) => Input::BlobStored { hash, stored: false },
        };
        // Nobody waits any more when the device has stopped.
        let _ = done.send(input).await;
    });
}
