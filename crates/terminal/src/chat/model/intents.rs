//! What a key does to the model.

use dunlin_model::{ChatId, Seq};

use super::conversation::{Conversation, Purpose};
use super::{Focus, Model, Overlay, QUICK_REACTIONS, Request, Starting};
use crate::chat::composer::Composer;
use crate::chat::draw::help_top_max;
use crate::chat::keys::Intent;

/// How often it is said that the person still types.
const TYPING_SAID_EVERY_MS: u64 = 3_000;

impl Model {
    /// Does what a key stands for, and says what is to be done.
    pub(in crate::chat) fn intend(&mut self, intent: Intent) -> Vec<Request> {
        let mut out = Vec::new();
        self.note = None;
        match intent {
            Intent::Help => self.overlay = Some(Overlay::Help { top: 0 }),
            Intent::Switch => self.overlay = Some(Overlay::Switch { field: Composer::default(), at: 0 }),
            Intent::Search => {
                self.overlay = Some(Overlay::Search { field: Composer::default(), found: None, at: 0 });
            }
            Intent::ChatUp => self.step_chat(false, &mut out),
            Intent::ChatDown => self.step_chat(true, &mut out),
            Intent::NextUnread => self.next_unread(&mut out),
            Intent::PageUp => self.page(false),
            Intent::PageDown => self.page(true),
            Intent::Back => self.back(&mut out),
            Intent::Redraw => out.push(Request::Redraw),
            Intent::Suspend => {
                self.keep_draft(&mut out);
                out.push(Request::Suspend);
            }
            Intent::Leave => {
                self.stop_typing(&mut out);
                self.keep_draft(&mut out);
                out.push(Request::Leave);
            }
            Intent::Up => self.move_to(false),
            Intent::Down => self.move_to(true),
            Intent::First => self.move_to_end(false),
            Intent::Last => self.move_to_end(true),
            Intent::Choose => self.choose(&mut out),
            Intent::Send => self.send(&mut out),
            Intent::NewLine => self.edit_field(&mut out, |field| field.insert("\n")),
            Intent::Go(how) => {
                if let Some(field) = self.field() {
                    field.go(how);
                }
            }
            Intent::Erase(what) => self.edit_field(&mut out, |field| field.erase(what)),
            Intent::Clear => self.clear(&mut out),
            Intent::Browse => self.browse(),
            Intent::NewChat => self.overlay = Some(Overlay::New(Starting::default())),
            Intent::NextField => self.next_field(),
            Intent::Verify => self.ask_keys(&mut out),
            Intent::Mark => self.mark(true, &mut out),
            Intent::Unmark => self.mark(false, &mut out),
            Intent::Info => self.ask_info(&mut out),
            Intent::Reply => self.reply(),
            Intent::Edit => self.edit(),
            Intent::React => self.react(),
            Intent::Delete => self.ask_deletion(&mut out),
            Intent::ForMe => self.delete(false, &mut out),
            Intent::ForEveryone => self.delete(true, &mut out),
            Intent::Type(c) => self.type_char(c, &mut out),
        }
        self.settle(&mut out);
        out
    }

    /// Opens a chat before any key is pressed.
    pub(in crate::chat) fn open_at_start(&mut self, chat: ChatId) -> Vec<Request> {
        let mut out = Vec::new();
        self.open_chat_at(chat, None, &mut out);
        out
    }

    /// What follows from what is on the screen now.
    pub(super) fn settle(&mut self, out: &mut Vec<Request>) {
        let (look, height) = (self.look(), self.history_height());
        let looked_at = self.focused && self.overlay.is_none();
        if let Some(open) = &mut self.open {
            open.settle(looked_at, &look, height, out);
        }
    }

