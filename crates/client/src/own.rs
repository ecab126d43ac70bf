//! What a person does to their own view of things, shared among their devices: what they hid, whom they verified, what
//! they look like, and what a device that came later cannot read of their chats (names, pictures, timers, invite links).
//!
//! It is content of an encrypted chat that only this user is in, so that it is as durable, ordered and secret as what
//! people say, and a revoked device is out of it. The chat is made when there is a second device. Whoever comes into
//! its keys is told everything again, by the device that linked it and by the first of the others. Only
//! devices under this user's own identity key are told and believed.

use std::collections::{BTreeSet, VecDeque};

use dunlin_model::view::InviteCode;
use dunlin_model::{
    ChatCommand, ChatId, ChatKind, DeviceId, DeviceNumber, Encryption, Event, EventKind, Seq,
};
use dunlin_wire::Command;
use serde::{Deserialize, Serialize};

use crate::chats::is_of_own_devices;
use crate::content::limits::OWN_MARKS_MAX;
use crate::content::{ChatMark, Content, OwnFace, OwnMarks};
use crate::effects::Change;
use crate::outbox::{Wish, write};
use crate::rows;
use crate::step::Client;

/// Hidden messages that a device that comes later is told of: those that it may have received before that.
const HIDDEN_KEPT_MAX: usize = 256;
/// Marks of each sort that are told again at once; of chats those where something was said last.
const TOLD_AGAIN_MAX: usize = 2_048;
/// Pictures among them.
const PICTURES_TOLD_AGAIN_MAX: usize = 128;
/// Bytes of names, descriptions and pictures in one message, about.
const MESSAGE_BYTES: usize = 24 * 1024;

/// What is kept of it, apart from the marks themselves.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Own {
    /// The chat, from when this device asks for it until it is there.
    begun: Option<ChatId>,
    /// Devices that this one linked and has not told everything.
    linked: BTreeSet<DeviceNumber>,
    /// The newest messages that were hidden.
    hidden: VecDeque<(ChatId, Seq)>,
    /// What was done in this step.
    #[serde(skip)]
    noted: OwnMarks,
}

impl Client {
    /// The person deleted a message for themselves.
    pub(crate) fn note_hidden(&mut self, id: ChatId, seq: Seq) {
        self.keep_hidden(id, seq);
        self.own.noted.hidden.push((id, seq));
    }

    /// The server lost what stood behind `kept_to`: other messages will stand at these places.
    pub(crate) fn forget_hidden(&mut self, id: ChatId, kept_to: Seq) {
        let before = self.own.hidden.len();
        self.own.hidden.retain(|(chat, seq)| *chat != id || *seq <= kept_to);
        if self.own.hidden.len() < before {
            self.keep_own();
        }
    }

    /// Whether a message is one of the newest that were hidden, which it is until the server loses it.
    pub(crate) fn is_hidden(&self, place: &(ChatId, Seq)) -> bool {
        self.own.hidden.contains(place)
    }

    /// The person compared a safety number, or takes that back.
    pub(crate) fn note_verified(&mut self, user: dunlin_model::UserId) {
        self.own.noted.verified.push((user, self.verified.get(&user).copied()));
    }

    /// The person has another picture of themselves.
    pub(crate) fn note_face(&mut self, face: OwnFace) {
        self.own.noted.face = Some(face);
    }

    /// This device made an invite link.
    pub(crate) fn note_invite(&mut self, code: &InviteCode) {
        if code.encryption == Encryption::Mls {
            self.own.noted.chats.push(ChatMark { invite: Some(code.secret), ..ChatMark::of(code.chat) });
        }
    }

    /// This device has linked another one, which is to be told everything once it can read.
    pub(crate) fn note_linked(&mut self, number: DeviceNumber) {
        self.own.linked.insert(number);
        self.own_chat();
        self.keep_own();
    }

    /// Tells the other devices what was done in this step. Without others there is nobody to tell: a device that comes
    /// later is told everything.
    pub(crate) fn share_marks(&mut self) {
        let noted = std::mem::take(&mut self.own.noted);
        if noted != OwnMarks::default() && self.has_other_devices() {
            let chat = self.own_chat();
            self.enqueue_content(0, chat, Content::OwnMarks(noted));
        }
    }

    fn keep_hidden(&mut self, id: ChatId, seq: Seq) {
        self.own.hidden.push_back((id, seq));
        if self.own.hidden.len() > HIDDEN_KEPT_MAX {
            self.own.hidden.pop_front();
        }
        self.keep_own();
    }

