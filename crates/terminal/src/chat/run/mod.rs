//! Connects the model with the terminal and the device.
//!
//! One task: it waits for keys, for changes of the device, for time, and draws. What is shown is read from the vault;
//! what the device tells of is a hint to read again, so that losing one loses nothing.

mod carry_out;
mod terminal;
mod views;

use std::collections::BTreeSet;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event, EventStream};
use dunlin_client::Change;
use dunlin_model::{ChatId, UserId};
use futures_util::{FutureExt, StreamExt};
use jiff::tz::TimeZone;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use super::draw::style::Theme;
use super::keys;
use super::model::{Model, News};
use super::view::Presence;
use crate::failure::{Failure, Result};
use crate::session::{Online, Session};
use terminal::Screen;

pub(crate) use terminal::needs_screen;

/// How often it is looked at the clock, and what was typed is kept.
const TICK: Duration = Duration::from_secs(1);
/// Keys and changes that are taken before the screen is drawn again.
const TAKEN_PER_DRAWING_MAX: usize = 256;
/// News of tasks in the background that may wait.
const NEWS_MAX: usize = 64;

/// Whether it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Leave,
}

/// What runs.
struct Running {
    session: Rc<Session>,
    model: Model,
    screen: Screen,
    /// What tasks in the background found out.
    news: mpsc::Sender<News>,
    /// What has to be read again.
    chats_dirty: bool,
    open_dirty: bool,
    /// People whose names were asked for.
    asked: BTreeSet<UserId>,
    /// The chat whose receipts were asked for.
    refreshed: Option<ChatId>,
}

impl Session {
    /// Shows chats on the whole screen until the person leaves, or `leaving` turns true. Begins with the chat that
    /// `first` means.
    ///
    /// # Errors
    /// When there is no terminal or no such chat, when the device was logged out or its vault failed.
    pub(crate) async fn chat(self: &Rc<Self>, first: Option<&str>, leaving: watch::Receiver<bool>) -> Result {
        let first = match first {
            Some(text) => Some(self.find_chat(text).await?),
            None => None,
        };
        let ended = ended_from_outside();
        let screen = Screen::take()?;
        let colours = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let model = Model::new(self.now(), TimeZone::system(), Theme { colours }, Screen::size());
        let (news, told) = mpsc::channel(NEWS_MAX);
        let running = Running {
            session: Rc::clone(self),
            model,
            screen,
            news,
            chats_dirty: true,
            open_dirty: false,
            asked: BTreeSet::new(),
            refreshed: None,
        };
        // The terminal is given back when this ends, before anything is said about why.
        running.run(first, told, leaving, ended).await
    }
}

impl Running {
    async fn run(
        mut self,
        first: Option<ChatId>,
        mut told: mpsc::Receiver<News>,
        mut leaving: watch::Receiver<bool>,
        ended: impl Future<Output = ()>,
    ) -> Result {
        let mut keys = EventStream::new();
        let mut changes = self.session.feed.changes();
        let mut online = self.session.feed.online();
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut ended = pin!(ended);
        self.meet(&mut online)?;
        self.read_again().await?;
        if let Some(chat) = first {
            let requests = self.model.open_at_start(chat);
            self.carry_out(requests).await?;
        }
        loop {
            self.read_again().await?;
            self.screen.draw(&self.model)?;
            let flow = tokio::select! {
                // The person goes first.
                biased;
                event = keys.next() => self.take_keys(event, &mut keys).await?,
                () = &mut ended => self.leave().await?,
                _ = leaving.wait_for(|leaving| *leaving) => self.leave().await?,
                turned = online.changed() => {
                    if turned.is_err() {
                        return Err(self.session.feed.end().unwrap_or_else(Failure::logged_out));
                    }
                    self.meet(&mut online)?;
                    Flow::On
                }
                change = changes.recv() => self.take_changes(change, &mut changes).await?,
                Some(news) = told.recv() => {
                    if matches!(news, News::Started(_)) {
                        // It is to be opened.
                        self.chats_dirty = true;
                        self.read_again().await?;
                    }
                    self.hear(news).await?;
                    // Names may be others now.
                    (self.chats_dirty, self.open_dirty) = (true, true);
                    Flow::On
                }
                _ = tick.tick() => self.pass().await?,
            };
            if flow == Flow::Leave {
                return Ok(());
            }
        }
    }

    /// Takes a key and those that came with it.
    async fn take_keys(
        &mut self,
        first: Option<std::io::Result<Event>>,
        keys: &mut EventStream,
    ) -> Result<Flow> {
        let mut next = Some(first);
        for _ in 0..TAKEN_PER_DRAWING_MAX {
            match next.take() {
                None => break,
                // The terminal is gone.
                Some(None | Some(Err(_))) => return self.leave().await,
                Some(Some(Ok(event))) => {
                    if self.take_event(event).await? == Flow::Leave {
                        return Ok(Flow::Leave);
                    }
                }
            }
            next = keys.next().now_or_never();
        }
        Ok(Flow::On)
    }

