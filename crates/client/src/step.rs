//! The one door of the core: an input goes in, effects come out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use dunlin_model::chat::ChatState;
use dunlin_model::{ChatCommand, ChatId, IdentityKey, Seq, Timestamp, UserId};
use dunlin_wire::{Command, PRESENCE_USERS_MAX, ServerFrame};

use crate::account::Account;
use crate::chats::{Chat, Chats, Marks, is_of_own_devices};
use crate::content::OwnFace;
use crate::effects::{Change, Effects};
use crate::face::Told;
use crate::fold::{Rebuild, Unfinished, Work};
use crate::generator::Generator;
use crate::input::{Action, Input, UserCommand};
use crate::keys::Keys;
use crate::linking::Linking;
use crate::outbox::{Attempt, Entry, Wish};
use crate::own::Own;
use crate::people::People;
use crate::reading::Rows;
use crate::session::{Request, Session};
use crate::timers::Timers;
use crate::{Key, Value, rows};

/// How long after a refusal that may pass the same thing is tried again, where the server does not say.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(2);
/// How long after a handshake that the server found invalid another one is made.
pub(crate) const HANDSHAKE_RETRY_AFTER: Duration = Duration::from_mins(1);
/// How long words of removed messages may stay in the search index, for each segment of it.
const COMPACT_AFTER: Duration = Duration::from_secs(30);
/// Of a draft: several messages, since those that are refused go back there.
const DRAFT_BYTES_MAX: usize = 256 * 1024;
/// So many people are remembered as typing; of more it is told, and forgotten.
const TYPING_MAX: usize = 1_024;