    fn keep_own(&mut self) {
        self.effects.persist.put(rows::OWN.to_vec(), rows::encode(&self.own));
    }

    /// Whether a chat is the one of this user's devices.
    pub(crate) fn is_own_chat(&self, id: ChatId) -> bool {
        let own = self.account.user();
        self.chats.get(&id).is_some_and(|chat| is_of_own_devices(&chat.state, &chat.marks, own))
    }

    fn has_other_devices(&self) -> bool {
        let me = self.account.device();
        self.chats.values().any(|chat| {
            let keys = &chat.state.keys;
            let is_other =
                |device: &DeviceId| device.user == me.user && *device != me && !keys.revoked.contains(device);
            keys.devices.keys().any(is_other)
        })
    }

    /// The chat of this user's devices, which is asked for if it is not there. Two devices may do so at once: each
    /// reads both, and all go on in the same one.
    fn own_chat(&mut self) -> ChatId {
        let is_there = |id: &ChatId| self.is_own_chat(*id);
        let is_begun = |id: &ChatId| self.chats.get(id).is_some_and(|chat| !chat.outbox.is_empty());
        let known = self.chats.keys().copied().find(is_there);
        if let Some(id) = known.or_else(|| self.own.begun.filter(is_begun)) {
            return id;
        }
        let number = self.account.take_number();
        let id = ChatId::created_by(self.account.device(), number);
        let command = ChatCommand::Create {
            kind: ChatKind::Channel,
            encryption: Encryption::Mls,
            name: String::new(),
            description: String::new(),
            members: Vec::new(),
        };
        let create = write(Command::CreateChat { client_seq: number, command, attestation: None });
        self.push_entry(id, number.0, 0, Wish::Create(create));
        self.own.begun = Some(id);
        self.keep_own();
        id
    }

    /// Whether everyone who can read the chat of this user's devices is one, under the same identity key.
    pub(crate) fn may_share(&self, id: ChatId) -> bool {
        let me = self.account.certificate();
        let is_own = |other: &dunlin_model::DeviceCertificate| {
            other.device.user == me.device.user && other.identity == me.identity
        };
        self.is_own_chat(id) && self.keys.members(id).iter().all(is_own)
    }

    /// A device came into the keys of a chat: is it this user's, and is it for this device to tell it?
    pub(crate) fn greet_devices(&mut self, id: ChatId, event: &Event) {
        let me = self.account.device();
        let came: Vec<DeviceId> = match &event.kind {
            EventKind::Committed(commit) if commit.external => vec![event.sender],
            EventKind::Committed(commit) => commit.added.clone(),
            EventKind::GroupStarted(start) => start.devices.clone(),
            _ => return,
        };
        let came: BTreeSet<DeviceId> = came.into_iter().filter(|device| *device != me).collect();
        if came.is_empty() || !self.is_own_chat(id) {
            return;
        }
        let is_linked = came.iter().any(|device| self.own.linked.contains(&device.number));
        let starts = matches!(event.kind, EventKind::GroupStarted(_));
        let Some(chat) = self.chats.get(&id) else { return };
        let mut others = chat.state.keys.devices.keys().filter(|device| !came.contains(*device));
        let is_first = if starts { event.sender == me } else { others.next() == Some(&me) };
        if is_linked || is_first {
            for device in came {
                self.own.linked.remove(&device.number);
            }
            self.keep_own();
            self.tell_again(id);
        }
    }

    /// Says everything again that this device knows, in as few messages as it takes.
    pub(crate) fn tell_again(&mut self, id: ChatId) {
        let verified: Vec<_> =
            self.verified.iter().take(TOLD_AGAIN_MAX).map(|(user, key)| (*user, Some(*key))).collect();
        let hidden: Vec<_> = self.own.hidden.iter().copied().collect();
        let mut messages = vec![OwnMarks { hidden, ..OwnMarks::default() }];
        for piece in verified.chunks(OWN_MARKS_MAX) {
            messages.push(OwnMarks { verified: piece.to_vec(), ..OwnMarks::default() });
        }
        if self.face != OwnFace::default() {
            messages.push(OwnMarks { face: Some(self.face.clone()), ..OwnMarks::default() });
        }
        let mut bytes = MESSAGE_BYTES;
        for mark in self.chat_marks() {
            let texts = [&mark.name, &mark.description].into_iter().flatten().map(String::len);
            let length = texts.sum::<usize>() + mark.picture.as_ref().map_or(0, |own| own.thumbnail.len());
            bytes += length;
            let is_full = messages.last().is_none_or(|last| last.chats.len() >= OWN_MARKS_MAX);
            if is_full || bytes > MESSAGE_BYTES {
                messages.push(OwnMarks::default());
                bytes = length;
            }
            if let Some(last) = messages.last_mut() {
                last.chats.push(mark);
            }
        }
        for marks in messages.into_iter().filter(|marks| *marks != OwnMarks::default()) {
            self.enqueue_content(0, id, Content::OwnMarks(marks));
        }
    }

