//! Reading a message of an encrypted chat. What cannot be read becomes a stub, never a stall.

use dunlin_model::{Body, ChatId, Event};

use super::said::Kept;
use crate::chats::{Shown, StubReason};
use crate::content::{ContentError, Envelope, Expected};
use crate::effects::Change;
use crate::keys::KeysError;
use crate::notice::Notice;
use crate::step::Client;

impl Client {
    pub(crate) fn read(&mut self, id: ChatId, event: &Event, body: &Body) -> Kept {
        if event.sender == self.account.device() {
            return self.read_own(id, event, body);
        }
        let kept = match body {
            Body::Gone(why) => Kept::aside(Shown::Gone(*why)),
            Body::Text(_) => Kept::said(Shown::Stub(StubReason::Broken)),
            Body::Opaque(ciphertext) => match self.decrypt(id, event, ciphertext) {
                Ok((padded, envelope)) => return self.take_in(id, event, padded, envelope),
                Err(reason) => Kept::said(Shown::Stub(reason)),
            },
        };
        // The message counts, though nobody here can see its counter.
        if let Some(chat) = self.chats.get_mut(&id) {
            let from_the_start = (!chat.marks.skipped).then_some(0);
            if let Some(counter) = chat.progress.counter(event.sender).or(from_the_start) {
                chat.progress.set_counter(event.sender, counter + 1);
            }
        }
        kept
    }

    fn read_own(&mut self, id: ChatId, event: &Event, body: &Body) -> Kept {
        let forgotten = Kept::said(Shown::Stub(StubReason::Forgotten));
        let Some(chat) = self.chats.get_mut(&id) else { return forgotten };
        chat.marks.accepted += 1;
        let own = chat.attempt.as_mut().filter(|attempt| attempt.number == event.client_seq);
        match (own, body) {
            (Some(attempt), _) if !attempt.plaintext.is_empty() => {
                let padded = std::mem::take(&mut attempt.plaintext);
                let expected = Expected { chat: id, sender: event.sender, client_seq: event.client_seq };
                match Envelope::open(&padded, &expected) {
                    Ok(envelope) => self.take_in(id, event, padded, envelope),
                    Err(_) => Kept::said(Shown::Content(padded)),
                }
            }
            (_, Body::Gone(why)) => Kept::aside(Shown::Gone(*why)),
            _ => forgotten,
        }
    }

    fn decrypt(
        &mut self,
        id: ChatId,
        event: &Event,
        ciphertext: &[u8],
    ) -> Result<(Vec<u8>, Envelope), StubReason> {
        let decrypted = self.keys.decrypt(id, ciphertext).map_err(stub)?;
        if decrypted.sender != event.sender {
            return Err(StubReason::Misplaced);
        }
        let expected = Expected { chat: id, sender: event.sender, client_seq: event.client_seq };
        let envelope = Envelope::open(&decrypted.plaintext, &expected).map_err(|error| match error {
            ContentError::WrongBinding { .. } => StubReason::Misplaced,
            _ => StubReason::Broken,
        })?;
        self.count(id, event, envelope.sender_counter)?;
        Ok((decrypted.plaintext, envelope))
    }

    /// A counter that does not rise is a replay; one that jumps shows what the server left out.
    fn count(&mut self, id: ChatId, event: &Event, counter: u64) -> Result<(), StubReason> {
        let Some(chat) = self.chats.get_mut(&id) else { return Ok(()) };
        let from_the_start = (!chat.marks.skipped).then_some(0);
        let last = chat.progress.counter(event.sender).or(from_the_start);
        if last.is_some_and(|last| counter <= last) {
            return Err(StubReason::Replayed);
        }
        chat.progress.set_counter(event.sender, counter);
        let missing = last.map_or(0, |last| counter - last - 1);
        if missing > 0 {
            let sender = event.sender;
            self.effects.changes.push(Change::Gap { chat: id, sender, missing });
            self.note_here(id, Notice::Gap { sender, missing });
        }
        Ok(())
    }
}

const fn stub(error: KeysError) -> StubReason {
    match error {
        KeysError::NoGroup | KeysError::BeforeEntry | KeysError::NotEntered | KeysError::Removed => {
            StubReason::BeforeEntry
        }
        KeysError::TooOld => StubReason::TooOld,
        KeysError::Reused => StubReason::Replayed,
        KeysError::Invalid(_) => StubReason::Broken,
    }
}
