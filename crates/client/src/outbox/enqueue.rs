//! From a person's wish to a durable entry.

use dunlin_model::view::INVITE_SECRET_BYTES;
use dunlin_model::{ChatCommand, ChatId, ChatKind, ClientSeq, Encryption, ErrorCode, UserId};
use dunlin_wire::{Command, Failure};

use super::{Entry, InviteSecret, Wish, write};
use crate::content::{ChatMetadata, Content, Envelope};
use crate::effects::Change;
use crate::rows;
use crate::step::Client;

impl Client {
    pub(crate) fn enqueue_creation(
        &mut self,
        token: u64,
        kind: ChatKind,
        encryption: Encryption,
        name: String,
        members: Vec<UserId>,
    ) {
        let number = self.account.take_number();
        let me = self.account.device();
        let id = match (kind, members.iter().find(|user| **user != me.user)) {
            (ChatKind::Direct, Some(other)) => ChatId::direct(me.user, *other),
            _ => ChatId::created_by(me, number),
        };
        self.effects.changes.push(Change::Created { token, chat: id });
        if self.chats.get(&id).is_some_and(|chat| chat.state.exists() || !chat.outbox.is_empty()) {
            return;
        }
        let encrypted = encryption == Encryption::Mls;
        let named = if encrypted { String::new() } else { name.clone() };
        let command =
            ChatCommand::Create { kind, encryption, name: named, description: String::new(), members };
        let create = write(Command::CreateChat { client_seq: number, command, attestation: None });
        self.push_entry(id, number.0, token, Wish::Create(create));
        self.note_activity(id);
        if encrypted && !name.is_empty() {
            let metadata = ChatMetadata { name: Some(name), ..ChatMetadata::default() };
            self.enqueue_content(token, id, Content::ChatMetadata(metadata));
        }
    }

    pub(crate) fn enqueue_content(&mut self, token: u64, chat: ChatId, content: Content) {
        let disappear_seconds = match &content {
            Content::Text(_) | Content::Files(_) => self.chats.get(&chat).map_or(0, |chat| chat.marks.timer),
            // Edits and reactions go with what they belong to.
            _ => 0,
        };
        let is_aside = match &content {
            Content::OwnMarks(_) => true,
            Content::ChatMetadata(metadata) => self.is_face(chat, metadata),
            _ => false,
        };
        let envelope = Envelope {
            chat,
            sender: self.account.device(),
            client_seq: ClientSeq(0),
            sender_counter: 1,
            sent: self.now,
            disappear_seconds,
            content,
        };
        match envelope.seal_plaintext() {
            Ok(sealed) => {
                let place = self.account.take_number().0;
                self.push_entry(chat, place, token, Wish::Content(sealed));
                if !is_aside {
                    self.note_activity(chat);
                }
            }
            Err(error) => self.refuse(token, chat, ErrorCode::InvalidArgument, error.to_string()),
        }
    }

    /// Something was said: the chat moves up in the list.
    fn note_activity(&mut self, id: ChatId) {
        let now = self.now;
        let chat = self.chat_mut(id);
        chat.marks.active = chat.marks.active.max(now);
        chat.marks_changed = true;
    }

    pub(crate) fn enqueue_command(&mut self, token: u64, chat: ChatId, command: ChatCommand) {
        let submit = Command::Submit { chat, client_seq: ClientSeq(1), command, attestation: None };
        self.enqueue_wish(token, chat, Wish::Command(write(submit)));
    }

    pub(crate) fn enqueue_invite(&mut self, token: u64, chat: ChatId) {
        let mut secret = InviteSecret([0; INVITE_SECRET_BYTES]);
        self.generator.fill(&mut secret.0);
        self.enqueue_wish(token, chat, Wish::Invite(Some(secret)));
    }

    pub(crate) fn enqueue_wish(&mut self, token: u64, chat: ChatId, wish: Wish) {
        let place = self.account.take_number().0;
        self.push_entry(chat, place, token, wish);
    }

    pub(crate) fn push_entry(&mut self, id: ChatId, place: u64, token: u64, wish: Wish) {
        let entry = Entry { place, token, wish };
        self.effects.persist.put(rows::entry(id, place), rows::encode(&entry));
        self.account_changed = true;
        self.chat_mut(id).outbox.push_back(entry);
        self.touched.insert(id);
    }

    /// What has to come before all else that waits.
    pub(crate) fn push_first(&mut self, id: ChatId, entry: Entry) {
        self.effects.persist.put(rows::entry(id, entry.place), rows::encode(&entry));
        self.account_changed = true;
        self.chat_mut(id).outbox.push_front(entry);
        self.touched.insert(id);
    }

    pub(crate) fn refuse(&mut self, token: u64, chat: ChatId, code: ErrorCode, message: String) {
        self.effects.changes.push(Change::Refused {
            token,
            chat,
            why: Failure::new(code, message),
            words: None,
        });
    }
}
