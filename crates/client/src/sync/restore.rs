//! A server whose data came back from a backup (DESIGN.md, section 2): logs end earlier, and go on differently.
//!
//! A chat whose event at this device's cursor is still the same lost nothing that this device knows of. In any other
//! the device goes back to where the server has it, which is in the part that was not lost, and reads the log again
//! beside what it holds: what is the same stays, what is gone is put aside, and what this device itself had said is
//! sent again, edits and reactions too where what they mean was not lost. Its keys of the chat are forgotten first, so that none is used twice; it enters anew.

use std::collections::BTreeMap;

use dunlin_model::chat::ChatState;
use dunlin_model::{
    ChatCommand, ChatId, ChatKind, ClientSeq, DeviceId, ErrorCode, Event, EventKind, Seq, Timestamp,
};
use dunlin_wire::{Command, Outcome};
use serde::{Deserialize, Serialize};

use crate::chats::{Shown, StoredMessage};
use crate::content::{Content, Envelope};
use crate::effects::Change;
use crate::fold::Work;
use crate::notice::Notice;
use crate::outbox::{Attempt, Entry, Wish, write};
use crate::rows;
use crate::session::Request;
use crate::step::{Client, RETRY_AFTER};

/// What is to be found out of a chat after its server came back from a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// What is stored up to here may be of the log that was lost.
    pub held_to: Seq,
    /// Whether the chat is read again, since something was lost.
    pub rewound: bool,
}

impl Client {
    /// Looks whether the server is the one it was.
    pub(crate) fn meet_incarnation(&mut self, incarnation: &str) {
        if self.account.incarnation == incarnation {
            return;
        }
        self.account_changed = true;
        let is_first = self.account.incarnation.is_empty();
        incarnation.clone_into(&mut self.account.incarnation);
        if is_first {
            return;
        }
        // Key packages that were used may be on offer again.
        self.account.announced = false;
        for chat in self.chats.values_mut().filter(|chat| chat.marks.cursor > Seq::ZERO) {
            let before = chat.marks.restored.map_or(Seq::ZERO, |restored| restored.held_to);
            let held_to = chat.marks.cursor.max(before);
            chat.marks.restored = Some(Restored { held_to, rewound: false });
            chat.marks_changed = true;
        }
    }

    /// Takes the next step in a chat that came back from a backup.
    pub(crate) fn restoring(&mut self, id: ChatId, restored: Restored) {
        let is_caught_up = self.is_caught_up();
        let Some(chat) = self.chats.get_mut(&id) else { return };
        if !restored.rewound {
            if !chat.base_asked {
                chat.base_asked = true;
                self.ask(Request::Restored(id), Command::GetChat { chat: id });
            }
        } else if chat.held.is_none() {
            let after = chat.marks.cursor;
            self.ask_held(id, after);
        } else if chat.marks.needs_base {
            self.ask_base(id);
        } else if !chat.waiting.is_empty() {
            self.drain_held(id);
        } else if is_caught_up && chat.marks.cursor >= chat.marks.base {
            self.finish_restoring(id, restored);
        } else if is_caught_up {
            let cursor = chat.marks.cursor;
            self.wait_for_the_log(id, cursor);
        }
    }

    /// How far the chat goes now.
    pub(crate) fn restored_answered(&mut self, id: ChatId, outcome: Outcome) {
        self.touched.insert(id);
        let Some(chat) = self.chats.get_mut(&id) else { return };
        let cursor = chat.marks.cursor;
        match outcome {
            Outcome::Chat(details) if details.head >= cursor && chat.marks.last.is_some() => {
                let before = Some(cursor.next());
                let command = Command::History { chat: id, before, limit: Some(1), sender: None };
                self.ask(Request::Compare(id, details.received), command);
            }
            Outcome::Chat(details) => self.rewind(id, details.received, false),
            Outcome::Failed(failure) if failure.code == ErrorCode::NotFound => {
                self.rewind(id, Seq::ZERO, true);
            }
            _ => {
                chat.base_asked = false;
                self.hold(id, RETRY_AFTER);
            }
        }
    }

    /// What stands at the cursor now.
    pub(crate) fn compared(&mut self, id: ChatId, received: Seq, outcome: Outcome) {
        self.touched.insert(id);
        let Some(chat) = self.chats.get_mut(&id) else { return };
        let cursor = chat.marks.cursor;
        chat.base_asked = false;
        match outcome {
            Outcome::History { page, .. } => {
                let event = page.events.iter().find(|event| event.seq == cursor);
                let is_same = event.is_some_and(|event| chat.marks.last == Some(of_event(event)));
                if !is_same {
                    self.rewind(id, received, false);
                    return;
                }
                chat.marks.restored = chat
                    .marks
                    .restored
                    .filter(|restored| restored.held_to > cursor)
                    .map(|restored| Restored { rewound: true, ..restored });
                chat.marks_changed = true;
                chat.acknowledged = received;
                self.drain(id);
            }
            _ => self.hold(id, RETRY_AFTER),
        }
    }

