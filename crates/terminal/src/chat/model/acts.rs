//! What is done with the message that is chosen.

use dunlin_model::Seq;

use super::{Focus, Model, Overlay, Purpose, Request};
use crate::chat::composer::Composer;
use crate::chat::view::{Body, Message, Place};

impl Model {
    /// The message that is chosen, when something can be done with it.
    fn target(&mut self) -> Option<Seq> {
        let open = self.open.as_ref()?;
        let chosen = open.chosen?;
        if chosen.seq().is_none() {
            self.note = Some("It waits to be sent.".into());
            return None;
        }
        chosen.seq()
    }

    pub(super) fn reply(&mut self) {
        let Some(seq) = self.target() else { return };
        self.withdraw();
        if let Some(open) = &mut self.open {
            open.purpose = Purpose::Reply(seq);
            open.chosen = None;
        }
        self.focus = Focus::Compose;
    }

    pub(super) fn edit(&mut self) {
        let Some(seq) = self.target() else { return };
        self.begin_edit(seq);
    }

    pub(super) fn edit_newest(&mut self) {
        let Some(open) = self.open.as_ref().filter(|open| open.composer.is_empty()) else { return };
        let newest = open.entries.iter().rev().find(|entry| {
            let mine = |message: &Message| message.mine && matches!(message.body, Body::Text(_));
            matches!(entry.place, Place::In(..)) && entry.message().is_some_and(mine)
        });
        if let Some(seq) = newest.and_then(|entry| entry.place.seq()) {
            self.begin_edit(seq);
        }
    }

    fn begin_edit(&mut self, seq: Seq) {
        let Some(open) = &mut self.open else { return };
        let Some(message) = open.message(seq) else { return };
        let Body::Text(text) = &message.body else {
            self.note = Some("There are no words to edit.".into());
            return;
        };
        if !message.mine {
            self.note = Some("Only its author can edit it.".into());
            return;
        }
        let words = Composer::holding(text);
        let before = match std::mem::replace(&mut open.purpose, Purpose::Fresh) {
            Purpose::Edit { before, .. } => before,
            Purpose::Fresh | Purpose::Reply(_) => std::mem::take(&mut open.composer),
        };
        open.composer = words;
        open.purpose = Purpose::Edit { seq, before };
        open.chosen = None;
        self.focus = Focus::Compose;
    }

    pub(super) fn react(&mut self) {
        if let Some(seq) = self.target() {
            self.overlay = Some(Overlay::React { seq, field: Composer::default(), at: 0 });
        }
    }

    /// Puts an emoji on a message, or takes it back where the person put it.
    pub(super) fn put_reaction(&mut self, seq: Seq, emoji: &str, out: &mut Vec<Request>) {
        let Some(open) = &self.open else { return };
        let Some(message) = open.message(seq) else { return };
        let remove = message.reactions.iter().any(|reaction| reaction.mine && reaction.emoji == emoji);
        out.push(Request::React { chat: open.chat, seq, emoji: emoji.to_owned(), remove });
    }

    pub(super) fn ask_deletion(&mut self, out: &mut Vec<Request>) {
        let Some(open) = &self.open else { return };
        if let Some(Place::Waiting(number)) = open.chosen {
            out.push(Request::Cancel { chat: open.chat, number });
            return;
        }
        let Some(seq) = self.target() else { return };
        let everyone =
            self.open.as_ref().and_then(|open| open.message(seq)).is_some_and(|message| message.mine);
        self.overlay = Some(Overlay::Delete { seq, everyone });
    }

    pub(super) fn delete(&mut self, everyone: bool, out: &mut Vec<Request>) {
        let Some(Overlay::Delete { seq, everyone: possible }) = self.overlay else { return };
        if everyone && !possible {
            self.note = Some("Only its author and admins can delete it for everyone.".into());
            return;
        }
        self.overlay = None;
        if let Some(open) = &self.open {
            out.push(Request::Delete { chat: open.chat, seq, everyone });
        }
    }

    /// Shows who has the chosen message.
    pub(super) fn ask_info(&mut self, out: &mut Vec<Request>) {
        let Some(seq) = self.target() else { return };
        if let Some(open) = &self.open {
            out.push(Request::Info { chat: open.chat, seq });
        }
    }
}
