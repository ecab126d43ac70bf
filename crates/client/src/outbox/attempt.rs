//! From the head of the outbox to an attempt.

use bytes::Bytes;
use dunlin_model::chat::draft;
use dunlin_model::view::InviteCode;
use dunlin_model::{
    Attestation, Body, ChatCommand, ChatId, ClientSeq, DecisionContext, Encryption, ErrorCode, Refusal,
};
use dunlin_wire::{Command, Failure};

use super::{Attempt, Entry, InviteSecret, Wish, read};
use crate::Change;
use crate::content::{Content, Envelope, Expected};
use crate::rows;
use crate::step::Client;
use crate::sync::unlimited;

impl Client {
    /// Makes the first attempt of the head of the outbox. What cannot be carried out is refused and dropped.
    pub(crate) fn attempt_head(&mut self, id: ChatId) {
        let Some(entry) = self.chats.get(&id).and_then(|chat| chat.outbox.front()).cloned() else { return };
        let attempt = match &entry.wish {
            Wish::Create(frame) => self.attempt_creation(id, ClientSeq(entry.place), frame),
            Wish::Command(frame) => self.attempt_command(id, frame),
            Wish::Content(sealed) => self.attempt_content(id, sealed),
            Wish::Invite(secret) => self.attempt_invite(id, *secret),
            Wish::Join(code) => self.attempt_joining(code),
            Wish::Suite(_) => Err((ErrorCode::WrongEncryption, "The chat has no keys.".to_owned())),
        };
        match attempt {
            Ok(attempt) => self.set_attempt(id, Attempt { place: Some(entry.place), ..attempt }),
            Err((code, message)) => self.refuse_entry(id, entry.place, Failure::new(code, message)),
        }
    }

    fn attempt_creation(&mut self, id: ChatId, number: ClientSeq, frame: &[u8]) -> Made {
        let Some(Command::CreateChat { command, .. }) = read(frame) else { return Err(unreadable()) };
        let attestation = self.attest(id, number, &command)?;
        let command = Command::CreateChat { client_seq: number, command, attestation };
        Ok(Attempt::new(number, None, command, Vec::new()))
    }

    fn attempt_invite(&mut self, id: ChatId, secret: Option<InviteSecret>) -> Made {
        let state = &self.chats.get(&id).ok_or_else(unreadable)?.state;
        let secret_hash = secret.map(|secret| secret.code(state).verifier());
        self.attempt_change(id, ChatCommand::SetInvite { secret_hash })
    }

    /// The server checks a signature with the key of an encrypted chat's link, and never sees its secret.
    fn attempt_joining(&mut self, code: &InviteCode) -> Made {
        let number = self.account.take_number();
        let command = match code.encryption {
            Encryption::None => {
                Command::JoinChat { code: code.clone(), client_seq: number, attestation: None }
            }
            Encryption::Mls => {
                let (key, certificate) = (self.account.key(), self.account.certificate());
                let attestation = Attestation::sign_joining(&key, certificate, code, number).map(Box::new);
                let command = ChatCommand::Join { secret: Bytes::new() };
                Command::Submit { chat: code.chat, client_seq: number, command, attestation }
            }
        };
        Ok(Attempt::new(number, None, command, Vec::new()))
    }

    fn attempt_command(&mut self, id: ChatId, frame: &[u8]) -> Made {
        let Some(Command::Submit { command, .. }) = read(frame) else { return Err(unreadable()) };
        self.attempt_change(id, command)
    }

    fn attempt_change(&mut self, id: ChatId, command: ChatCommand) -> Made {
        let number = self.account.take_number();
        let attestation = self.attest(id, number, &command)?;
        let command = Command::Submit { chat: id, client_seq: number, command, attestation };
        Ok(Attempt::new(number, None, command, Vec::new()))
    }

    fn attempt_content(&mut self, id: ChatId, sealed: &[u8]) -> Made {
        let sender = self.account.device();
        let expected = Expected { chat: id, sender, client_seq: ClientSeq(0) };
        let mut kept = Envelope::open(sealed, &expected).map_err(|_| unreadable())?;
        if let Content::OwnMarks(marks) = &mut kept.content {
            if !self.may_share(id) {
                return Err((ErrorCode::Forbidden, "Somebody else could read it.".to_owned()));
            }
            // What was hidden may have been lost meanwhile, and another message stand in its place.
            marks.hidden.retain(|place| self.is_hidden(place));
            // So may pictures have been taken back.
            for mark in &mut marks.chats {
                let picture = self.chats.get(&mark.chat).and_then(|chat| chat.about.picture.clone());
                mark.picture = mark.picture.take().and(picture);
                mark.told_face = mark.told_face.and(self.told_face(mark.chat));
            }
        }
        if !self.may_say(id, &kept.content) {
            return Err((ErrorCode::Forbidden, "Only those who manage the chat may change it.".to_owned()));
        }
        let number = self.account.take_number();
        let chat = self.chats.get_mut(&id).ok_or_else(unreadable)?;
        let attachments = match &kept.content {
            Content::Files(files) => files.attachments.iter().map(|file| file.id).collect(),
            _ => Vec::new(),
        };
        let sender_counter = chat.marks.accepted + 1;
        let envelope = Envelope { client_seq: number, sender_counter, ..kept };
        let plaintext =
            envelope.seal_plaintext().map_err(|error| (ErrorCode::InvalidArgument, error.to_string()))?;
        let (epoch, ciphertext) =
            self.keys.encrypt(id, &plaintext).map_err(|error| (ErrorCode::NotInGroup, error.to_string()))?;
        chat.marks.since_update = chat.marks.since_update.saturating_add(1);
        chat.marks_changed = true;
        let body = Body::Opaque(ciphertext);
        let command = ChatCommand::Send { body, reply_to: None, attachments, epoch: Some(epoch) };
        let command = Command::Submit { chat: id, client_seq: number, command, attestation: None };
        Ok(Attempt::new(number, None, command, plaintext))
    }