    /// Goes back to `to`, from where the server pushes.
    fn rewind(&mut self, id: ChatId, to: Seq, is_gone: bool) {
        self.doubt_face(id);
        self.keys.discard_pending(id);
        self.keys.forget(id);
        // Whatever else was on its way may stand in the part that was not lost: the log says so before it is made anew.
        if self.chats.get(&id).is_some_and(|chat| chat.attempt.as_ref().is_some_and(Attempt::is_handshake)) {
            self.drop_attempt(id);
        }
        let Some(chat) = self.chats.get_mut(&id) else { return };
        let members = chat.state.members.keys().copied().collect();
        let marks = &mut chat.marks;
        marks.said_to.get_or_insert(members);
        marks.cursor = marks.cursor.min(to);
        marks.base = Seq::ZERO;
        marks.needs_base = !is_gone;
        marks.skipped = true;
        marks.last = None;
        marks.seen = marks.seen.min(marks.cursor);
        marks.unread.retain(|seq| *seq <= to);
        marks.restored = marks.restored.map(|restored| Restored { rewound: true, ..restored });
        // What came after may honestly be sent again, under its number.
        marks.signed.clear();
        if is_gone {
            chat.state = ChatState::before_creation(id);
            chat.state_changed = true;
        }
        chat.progress.forget();
        chat.acknowledged = chat.marks.cursor;
        chat.marks_changed = true;
        chat.base_asked = false;
        // What was compared already may have to be compared again.
        chat.held = None;
        chat.held_asked = None;
        chat.duty = None;
        chat.broken = false;
        chat.tried.clear();
        self.forget_what_names(id, to);
        self.touched.insert(id);
    }

    /// Drops what waits and means a message of the part that was lost: something else will stand at its place.
    fn forget_what_names(&mut self, id: ChatId, kept_to: Seq) {
        self.forget_hidden(id, kept_to);
        let hides: Vec<Seq> = self
            .hides
            .keys()
            .filter(|(chat, seq)| *chat == id && *seq > kept_to)
            .map(|(_, seq)| *seq)
            .collect();
        for seq in hides {
            self.hides.remove(&(id, seq));
            self.effects.persist.delete(rows::of_place(rows::HIDE, id, seq));
        }
        let Some(chat) = self.chats.get(&id) else { return };
        let is_lost = |entry: &&Entry| match &entry.wish {
            Wish::Command(frame) => match crate::outbox::read(frame) {
                Some(Command::Submit { command: ChatCommand::DeleteMessage { target }, .. }) => {
                    target > kept_to
                }
                _ => false,
            },
            _ => false,
        };
        let places: Vec<u64> = chat.outbox.iter().filter(is_lost).map(|entry| entry.place).collect();
        let attempted = chat.attempt.as_ref().and_then(|attempt| attempt.place);
        if attempted.is_some_and(|place| places.contains(&place)) {
            self.drop_attempt(id);
        }
        for place in places {
            if let Some(token) = self.drop_entry(id, place) {
                self.refuse(token, id, ErrorCode::NotFound, "The server has lost the message.".to_owned());
            }
        }
    }

    /// What this device holds of the event from before; what it holds in the event's place is put aside.
    pub(crate) fn take_held(&mut self, id: ChatId, event: &Event) -> Option<StoredMessage> {
        let me = self.account.device();
        let held = self.chats.get_mut(&id)?.held.as_mut()?.messages.remove(&event.seq)?;
        let is_numbered_so = (held.sender, held.client_seq) == (event.sender, event.client_seq);
        // An own number is of one command alone; and of what was passed over it is not known when it was accepted.
        if is_numbered_so && (held.sender == me || held.time == event.time) {
            return Some(held);
        }
        self.put_aside(id, &held);
        None
    }

    /// Keeps what is held of a range that expired: nobody can tell whether it is the same.
    pub(crate) fn keep_held(&mut self, id: ChatId, to: Seq) {
        let Some(held) = self.chats.get_mut(&id).and_then(|chat| chat.held.as_mut()) else { return };
        let later = held.messages.split_off(&to.next());
        for message in std::mem::replace(&mut held.messages, later).into_values() {
            self.move_aside(id, &message);
        }
    }

    fn move_aside(&mut self, id: ChatId, lost: &StoredMessage) {
        // Its words are found no more; what else may stand at its place by now is.
        self.rebuild_search();
        if let Some(held) = self.chats.get_mut(&id).and_then(|chat| chat.held.as_mut()) {
            held.aside.insert(lost.seq);
        }
        // What was to disappear does.
        let is_kept = lost.envelope(id).is_none_or(|envelope| envelope.disappear_seconds == 0);
        let kept = is_kept.then_some(lost.time);
        self.work.push(Work::SetAsideParts { chat: id, seq: lost.seq, kept });
        self.timers.remove(id, lost.seq, &mut self.effects.persist);
        self.effects.persist.delete(rows::message(id, lost.seq));
        if is_kept {
            self.effects.persist.put(rows::lost(id, lost.time, lost.seq), rows::encode(lost));
        }
    }

