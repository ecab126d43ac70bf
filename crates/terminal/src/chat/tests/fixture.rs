//! A person with some chats, before a screen that can be read.

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use dunlin_model::{ChatId, Seq, Timestamp, UserId};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use unicode_width::UnicodeWidthStr;

use crate::chat::draw;
use crate::chat::draw::style::Theme;
use crate::chat::keys;
use crate::chat::model::{Model, News, Request};
use crate::chat::view::{
    Body, ChatSort, ChatView, Entry, Message, Page, Place, Presence, Quote, Reactions, Tick, What, Window,
};

/// Saturday, 21 November 2026, 10:00 in Greenwich.
pub(super) const TEN: u64 = 1_795_255_200_000;
const MINUTE: u64 = 60_000;
pub(super) const ADA: u8 = 1;
pub(super) const WALK: u8 = 2;
pub(super) const DANA: u8 = 3;
pub(super) const ME: u8 = 100;

pub(super) fn chat_id(byte: u8) -> ChatId {
    ChatId::from_bytes([byte; 16])
}

pub(super) fn user(byte: u8) -> UserId {
    UserId::from_bytes([byte; 16])
}

pub(super) fn chat(byte: u8, name: &str, sort: ChatSort) -> ChatView {
    ChatView {
        chat: chat_id(byte),
        name: name.into(),
        sort,
        members: if matches!(sort, ChatSort::Direct(_)) { 2 } else { 4 },
        unread: 0,
        seen: Seq(0),
        newest: Seq(0),
        active: Timestamp(TEN - u64::from(byte) * MINUTE),
        waiting: 0,
        draft: String::new(),
        moderates: false,
        closed: None,
    }
}

/// A message of someone, `minutes` after ten.
pub(super) fn said(seq: u64, who: u8, name: &str, minutes: u64, text: &str) -> Entry {
    Entry {
        place: Place::at(Seq(seq)),
        time: Timestamp(TEN + minutes * MINUTE),
        what: What::Message(Box::new(Message {
            sender: user(who),
            name: name.into(),
            mine: who == ME,
            body: Body::Text(text.into()),
            quote: None,
            edited: false,
            reactions: Vec::new(),
            tick: (who == ME).then_some(Tick::Sent),
        })),
    }
}

pub(super) fn with(mut entry: Entry, change: impl FnOnce(&mut Message)) -> Entry {
    if let What::Message(message) = &mut entry.what {
        change(message);
    }
    entry
}

pub(super) fn notice(seq: u64, nth: u32, minutes: u64, text: &str, alarming: bool) -> Entry {
    Entry {
        place: Place::In(Seq(seq), nth),
        time: Timestamp(TEN + minutes * MINUTE),
        what: What::Notice { text: text.into(), alarming },
    }
}

/// What stands in the chat with Ada.
pub(super) fn talk() -> Vec<Entry> {
    let waiting = Entry {
        place: Place::Waiting(9),
        ..said(0, ME, "you", 16, "On my way. It may take me a while, the tram is late again")
    };
    let day = 24 * 60;
    let mut yesterday = said(2, ADA, "Ada", 0, "See you tomorrow?");
    yesterday.time = Timestamp(TEN - day * MINUTE);
    vec![
        yesterday,
        said(3, ADA, "Ada", 0, "Good morning! At ten, by the lighthouse?"),
        said(4, ADA, "Ada", 1, "Bring the map"),
        with(said(5, ME, "you", 3, "Yes"), |message| {
            message.tick = Some(Tick::Seen);
            message.quote =
                Some(Quote { name: "Ada".into(), text: "Good morning! At ten, by the lighthouse?".into() });
            message.reactions = vec![
                Reactions { emoji: "👍".into(), count: 2, mine: true },
                Reactions { emoji: "🧡".into(), count: 1, mine: false },
            ];
        }),
        with(said(6, ME, "you", 4, "The old one, or the new one?"), |message| {
            message.tick = Some(Tick::Delivered);
            message.edited = true;
        }),
        notice(6, 1, 5, "Ada has a new identity key. Compare the safety number before you trust it.", true),
        notice(7, 0, 5, "Ada added a device", false),
        with(said(8, ADA, "Ada", 6, ""), |message| message.body = Body::Aside("(deleted)".into())),
        said(9, ADA, "Ada", 7, "写真を送りました。シャローム! שלום לך, מה שלומך?"),
        said(10, ADA, "Ada", 15, "red \u{1b}[31m and \u{202e}turned"),
        with(said(11, ME, "you", 16, "One\nTwo"), |message| message.tick = Some(Tick::Sent)),
        with(waiting, |message| message.tick = Some(Tick::Waiting)),
    ]
}

/// A person at a terminal, and what they asked for.
pub(super) struct Desk {
    pub(super) model: Model,
    pub(super) asked: Vec<Request>,
    pub(super) logs: BTreeMap<ChatId, Vec<Entry>>,
    pub(super) loads: usize,
}

