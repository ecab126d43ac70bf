//! Who is there: driven by connections and their heartbeats, with hysteresis (R10).
//!
//! Someone is shown as there at once, and as gone only after a while without a connection, so that a phone
//! that changes networks does not flicker. Presence is available rather than consistent: it converges.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use dunlin_model::account::{Document, DocumentKind, LastSeenVisibility, Settings};
use dunlin_model::view::UserPresence;
use dunlin_model::{ChatId, InboxEntry, Timestamp, UserId};
use dunlin_relay::Signal;
use dunlin_store::StoreError;
use parking_lot::Mutex;

use crate::session::Session;
use crate::{Delivery, DeliveryError, Feed};

/// How often absences are looked at.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// How often a connected user's last-seen time is written, so that a crash loses little of it.
const LAST_SEEN_INTERVAL: Duration = Duration::from_secs(300);
/// Inbox rows looked at to find out whether two users share a chat.
const SHARED_CHATS_ROWS_MAX: usize = 4_096;
/// Users whose presence one connection follows.
pub(crate) const FOLLOWED_USERS_MAX: usize = 512;

/// Who went a moment ago, and who wants to know.
#[derive(Default)]
pub(crate) struct PresenceBook(Mutex<Book>);

#[derive(Default)]
struct Book {
    /// Users without a connection who still count as there, and since when.
    leaving: HashMap<UserId, Duration>,
    /// Who wants to know of whom: the session, and whether it may see last-seen times.
    watchers: HashMap<UserId, Vec<Watcher>>,
    /// Users connected here, and when their last-seen time was written.
    written: HashMap<UserId, Duration>,
}

struct Watcher {
    session: Weak<Session>,
    sees_last_seen: bool,
}

impl Feed {
    /// The presence of `users`, and news of it from now on, in place of those followed before. Users who
    /// share no chat with the asker are left out. Cancel safe.
    ///
    /// # Errors
    /// `TooMany`, `Store`.
    pub async fn follow_presence(&mut self, users: &[UserId]) -> Result<Vec<UserPresence>, DeliveryError> {
        if users.len() > FOLLOWED_USERS_MAX {
            return Err(DeliveryError::TooMany { what: "users", limit: FOLLOWED_USERS_MAX });
        }
        let delivery = &self.delivery;
        let asker = self.device().user;
        let visible = delivery.visible_users(asker, users).await?;
        let mut shown = Vec::with_capacity(visible.len());
        for (user, sees_last_seen) in &visible {
            shown.push(delivery.presence_of(*user, *sees_last_seen).await?);
        }
        self.unfollow_presence();
        let mut book = self.delivery.presence.0.lock();
        for (user, sees_last_seen) in visible {
            let watcher = Watcher { session: Arc::downgrade(&self.session), sees_last_seen };
            book.watchers.entry(user).or_default().push(watcher);
            self.watched.push(user);
        }
        drop(book);
        Ok(shown)
    }

    pub(crate) fn unfollow_presence(&mut self) {
        if self.watched.is_empty() {
            return;
        }
        let mut book = self.delivery.presence.0.lock();
        for user in std::mem::take(&mut self.watched) {
            book.unwatch(user, &self.session);
        }
    }
}

impl Delivery {
    /// The presence of users who share a chat with `asker`, without following it. Cancel safe.
    ///
    /// # Errors
    /// `TooMany`, `Store`.
    pub async fn presence(
        &self,
        asker: UserId,
        users: &[UserId],
    ) -> Result<Vec<UserPresence>, DeliveryError> {
        if users.len() > FOLLOWED_USERS_MAX {
            return Err(DeliveryError::TooMany { what: "users", limit: FOLLOWED_USERS_MAX });
        }
        let mut shown = Vec::new();
        for (user, sees_last_seen) in self.visible_users(asker, users).await? {
            shown.push(self.presence_of(user, sees_last_seen).await?);
        }
        Ok(shown)
    }

    /// Whether others see `user` as there.
    pub(crate) fn shows_online(&self, user: UserId) -> bool {
        self.registry.is_connected(user) || self.presence.0.lock().leaving.contains_key(&user)
    }

    /// The user's first session here began.
    pub(crate) fn came(&self, user: UserId) {
        let now = self.clock.monotonic();
        let was_there = {
            let mut book = self.presence.0.lock();
            book.written.entry(user).or_insert(now);
            book.leaving.remove(&user).is_some()
        };
        if !was_there {
            self.tell(user, true, None);
        }
    }

    /// The user's last session here ended.
    pub(crate) fn went(&self, user: UserId) {
        let now = self.clock.monotonic();
        self.presence.0.lock().leaving.insert(user, now);
    }

    pub(crate) fn presence_from_elsewhere(&self, user: UserId, online: bool, last_seen: Option<Timestamp>) {
        if !self.registry.is_connected(user) {
            self.tell_here(user, online, last_seen);
        }
    }

    fn tell(&self, user: UserId, online: bool, last_seen: Option<Timestamp>) {
        self.tell_here(user, online, last_seen);
        self.relay.publish_signal(self.server, &[user], Signal::Presence { user, online, last_seen });
    }

    fn tell_here(&self, user: UserId, online: bool, last_seen: Option<Timestamp>) {
        let mut book = self.presence.0.lock();
        let Some(watchers) = book.watchers.get_mut(&user) else { return };
        watchers.retain(|watcher| {
            let Some(session) = watcher.session.upgrade() else { return false };
            let last_seen = last_seen.filter(|_| watcher.sees_last_seen);
            if !session.leave_presence(UserPresence { user, online, last_seen }) {
                self.metrics.signals_dropped.add(1);
            }
            true
        });
        if watchers.is_empty() {
            book.watchers.remove(&user);
        }
    }