    /// Whether this person may still say what they wrote: they may have lost their role since.
    fn may_say(&self, id: ChatId, content: &Content) -> bool {
        let (chat, me) = (self.chats.get(&id), self.account.user());
        chat.is_none_or(|chat| match content {
            Content::DisappearingTimer { .. } => chat.may_set_timer(me),
            Content::ChatMetadata(metadata) => chat.may_describe(me) || self.is_face(id, metadata),
            _ => true,
        })
    }

    /// Signs what `command` will change, where that is a roster.
    fn attest(&self, id: ChatId, number: ClientSeq, command: &ChatCommand) -> Attested {
        let Some(chat) = self.chats.get(&id) else { return Ok(None) };
        let encrypted = match command {
            ChatCommand::Create { encryption, .. } => *encryption == Encryption::Mls,
            _ => chat.is_encrypted(),
        };
        if !encrypted || matches!(command, ChatCommand::DeleteMessage { .. }) {
            return Ok(None); // Who wrote the message is for the server to look up.
        }
        let device = self.account.device();
        let (limits, context) = (unlimited(), DecisionContext::default());
        let refused = |refusal: Refusal| (refusal.code(), refusal.to_string());
        let kind = draft(&chat.state, &limits, device, command.clone(), &context).map_err(refused)?;
        let (key, certificate) = (self.account.key(), self.account.certificate());
        Ok(Attestation::sign(&key, certificate, &chat.state, number, &kind).map(Box::new))
    }

    pub(crate) fn set_attempt(&mut self, id: ChatId, attempt: Attempt) {
        self.account_changed = true;
        self.effects.persist.put(rows::of_chat(rows::ATTEMPT, id), rows::encode(&attempt));
        if let Some(chat) = self.chats.get_mut(&id) {
            chat.attempt = Some(Attempt { head: chat.state.head, ..attempt });
        }
    }

    /// Has the attempt ask what became of it, without being accepted by that; false where only a message can.
    pub(crate) fn only_ask_for_attempt(&mut self, id: ChatId) -> bool {
        let Some(attempt) = self.chats.get_mut(&id).and_then(|chat| chat.attempt.as_mut()) else {
            return false;
        };
        let asks = attempt.only_ask();
        if asks {
            self.effects.persist.put(rows::of_chat(rows::ATTEMPT, id), rows::encode(attempt));
        }
        asks
    }

    /// Drops the attempt, whose fate is known.
    pub(crate) fn drop_attempt(&mut self, id: ChatId) -> Option<Attempt> {
        self.effects.persist.delete(rows::of_chat(rows::ATTEMPT, id));
        let attempt = self.chats.get_mut(&id)?.attempt.take();
        self.touched.insert(id);
        attempt
    }

    /// Drops an entry; gives its token.
    pub(crate) fn drop_entry(&mut self, id: ChatId, place: u64) -> Option<u64> {
        self.take_entry(id, place).map(|entry| entry.token)
    }

    /// An entry will not be sent. The words of a message go back to where they were written, and are not lost.
    pub(crate) fn refuse_entry(&mut self, id: ChatId, place: u64, why: Failure) {
        let Some(Entry { token, wish, .. }) = self.take_entry(id, place) else { return };
        if matches!(&wish, Wish::Content(said) if self.says_face(id, said, ClientSeq(0))) {
            // Nobody asked for that.
            return self.doubt_face(id);
        }
        let words = wish.words(id, self.account.device());
        if let Some(words) = &words {
            let before = self.chats.get(&id).map_or("", |chat| chat.draft.as_str());
            let gap = if before.is_empty() { "" } else { "\n" };
            self.set_draft(id, format!("{before}{gap}{words}"));
        }
        self.effects.changes.push(Change::Refused { token, chat: id, why, words });
    }

    pub(crate) fn take_entry(&mut self, id: ChatId, place: u64) -> Option<Entry> {
        self.effects.persist.delete(rows::entry(id, place));
        self.touched.insert(id);
        let outbox = &mut self.chats.get_mut(&id)?.outbox;
        let index = outbox.iter().position(|entry| entry.place == place)?;
        outbox.remove(index)
    }
}

type Made = Result<Attempt, (ErrorCode, String)>;
type Attested = Result<Option<Box<Attestation>>, (ErrorCode, String)>;

fn unreadable() -> (ErrorCode, String) {
    (ErrorCode::Internal, "What was to be sent cannot be read any more.".to_owned())
}