    /// Says that what is typed changed, and looks for it where it is searched for.
    pub(super) fn typed(&mut self, out: &mut Vec<Request>) {
        match &mut self.overlay {
            Some(Overlay::Search { field, at, found }) => {
                *at = 0;
                if field.text().trim().is_empty() {
                    *found = None;
                } else {
                    out.push(Request::Search { text: field.text().to_owned() });
                }
                return;
            }
            Some(Overlay::Switch { at, .. }) => {
                *at = 0;
                return;
            }
            Some(Overlay::New(starting)) => {
                starting.said = None;
                return;
            }
            Some(_) => return,
            None => {}
        }
        let Some(open) = &mut self.open else { return };
        if open.composer.is_empty() {
            self.stop_typing(out);
        } else if open
            .typing_said
            .is_none_or(|said| self.now.0.saturating_sub(said.0) >= TYPING_SAID_EVERY_MS)
        {
            open.typing_said = Some(self.now);
            out.push(Request::Typing { chat: open.chat, typing: true });
        }
    }

    fn history_height(&self) -> usize {
        usize::from(self.geometry().history.height)
    }

    fn stop_typing(&mut self, out: &mut Vec<Request>) {
        if let Some(open) = &mut self.open
            && open.typing_said.take().is_some()
        {
            out.push(Request::Typing { chat: open.chat, typing: false });
        }
    }

    /// Hands what was typed over to be kept, if it is not yet.
    pub(in crate::chat) fn keep_draft(&mut self, out: &mut Vec<Request>) {
        let Some(open) = &self.open else { return };
        let text = match &open.purpose {
            Purpose::Edit { before, .. } => before.text(),
            Purpose::Fresh | Purpose::Reply(_) => open.composer.text(),
        };
        let chat = open.chat;
        let Some(view) = self.chats.iter_mut().find(|view| view.chat == chat) else { return };
        if view.draft != text {
            view.draft = text.to_owned();
            out.push(Request::Draft { chat, text: view.draft.clone() });
        }
    }

    /// What was refused, and stands in the chat's draft again, is in front of whoever has the chat open.
    pub(in crate::chat) fn give_back(&mut self, chat: ChatId, words: &str) {
        let Some(open) = self.open.as_mut().filter(|open| open.chat == chat) else { return };
        let composer = match &mut open.purpose {
            Purpose::Edit { before, .. } => before,
            Purpose::Fresh | Purpose::Reply(_) => &mut open.composer,
        };
        let gap = if composer.is_empty() { "" } else { "\n" };
        *composer = Composer::holding(&format!("{}{gap}{words}", composer.text()));
    }

    /// Opens a chat, and keeps what was typed in the one before.
    pub(super) fn open_chat_at(&mut self, chat: ChatId, goal: Option<Seq>, out: &mut Vec<Request>) {
        let same = self.open.as_ref().is_some_and(|open| open.chat == chat);
        if !same {
            self.stop_typing(out);
            self.keep_draft(out);
            let Some(view) = self.chat(chat) else { return };
            let conversation = Conversation::open(view);
            if goal.is_none() {
                out.push(conversation.load());
            }
            self.open = Some(conversation);
        }
        self.cursor = Some(chat);
        self.focus = if goal.is_some() { Focus::Browse } else { Focus::Compose };
        if let Some(goal) = goal {
            let (look, height) = (self.look(), self.history_height());
            if let Some(open) = &mut self.open {
                if !same {
                    open.loaded = true;
                }
                open.go_to(goal, &look, height);
            }
        }
    }

    fn step_chat(&mut self, down: bool, out: &mut Vec<Request>) {
        self.overlay = None;
        if let Some(chat) = self.beside(self.open.as_ref().map(|open| open.chat).or(self.cursor), down) {
            self.open_chat_at(chat, None, out);
        }
    }

    fn beside(&self, chat: Option<ChatId>, down: bool) -> Option<ChatId> {
        let at = self.chats.iter().position(|view| Some(view.chat) == chat);
        let next = match (at, down) {
            (None, _) => 0,
            (Some(at), true) => (at + 1).min(self.chats.len().saturating_sub(1)),
            (Some(at), false) => at.saturating_sub(1),
        };
        self.chats.get(next).map(|view| view.chat)
    }

