//! All that the screen shows, and how it changes: keys and news come in, requests go out. No terminal, no device,
//! no clock; the same inputs give the same screen.

mod acts;
mod conversation;
mod intents;
mod news;
mod overlay;
mod people;

use std::collections::{BTreeMap, BTreeSet};

use dunlin_model::{ChatId, IdentityKey, Seq, Timestamp, UserId};
use jiff::tz::TimeZone;

use super::composer::Composer;
use super::draw::style::Theme;
use super::geometry::{self, Geometry, Need};
use super::keys::Context;
use super::rows::Look;
use super::view::{ChatSort, ChatView, Found, Presence, Window};

pub(super) use conversation::{Conversation, Purpose};
pub(super) use news::News;
pub(super) use overlay::{Overlay, QUICK_REACTIONS};
pub(super) use people::Starting;

/// The whole of it.
#[derive(Debug)]
pub(super) struct Model {
    /// The time, as last told.
    pub(super) now: Timestamp,
    /// Where the person is.
    pub(super) zone: TimeZone,
    /// The look.
    pub(super) theme: Theme,
    /// Columns and rows of the terminal.
    pub(super) size: (u16, u16),
    /// Whether the person looks at this terminal, as far as it says so.
    pub(super) focused: bool,
    /// The connection.
    pub(super) link: Link,
    /// The chats, the most recently active first.
    pub(super) chats: Vec<ChatView>,
    /// The one that the list's cursor is on.
    pub(super) cursor: Option<ChatId>,
    /// The one that is open.
    pub(super) open: Option<Conversation>,
    /// Where keys go.
    pub(super) focus: Focus,
    /// What lies above everything and takes the keys.
    pub(super) overlay: Option<Overlay>,
    /// A sentence for the person, until the next key.
    pub(super) note: Option<String>,
    /// Who types where, under what name, and when that was last heard.
    pub(super) typing: BTreeMap<ChatId, BTreeMap<UserId, (String, Timestamp)>>,
    /// Who is there.
    pub(super) presence: BTreeMap<UserId, Presence>,
    /// Whose presence was asked for.
    watched: BTreeSet<UserId>,
}

/// The connection to the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// Not tried yet.
    Connecting,
    /// It stands.
    Online,
    /// It does not.
    Offline(String),
}

/// Where keys go when nothing lies above.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Focus {
    /// To the chats.
    List,
    /// To what is typed.
    Compose,
    /// To the messages.
    Browse,
}

/// What the model wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// Show a part of a chat; answered by [`News::Page`].
    Load { chat: ChatId, window: Window },
    /// Say something.
    Say { chat: ChatId, text: String, reply_to: Option<Seq> },
    /// Say something else than before.
    Edit { chat: ChatId, seq: Seq, text: String },
    /// Put an emoji on a message, or take it back.
    React { chat: ChatId, seq: Seq, emoji: String, remove: bool },
    /// Delete a message.
    Delete { chat: ChatId, seq: Seq, everyone: bool },
    /// Take back a message that waits to be sent.
    Cancel { chat: ChatId, number: u64 },
    /// Everything up to there was on the screen while the person looked.
    Seen { chat: ChatId, seq: Seq },
    /// The person types, or stopped.
    Typing { chat: ChatId, typing: bool },
    /// Keep what was typed.
    Draft { chat: ChatId, text: String },
    /// Look for words in all messages; answered by [`News::Found`].
    Search { text: String },
    /// Start a chat with one person, or a group with a title; answered by [`News::Started`] or [`News::NotStarted`].
    Start { people: Vec<String>, title: String },
    /// Show somebody's keys; answered by [`News::Keys`].
    Keys { user: UserId },
    /// Note that these keys of somebody were compared and are theirs, or with `None` take that back.
    Verify { user: UserId, identity: Option<IdentityKey> },
    /// Show who has a message; answered by [`News::Info`].
    Info { chat: ChatId, seq: Seq },
    /// Follow the presence of these people alone.
    Watch { users: Vec<UserId> },
    /// Draw everything anew.
    Redraw,
    /// Give the terminal back for a while.
    Suspend,
    /// End.
    Leave,
}

