//! Follow everything: show what is new, and say that it was seen.
//!
//! What is shown is read from the vault, from where this device has shown last, so that it is the same whether it
//! arrived now, before a restart, or through another command. What the device tells of is a hint to look again.

mod notices;
mod shown;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use dunlin_client::chats::StoredMessage;
use dunlin_client::{Action, Change};
use dunlin_model::{ChatId, Seq};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::watch;

use crate::args::TailArgs;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::render::users_of;
use crate::session::{NO_WAIT, Online, Session};
use shown::Shown;

/// Changes that are looked at before something is shown.
const CHANGES_PER_LOOK_MAX: usize = 256;

/// What following knows.
struct Following<'a> {
    session: &'a Session,
    out: &'a mut Output,
    only: Option<ChatId>,
    once: bool,
    shown: Shown,
    /// Chats to look into; all of them to begin with, and when something was missed.
    dirty: BTreeSet<ChatId>,
    all_dirty: bool,
    offline_told: bool,
    /// How far was marked as seen.
    marks: BTreeMap<ChatId, Seq>,
}

impl Session {
    pub(super) async fn tail(
        &self,
        out: &mut Output,
        args: TailArgs,
        leaving: watch::Receiver<bool>,
    ) -> Result {
        let only = match &args.chat {
            Some(chat) => Some(self.find_chat(chat).await?),
            None => None,
        };
        let mut following = Following {
            session: self,
            out,
            only,
            once: args.once,
            shown: Shown::default(),
            dirty: BTreeSet::new(),
            all_dirty: true,
            offline_told: false,
            marks: BTreeMap::new(),
        };
        following.run(leaving).await?;
        let marks = following.marks;
        self.marks_taken(marks).await
    }
}

impl Following<'_> {
    async fn run(&mut self, mut leaving: watch::Receiver<bool>) -> Result {
        let mut changes = self.session.feed.changes();
        let mut online = self.session.feed.online();
        if self.once {
            self.session.catch_up(NO_WAIT).await?;
            self.await_rest().await?;
            return self.show_all().await;
        }
        self.show_all().await?;
        self.meet(&mut online).await?;
        loop {
            tokio::select! {
                biased;
                _ = leaving.wait_for(|leaving| *leaving) => return Err(Failure::Moved),
                turned = online.changed() => {
                    // Before the end, what came last is shown.
                    self.take_all(&mut changes).await?;
                    self.show_dirty().await?;
                    if turned.is_err() {
                        return Err(self.session.feed.end().unwrap_or_else(Failure::logged_out));
                    }
                    self.meet(&mut online).await?;
                }
                change = changes.recv() => {
                    match change {
                        Ok(change) => self.take(&change).await?,
                        Err(RecvError::Lagged(_)) => self.all_dirty = true,
                        Err(RecvError::Closed) => return Err(Failure::logged_out()),
                    }
                    self.take_all(&mut changes).await?;
                    self.show_dirty().await?;
                }
            }
        }
    }

    /// Waits for what came and needs something more before it can be read.
    async fn await_rest(&self) -> Result {
        self.session.until(|client| client.chats().all(|(_, chat)| !chat.is_behind())).await
    }

    async fn meet(&mut self, online: &mut watch::Receiver<Online>) -> Result {
        let now = online.borrow_and_update().clone();
        match now {
            Online::NotYet | Online::Connected => {}
            Online::CaughtUp => {
                if std::mem::take(&mut self.offline_told) {
                    self.out.note("Connected again.").await;
                }
                // Without the contacts' names everything is shown all the same.
                if let Err(failure @ Failure::NotLoggedIn(_)) = self.session.learn_contacts().await {
                    return Err(failure);
                }
            }
            Online::Offline { why } => {
                if !std::mem::replace(&mut self.offline_told, true) {
                    self.out.note(&format!("Not connected: {why}. Trying again until it works.")).await;
                }
            }
            Online::LoggedOut | Online::Failed(_) => {
                return Err(self.session.feed.end().unwrap_or_else(Failure::logged_out));
            }
        }
        Ok(())
    }

    async fn take_all(&mut self, changes: &mut Receiver<Arc<Change>>) -> Result {
        for _ in 0..CHANGES_PER_LOOK_MAX {
            match changes.try_recv() {
                Ok(change) => self.take(&change).await?,
                Err(TryRecvError::Lagged(_)) => self.all_dirty = true,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        Ok(())
    }

    async fn take(&mut self, change: &Change) -> Result {
        match change {
            Change::Message { chat, .. }
            | Change::MessageChanged { chat, .. }
            | Change::ChatChanged { chat } => {
                self.dirty.insert(*chat);
                Ok(())
            }
            change => self.tell_of(change).await,
        }
    }

    async fn show_all(&mut self) -> Result {
        self.all_dirty = true;
        self.show_dirty().await
    }

    async fn show_dirty(&mut self) -> Result {
        let dirty = std::mem::take(&mut self.dirty);
        let all = std::mem::take(&mut self.all_dirty);
        let cursors = self.session.look(move |client| {
            let wanted = client.chats().filter(|(id, _)| all || dirty.contains(id));
            wanted.map(|(id, chat)| (id, chat.marks.cursor)).collect::<Vec<_>>()
        });
        let cursors = cursors.await?;
        self.session.refresh_chats().await?;
        for (chat, cursor) in cursors {
            if self.only.is_none_or(|only| only == chat) {
                self.show(chat, cursor).await?;
            }
        }
        self.tell_notices().await
    }

    /// Shows what is new up to `cursor`, and says that it was seen.
    async fn show(&mut self, chat: ChatId, cursor: Seq) -> Result {
        let from = self.shown.up_to(self.session, chat)?;
        if cursor <= from {
            return Ok(());
        }
        let mut next = from;
        let mut news = Vec::new();
        while next < cursor {
            next = next.next();
            news.extend(self.session.device.message(chat, next));
        }
        let device = &self.session.device;
        let items = news.iter().filter_map(|stored| device.view(chat, stored.seq));
        let users: Vec<_> = items.flat_map(|item| users_of(&item)).chain(self.session.peers()).collect();
        self.session.learn_names_or_not(users).await?;
        for message in &news {
            self.print(chat, message).await?;
        }
        // Shown, then noted: after a crash in between, it is shown again.
        self.shown.note(self.session, chat, cursor).await?;
        let token = self.session.feed.next_token();
        self.session.act(token, Action::MarkSeen { chat, seq: cursor }).await?;
        self.marks.insert(chat, cursor);
        Ok(())
    }

    async fn print(&mut self, chat: ChatId, stored: &StoredMessage) -> Result {
        let Some(line) = self.session.arrived(chat, stored, self.out) else { return Ok(()) };
        let place = if self.out.is_json() { String::new() } else { self.place(chat) };
        self.out.line(&format!("{place}{line}")).await
    }

    /// The chat's name before a line, where lines of several are shown.
    fn place(&self, chat: ChatId) -> String {
        if self.only.is_some() { String::new() } else { format!("[{}] ", self.session.chat_name(chat)) }
    }
}
