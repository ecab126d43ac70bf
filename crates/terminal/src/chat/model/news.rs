//! What the model is told, other than keys.

use dunlin_model::{ChatId, Timestamp, UserId};

use super::{Focus, Link, Model, Overlay, Request};
use crate::chat::view::{ChatView, Found, Info, Keys, Page, Presence};

/// Who was not heard to type for so long has stopped.
const TYPING_FORGOTTEN_MS: u64 = 8_000;

/// Something happened.
#[derive(Debug)]
pub(in crate::chat) enum News {
    /// Time passed.
    Time(Timestamp),
    /// The terminal has another size.
    Size(u16, u16),
    /// The person looks at the terminal, or no longer does.
    Focus(bool),
    /// Text was pasted.
    Paste(String),
    /// The connection stands.
    Online,
    /// It does not, and why.
    Offline(String),
    /// The chats, in any order.
    Chats(Vec<ChatView>),
    /// A part of a chat.
    Page(Page),
    /// Someone types, or stopped.
    Typing { chat: ChatId, user: UserId, name: String, typing: bool },
    /// Someone came or went.
    Presence(UserId, Presence),
    /// What a search for this text found.
    Found { text: String, found: Vec<Found> },
    /// The chat that was asked for is there.
    Started(ChatId),
    /// It is not, and why.
    NotStarted(String),
    /// Somebody's keys; `None` while they are not known here.
    Keys { user: UserId, name: String, keys: Option<Keys> },
    /// Who has a message.
    Info(Info),
    /// A sentence for the person.
    Note(String),
}

impl Model {
    /// Takes note of something, and says what is to be done.
    pub(in crate::chat) fn hear(&mut self, news: News) -> Vec<Request> {
        let mut out = Vec::new();
        match news {
            News::Time(now) => self.pass(now),
            News::Size(columns, rows) => self.size = (columns, rows),
            News::Focus(focused) => self.focused = focused,
            News::Paste(text) => {
                if let Some(field) = self.field() {
                    field.insert(&text);
                    self.typed(&mut out);
                }
            }
            News::Online => {
                self.link = Link::Online;
                self.watched.clear();
                self.watch(&mut out);
            }
            News::Offline(why) => {
                self.link = Link::Offline(why);
                // Nobody says any more that they stopped, or left.
                self.typing.clear();
                self.presence.clear();
            }
            News::Chats(chats) => self.show_chats(chats, &mut out),
            News::Page(page) => self.show_page(page),
            News::Typing { chat, user, name, typing: true } => {
                self.typing.entry(chat).or_default().insert(user, (name, self.now));
            }
            News::Typing { chat, user, typing: false, .. } => {
                if let Some(typing) = self.typing.get_mut(&chat) {
                    typing.remove(&user);
                }
            }
            News::Presence(user, presence) => {
                self.presence.insert(user, presence);
            }
            News::Found { text, found } => self.found(&text, found),
            News::Started(chat) => self.started(chat, &mut out),
            News::NotStarted(why) => self.not_started(why),
            News::Keys { user, name, keys } => self.overlay = Some(Overlay::Verify { user, name, keys }),
            News::Info(info) => {
                let top = match &self.overlay {
                    Some(Overlay::Info { top, .. }) => *top,
                    _ => 0,
                };
                self.overlay = Some(Overlay::Info { info, top });
            }
            News::Note(note) => self.note = Some(note),
        }
        self.settle(&mut out);
        out
    }

    fn pass(&mut self, now: Timestamp) {
        self.now = now;
        // That somebody stopped may be lost on the way.
        for typing in self.typing.values_mut() {
            typing.retain(|_, (_, heard)| now.0.saturating_sub(heard.0) < TYPING_FORGOTTEN_MS);
        }
    }

    fn show_chats(&mut self, mut chats: Vec<ChatView>, out: &mut Vec<Request>) {
        chats.sort_by(|a, b| b.active.cmp(&a.active).then_with(|| a.name.cmp(&b.name)));
        self.chats = chats;
        if self.cursor.is_none_or(|cursor| self.chat(cursor).is_none()) {
            self.cursor = self.chats.first().map(|chat| chat.chat);
        }
        if self.open.as_ref().is_some_and(|open| self.chat(open.chat).is_none()) {
            self.open = None;
            self.focus = Focus::List;
        }
        self.watch(out);
    }

    fn show_page(&mut self, page: Page) {
        let (look, height) = (self.look(), usize::from(self.geometry().history.height));
        if let Some(open) = self.open.as_mut().filter(|open| open.chat == page.chat) {
            open.show(page, &look, height);
        }
    }
}