    fn next_unread(&mut self, out: &mut Vec<Request>) {
        let open = self.open.as_ref().map(|open| open.chat);
        let next =
            self.chats.iter().find(|view| view.unread > 0 && Some(view.chat) != open).map(|view| view.chat);
        match next {
            Some(chat) => {
                self.overlay = None;
                self.open_chat_at(chat, None, out);
            }
            None => self.note = Some("Nothing new in other chats.".into()),
        }
    }

    fn page(&mut self, down: bool) {
        let (look, height) = (self.look(), self.history_height());
        let rows = isize::try_from(height.saturating_sub(2).max(1)).unwrap_or(1);
        let last = help_top_max(self);
        if let Some(Overlay::Help { top }) = &mut self.overlay {
            *top = top.saturating_add_signed(if down { rows } else { -rows }).min(last);
        } else if let Some(open) = &mut self.open {
            open.scroll(if down { rows } else { -rows }, &look, height);
        }
    }

    fn back(&mut self, out: &mut Vec<Request>) {
        if self.overlay.take().is_some() {
            return;
        }
        let Some(open) = &mut self.open else {
            self.note = Some("Ctrl+Q leaves.".into());
            return;
        };
        match self.focus {
            Focus::Browse => {
                open.chosen = None;
                self.focus = Focus::Compose;
            }
            Focus::Compose if open.purpose != Purpose::Fresh => self.withdraw(),
            Focus::Compose if !open.follows() => {
                if open.follow() {
                    out.push(open.load());
                }
            }
            Focus::Compose => {
                self.stop_typing(out);
                self.keep_draft(out);
                self.focus = Focus::List;
            }
            Focus::List => self.note = Some("Ctrl+Q leaves.".into()),
        }
    }

    /// Neither replies nor edits any more.
    pub(super) fn withdraw(&mut self) {
        let Some(open) = &mut self.open else { return };
        if let Purpose::Edit { before, .. } = std::mem::replace(&mut open.purpose, Purpose::Fresh) {
            open.composer = before;
        }
    }

    fn move_to(&mut self, down: bool) {
        let (look, height, columns) = (self.look(), self.history_height(), self.composer_columns());
        let matches = match &self.overlay {
            Some(Overlay::Switch { field, .. }) => self.called(field.text()).len(),
            Some(Overlay::Search { found: Some(found), .. }) => found.len(),
            Some(Overlay::React { .. }) => QUICK_REACTIONS.len(),
            Some(Overlay::Help { .. }) => help_top_max(self) + 1,
            Some(Overlay::Info { info, .. }) => info.recipients.len(),
            _ => 0,
        };
        match &mut self.overlay {
            Some(
                Overlay::Help { top: at }
                | Overlay::Info { top: at, .. }
                | Overlay::Switch { at, .. }
                | Overlay::Search { at, .. }
                | Overlay::React { at, .. },
            ) => {
                *at = at.saturating_add_signed(if down { 1 } else { -1 }).min(matches.saturating_sub(1));
                return;
            }
            Some(Overlay::Delete { .. } | Overlay::New(_) | Overlay::Verify { .. }) => return,
            None => {}
        }
        match self.focus {
            Focus::List => self.cursor = self.beside(self.cursor, down),
            Focus::Browse => {
                if let Some(open) = &mut self.open {
                    open.choose(down, &look, height);
                }
            }
            Focus::Compose => {
                let moved = self.field().is_some_and(|field| field.go_row(down, columns));
                if !moved && !down {
                    self.edit_newest();
                }
            }
        }
    }

    fn move_to_end(&mut self, last: bool) {
        let (look, height) = (self.look(), self.history_height());
        match (self.focus, &mut self.open) {
            (Focus::List, _) => {
                let end = if last { self.chats.last() } else { self.chats.first() };
                self.cursor = end.map(|chat| chat.chat);
            }
            (_, Some(open)) => open.choose_end(last, &look, height),
            (_, None) => {}
        }
    }

