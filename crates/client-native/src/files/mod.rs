//! Files, encrypted, to where attachments are kept and back: in parts and by range, going on where a connection broke.

mod download;
mod requests;
mod upload;

use std::io;
use std::time::Duration;

use dunlin_client::file::FileCipherError;
use dunlin_model::{ErrorCode, Randomness};

use crate::api::ApiError;
use crate::backoff::Backoff;
use crate::credentials::TokenError;

pub use download::{Download, download, report_saved};
pub use upload::{Begun, Uploaded, upload};

/// Attempts in a row in which nothing got further.
pub const TRIES_MAX: u32 = 8;

/// How far a file has got, in bytes of it as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is done.
    pub done: u64,
    /// Of how much.
    pub of: u64,
}

/// Why a file did not get there.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The file on this machine cannot be read or written.
    #[error("the file cannot be read or written: {0}")]
    File(#[from] io::Error),
    /// It was changed while it was sent.
    #[error("the file changed while it was being sent")]
    Changed,
    /// It is not what the sender sent.
    #[error("the file was changed on its way")]
    Tampered,
    /// It is larger than any file may be.
    #[error("the file is too large")]
    TooLarge,
    /// The server says no, or is out of reach.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A person has to log in.
    #[error(transparent)]
    Token(#[from] TokenError),
}

impl From<FileCipherError> for TransferError {
    fn from(error: FileCipherError) -> Self {
        match error {
            FileCipherError::TooLarge => Self::TooLarge,
            FileCipherError::WrongLength | FileCipherError::Tampered => Self::Tampered,
        }
    }
}

/// Attempts at one transfer.
struct Patience<'a> {
    backoff: Backoff,
    left: u32,
    randomness: &'a dyn Randomness,
}

impl<'a> Patience<'a> {
    fn new(randomness: &'a dyn Randomness) -> Self {
        Self { backoff: Backoff::default(), left: TRIES_MAX, randomness }
    }

    /// It got further.
    fn renew(&mut self) {
        self.backoff = Backoff::default();
        self.left = TRIES_MAX;
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// The one given, when it is definite, or nothing got further too often.
    async fn wait(&mut self, error: ApiError) -> Result<(), ApiError> {
        // An address whose time is over is asked for anew.
        let is_definite = error.is_definite() && error.code() != Some(ErrorCode::Forbidden);
        if is_definite || self.left == 0 {
            return Err(error);
        }
        self.left -= 1;
        let wait = self.backoff.next_wait(self.randomness).max(Duration::from_millis(20));
        tracing::debug!(%error, ?wait, "a transfer goes on after a pause");
        tokio::time::sleep(wait).await;
        Ok(())
    }
}
