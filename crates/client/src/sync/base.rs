//! Where to begin when the log cannot be read from its start: the server's word for the state at the head.
//!
//! A false one is noticed at the next change of the roster, which is signed over the roster that precedes it.

use dunlin_model::chat::ChatState;
use dunlin_model::view::ChatDetails;
use dunlin_model::{ChatId, ClientSeq, Event, EventKind, Seq};
use dunlin_wire::{Command, Outcome};

use crate::effects::Change;
use crate::session::Request;
use crate::step::{Client, RETRY_AFTER};

impl Client {
    pub(crate) fn ask_base(&mut self, id: ChatId) {
        let Some(chat) = self.chats.get_mut(&id) else { return };
        if !chat.base_asked && self.session.is_some() {
            chat.base_asked = true;
            self.ask(Request::Base(id), Command::GetChat { chat: id });
        }
    }

    pub(crate) fn base_answered(&mut self, id: ChatId, outcome: Outcome) {
        let me = self.account.device();
        let Some(chat) = self.chats.get_mut(&id) else { return };
        chat.base_asked = false;
        let Outcome::Chat(details) = outcome else {
            self.hold(id, RETRY_AFTER);
            return;
        };
        // An answer from before what was pushed meanwhile would be of the past.
        if !chat.marks.needs_base || details.head < chat.marks.cursor {
            self.touched.insert(id);
            return;
        }
        chat.marks.base = details.head;
        chat.marks.needs_base = false;
        chat.marks_changed = true;
        chat.state = state_of(me, &details);
        chat.state_changed = true;
        self.effects.changes.push(Change::ChatChanged { chat: id });
        self.drain(id);
    }

    /// The chats that were there before this device.
    pub(crate) fn listed(&mut self, chats: Vec<ChatDetails>, next_after: Option<ChatId>) {
        for details in chats {
            let (id, received) = (details.chat, details.received);
            if received == Seq::ZERO || self.chats.contains_key(&id) {
                continue; // All of it will be pushed.
            }
            let chat = self.chat_mut(id);
            chat.marks.cursor = received;
            chat.acknowledged = received;
            chat.marks.needs_base = true;
            chat.marks.skipped = true;
            chat.marks_changed = true;
            self.ask_base(id);
        }
        if next_after.is_some() {
            self.ask(Request::List, Command::ListChats { after: next_after, limit: None });
        } else {
            self.account.listed = true;
            self.account_changed = true;
        }
    }
}

/// The state that the details tell of, as if it had been created so.
fn state_of(me: dunlin_model::DeviceId, details: &ChatDetails) -> ChatState {
    let mut state = ChatState::before_creation(details.chat);
    state.head = details.head.previous();
    let kind = EventKind::Created {
        kind: details.kind,
        encryption: details.encryption,
        name: details.name.clone(),
        description: details.description.clone(),
        members: details.members.iter().map(|member| (member.user, member.role)).collect(),
    };
    let (seq, time, client_seq) = (details.head, details.created, ClientSeq(0));
    state.apply(&Event { seq, time, sender: me, client_seq, kind, attestation: None });
    state.picture.clone_from(&details.picture);
    state.deleted = details.deleted;
    if let Some(basis) = &details.basis {
        state.banned.extend(&basis.banned);
        state.keys.epoch = basis.epoch;
        state.keys.oldest = basis.oldest;
        state.keys.suite = basis.suite;
        state.keys.devices = basis.devices.iter().map(|device| (*device, details.head)).collect();
        state.keys.revoked.extend(&basis.revoked);
    }
    state
}
