//! What people look like.
//!
//! A picture of oneself is content, as that of a group is: it is whole in a message, and no server sees it. Those to
//! whom one writes are told: in an encrypted chat of two a message with a picture and nothing else says what its sender
//! looks like. It goes out behind the next thing that is said there, or at once where something was said before. Who
//! only writes to somebody is not told what they look like. The person's other devices are told in the chat of their
//! own, where the newest change counts, in whichever order they hear of it.

use std::cmp::Reverse;

use dunlin_model::{ChatId, ChatKind, ClientSeq, DeviceId, Event, EventKind, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::content::{
    Attachment, ChatMetadata, Content, Envelope, Expected, FileDigest, OwnFace, PictureChange,
};
use crate::effects::Change;
use crate::outbox::Wish;
use crate::rows;
use crate::step::Client;

/// Chats in which a change is told at once: of those in which this person said something, where the last was said.
const TOLD_AT_ONCE_MAX: usize = 128;

/// Which picture of this person the other one of a chat has. Without this they have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Told {
    /// This one.
    Picture(FileDigest),
    /// Some, or none: what was told may be lost, or a device of theirs does not know it.
    Unknown,
}

impl OwnFace {
    /// Whether it counts more than another one.
    fn is_newer_than(&self, other: &Self) -> bool {
        let rank = |face: &Self| (face.changed, face.digest().map(|digest| digest.0));
        rank(self) > rank(other)
    }

    fn digest(&self) -> Option<FileDigest> {
        self.picture.as_ref().map(|picture| picture.digest)
    }
}

impl Client {
    /// What somebody looks like, where they told this person; of this person themselves, what others are told.
    pub fn face(&self, user: UserId) -> Option<&Attachment> {
        let me = self.account.user();
        if user == me {
            return self.face.picture.as_deref();
        }
        self.chats.get(&ChatId::direct(me, user))?.about.picture.as_deref()
    }

    /// Whether something that is said in a chat is what its sender looks like: a picture, or its removal, and nothing else.
    pub(crate) fn is_face(&self, id: ChatId, metadata: &ChatMetadata) -> bool {
        let ChatMetadata { name: None, description: None, picture: Some(_) } = metadata else { return false };
        self.chats.get(&id).is_some_and(|chat| chat.state.kind == ChatKind::Direct)
    }

    /// The same of what this device said under a number, or will say: then that is zero.
    pub(crate) fn says_face(&self, id: ChatId, plaintext: &[u8], client_seq: ClientSeq) -> bool {
        let expected = Expected { chat: id, sender: self.account.device(), client_seq };
        match Envelope::open(plaintext, &expected) {
            Ok(Envelope { content: Content::ChatMetadata(metadata), .. }) => self.is_face(id, &metadata),
            _ => false,
        }
    }

    /// The person has another picture of themselves, or none. One that cannot be sent changes nothing.
    pub(crate) fn set_face(&mut self, picture: Option<Attachment>) {
        let is_known = self.face.picture.as_deref() == picture.as_ref();
        if is_known || picture.as_ref().is_some_and(|picture| !picture.is_sendable_within()) {
            return;
        }
        // Whatever is known is older, by whichever clock.
        let changed = self.now.max(Timestamp(self.face.changed.0.saturating_add(1)));
        let face = OwnFace { changed, picture: picture.map(Box::new) };
        self.note_face(face.clone());
        self.keep_face(face);
        let mut chats: Vec<_> = self
            .chats
            .iter()
            .filter(|(id, chat)| chat.marks.accepted > 0 || self.may_have_face(**id))
            .map(|(id, chat)| (Reverse(chat.marks.active), *id))
            .filter(|(_, id)| self.may_tell_face(*id))
            .collect();
        chats.sort_unstable();
        for (_, id) in chats.into_iter().take(TOLD_AT_ONCE_MAX) {
            self.tell_face(id);
        }
    }

    /// Another device of this person says what they look like.
    pub(crate) fn take_own_face(&mut self, face: OwnFace) {
        if !face.is_newer_than(&self.face) {
            return;
        }
        self.keep_face(face);
        // What this device was about to tell is no more.
        let chats = self.chats.iter().filter(|(_, chat)| !chat.outbox.is_empty());
        let ids: Vec<ChatId> = chats.map(|(id, _)| *id).collect();
        for id in ids {
            if !self.faces_waiting(id).is_empty() {
                self.tell_face(id);
            }
        }
    }

    /// Somebody says in a chat of two what they look like.
    pub(crate) fn take_face(&mut self, id: ChatId, by: DeviceId, change: &PictureChange) {
        let me = self.account.device();
        let face = match change {
            PictureChange::Set(face) => Some(face.clone()),
            PictureChange::Removed => None,
        };
        if by.user == me.user {
            // What waits here comes later.
            if self.faces_waiting(id).is_empty() {
                self.note_told_face(id, face.map(|face| Told::Picture(face.digest)));
            }
            // It may have been on its way while another device said something else.
            if by == me {
                self.tell_face(id);
            }
            return;
        }
        // The name of a chat says between whom it is; the server could begin one of others under it.
        let Some(chat) = self.chats.get_mut(&id).filter(|_| id == ChatId::direct(me.user, by.user)) else {
            return;
        };
        if chat.about.picture == face {
            return;
        }
        chat.about.picture = face;
        self.effects.persist.put(rows::of_chat(rows::ABOUT, id), rows::encode(&chat.about));
        chat.marks_changed = true;
        self.effects.changes.push(Change::ChatChanged { chat: id });
        self.effects.changes.push(Change::FaceChanged { user: by.user });
    }