impl Model {
    /// Nothing known yet.
    pub(super) fn new(now: Timestamp, zone: TimeZone, theme: Theme, size: (u16, u16)) -> Self {
        Self {
            now,
            zone,
            theme,
            size,
            focused: true,
            link: Link::Connecting,
            chats: Vec::new(),
            cursor: None,
            open: None,
            focus: Focus::List,
            overlay: None,
            note: None,
            typing: BTreeMap::new(),
            presence: BTreeMap::new(),
            watched: BTreeSet::new(),
        }
    }

    /// Where a key belongs.
    pub(super) const fn context(&self) -> Context {
        match (&self.overlay, self.focus) {
            (Some(overlay), _) => overlay.context(),
            (None, Focus::List) => Context::List,
            (None, Focus::Compose) => Context::Compose,
            (None, Focus::Browse) => Context::Browse,
        }
    }

    /// The parts of the screen.
    pub(super) fn geometry(&self) -> Geometry {
        let (composer_rows, banner) = self.open.as_ref().map_or((1, false), |open| {
            (open.composer.row_count(self.composer_columns()), open.purpose != Purpose::Fresh)
        });
        Geometry::of(self.size, Need { list_first: self.list_first(), composer_rows, banner })
    }

    /// Whether the list is what is shown where there is room for one pane.
    pub(super) fn list_first(&self) -> bool {
        self.open.is_none() || self.focus == Focus::List
    }

    /// Columns for what is typed.
    pub(super) fn composer_columns(&self) -> usize {
        geometry::composer_columns(self.size.0, self.list_first())
    }

    /// How to draw the conversation.
    pub(super) fn look(&self) -> Look {
        let chosen = match (self.focus, &self.open) {
            (Focus::Browse, Some(open)) => open.chosen,
            _ => None,
        };
        let columns = usize::from(geometry::columns(self.size.0, self.list_first()).1);
        Look { now: self.now, zone: self.zone.clone(), theme: self.theme, columns, chosen }
    }

    /// What is known of a chat.
    pub(super) fn chat(&self, chat: ChatId) -> Option<&ChatView> {
        self.chats.iter().find(|view| view.chat == chat)
    }

    /// What is known of the chat that is open.
    pub(super) fn open_chat(&self) -> Option<&ChatView> {
        self.open.as_ref().and_then(|open| self.chat(open.chat))
    }

    /// The chats in their order; the ones whose name holds `text` where one is given, the ones beginning so first.
    pub(super) fn called(&self, text: &str) -> Vec<&ChatView> {
        let wanted = text.trim().to_lowercase();
        let name = |view: &ChatView| view.name.to_lowercase();
        let mut found: Vec<&ChatView> =
            self.chats.iter().filter(|view| name(view).contains(&wanted)).collect();
        found.sort_by_key(|view| {
            let begins = name(view).split_whitespace().any(|word| word.starts_with(&wanted));
            (!begins, view.unread == 0)
        });
        found
    }

    /// How much waits to be sent in all chats.
    pub(super) fn waiting(&self) -> usize {
        self.chats.iter().map(|chat| chat.waiting).sum()
    }

    /// What is typed where keys go, if anything is typed there.
    pub(super) fn field(&mut self) -> Option<&mut Composer> {
        match (&mut self.overlay, self.focus) {
            (Some(overlay), _) => overlay.field(),
            (None, Focus::Compose) => self.open.as_mut().map(|open| &mut open.composer),
            (None, _) => None,
        }
    }

    /// What to load when something changed in the chat that is open.
    pub(super) fn reload(&self) -> Option<Request> {
        self.open.as_ref().map(Conversation::load)
    }

    /// Asks for the presence of those one talks with, when they are others than before.
    fn watch(&mut self, out: &mut Vec<Request>) {
        if self.link != Link::Online {
            return;
        }
        let peers = self.chats.iter().filter_map(|chat| match chat.sort {
            ChatSort::Direct(user) => Some(user),
            ChatSort::Group | ChatSort::Channel => None,
        });
        let wanted: BTreeSet<UserId> = peers.take(WATCHED_MAX).collect();
        if wanted != self.watched {
            self.watched.clone_from(&wanted);
            out.push(Request::Watch { users: wanted.into_iter().collect() });
        }
    }

    fn found(&mut self, text: &str, results: Vec<Found>) {
        if let Some(Overlay::Search { field, found, at, .. }) = &mut self.overlay
            && field.text() == text
        {
            *found = Some(results);
            *at = 0;
        }
    }
}

/// People whose presence is followed.
const WATCHED_MAX: usize = 100;
