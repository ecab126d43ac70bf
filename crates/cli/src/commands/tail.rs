//! Follow everything: store what arrives, say that it was received, show it, say that it was seen.
//!
//! What is shown comes from the stored logs, so that it is the same whether it arrived now, before a restart,
//! or through another process of this profile.

use std::collections::BTreeMap;
use std::pin::{Pin, pin};
use std::time::Duration;

use dunlin_client_native::{Connection, Push, Pushes};
use dunlin_model::{ChatId, Event, EventKind, Seq, UserId};
use dunlin_wire::{Position, ServerFrame};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::app::App;
use crate::args::TailArgs;
use crate::failure::{Failure, Result};
use crate::profile::{Entry, Gap};
use crate::screen::Screen;

/// Pushes that are stored with one sync.
const BATCH_PUSHES_MAX: usize = 256;
/// How often it is looked whether another process stored something.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long a server that left something out is given.
const GAP_PAUSE: Duration = Duration::from_secs(1);
/// How long saying good-bye may take.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(3);

/// Why following ended.
enum Ended {
    /// As it was asked.
    Done,
    /// The server's data came back from a backup: begin again without what was stored.
    Restored,
    /// The server left something out: connect again and say where the logs stand.
    Gap(Gap),
}

/// What is done on the connection beside following, without holding it up.
type Chores<'a> = Pin<Box<dyn Future<Output = Result> + 'a>>;

/// What following knows.
struct Following<'a> {
    app: &'a App,
    screen: Screen,
    once: bool,
    connection: Connection,
    chores: Option<Chores<'a>>,
    /// Names of chats are to be asked for again.
    names_missing: bool,
    caught_up: bool,
    offline_told: bool,
}

impl App {
    pub(super) async fn tail(&self, args: TailArgs) -> Result {
        let only = match &args.chat {
            Some(chat) => Some(self.chat_to_follow(chat).await?),
            None => None,
        };
        loop {
            let (connection, mut pushes) =
                Connection::open(self.connection_options().following(self.positions()?));
            let mut following = Following {
                app: self,
                screen: Screen::new(only),
                once: args.once,
                connection,
                chores: None,
                names_missing: false,
                caught_up: false,
                offline_told: false,
            };
            let ended = following.run(&mut pushes).await;
            drop(following);
            // What was stored and shown last is still to be said.
            let _ = timeout(CLOSE_TIME_MAX, async { while pushes.next().await.is_some() {} }).await;
            match ended? {
                Ended::Done => return Ok(()),
                Ended::Restored => self.out.note(
                    "The server's data came back from a backup. What was received before is put aside, and what the \
                     server has is fetched anew.",
                ),
                Ended::Gap(gap) => {
                    self.out.note(&format!("The server left out #{} to #{}; asking again.", gap.last.next(), gap.next));
                    sleep(GAP_PAUSE).await;
                }
            }
        }
    }

    async fn chat_to_follow(&self, chat: &str) -> Result<ChatId> {
        match self.known_chat(chat)? {
            Some(chat) => Ok(chat),
            None => {
                let connection = self.connect(super::NO_WAIT).await?;
                self.find_chat(&connection, chat).await
            }
        }
    }

    /// Where this device stands in each chat.
    fn positions(&self) -> Result<Vec<Position>> {
        let mut positions = Vec::new();
        for chat in self.files.chats()? {
            let received = self.files.chat_log(chat).last()?;
            positions.push(Position { chat, received, seen: self.files.seen(chat).min(received) });
        }
        Ok(positions)
    }

    /// Stores entries of one chat, durably, and gives the last place that is stored.
    pub(super) fn store(&self, chat: ChatId, entries: &[Entry]) -> Result<std::result::Result<Seq, Gap>> {
        self.files.chat_log(chat).append(entries)
    }

    /// Sends what is kept, and learns the names of chats and people.
    async fn chores(&self, connection: Connection) -> Result {
        self.deliver_all(&connection).await?;
        self.load_chats(&connection).await?;
        self.learn_contacts().await
    }