    /// Tells the other one of a chat of two what this person looks like, unless they know.
    pub(crate) fn tell_face(&mut self, id: ChatId) {
        let now = self.face.digest();
        let is_known = match self.told_faces.get(&id) {
            None => now.is_none(),
            Some(Told::Unknown) => false,
            Some(Told::Picture(told)) => now == Some(*told),
        };
        if is_known || !self.may_tell_face(id) {
            return;
        }
        // What was to be told before, and waits, is not told any more, unless it is on its way.
        for place in self.faces_waiting(id) {
            self.cancel(id, place);
        }
        let picture = Some(match self.face.picture.clone() {
            Some(picture) => PictureChange::Set(picture),
            None => PictureChange::Removed,
        });
        self.enqueue_content(
            0,
            id,
            Content::ChatMetadata(ChatMetadata { picture, ..ChatMetadata::default() }),
        );
        self.note_told_face(id, now.map(Told::Picture));
    }

    /// A device of somebody else came into the keys of a chat of two: it was told nothing.
    pub(crate) fn doubt_face_for(&mut self, id: ChatId, event: &Event) {
        let me = self.account.user();
        let is_other = |device: &DeviceId| device.user != me;
        let came = match &event.kind {
            EventKind::Committed(commit) if commit.external => is_other(&event.sender),
            EventKind::Committed(commit) => commit.added.iter().any(is_other),
            EventKind::GroupStarted(start) => start.devices.iter().any(is_other),
            _ => false,
        };
        if came && self.told_faces.contains_key(&id) {
            self.note_told_face(id, Some(Told::Unknown));
        }
    }

    /// What was told in a chat may be lost, or was not taken, or another device of this person told it unheard.
    pub(crate) fn doubt_face(&mut self, id: ChatId) {
        let was_ever = self.face.changed > Timestamp::default();
        if was_ever && self.chats.get(&id).is_some_and(|chat| chat.state.kind == ChatKind::Direct) {
            self.note_told_face(id, Some(Told::Unknown));
        }
    }

    /// What the other one of a chat was told, for another device of this person.
    pub(crate) fn told_face(&self, id: ChatId) -> Option<FileDigest> {
        self.told_faces.get(&id).map(|told| match told {
            Told::Picture(told) => *told,
            Told::Unknown => FileDigest::UNKNOWN,
        })
    }

    /// Another device of this person says what the other one of a chat was told.
    pub(crate) fn take_told_face(&mut self, id: ChatId, told: FileDigest) {
        let told = if told == FileDigest::UNKNOWN { Told::Unknown } else { Told::Picture(told) };
        if !self.told_faces.contains_key(&id) {
            self.note_told_face(id, Some(told));
        }
    }

    /// Whether the other one of a chat was told a picture; or may have been, and this person has none any more. Who may
    /// never have been written to is told no new one.
    fn may_have_face(&self, id: ChatId) -> bool {
        match self.told_faces.get(&id) {
            Some(Told::Picture(_)) => true,
            Some(Told::Unknown) => self.face.picture.is_none(),
            None => false,
        }
    }

    fn note_told_face(&mut self, id: ChatId, told: Option<Told>) {
        if self.told_faces.get(&id).copied() == told {
            return;
        }
        let key = rows::of_chat(rows::TOLD_FACE, id);
        match told {
            Some(told) => {
                self.effects.persist.put(key, rows::encode(&told));
                self.told_faces.insert(id, told);
            }
            None => {
                self.effects.persist.delete(key);
                self.told_faces.remove(&id);
            }
        }
    }

    /// Whether a chat is one of two, encrypted, in which this person is.
    fn may_tell_face(&self, id: ChatId) -> bool {
        self.chats.get(&id).is_some_and(|chat| {
            chat.state.kind == ChatKind::Direct
                && chat.is_encrypted()
                && chat.state.members.len() == 2
                && chat.state.role(self.account.user()).is_some()
        })
    }

    fn keep_face(&mut self, face: OwnFace) {
        self.effects.persist.put(rows::FACE.to_vec(), rows::encode(&face));
        if self.face.picture != face.picture {
            self.effects.changes.push(Change::FaceChanged { user: self.account.user() });
        }
        self.face = face;
    }

    /// The places of what waits to be sent in a chat and says what this person looks like; not of what stands in the log
    /// by now, or is about to.
    fn faces_waiting(&self, id: ChatId) -> Vec<u64> {
        let Some(chat) = self.chats.get(&id) else { return Vec::new() };
        let under_way = chat.attempt.as_ref().and_then(|attempt| attempt.place);
        let says =
            |wish: &Wish| matches!(wish, Wish::Content(said) if self.says_face(id, said, ClientSeq(0)));
        let waiting = chat.outbox.iter().filter(|entry| Some(entry.place) != under_way);
        waiting.filter(|entry| says(&entry.wish)).map(|entry| entry.place).collect()
    }
}
