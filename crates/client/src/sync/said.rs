//! What follows from what a message says, in the order of the log.

use dunlin_model::{ChatId, ChatKind, Event, EventKind, Role};

use crate::chats::{About, Shown, StubReason};
use crate::content::{ChatMetadata, Content, Envelope, PictureChange};
use crate::effects::Change;
use crate::fold::Work;
use crate::rows;
use crate::step::Client;

/// What is kept of a message.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) shown: Shown,
    /// Whether somebody said something: it is counted as unread, and the chat moves up.
    pub(crate) is_said: bool,
}

impl Kept {
    /// Something that changes or tells of the chat.
    pub(crate) const fn aside(shown: Shown) -> Self {
        Self { shown, is_said: false }
    }

    pub(crate) const fn said(shown: Shown) -> Self {
        Self { shown, is_said: true }
    }
}

impl Client {
    /// Acts on a message that was read, and says what is kept of it.
    pub(crate) fn take_in(&mut self, id: ChatId, event: &Event, padded: Vec<u8>, envelope: Envelope) -> Kept {
        let (at, by, time) = (event.seq, event.sender.user, event.time);
        let disappear_seconds = envelope.disappear_seconds;
        match envelope.content {
            content @ (Content::Text(_) | Content::Files(_)) => {
                if let Some(text) = content.searchable() {
                    self.work.push(Work::Index { chat: id, seq: at, by, time, text });
                }
                if disappear_seconds > 0 {
                    let seen = self.chats.get(&id).map_or(at, |chat| chat.marks.seen);
                    let is_read = by == self.account.user() || at <= seen;
                    self.set_timer(id, at, disappear_seconds, is_read);
                }
                if event.sender == self.account.device() {
                    self.tell_face(id);
                }
                Kept::said(Shown::Content(padded))
            }
            Content::Edit(edit) => {
                let into = edit.target.seq;
                self.work.push(Work::Edit { chat: id, at, by, time, edit });
                Kept::aside(Shown::Folded { into })
            }
            Content::Reaction(reaction) => {
                let into = reaction.target.seq;
                self.work.push(Work::React { chat: id, at, by, reaction });
                Kept::aside(Shown::Folded { into })
            }
            Content::DisappearingTimer { seconds } => {
                Kept::aside(self.take_timer(id, event, seconds, padded))
            }
            Content::ChatMetadata(metadata) => Kept::aside(self.take_metadata(id, event, &metadata, padded)),
            Content::OwnMarks(marks) => {
                self.take_marks(id, event.sender, marks);
                Kept::aside(Shown::Nothing)
            }
            Content::Unknown { .. } => Kept::said(Shown::Content(padded)),
        }
    }

    fn take_timer(&mut self, id: ChatId, event: &Event, seconds: u32, padded: Vec<u8>) -> Shown {
        let Some(chat) = self.chats.get_mut(&id) else { return Shown::Nothing };
        if !chat.may_set_timer(event.sender.user) {
            let is_told = event.seq <= chat.marks.base;
            return if is_told { Shown::Nothing } else { Shown::Stub(StubReason::NotAllowed) };
        }
        if chat.marks.timer == seconds {
            return Shown::Nothing;
        }
        chat.marks.timer = seconds;
        chat.marks_changed = true;
        self.effects.changes.push(Change::ChatChanged { chat: id });
        Shown::Content(padded)
    }

    fn take_metadata(
        &mut self,
        id: ChatId,
        event: &Event,
        metadata: &ChatMetadata,
        padded: Vec<u8>,
    ) -> Shown {
        if let Some(change) = metadata.picture.as_ref().filter(|_| self.is_face(id, metadata)) {
            self.take_face(id, event.sender, change);
            return Shown::Nothing;
        }
        let Some(chat) = self.chats.get_mut(&id) else { return Shown::Nothing };
        if !chat.may_describe(event.sender.user) {
            // Who was told the state of later does not know the sender's role of then, and takes the first name.
            let is_told = event.seq <= chat.marks.base;
            if !is_told {
                return Shown::Stub(StubReason::NotAllowed);
            }
            if chat.state.kind == ChatKind::Direct || chat.marks.title.is_some() {
                return Shown::Nothing;
            }
        }
        let before = (chat.marks.title.clone(), chat.about.clone());
        if metadata.name.is_some() {
            chat.marks.title.clone_from(&metadata.name);
        }
        if let Some(description) = &metadata.description {
            chat.about.description.clone_from(description);
        }
        match &metadata.picture {
            Some(PictureChange::Set(picture)) => chat.about.picture = Some(picture.clone()),
            Some(PictureChange::Removed) => chat.about.picture = None,
            None => {}
        }
        if chat.about != before.1 {
            self.effects.persist.put(rows::of_chat(rows::ABOUT, id), rows::encode(&chat.about));
        } else if chat.marks.title == before.0 {
            return Shown::Nothing; // Said again for those who came later.
        }
        chat.marks_changed = true;
        self.effects.changes.push(Change::ChatChanged { chat: id });
        Shown::Content(padded)
    }

    /// Tells those whom this device let in what the chat is called and how long messages stay: they cannot read
    /// where it was said. Whom nobody let in by name, the owner's first device tells.
    pub(crate) fn say_again(&mut self, id: ChatId, event: &Event) {
        let me = self.account.device();
        let Some(chat) = self.chats.get(&id).filter(|chat| chat.is_encrypted()) else { return };
        let is_mine = match event.kind {
            EventKind::MembersAdded { .. } => event.sender == me,
            EventKind::Joined => chat.is_first_of_owner(me),
            _ => false,
        };
        if !is_mine || chat.state.role(me.user) < Some(Role::Admin) {
            return;
        }
        let About { description, picture } = chat.about.clone();
        let metadata = ChatMetadata {
            name: chat.marks.title.clone(),
            description: Some(description).filter(|description| !description.is_empty()),
            picture: picture.map(PictureChange::Set),
        };
        let seconds = chat.marks.timer;
        if metadata != ChatMetadata::default() {
            self.enqueue_content(0, id, Content::ChatMetadata(metadata));
        }
        if seconds > 0 {
            self.enqueue_content(0, id, Content::DisappearingTimer { seconds });
        }
    }
}