    fn choose(&mut self, out: &mut Vec<Request>) {
        match self.overlay.take() {
            Some(Overlay::Switch { field, at }) => {
                if let Some(chat) = self.called(field.text()).get(at).map(|view| view.chat) {
                    self.open_chat_at(chat, None, out);
                }
            }
            Some(Overlay::Search { found, at, .. }) => {
                if let Some(hit) = found.as_ref().and_then(|found| found.get(at)) {
                    self.open_chat_at(hit.chat, Some(hit.seq), out);
                }
            }
            Some(Overlay::React { seq, field, at }) => {
                let typed = field.text().trim();
                let quick = QUICK_REACTIONS.get(at).copied().unwrap_or_default();
                self.put_reaction(seq, if typed.is_empty() { quick } else { typed }, out);
            }
            Some(Overlay::New(starting)) => self.start(starting, out),
            Some(
                Overlay::Help { .. } | Overlay::Delete { .. } | Overlay::Verify { .. } | Overlay::Info { .. },
            ) => {}
            None => {
                if let Some(chat) = self.cursor {
                    self.open_chat_at(chat, None, out);
                }
            }
        }
    }

    fn send(&mut self, out: &mut Vec<Request>) {
        let Some(open) = &mut self.open else { return };
        let chat = open.chat;
        let text = open.composer.text().trim_end().to_owned();
        if text.trim().is_empty() {
            return;
        }
        if let Some(closed) =
            self.chats.iter().find(|view| view.chat == chat).and_then(|view| view.closed.clone())
        {
            self.note = Some(closed);
            return;
        }
        let purpose = std::mem::replace(&mut open.purpose, Purpose::Fresh);
        open.composer = Composer::default();
        match purpose {
            Purpose::Fresh => out.push(Request::Say { chat, text, reply_to: None }),
            Purpose::Reply(seq) => out.push(Request::Say { chat, text, reply_to: Some(seq) }),
            Purpose::Edit { seq, before } => {
                let unchanged = open.message(seq).is_some_and(|message| message.body.words() == text);
                open.composer = before;
                if !unchanged {
                    out.push(Request::Edit { chat, seq, text });
                }
                return self.stop_typing(out);
            }
        }
        // The message itself says that it is written.
        open.typing_said = None;
        open.new_from = None;
        if open.follow() {
            out.push(open.load());
        }
        self.keep_draft(out);
    }

    fn edit_field(&mut self, out: &mut Vec<Request>, change: impl FnOnce(&mut Composer)) {
        if let Some(field) = self.field() {
            change(field);
            self.typed(out);
        }
    }

    fn clear(&mut self, out: &mut Vec<Request>) {
        if self.overlay.is_none() && self.field().is_some_and(|field| field.is_empty()) {
            self.note = Some("Ctrl+Q leaves.".into());
        } else {
            self.edit_field(out, |field| *field = Composer::default());
        }
    }

    fn type_char(&mut self, c: char, out: &mut Vec<Request>) {
        if let Some(Overlay::React { seq, field, .. }) = &self.overlay
            && field.is_empty()
            && let Some(number) = c.to_digit(10)
        {
            let quick = usize::try_from(number).ok().and_then(|number| number.checked_sub(1));
            if let Some(emoji) = quick.and_then(|at| QUICK_REACTIONS.get(at)) {
                let seq = *seq;
                self.overlay = None;
                self.put_reaction(seq, emoji, out);
            }
            return;
        }
        self.edit_field(out, |field| field.insert(c.encode_utf8(&mut [0; 4])));
    }

    fn browse(&mut self) {
        let (look, height) = (self.look(), self.history_height());
        if let Some(open) = &mut self.open {
            self.focus = Focus::Browse;
            open.choose_end(true, &look, height);
        }
    }
}