    async fn take_event(&mut self, event: Event) -> Result<Flow> {
        match event {
            Event::Key(key) => match keys::intent(self.model.context(), key) {
                Some(intent) => {
                    let requests = self.model.intend(intent);
                    self.carry_out(requests).await
                }
                None => Ok(Flow::On),
            },
            Event::Paste(text) => self.hear(News::Paste(text)).await,
            Event::Resize(columns, rows) => self.hear(News::Size(columns, rows)).await,
            Event::FocusGained => self.hear(News::Focus(true)).await,
            Event::FocusLost => self.hear(News::Focus(false)).await,
            Event::Mouse(_) => Ok(Flow::On),
        }
    }

    async fn hear(&mut self, news: News) -> Result<Flow> {
        let requests = self.model.hear(news);
        self.carry_out(requests).await
    }

    async fn take_changes(
        &mut self,
        first: Result<Arc<Change>, RecvError>,
        changes: &mut broadcast::Receiver<Arc<Change>>,
    ) -> Result<Flow> {
        match first {
            Ok(change) => self.take_change(&change).await?,
            Err(RecvError::Lagged(_)) => (self.chats_dirty, self.open_dirty) = (true, true),
            Err(RecvError::Closed) => {
                return Err(self.session.feed.end().unwrap_or_else(Failure::logged_out));
            }
        }
        for _ in 0..TAKEN_PER_DRAWING_MAX {
            match changes.try_recv() {
                Ok(change) => self.take_change(&change).await?,
                Err(TryRecvError::Lagged(_)) => (self.chats_dirty, self.open_dirty) = (true, true),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        Ok(Flow::On)
    }

    async fn take_change(&mut self, change: &Change) -> Result {
        match change {
            Change::Typing { chat, user, typing } if *user != self.session.me() => {
                let name = self.session.name(*user);
                self.hear(News::Typing { chat: *chat, user: *user, name, typing: *typing }).await?;
            }
            Change::Presence(presence) => {
                let shown = match (presence.online, presence.last_seen) {
                    (true, _) => Presence::Online,
                    (false, Some(time)) => Presence::LastSeen(time),
                    (false, None) => Presence::Unknown,
                };
                self.hear(News::Presence(presence.user, shown)).await?;
            }
            // Everything else is read again; it is about one chat at most, which is nearly always the open one.
            _ => (self.chats_dirty, self.open_dirty) = (true, true),
        }
        Ok(())
    }

    /// Reads what changed.
    async fn read_again(&mut self) -> Result {
        if std::mem::take(&mut self.chats_dirty) {
            for change in self.session.feed.take_notices() {
                // The others stand in the conversations.
                if let Change::Refused { chat, words, .. } = &change {
                    self.model.note = self.session.change_line(&change);
                    if let Some(words) = words {
                        self.model.give_back(*chat, words);
                    }
                }
            }
            let chats = self.session.chat_views().await?;
            // Somebody may have begun to write who is not known here.
            self.learn(self.session.peers());
            self.hear(News::Chats(chats)).await?;
        }
        if std::mem::take(&mut self.open_dirty)
            && let Some(request) = self.model.reload()
        {
            self.carry_out(vec![request]).await?;
            if let Some(request) = self.model.look_again() {
                self.carry_out(vec![request]).await?;
            }
        }
        Ok(())
    }

    /// Takes note of the connection.
    fn meet(&mut self, online: &mut watch::Receiver<Online>) -> Result {
        let now = online.borrow_and_update().clone();
        let news = match now {
            Online::NotYet => return Ok(()),
            Online::Connected => News::Online,
            Online::CaughtUp => {
                self.learn_all();
                News::Online
            }
            Online::Offline { why } => News::Offline(why),
            Online::LoggedOut | Online::Failed(_) => {
                return Err(self.session.feed.end().unwrap_or_else(Failure::logged_out));
            }
        };
        self.refreshed = None;
        self.open_dirty = true;
        // Somebody may have to be asked for; that waits for the next turn, like everything else in the background.
        if self.news.try_send(news).is_err() {
            self.chats_dirty = true;
        }
        Ok(())
    }

    async fn pass(&mut self) -> Result<Flow> {
        self.hear(News::Time(self.session.now())).await?;
        let mut requests = Vec::new();
        self.model.keep_draft(&mut requests);
        self.carry_out(requests).await
    }

    async fn leave(&mut self) -> Result<Flow> {
        let requests = self.model.intend(keys::Intent::Leave);
        self.carry_out(requests).await
    }
}

/// Ends when the program is asked to from outside: the window was closed, the machine goes down. From the call on, not
/// only from the first poll, such a request no longer ends the program at once.
#[cfg(unix)]
fn ended_from_outside() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::hangup()), signal(SignalKind::terminate()));
    async move {
        let (Ok(mut hung_up), Ok(mut terminated)) = signals else { return std::future::pending().await };
        tokio::select! {
            _ = hung_up.recv() => {}
            _ = terminated.recv() => {}
        }
    }
}

#[cfg(not(unix))]
fn ended_from_outside() -> impl Future<Output = ()> {
    std::future::pending()
}
