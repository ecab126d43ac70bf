//! The one door of the core: an input goes in, effects come out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use dunlin_model::chat::ChatState;
use dunlin_model::{ChatId, IdentityKey, Timestamp, UserId};
use dunlin_wire::{Command, ServerFrame};

use crate::account::Account;
use crate::chats::{Chat, Marks};
use crate::effects::{Change, Effects};
use crate::generator::Generator;
use crate::input::{Action, Input, UserCommand};
use crate::keys::Keys;
use crate::outbox::{Attempt, Entry, Wish};
use crate::people::People;
use crate::session::{Request, Session};
use crate::{Key, Value, rows};

/// How long after a refusal that may pass the same thing is tried again, where the server does not say.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(2);
/// How long after a handshake that the server found invalid another one is made.
pub(crate) const HANDSHAKE_RETRY_AFTER: Duration = Duration::from_mins(1);

/// The client core: everything a device knows, but for the contents of messages.
pub struct Client {
    pub(crate) account: Account,
    pub(crate) people: People,
    pub(crate) chats: BTreeMap<ChatId, Chat>,
    pub(crate) keys: Box<dyn Keys>,
    pub(crate) generator: Generator,
    pub(crate) session: Option<Session>,
    /// Blobs that were fetched and are about to be used.
    pub(crate) blobs: BTreeMap<[u8; 32], Bytes>,
    /// The time of this step.
    pub(crate) now: Timestamp,
    /// What this step has come to so far.
    pub(crate) effects: Effects,
    pub(crate) account_changed: bool,
    /// Chats that may go on.
    pub(crate) touched: BTreeSet<ChatId>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("device", &self.account.device()).finish_non_exhaustive()
    }
}

impl Client {
    /// A new device. Its first step persists the account.
    pub fn create(account: Account, seed: [u8; 32], keys: Box<dyn Keys>) -> Self {
        let mut people = People::new();
        people.insert(account.user(), account.certificate().identity);
        Self {
            account,
            people,
            chats: BTreeMap::new(),
            keys,
            generator: Generator::new(seed),
            session: None,
            blobs: BTreeMap::new(),
            now: Timestamp::default(),
            effects: Effects::default(),
            account_changed: true,
            touched: BTreeSet::new(),
        }
    }