    async fn presence_of(&self, user: UserId, sees_last_seen: bool) -> Result<UserPresence, StoreError> {
        let online = self.shows_online(user);
        let last_seen = if sees_last_seen && !online { self.store.last_seen(user).await? } else { None };
        Ok(UserPresence { user, online, last_seen })
    }

    /// Those of `users` who share a chat with `asker` and are not blocked, each with whether `asker` may see
    /// when they were last there.
    async fn visible_users(
        &self,
        asker: UserId,
        users: &[UserId],
    ) -> Result<Vec<(UserId, bool)>, DeliveryError> {
        let hides_own = self.settings(asker).await?.last_seen == LastSeenVisibility::Nobody;
        let blocked = self.blocked_among(asker, users).await?;
        let mut visible = Vec::new();
        let asked = users.iter().copied().filter(|user| !blocked.contains(user)).collect();
        for user in self.sharing_a_chat(asker, asked).await? {
            let sees = match self.settings(user).await?.last_seen {
                LastSeenVisibility::Everyone => true,
                LastSeenVisibility::Contacts => self.has_contact(user, asker).await?,
                LastSeenVisibility::Nobody => false,
            };
            visible.push((user, user == asker || (sees && !hides_own)));
        }
        Ok(visible)
    }

    /// Those of `users` who are in a chat with `asker` now, and `asker`; ascending.
    pub(crate) async fn sharing_a_chat(
        &self,
        asker: UserId,
        users: BTreeSet<UserId>,
    ) -> Result<Vec<UserId>, StoreError> {
        let mut own = None;
        let mut sharing = Vec::new();
        for user in users {
            if user != asker {
                let own = match &own {
                    Some(own) => own,
                    None => own.insert(self.open_chats(asker).await?),
                };
                let shares = own.contains(&ChatId::direct(asker, user))
                    || !own.is_disjoint(&self.open_chats(user).await?);
                if !shares {
                    continue;
                }
            }
            sharing.push(user);
        }
        Ok(sharing)
    }

    async fn open_chats(&self, user: UserId) -> Result<HashSet<ChatId>, StoreError> {
        let rows = self.store.inbox(user, None, SHARED_CHATS_ROWS_MAX).await?;
        let open = |row: InboxEntry| (!row.mark.closed).then_some(row.chat);
        Ok(rows.into_iter().filter_map(open).collect())
    }

    async fn settings(&self, user: UserId) -> Result<Settings, StoreError> {
        match self.store.document(user, DocumentKind::Settings).await?.value {
            Document::Settings(settings) => Ok(settings),
            _ => Err(StoreError::Damaged("settings are not settings".to_owned())),
        }
    }

    /// Whether anybody may see when `user` was last there; not while that is not known.
    async fn shows_last_seen(&self, user: UserId) -> bool {
        let settings = self.settings(user).await;
        settings.is_ok_and(|settings| settings.last_seen != LastSeenVisibility::Nobody)
    }

    async fn has_contact(&self, user: UserId, other: UserId) -> Result<bool, StoreError> {
        match self.store.document(user, DocumentKind::Contacts).await?.value {
            Document::Contacts(contacts) => Ok(contacts.iter().any(|contact| contact.user == other)),
            _ => Err(StoreError::Damaged("contacts are not contacts".to_owned())),
        }
    }

    /// Those who have been gone for long enough, and those connected whose last-seen time is due.
    fn due(&self, offline_after: Duration) -> (Vec<UserId>, Vec<UserId>) {
        let now = self.clock.monotonic();
        let mut book = self.presence.0.lock();
        let back = |user: &UserId| self.registry.is_connected(*user);
        book.leaving.retain(|user, _| !back(user));
        let gone: Vec<UserId> = book
            .leaving
            .iter()
            .filter(|(_, since)| now.saturating_sub(**since) >= offline_after)
            .map(|(user, _)| *user)
            .collect();
        for user in &gone {
            book.leaving.remove(user);
            book.written.remove(user);
        }
        let mut due = Vec::new();
        for (user, written) in &mut book.written {
            if now.saturating_sub(*written) >= LAST_SEEN_INTERVAL {
                *written = now;
                due.push(*user);
            }
        }
        (gone, due)
    }
}

impl Book {
    fn unwatch(&mut self, user: UserId, session: &Arc<Session>) {
        if let Some(watchers) = self.watchers.get_mut(&user) {
            watchers.retain(|watcher| watcher.session.as_ptr() != Arc::as_ptr(session));
            if watchers.is_empty() {
                self.watchers.remove(&user);
            }
        }
    }
}

/// Tells of those who have gone, and writes last-seen times, until the server ends.
pub(crate) async fn watch_absences(delivery: Weak<Delivery>) {
    loop {
        tokio::time::sleep(WATCH_INTERVAL).await;
        let Some(delivery) = delivery.upgrade() else { return };
        let (gone, due) = delivery.due(delivery.config().offline_after);
        let now = delivery.clock.now();
        for user in gone.iter().chain(&due) {
            if let Err(error) = delivery.store.raise_last_seen(*user, now).await {
                tracing::debug!(%error, "a last-seen time was not written");
            }
        }
        for user in gone {
            // Who began to follow them may see less by now.
            let shown = delivery.shows_last_seen(user).await;
            if !delivery.registry.is_connected(user) {
                delivery.tell(user, false, shown.then_some(now));
            }
        }
    }
}
