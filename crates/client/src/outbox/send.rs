//! Sending an attempt, and what it needs first.

use dunlin_model::{ChatId, ErrorCode};
use dunlin_wire::Failure;
use sha2::{Digest, Sha256};

use super::{AttemptId, Progress, read};
use crate::effects::Want;
use crate::rows;
use crate::session::Request;
use crate::step::Client;

impl Client {
    /// Sends the chat's attempt, unless that was done on this connection.
    pub(crate) fn send_attempt(&mut self, id: ChatId) {
        let now = self.now;
        let Some(attempt) = self.chats.get_mut(&id).and_then(|chat| chat.attempt.as_mut()) else { return };
        if attempt.progress != Progress::Unsent {
            return;
        }
        if !attempt.blobs.is_empty() {
            attempt.progress = Progress::Storing;
            self.effects.wants.extend(attempt.blobs.iter().map(|bytes| Want::StoreBlob {
                chat: id,
                hash: Sha256::digest(bytes).into(),
                bytes: bytes.clone(),
            }));
            return;
        }
        attempt.progress = Progress::Sent;
        attempt.sent = now;
        let number = attempt.number;
        match read(&attempt.frame) {
            Some(command) => self.ask(Request::Attempt(AttemptId { chat: id, number }), command),
            None => self.give_up(id),
        }
    }

    /// A blob is durable, or could not be stored.
    pub(crate) fn blob_stored(&mut self, hash: [u8; 32], stored: bool) {
        let mut changed = Vec::new();
        for (id, chat) in self.chats.iter_mut() {
            let Some(attempt) = &mut chat.attempt else { continue };
            let is_it = |bytes: &bytes::Bytes| <[u8; 32]>::from(Sha256::digest(bytes)) == hash;
            if attempt.progress == Progress::Storing && attempt.blobs.iter().any(is_it) {
                if stored {
                    attempt.blobs.retain(|bytes| !is_it(bytes));
                    self.effects.persist.put(rows::of_chat(rows::ATTEMPT, *id), rows::encode(attempt));
                }
                if attempt.blobs.is_empty() || !stored {
                    attempt.progress = Progress::Unsent;
                    changed.push((*id, stored));
                }
            }
        }
        for (id, stored) in changed {
            if !stored {
                self.hold(id, crate::step::RETRY_AFTER);
            }
            self.touched.insert(id);
        }
    }

    /// Drops an attempt that cannot be read any more, which no row that this code wrote is.
    fn give_up(&mut self, id: ChatId) {
        self.keys.discard_pending(id);
        if let Some(place) = self.drop_attempt(id).and_then(|attempt| attempt.place) {
            let why = Failure::new(ErrorCode::Internal, "What was to be sent cannot be read any more.");
            self.refuse_entry(id, place, why);
        }
    }
}