    fn receipt_json(&self, chat: ChatId, user: UserId, delivered: Seq, seen: Seq) -> Value {
        let mut value = self.user_json(user);
        value["type"] = json!("receipt");
        value["chat"] = json!(chat.to_string());
        value["chatName"] = json!(self.chat_name(chat));
        value["delivered"] = json!(delivered.0);
        value["seen"] = json!(seen.0);
        value
    }
}

impl<'a> Following<'a> {
    async fn run(&mut self, pushes: &mut Pushes) -> Result<Ended> {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stop = pin!(tokio::signal::ctrl_c());
        loop {
            tokio::select! {
                _ = &mut stop => return Ok(Ended::Done),
                push = pushes.next() => {
                    let Some(push) = push else { return Err(Failure::logged_out()) };
                    if let Some(ended) = self.take(push, pushes)? {
                        return Ok(ended);
                    }
                }
                result = wait_for(&mut self.chores), if self.chores.is_some() => {
                    self.chores = None;
                    self.mind(result)?;
                }
                _ = look.tick() => {}
            }
            if self.names_missing && self.chores.is_none() {
                self.names_missing = false;
                self.chores = Some(Box::pin(self.app.chores(self.connection.clone())));
            }
            if self.chores.is_none() {
                self.show().await?;
                if self.once && self.caught_up {
                    return Ok(Ended::Done);
                }
            }
        }
    }

