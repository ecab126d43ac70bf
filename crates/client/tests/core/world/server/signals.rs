//! What the server shows and does not keep: receipts, typing, presence, hidden messages. Who is away misses it.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_model::view::{Receipt, UserPresence};
use dunlin_model::{ChatId, DeviceId, ErrorCode, Seq, UserId};
use dunlin_wire::{Outcome, ServerFrame};

use super::{Server, failed};

#[derive(Default)]
pub(crate) struct Signals {
    /// Whether receipts are shown: most tests need none of these frames.
    pub(crate) shows_receipts: bool,
    receipts: BTreeMap<(ChatId, UserId), (Seq, Seq)>,
    pub(crate) hidden: BTreeSet<(UserId, ChatId, Seq)>,
    watched: BTreeMap<DeviceId, Vec<UserId>>,
    pub(super) left: BTreeMap<DeviceId, Vec<ServerFrame>>,
}

impl Server {
    pub(super) fn receipt(&self, chat: ChatId, user: UserId) -> Receipt {
        let (delivered, seen) = self.signals.receipts.get(&(chat, user)).copied().unwrap_or_default();
        Receipt { user, delivered, seen }
    }

    /// A device got or showed everything up to here.
    pub(super) fn note_receipt(&mut self, device: DeviceId, chat: ChatId, delivered: Seq, seen: Seq) {
        let receipt = self.signals.receipts.entry((chat, device.user)).or_default();
        let raised = (receipt.0.max(delivered), receipt.1.max(seen));
        if raised == *receipt || !self.signals.shows_receipts {
            *receipt = raised;
            return;
        }
        *receipt = raised;
        let receipt = self.receipt(chat, device.user);
        self.signal_members(chat, device, &ServerFrame::StatusUpdate { chat, receipt });
    }

    pub(super) fn typing(&mut self, device: DeviceId, chat: ChatId, typing: bool) -> Outcome {
        if self.chats.get(&chat).and_then(|log| log.state.role(device.user)).is_none() {
            return failed(ErrorCode::NotAMember);
        }
        let user = device.user;
        self.signal_members(chat, device, &ServerFrame::Typing { chat, user, typing });
        Outcome::Done
    }

    pub(super) fn hide(&mut self, device: DeviceId, chat: ChatId, seq: Seq) -> Outcome {
        self.signals.hidden.insert((device.user, chat, seq));
        let others = self.devices.get(&device.user).into_iter().flatten().filter(|other| **other != device);
        for other in others.copied().collect::<Vec<_>>() {
            self.signal(other, ServerFrame::MessageHidden { chat, seq });
        }
        Outcome::Done
    }

    pub(super) fn presence(&mut self, device: DeviceId, users: Vec<UserId>) -> Outcome {
        let shown = users.iter().map(|user| self.presence_of(*user)).collect();
        self.signals.watched.insert(device, users);
        Outcome::Presence(shown)
    }

    /// Tells those who watch that somebody came or went.
    pub(super) fn show_presence(&mut self, user: UserId) {
        let watching: Vec<DeviceId> = self
            .signals
            .watched
            .iter()
            .filter(|(_, users)| users.contains(&user))
            .map(|(device, _)| *device)
            .collect();
        let presence = self.presence_of(user);
        for device in watching {
            self.signal(device, ServerFrame::PresenceUpdate(presence));
        }
    }

    fn presence_of(&self, user: UserId) -> UserPresence {
        let online = self.sessions.keys().any(|device| device.user == user);
        UserPresence { user, online, last_seen: None }
    }

    fn signal_members(&mut self, chat: ChatId, from: DeviceId, frame: &ServerFrame) {
        let Some(log) = self.chats.get(&chat) else { return };
        let members: Vec<UserId> = log.state.members.keys().copied().collect();
        let devices = members.iter().filter_map(|user| self.devices.get(user)).flatten();
        for device in devices.copied().filter(|device| *device != from).collect::<Vec<_>>() {
            self.signal(device, frame.clone());
        }
    }

    fn signal(&mut self, device: DeviceId, frame: ServerFrame) {
        if self.sessions.contains_key(&device) {
            self.signals.left.entry(device).or_default().push(frame);
        }
    }
}
