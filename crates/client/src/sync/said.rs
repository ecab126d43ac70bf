//! What follows from what a message says, in the order of the log.

use dunlin_model::{ChatId, ChatKind, Event, Role};

use crate::chats::{Shown, StubReason};
use crate::content::{ChatMetadata, Content, Envelope};
use crate::effects::Change;
use crate::fold::Work;
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
            Content::Unknown { .. } => Kept::said(Shown::Content(padded)),
        }
    }

    /// Whoever is in a direct chat sets how long messages stay; elsewhere those who manage it do.
    fn take_timer(&mut self, id: ChatId, event: &Event, seconds: u32, padded: Vec<u8>) -> Shown {
        let Some(chat) = self.chats.get_mut(&id) else { return Shown::Nothing };
        let is_direct = chat.state.kind == ChatKind::Direct;
        if !is_direct && chat.state.role(event.sender.user) < Some(Role::Admin) {
            return Shown::Stub(StubReason::NotAllowed);
        }
        if chat.marks.timer == seconds {
            return Shown::Nothing;
        }
        chat.marks.timer = seconds;
        chat.marks_changed = true;
        self.effects.changes.push(Change::ChatChanged { chat: id });
        Shown::Content(padded)
    }

    /// What an encrypted chat is called and looks like is said by those who manage it.
    fn take_metadata(
        &mut self,
        id: ChatId,
        event: &Event,
        metadata: &ChatMetadata,
        padded: Vec<u8>,
    ) -> Shown {
        let Some(chat) = self.chats.get_mut(&id) else { return Shown::Nothing };
        let is_direct = chat.state.kind == ChatKind::Direct;
        if is_direct || chat.state.role(event.sender.user) < Some(Role::Admin) {
            return Shown::Stub(StubReason::NotAllowed);
        }
        let ChatMetadata { name, description, picture } = metadata;
        let marks = &mut chat.marks;
        let says_nothing_new = description.is_none() && picture.is_none() && *name == marks.title;
        if name.is_some() {
            marks.title.clone_from(name);
        }
        // Neither is held in memory: the message has them.
        marks.described = description.as_ref().map_or(marks.described, |_| Some(event.seq));
        marks.pictured = picture.as_ref().map_or(marks.pictured, |_| Some(event.seq));
        chat.marks_changed = true;
        self.effects.changes.push(Change::ChatChanged { chat: id });
        if says_nothing_new { Shown::Nothing } else { Shown::Content(padded) }
    }
}