    /// A device from its rows, those of messages and search left out or not. `seed` must be a new one. `keys` makes the
    /// keys from their rows. `None` when there is no account among the rows.
    pub fn open(
        seed: [u8; 32],
        rows: impl IntoIterator<Item = (Key, Value)>,
        keys: impl FnOnce(&Account, Vec<(Key, Value)>) -> Box<dyn Keys>,
    ) -> Option<Self> {
        let (keys_rows, rows): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|(key, _)| key.starts_with(rows::KEYS));
        let account: Account =
            rows.iter().find(|(key, _)| key == rows::ACCOUNT).and_then(|(_, value)| rows::decode(value))?;
        let keys = keys(&account, keys_rows);
        let mut client = Self::create(account, seed, keys);
        client.account_changed = false;
        // Prefixes ascend: of a chat the state comes before what belongs to it.
        let mut rows = rows;
        rows.sort();
        let mut marks: BTreeMap<ChatId, Marks> = rows
            .iter()
            .filter_map(|(key, value)| Some((chat_of(rows::MARKS, key)?, rows::decode(value)?)))
            .collect();
        for (key, value) in &rows {
            client.load(key, value, &mut marks);
        }
        for chat in client.chats.values_mut() {
            // Messages change nothing of the state but its head, and do not write it.
            if chat.state.exists() {
                chat.state.head = chat.state.head.max(chat.marks.cursor);
            }
        }
        Some(client)
    }

    fn load(&mut self, key: &[u8], value: &[u8], marks: &mut BTreeMap<ChatId, Marks>) {
        if let Some(id) = chat_of(rows::MARKS, key) {
            let Some(marks) = marks.remove(&id) else { return };
            self.chat_mut(id).marks = marks;
        } else if let Some(id) = chat_of(rows::STATE, key) {
            let Some(state) = rows::decode::<ChatState>(value) else { return };
            self.chat_mut(id).state = state;
        } else if let Some(id) = chat_of(rows::ATTEMPT, key) {
            self.chat_mut(id).attempt = rows::decode::<Attempt>(value);
        } else if let Some(rest) = key.strip_prefix(rows::OUTBOX) {
            let id = rest.split_at_checked(16).and_then(|(id, _)| ChatId::try_from(id).ok());
            if let (Some(id), Some(entry)) = (id, rows::decode::<Entry>(value)) {
                self.chat_mut(id).outbox.push_back(entry);
            }
        } else if let Some(user) = key.strip_prefix(rows::IDENTITY).and_then(|id| UserId::try_from(id).ok()) {
            self.people.extend(rows::decode::<IdentityKey>(value).map(|identity| (user, identity)));
        }
    }

    pub(crate) fn chat_mut(&mut self, id: ChatId) -> &mut Chat {
        self.chats.entry(id).or_insert_with(|| Chat::before_creation(id))
    }

    /// This device.
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// All chats, former ones included.
    pub fn chats(&self) -> impl Iterator<Item = (ChatId, &Chat)> {
        self.chats.iter().map(|(id, chat)| (*id, chat))
    }

    /// One chat.
    pub fn chat(&self, id: ChatId) -> Option<&Chat> {
        self.chats.get(&id)
    }

    /// The keys: who can read a chat, by `Keys::members`.
    pub fn keys(&self) -> &dyn Keys {
        self.keys.as_ref()
    }

    /// Takes one input. The same inputs at the same times from the same seed give the same effects.
    pub fn step(&mut self, now: Timestamp, input: Input) -> Effects {
        self.now = now;
        match input {
            Input::Connected(welcome) => self.connected(&welcome),
            Input::Disconnected => self.disconnected(),
            Input::Frame(frame) => self.frame(frame),
            Input::Command(command) => self.command(command),
            Input::Tick => {
                self.give_up_lost_connection();
                self.touched.extend(self.chats.keys().copied());
            }
            Input::BlobFetched { hash, bytes } => self.blob_fetched(hash, bytes),
            Input::BlobStored { hash, stored } => self.blob_stored(hash, stored),
            Input::MessagesLoaded { chat, rows } => self.messages_loaded(chat, &rows),
            Input::Entropy(entropy) => self.generator.stir(&entropy),
        }
        while let Some(id) = self.touched.pop_first() {
            self.advance(id);
        }
        self.finish()
    }

    fn frame(&mut self, frame: ServerFrame) {
        if let Some(session) = &mut self.session {
            session.is_alive(self.now);
        }
        match frame {
            ServerFrame::Reply { id, outcome } => self.answered(id, outcome),
            ServerFrame::Event { chat, event } => self.event_came(chat, event),
            ServerFrame::Skipped { chat, range } => self.skipped_came(chat, range),
            ServerFrame::CaughtUp => {
                if let Some(session) = &mut self.session {
                    session.caught_up = true;
                }
                self.touched.extend(self.chats.keys().copied());
                self.effects.changes.push(Change::CaughtUp);
            }
            ServerFrame::StatusUpdate { chat, receipt } => self.receipt_came(chat, receipt),
            ServerFrame::PresenceUpdate(presence) => self.effects.changes.push(Change::Presence(presence)),
            ServerFrame::Typing { chat, user, typing } => {
                self.effects.changes.push(Change::Typing { chat, user, typing });
            }
            ServerFrame::MessageHidden { chat, seq } => {
                self.effects.persist.delete(rows::message(chat, seq));
                self.effects.changes.push(Change::ChatChanged { chat });
            }
            ServerFrame::KeyPackagesLow { suite, .. } => self.upload_packages(suite, Request::Other, false),
            ServerFrame::Welcome(_) | ServerFrame::Draining { .. } => {}
        }
    }

    fn command(&mut self, UserCommand { token, action }: UserCommand) {
        match action {
            Action::Create { kind, encryption, name, members } => {
                self.enqueue_creation(token, kind, encryption, name, members);
            }
            Action::Send { chat, content } => self.enqueue_content(token, chat, content),
            Action::SetInvite { chat } => self.enqueue_invite(token, chat),
            Action::ChangeSuite { chat, suite } => self.enqueue_wish(token, chat, Wish::Suite(suite)),
            Action::RevokeInvite { chat } => self.enqueue_wish(token, chat, Wish::Invite(None)),
            Action::JoinByInvite { code } => self.enqueue_wish(token, code.chat, Wish::Join(code)),
            Action::Submit { chat, command } => self.enqueue_command(token, chat, command),
            Action::MarkSeen { chat: id, seq } => {
                if let Some(chat) = self.chats.get_mut(&id)
                    && chat.mark_seen(seq)
                {
                    let seq = chat.marks.seen;
                    self.say(Command::MarkSeen { chat: id, seq });
                    self.effects.changes.push(Change::ChatChanged { chat: id });
                }
            }
            Action::SetTyping { chat, typing } => self.say(Command::SetTyping { chat, typing }),
            Action::SetDraft { chat, text } => {
                let chat = self.chat_mut(chat);
                chat.marks.draft = text;
                chat.marks_changed = true;
            }
            Action::WatchPresence { users } => self.ask(Request::Other, Command::Presence { users }),
        }
    }

    /// Writes what changed, acknowledges what is being written, and says when to wake.
    fn finish(&mut self) -> Effects {
        let mut effects = std::mem::take(&mut self.effects);
        effects.persist.append(self.keys.take_changes());
        if std::mem::take(&mut self.account_changed) {
            effects.persist.put(rows::ACCOUNT.to_vec(), rows::encode(&self.account));
        }
        for (id, chat) in &mut self.chats {
            if std::mem::take(&mut chat.state_changed) {
                effects.persist.put(rows::of_chat(rows::STATE, *id), rows::encode(&chat.state));
            }
            if std::mem::take(&mut chat.marks_changed) {
                effects.persist.put(rows::of_chat(rows::MARKS, *id), rows::encode(&chat.marks));
            }
            if self.session.is_some() && chat.marks.cursor > chat.acknowledged {
                chat.acknowledged = chat.marks.cursor;
                let command = Command::Received { chat: *id, seq: chat.marks.cursor };
                effects.send.push(dunlin_wire::ClientFrame { id: 0, command });
            }
            if self.session.is_some() {
                // What was due was looked at in this step.
                let answer = chat.attempt.as_ref().and_then(Attempt::patience_ends);
                let times = [chat.hold_until, chat.duty_at, answer].into_iter().flatten();
                let next = times.filter(|at| *at > self.now).min();
                effects.wake_at = [effects.wake_at, next].into_iter().flatten().min();
            }
        }
        let answer = self.session.as_ref().and_then(Session::patience_ends).filter(|at| *at > self.now);
        effects.wake_at = [effects.wake_at, answer].into_iter().flatten().min();
        effects
    }
}

fn chat_of(prefix: &[u8], key: &[u8]) -> Option<ChatId> {
    key.strip_prefix(prefix).and_then(|id| ChatId::try_from(id).ok())
}