impl Desk {
    pub(super) fn new(columns: u16, rows: u16) -> Self {
        let now = Timestamp(TEN + 20 * MINUTE);
        let model = Model::new(now, TimeZone::UTC, Theme { colours: true }, (columns, rows));
        Self { model, asked: Vec::new(), logs: BTreeMap::new(), loads: 0 }
    }

    /// Three chats; nothing is open.
    pub(super) fn with_chats(columns: u16, rows: u16) -> Self {
        let mut desk = Self::new(columns, rows);
        let ada = ChatView {
            seen: Seq(11),
            newest: Seq(11),
            waiting: 1,
            ..chat(ADA, "Ada Lovelace", ChatSort::Direct(user(ADA)))
        };
        let walk = ChatView { unread: 12, ..chat(WALK, "Sunday walk, and then some tea", ChatSort::Group) };
        let dana =
            ChatView { draft: "half a".into(), ..chat(DANA, "דנה 日本", ChatSort::Direct(user(DANA))) };
        desk.logs.insert(chat_id(ADA), talk());
        desk.logs.insert(
            chat_id(WALK),
            (1..=12).map(|seq| said(seq, DANA, "Dana", seq * 10, &format!("line {seq}"))).collect(),
        );
        desk.hear(News::Chats(vec![dana, walk, ada]));
        desk.hear(News::Online);
        desk.hear(News::Presence(user(ADA), Presence::Online));
        desk
    }

    /// As above, and the chat with Ada is open.
    pub(super) fn with_ada(columns: u16, rows: u16) -> Self {
        let mut desk = Self::with_chats(columns, rows);
        desk.press(KeyCode::Enter);
        desk
    }

    pub(super) fn hear(&mut self, news: News) {
        let asked = self.model.hear(news);
        self.answer(asked);
    }

    pub(super) fn press(&mut self, code: KeyCode) {
        self.press_with(code, KeyModifiers::NONE);
    }

    pub(super) fn press_with(&mut self, code: KeyCode, held: KeyModifiers) {
        let key = KeyEvent::new(code, held);
        if let Some(intent) = keys::intent(self.model.context(), key) {
            let asked = self.model.intend(intent);
            self.answer(asked);
        }
    }

    pub(super) fn ctrl(&mut self, c: char) {
        self.press_with(KeyCode::Char(c), KeyModifiers::CONTROL);
    }

    pub(super) fn type_text(&mut self, text: &str) {
        text.chars().for_each(|c| self.press(KeyCode::Char(c)));
    }

    /// Loads what is asked for, and keeps the other requests.
    fn answer(&mut self, asked: Vec<Request>) {
        for request in asked {
            match request {
                Request::Load { chat, window } => {
                    self.loads += 1;
                    let page = self.page(chat, window);
                    self.hear(News::Page(page));
                }
                request => self.asked.push(request),
            }
        }
    }

    /// Loads anew what the open chat shows, as after something new came.
    pub(super) fn reload(&mut self) {
        if let Some(request) = self.model.reload() {
            self.answer(vec![request]);
        }
    }

    fn page(&self, chat: ChatId, window: Window) -> Page {
        let log = self.logs.get(&chat).map_or(&[][..], Vec::as_slice);
        let newest = log.iter().filter_map(|entry| entry.place.seq()).max().unwrap_or_default();
        let until = window
            .end
            .map_or(log.len(), |end| log.partition_point(|entry| entry.place < Place::at(Seq(end.0 + 1))));
        let from = until.saturating_sub(window.count);
        Page {
            chat,
            entries: log[from..until].to_vec(),
            has_older: from > 0,
            has_newer: until < log.len(),
            newest,
        }
    }

    /// What was asked for since this was last asked.
    pub(super) fn take(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.asked)
    }

    /// The screen, without the spaces at the ends of rows, and where the cursor is.
    pub(super) fn screen(&self) -> String {
        let (columns, rows) = self.model.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        let mut cursor = None;
        terminal.draw(|frame| draw::draw(&self.model, frame)).unwrap();
        if terminal.backend().cursor_visible() {
            cursor = Some(terminal.get_cursor_position().unwrap());
        }
        let buffer = terminal.backend().buffer();
        let mut screen = String::new();
        for row in 0..rows {
            let mut line = String::new();
            let mut column = 0;
            while column < columns {
                let symbol = buffer[(column, row)].symbol();
                line.push_str(symbol);
                column += u16::try_from(symbol.width()).unwrap().max(1);
            }
            screen.push_str(line.trim_end());
            screen.push('\n');
        }
        if let Some(cursor) = cursor {
            screen.push_str(&format!("cursor at {}, {}\n", cursor.x, cursor.y));
        }
        screen
    }
}