    /// What was lost is kept, and what this device had said is said again.
    fn put_aside(&mut self, id: ChatId, lost: &StoredMessage) {
        self.move_aside(id, lost);
        let is_message = !matches!(lost.shown, Shown::Event(_));
        let Some(chat) = self.chats.get_mut(&id) else { return };
        if lost.sender != self.account.device() || !is_message {
            return;
        }
        // Whatever it said, and whatever became of it since, it was counted.
        chat.marks.accepted = chat.marks.accepted.saturating_sub(1);
        chat.marks_changed = true;
        // The server says who is here now: whoever was not here then, or was removed since, is not told.
        let said_to = chat.marks.said_to.as_ref();
        let is_new = |user| said_to.is_some_and(|before| !before.contains(user));
        if chat.state.members.keys().any(is_new) {
            return;
        }
        let held = chat.held.as_ref();
        if let Shown::Folded { into } = lost.shown {
            if let Some(content) = held.and_then(|held| held.said_at(lost.seq, into)) {
                self.enqueue_content(0, id, content);
            }
        } else if let Some(envelope) = lost.envelope(id) {
            // Its edit, whether it was lost too or not, means a place where something else will stand.
            let edit = held.and_then(|held| held.edit_of(lost.seq)).cloned();
            let content = match edit.filter(|edit| Some(edit.digest) == lost.digest()) {
                Some(edit) => envelope.content.rewritten(edit.text, edit.mentions),
                None => envelope.content,
            };
            let envelope = Envelope { client_seq: ClientSeq(0), sender_counter: 1, content, ..envelope };
            if let Ok(sealed) = envelope.seal_plaintext() {
                self.enqueue_wish(0, id, Wish::Content(sealed));
            }
        }
    }

    /// Puts aside what nothing stands in the log for, a page at a time.
    fn finish_restoring(&mut self, id: ChatId, restored: Restored) {
        let Some(held) = self.chats.get_mut(&id).and_then(|chat| chat.held.as_mut()) else { return };
        let held = std::mem::take(&mut held.messages);
        let Some(chat) = self.chats.get(&id) else { return };
        // A chat that others have to start again, or that this person is not in any more, refuses what is said.
        if !chat.state.exists()
            && let Some(wish) = self.creation_again(id, &held)
        {
            self.push_first(id, wish);
        }
        for message in held.values() {
            self.put_aside(id, message);
        }
        if !self.knows_held(id, restored.held_to) {
            return;
        }
        // Made of keys that are forgotten: what it says is said with those of now. Where what it became may have expired,
        // the server, which knows its number, is asked before; unless the whole log is gone, and its numbers with it.
        let exists = self.chats.get(&id).is_some_and(|chat| chat.state.exists());
        if !(exists && self.attempt_may_have_passed(id) && self.only_ask_for_attempt(id)) {
            self.drop_attempt(id);
        }
        if let Some(chat) = self.chats.get_mut(&id) {
            chat.held = None;
            chat.marks.restored = None;
            chat.marks.said_to = None;
            chat.marks_changed = true;
        }
        if self.is_own_chat(id) {
            self.tell_again(id);
        }
        self.note_here(id, Notice::Restored);
        self.effects.changes.push(Change::Restored { chat: id });
        self.touched.insert(id);
    }

    /// The creation of a chat that is gone altogether, where this device may ask for it.
    fn creation_again(&mut self, id: ChatId, held: &BTreeMap<Seq, StoredMessage>) -> Option<Entry> {
        let me = self.account.device();
        let said_to = self.chats.get(&id).and_then(|chat| chat.marks.said_to.clone());
        let first = held.get(&Seq::FIRST)?;
        let Shown::Event(event) = &first.shown else { return None };
        let EventKind::Created { kind, encryption, name, description, members } = event.as_ref() else {
            return None;
        };
        let number = match kind {
            ChatKind::Direct => self.account.take_number(),
            _ if first.sender == me => first.client_seq,
            _ => return None,
        };
        let command = ChatCommand::Create {
            kind: *kind,
            encryption: *encryption,
            name: name.clone(),
            description: description.clone(),
            members: members
                .iter()
                .map(|(user, _)| *user)
                .filter(|user| {
                    *user != me.user && said_to.as_ref().is_none_or(|before| before.contains(user))
                })
                .collect(),
        };
        let create = Command::CreateChat { client_seq: number, command, attestation: None };
        Some(Entry { place: number.0, token: 0, wish: Wish::Create(write(create)) })
    }
}

/// Whether somebody says something by a message that was held before.
pub(super) fn is_said(id: ChatId, held: &StoredMessage) -> bool {
    match &held.shown {
        Shown::Content(_) => held.envelope(id).is_some_and(|envelope| {
            matches!(envelope.content, Content::Text(_) | Content::Files(_) | Content::Unknown { .. })
        }),
        Shown::Event(kind) => matches!(**kind, EventKind::Message { .. }),
        Shown::Stub(_) => true,
        _ => false,
    }
}

/// What tells an event from another one in its place.
pub(crate) const fn of_event(event: &Event) -> Place {
    (event.sender, event.client_seq, event.time)
}

/// Whose event it is, with which number, accepted when.
pub(crate) type Place = (DeviceId, ClientSeq, Timestamp);