/// The client core: everything a device knows, but for the contents of messages.
pub struct Client {
    pub(crate) account: Account,
    pub(crate) people: People,
    pub(crate) chats: Chats,
    pub(crate) keys: Box<dyn Keys>,
    pub(crate) generator: Generator,
    pub(crate) session: Option<Session>,
    pub(crate) linking: Linking,
    /// Blobs that were fetched and are about to be used.
    pub(crate) blobs: BTreeMap<[u8; 32], Bytes>,
    /// The time of this step.
    pub(crate) now: Timestamp,
    /// Identity keys that the person compared and found right.
    pub(crate) verified: People,
    /// Messages to disappear.
    pub(crate) timers: Timers,
    /// Messages that the server is to be told to hide, and whether it was on this connection.
    pub(crate) hides: BTreeMap<(ChatId, Seq), bool>,
    /// What the user's other devices are to be told.
    pub(crate) own: Own,
    /// What the person looks like.
    pub(crate) face: OwnFace,
    /// What the others of chats of two were told of that.
    pub(crate) told_faces: BTreeMap<ChatId, Told>,
    /// Whose presence the person follows.
    watched: Vec<UserId>,
    /// Who was last heard to be typing, and where.
    pub(crate) typing: BTreeSet<(ChatId, UserId)>,
    /// How many segments of the search index may hold words of removed messages.
    stale: u32,
    /// Whether the search index may be being made anew; the rows know.
    is_rebuilding: bool,
    /// When one of them is rewritten.
    compact_at: Option<Timestamp>,
    /// What this step has come to so far.
    pub(crate) effects: Effects,
    /// What is left for the second half of the step.
    pub(crate) work: Vec<Work>,
    pub(crate) account_changed: bool,
    /// Chats that may go on.
    pub(crate) touched: BTreeSet<ChatId>,
    /// When a tick was asked for last.
    wake_at: Option<Timestamp>,
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
            chats: Chats::default(),
            keys,
            generator: Generator::new(seed),
            session: None,
            linking: Linking::default(),
            blobs: BTreeMap::new(),
            now: Timestamp::default(),
            verified: People::new(),
            timers: Timers::default(),
            hides: BTreeMap::new(),
            own: Own::default(),
            face: OwnFace::default(),
            told_faces: BTreeMap::new(),
            watched: Vec::new(),
            typing: BTreeSet::new(),
            stale: 0,
            is_rebuilding: false,
            compact_at: None,
            effects: Effects::default(),
            work: Vec::new(),
            account_changed: true,
            touched: BTreeSet::new(),
            wake_at: None,
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
        } else if let Some(user) = user_of(rows::IDENTITY, key) {
            self.people.extend(rows::decode::<IdentityKey>(value).map(|identity| (user, identity)));
        } else if let Some(user) = user_of(rows::VERIFIED, key) {
            self.verified.extend(rows::decode::<IdentityKey>(value).map(|identity| (user, identity)));
        } else if let Some((id, ..)) = rows::user_of(rows::COUNTER, key).or(rows::user_of(rows::RECEIPT, key))
        {
            self.chat_mut(id).progress.load(key, value);
        } else if let Some(id) = chat_of(rows::DRAFT, key) {
            self.chat_mut(id).draft = rows::decode(value).unwrap_or_default();
        } else if let Some(id) = chat_of(rows::ABOUT, key) {
            self.chat_mut(id).about = rows::decode(value).unwrap_or_default();
        } else if key == rows::FACE {
            self.face = rows::decode(value).unwrap_or_default();
        } else if let Some(id) = chat_of(rows::TOLD_FACE, key) {
            self.told_faces.extend(rows::decode::<Told>(value).map(|told| (id, told)));
        } else if let Some(place) = rows::place_of(rows::HIDE, key) {
            self.hides.insert(place, false);
        } else if key == rows::OWN {
            self.own = rows::decode(value).unwrap_or_default();
        } else if key == rows::STALE {
            self.stale = rows::decode(value).unwrap_or_default();
        } else if key == rows::REBUILD {
            self.is_rebuilding = true;
        } else {
            self.timers.load(key, value);
        }
    }

    pub(crate) fn chat_mut(&mut self, id: ChatId) -> &mut Chat {
        self.chats.begin(id)
    }

    /// This device.
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The person's chats, former ones included.
    pub fn chats(&self) -> impl Iterator<Item = (ChatId, &Chat)> {
        self.every_chat().filter(|(id, _)| !self.is_own_chat(*id))
    }

    /// The same by when something was last said in them, newest first: the order of [`query::chats`](crate::query::chats).
    pub fn chats_by_activity(&self) -> Vec<ChatId> {
        let own = self.account.user();
        let shown = self.every_chat().filter(|(_, chat)| !is_of_own_devices(&chat.state, &chat.marks, own));
        let mut order: Vec<_> = shown.map(|(id, chat)| (Reverse(chat.marks.active), id)).collect();
        order.sort_unstable();
        order.into_iter().map(|(_, id)| id).collect()
    }

    /// The same, with the one in which the person's devices tell each other what is not for people to see.
    pub fn every_chat(&self) -> impl Iterator<Item = (ChatId, &Chat)> {
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

    /// Takes one input. The same inputs at the same times from the same seed and rows give the same effects. `rows`
    /// is the vault, with everything that was to be persisted before.
    pub fn step(&mut self, now: Timestamp, input: Input, rows: &dyn Rows) -> Effects {
        self.begin_step(now, input).finish(rows)
    }

    /// The first half of a step, for drivers whose rows are not at hand at once.
    pub fn begin_step(&mut self, now: Timestamp, input: Input) -> Unfinished {
        self.now = now;
        self.expire_linking();
        // Another input may come before the tick that was asked for: what is due is looked at with it.
        let is_due = matches!(input, Input::Tick) || self.wake_at.is_some_and(|at| at <= now);
        match input {
            Input::Connected(welcome) => self.connected(&welcome),
            Input::Disconnected => self.disconnected(),
            Input::Frame(frame) => self.frame(frame),
            Input::Command(command) => self.command(command),
            Input::Tick => {}
            Input::BlobFetched { hash, bytes } => self.blob_fetched(hash, bytes),
            Input::BlobStored { hash, stored } => self.blob_stored(hash, stored),
            Input::MessagesLoaded { chat, after, rows } => self.messages_loaded(chat, after, &rows),
            Input::Entropy(entropy) => self.generator.stir(&entropy),
        }
        if is_due {
            let due = self.chats.due(now);
            self.give_up_lost_connection(&due);
            self.touched.extend(due);
        }
        self.share_marks();
        while let Some(id) = self.touched.pop_first() {
            self.advance(id);
            self.share_marks();
        }
        self.let_disappear();
        self.compact_one();
        if self.is_rebuilding {
            self.work.push(Work::Rebuild);
        }
        let effects = self.finish();
        Unfinished::new(now, effects, std::mem::take(&mut self.work))
    }

    fn frame(&mut self, frame: ServerFrame) {
        if let Some(session) = &mut self.session {
            session.is_alive(self.now);
        }
        match frame {
            ServerFrame::Reply { id, outcome } => self.answered(id, outcome),
            ServerFrame::Event { chat, event } => self.event_came(chat, event),
            ServerFrame::Skipped { chat, range } => self.skipped_came(chat, range),
            ServerFrame::CaughtUp => self.caught_up_came(),
            ServerFrame::StatusUpdate { chat, receipt } => self.receipt_came(chat, receipt),
            ServerFrame::PresenceUpdate(presence) => self.effects.changes.push(Change::Presence(presence)),
            ServerFrame::Typing { chat, user, typing } => self.typing_came(chat, user, typing),
            ServerFrame::MessageHidden { chat, seq } => {
                self.hide_message(chat, seq);
            }
            ServerFrame::KeyPackagesLow { suite, .. } => self.upload_packages(suite, Request::Other, false),
            ServerFrame::Relayed { device, payload } => self.relayed(device, payload),
            ServerFrame::Welcome(_) | ServerFrame::Draining { .. } => {}
        }
    }

    fn typing_came(&mut self, chat: ChatId, user: UserId, typing: bool) {
        if !typing {
            self.typing.remove(&(chat, user));
        } else if self.typing.len() < TYPING_MAX {
            self.typing.insert((chat, user));
        }
        self.effects.changes.push(Change::Typing { chat, user, typing });
    }

    /// Whoever has written something writes no more, without having to say so.
    pub(crate) fn typing_ended(&mut self, chat: ChatId, user: UserId) {
        if self.typing.remove(&(chat, user)) {
            self.effects.changes.push(Change::Typing { chat, user, typing: false });
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
            Action::Delete { chat, seq } => {
                self.enqueue_command(token, chat, ChatCommand::DeleteMessage { target: seq });
            }
            Action::Hide { chat, seq } => self.hide(chat, seq),
            Action::Cancel { chat, place } => self.cancel(chat, place),
            Action::MarkVerified { user, identity } => self.mark_verified(user, identity),
            Action::WithdrawVerified { user } => {
                if self.withdraw_verified(user) {
                    self.note_verified(user);
                }
            }
            Action::SetFace { face } => self.set_face(face),
            Action::RebuildSearch => self.rebuild_search(),
            Action::RefreshReceipts { chat } => self.ask_receipts(chat),
            Action::MarkSeen { chat: id, seq } => {
                if self.seen(id, seq) {
                    let seq = self.chats.get(&id).map_or(seq, |chat| chat.marks.seen);
                    self.say(Command::MarkSeen { chat: id, seq });
                }
            }
            Action::SetTyping { chat, typing } => {
                let own = self.account.user();
                if self.chats.get(&chat).is_some_and(|chat| chat.state.role(own).is_some()) {
                    self.say(Command::SetTyping { chat, typing });
                }
            }
            Action::AnswerLink { device } => self.answer_link(device),
            Action::ScanLink { text } => self.scan_link(&text),
            Action::ConfirmLink { device } => self.confirm_link(device),
            Action::RefuseLink { device } => self.refuse_link(device),
            Action::Ask { command } => self.ask_for(token, command),
            Action::SetDraft { chat, text } => self.set_draft(chat, text),
            Action::WatchPresence { users } => {
                self.watched = users;
                self.watched.truncate(PRESENCE_USERS_MAX);
                self.watch_presence();
            }
        }
    }

    /// A connection knows nothing of what was followed on the one before.
    pub(crate) fn watch_presence(&mut self) {
        if !self.watched.is_empty() {
            self.ask(Request::Other, Command::Presence { users: self.watched.clone() });
        }
    }

    /// Begins to make the search index anew, from the beginning if that is under way.
    pub(crate) fn rebuild_search(&mut self) {
        self.is_rebuilding = true;
        self.effects.persist.put(rows::REBUILD.to_vec(), rows::encode(&Rebuild::Clearing));
    }

    pub(crate) fn set_draft(&mut self, id: ChatId, mut text: String) {
        text.truncate(text.floor_char_boundary(DRAFT_BYTES_MAX));
        let key = rows::of_chat(rows::DRAFT, id);
        if text.is_empty() {
            self.effects.persist.delete(key);
        } else {
            self.effects.persist.put(key, rows::encode(&text));
        }
        self.chat_mut(id).draft = text;
        self.effects.changes.push(Change::ChatChanged { chat: id });
    }

    /// A segment of the search index may hold words of a removed message.
    pub(crate) fn note_stale(&mut self) {
        self.stale = self.stale.saturating_add(1);
        self.effects.persist.put(rows::STALE.to_vec(), rows::encode(&self.stale));
    }

    /// Rewrites one such segment now and then.
    fn compact_one(&mut self) {
        if self.stale == 0 {
            return;
        }
        if self.compact_at.is_some_and(|at| at <= self.now) {
            self.compact_at = None;
            self.stale -= 1;
            self.work.push(Work::Compact);
            self.effects.persist.put(rows::STALE.to_vec(), rows::encode(&self.stale));
        }
        if self.stale > 0 && self.compact_at.is_none() {
            self.compact_at = Some(self.now + COMPACT_AFTER);
        }
    }

    /// Writes what changed, acknowledges what is being written, and says when to wake.
    fn finish(&mut self) -> Effects {
        let mut effects = std::mem::take(&mut self.effects);
        effects.persist.append(self.keys.take_changes());
        if std::mem::take(&mut self.account_changed) {
            effects.persist.put(rows::ACCOUNT.to_vec(), rows::encode(&self.account));
        }
        let is_connected = self.session.is_some();
        self.chats.settle(self.now, |id, chat| {
            if std::mem::take(&mut chat.state_changed) {
                effects.persist.put(rows::of_chat(rows::STATE, id), rows::encode(&chat.state));
            }
            if std::mem::take(&mut chat.marks_changed) {
                effects.persist.put(rows::of_chat(rows::MARKS, id), rows::encode(&chat.marks));
            }
            chat.progress.write(id, &mut effects.persist);
            if is_connected && chat.marks.cursor > chat.acknowledged {
                chat.acknowledged = chat.marks.cursor;
                let command = Command::Received { chat: id, seq: chat.marks.cursor };
                effects.send.push(dunlin_wire::ClientFrame { id: 0, command });
            }
        });
        effects.wake_at = self.chats.wake_at().filter(|_| is_connected);
        let answer = self.session.as_ref().and_then(Session::patience_ends).filter(|at| *at > self.now);
        let own_times = [self.timers.next(), self.compact_at, self.linking.wake_at(), answer];
        effects.wake_at = own_times.into_iter().chain([effects.wake_at]).flatten().min();
        self.wake_at = effects.wake_at;
        effects
    }
}

fn user_of(prefix: &[u8], key: &[u8]) -> Option<UserId> {
    key.strip_prefix(prefix).and_then(|id| UserId::try_from(id).ok())
}

fn chat_of(prefix: &[u8], key: &[u8]) -> Option<ChatId> {
    key.strip_prefix(prefix).and_then(|id| ChatId::try_from(id).ok())
}
