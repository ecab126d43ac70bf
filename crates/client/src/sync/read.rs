//! Reading a message of an encrypted chat. What cannot be read becomes a stub, never a stall.

use dunlin_model::{Body, ChatId, Event, Role};

use crate::chats::{Shown, StubReason};
use crate::content::{Content, ContentError, Envelope, Expected};
use crate::effects::Change;
use crate::keys::KeysError;
use crate::step::Client;

impl Client {
    pub(crate) fn read(&mut self, id: ChatId, event: &Event, body: &Body) -> Shown {
        if event.sender == self.account.device() {
            return self.read_own(id, event, body);
        }
        let shown = match body {
            Body::Gone(why) => Shown::Gone(*why),
            Body::Text(_) => Shown::Stub(StubReason::Broken),
            Body::Opaque(ciphertext) => match self.decrypt(id, event, ciphertext) {
                Ok(shown) => return shown,
                Err(reason) => Shown::Stub(reason),
            },
        };
        // The message counts, though nobody here can see its counter.
        if let Some(chat) = self.chats.get_mut(&id) {
            let counters = &mut chat.marks.counters;
            if chat.marks.skipped {
                counters.entry(event.sender).and_modify(|counter| *counter += 1);
            } else {
                *counters.entry(event.sender).or_default() += 1;
            }
        }
        shown
    }

    fn read_own(&mut self, id: ChatId, event: &Event, body: &Body) -> Shown {
        let Some(chat) = self.chats.get_mut(&id) else { return Shown::Stub(StubReason::Forgotten) };
        chat.marks.accepted += 1;
        let own = chat.attempt.as_mut().filter(|attempt| attempt.number == event.client_seq);
        match (own, body) {
            (Some(attempt), _) if !attempt.plaintext.is_empty() => {
                let plaintext = std::mem::take(&mut attempt.plaintext);
                self.look_at_own(id, event, &plaintext);
                Shown::Content(plaintext)
            }
            (_, Body::Gone(why)) => Shown::Gone(*why),
            _ => Shown::Stub(StubReason::Forgotten),
        }
    }

    fn look_at_own(&mut self, id: ChatId, event: &Event, plaintext: &[u8]) {
        let expected = Expected { chat: id, sender: event.sender, client_seq: event.client_seq };
        if let Ok(envelope) = Envelope::open(plaintext, &expected) {
            self.take_note(id, event, &envelope.content);
        }
    }

    fn decrypt(&mut self, id: ChatId, event: &Event, ciphertext: &[u8]) -> Result<Shown, StubReason> {
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
        self.take_note(id, event, &envelope.content);
        Ok(Shown::Content(decrypted.plaintext))
    }

    /// A counter that does not rise is a replay; one that jumps shows what the server left out.
    fn count(&mut self, id: ChatId, event: &Event, counter: u64) -> Result<(), StubReason> {
        let Some(chat) = self.chats.get_mut(&id) else { return Ok(()) };
        let from_the_start = (!chat.marks.skipped).then_some(0);
        let last = chat.marks.counters.get(&event.sender).copied().or(from_the_start);
        if last.is_some_and(|last| counter <= last) {
            return Err(StubReason::Replayed);
        }
        chat.marks.counters.insert(event.sender, counter);
        let missing = last.map_or(0, |last| counter - last - 1);
        if missing > 0 {
            self.effects.changes.push(Change::Gap { chat: id, sender: event.sender, missing });
        }
        Ok(())
    }

    /// What an encrypted chat is called is said by those who manage it.
    fn take_note(&mut self, id: ChatId, event: &Event, content: &Content) {
        if let (Some(chat), Content::ChatMetadata(metadata)) = (self.chats.get_mut(&id), content)
            && metadata.name.is_some()
            && chat.state.role(event.sender.user) >= Some(Role::Admin)
        {
            chat.marks.title.clone_from(&metadata.name);
            self.effects.changes.push(Change::ChatChanged { chat: id });
        }
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