    /// Chores that failed are no reason to stop, unless nobody is logged in or reads.
    fn mind(&self, result: Result) -> Result {
        match result {
            Err(failure @ (Failure::NotLoggedIn(_) | Failure::OutputClosed)) => Err(failure),
            Err(failure) if !self.offline_told => {
                self.app.out.note(&failure.to_string());
                Ok(())
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Takes a push and all that have arrived behind it.
    fn take(&mut self, first: Push, pushes: &mut Pushes) -> Result<Option<Ended>> {
        let mut arrived: BTreeMap<ChatId, Vec<Entry>> = BTreeMap::new();
        let mut next = Some(first);
        let mut count = 0;
        while let Some(push) = next.take() {
            match push {
                Push::Frame(ServerFrame::Event { chat, event }) => {
                    self.learn_from(chat, &event);
                    arrived.entry(chat).or_default().push(Entry::Event(Event::clone(&event)));
                }
                Push::Frame(ServerFrame::Skipped { chat, range }) => {
                    arrived.entry(chat).or_default().push(Entry::skipped(range));
                }
                Push::Frame(ServerFrame::MessageHidden { chat, seq }) => {
                    arrived.entry(chat).or_default().push(Entry::Hidden(seq));
                }
                Push::Frame(frame) => self.take_sign(&frame)?,
                Push::Online(welcome) => {
                    if self.app.files.meet_incarnation(&welcome.incarnation)? {
                        return Ok(Some(Ended::Restored));
                    }
                    if std::mem::take(&mut self.offline_told) {
                        self.app.out.note("Connected again.");
                    }
                    self.names_missing = true;
                }
                Push::Offline { why, .. } => self.take_loss(&why)?,
                Push::LoggedOut => return Err(Failure::logged_out()),
            }
            count += 1;
            if count < BATCH_PUSHES_MAX {
                next = pushes.try_next();
            }
        }
        self.store(arrived)
    }

    /// Stores what arrived; only then says that it was received.
    fn store(&mut self, arrived: BTreeMap<ChatId, Vec<Entry>>) -> Result<Option<Ended>> {
        for (chat, entries) in arrived {
            match self.app.store(chat, &entries)? {
                Ok(last) => self.connection.received(chat, last),
                Err(gap) => return Ok(Some(Ended::Gap(gap))),
            }
        }
        Ok(None)
    }

    /// What passes by and is not stored.
    fn take_sign(&mut self, frame: &ServerFrame) -> Result {
        let app = self.app;
        let value = match frame {
            ServerFrame::CaughtUp => {
                self.caught_up = true;
                return Ok(());
            }
            ServerFrame::StatusUpdate { chat, receipt } if self.screen.shows(*chat) => {
                app.receipt_json(*chat, receipt.user, receipt.delivered, receipt.seen)
            }
            ServerFrame::Typing { chat, user, typing } if self.screen.shows(*chat) => {
                let mut value = app.user_json(*user);
                value["type"] = json!("typing");
                value["chat"] = json!(chat.to_string());
                value["chatName"] = json!(app.chat_name(*chat));
                value["typing"] = json!(typing);
                value
            }
            ServerFrame::PresenceUpdate(presence) => {
                let mut value = app.presence_json(presence);
                value["type"] = json!("presence");
                value
            }
            _ => return Ok(()),
        };
        // People see these where they look for them: in 'status' and 'presence'.
        if app.out.is_json() { app.out.line(&value.to_string()) } else { Ok(()) }
    }

    fn take_loss(&mut self, why: &str) -> Result {
        self.caught_up = false;
        if self.once {
            return Err(Failure::unreachable(
                &self.app.server,
                why.trim_start_matches("the server cannot be reached: "),
            ));
        }
        if !std::mem::replace(&mut self.offline_told, true) {
            self.app.out.note(&format!("Not connected: {why}. Trying again until it works."));
        }
        Ok(())
    }

    /// Learns names of chats from their events.
    fn learn_from(&mut self, chat: ChatId, event: &Event) {
        let mut people = self.app.people.borrow_mut();
        match people.learn_from_event(chat, event, self.app.me()) {
            true => {}
            false => self.names_missing = true,
        }
    }

    /// Shows what was stored since, and says that it was seen.
    async fn show(&mut self) -> Result {
        let news = self.screen.news(&self.app.files)?;
        if news.is_empty() {
            return Ok(());
        }
        let users = news.iter().flat_map(|news| news.entries.iter()).flat_map(users_of);
        // Without the names it is shown all the same.
        self.mind(self.app.learn_names(users).await)?;
        for news in news {
            self.app.show_news(&self.screen, &news.entries, news.chat)?;
            if news.last > Seq::ZERO {
                self.app.files.set_seen(news.chat, news.last)?;
                self.connection.mark_seen(news.chat, news.last);
            }
        }
        Ok(())
    }
}

impl App {
    fn show_news(&self, screen: &Screen, entries: &[Entry], chat: ChatId) -> Result {
        for entry in entries {
            if self.out.is_json() {
                self.out.line(&self.entry_json(chat, entry).to_string())?;
            } else if let Some(line) = self.entry_line(entry) {
                let place = if screen.is_of_one_chat() {
                    String::new()
                } else {
                    format!("[{}] ", self.chat_name(chat))
                };
                self.out.line(&format!("{place}{line}"))?;
            }
        }
        Ok(())
    }
}

async fn wait_for(chores: &mut Option<Chores<'_>>) -> Result {
    match chores {
        Some(chores) => chores.await,
        None => Ok(()),
    }
}

/// Everyone an entry names.
fn users_of(entry: &Entry) -> Vec<UserId> {
    let Entry::Event(event) = entry else { return Vec::new() };
    let mut users = vec![event.sender.user];
    match &event.kind {
        EventKind::MembersAdded { users: named }
        | EventKind::MembersRemoved { users: named }
        | EventKind::MembersBanned { users: named }
        | EventKind::MembersUnbanned { users: named } => users.extend(named),
        EventKind::RoleChanged { user, .. } => users.push(*user),
        EventKind::Left { new_owner } => users.extend(new_owner),
        EventKind::Created { members, .. } => users.extend(members.iter().map(|(user, _)| *user)),
        EventKind::Message { .. }
        | EventKind::MessageDeleted { .. }
        | EventKind::Updated { .. }
        | EventKind::Joined
        | EventKind::InviteChanged { .. }
        | EventKind::ChatDeleted
        | EventKind::GroupStarted(_)
        | EventKind::Committed(_)
        | EventKind::DeviceRevoked { .. } => {}
    }
    users
}