    /// What somebody who came later could not read, of the chats where something was said last.
    fn chat_marks(&self) -> Vec<ChatMark> {
        let own = self.account.user();
        let mut chats: Vec<_> = self
            .chats
            .iter()
            .filter(|(_, chat)| chat.is_encrypted() && chat.state.role(own).is_some())
            .collect();
        chats.sort_by_key(|(id, chat)| (std::cmp::Reverse(chat.marks.active), **id));
        let mut pictures = 0;
        let mut picture = |chat: &crate::Chat| {
            pictures += usize::from(chat.about.picture.is_some());
            chat.about.picture.clone().filter(|_| pictures <= PICTURES_TOLD_AGAIN_MAX)
        };
        let mark = |(id, chat): (&ChatId, &crate::Chat)| ChatMark {
            chat: *id,
            name: chat.marks.title.clone(),
            description: Some(chat.about.description.clone()).filter(|text| !text.is_empty()),
            picture: picture(chat),
            disappear_seconds: chat.marks.timer,
            invite: chat.invite().map(|code| code.secret),
            told_face: self.told_face(*id),
        };
        let says_something = |mark: &ChatMark| *mark != ChatMark::of(mark.chat);
        chats.into_iter().map(mark).filter(says_something).take(TOLD_AGAIN_MAX).collect()
    }

    /// Another device tells something, if it is one of this user's.
    pub(crate) fn take_marks(&mut self, id: ChatId, from: DeviceId, marks: OwnMarks) {
        let me = self.account.certificate();
        let is_own = |other: &dunlin_model::DeviceCertificate| {
            other.device == from && other.device.user == me.device.user && other.identity == me.identity
        };
        if from == me.device || !self.keys.members(id).iter().any(is_own) {
            return;
        }
        for (chat, seq) in marks.hidden {
            if !self.is_hidden(&(chat, seq)) {
                self.keep_hidden(chat, seq);
                self.hide_message(chat, seq);
            }
        }
        for (user, identity) in marks.verified {
            match identity {
                Some(identity) => self.take_verified(user, identity),
                None => drop(self.withdraw_verified(user)),
            }
        }
        for mark in marks.chats {
            self.take_chat_mark(mark);
        }
        if let Some(face) = marks.face {
            self.take_own_face(face);
        }
    }

    fn take_chat_mark(&mut self, mark: ChatMark) {
        let own = self.account.user();
        let Some(chat) = self.chats.get_mut(&mark.chat).filter(|chat| chat.is_encrypted()) else { return };
        if let Some(secret) = mark.invite {
            let code = InviteCode { chat: mark.chat, secret, encryption: Encryption::Mls };
            if chat.invite().is_none() || chat.state.invite == Some(code.verifier()) {
                chat.marks.invite = Some(code);
                chat.marks_changed = true;
            }
        }
        // Who read the chat from its beginning knows the rest better.
        if chat.marks.skipped {
            if chat.marks.title.is_none() && mark.name.is_some() {
                chat.marks.title = mark.name;
            }
            if chat.marks.timer == 0 {
                chat.marks.timer = mark.disappear_seconds;
            }
            let before = chat.about.clone();
            if let Some(description) = mark.description.filter(|_| before.description.is_empty()) {
                chat.about.description = description;
            }
            if before.picture.is_none() && mark.picture.is_some() {
                chat.about.picture = mark.picture;
                let peer = chat.state.peer_of(own);
                self.effects.changes.extend(peer.map(|user| Change::FaceChanged { user }));
            }
            if chat.about != before {
                let about = rows::encode(&chat.about);
                self.effects.persist.put(rows::of_chat(rows::ABOUT, mark.chat), about);
            }
            chat.marks_changed = true;
            self.effects.changes.push(Change::ChatChanged { chat: mark.chat });
            if let Some(told) = mark.told_face {
                self.take_told_face(mark.chat, told);
            }
        }
    }
}
