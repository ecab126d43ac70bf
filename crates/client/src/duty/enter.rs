//! Entering a chat's group from outside (RFC 9420 section 12.4.3.2).

use dunlin_model::{ChatId, Payload};
use dunlin_wire::{Command, Outcome};

use super::{Duty, DutyStep};
use crate::effects::Want;
use crate::keys::Prepared;
use crate::session::Request;
use crate::step::{Client, RETRY_AFTER};

impl Client {
    pub(super) fn ask_group_info(&mut self, id: ChatId) {
        if let Some(chat) = self.chats.get_mut(&id) {
            chat.duty = Some(Duty { epoch: chat.state.keys.epoch, step: DutyStep::AskingInfo });
            self.ask(Request::GroupInfo(id), Command::GetGroupInfo { chat: id });
        }
    }

    pub(crate) fn group_info_answered(&mut self, id: ChatId, outcome: Outcome) {
        let Some(chat) = self.chats.get_mut(&id) else { return };
        let Some(duty) = chat.duty.take() else { return };
        self.touched.insert(id);
        if !matches!(duty.step, DutyStep::AskingInfo) {
            return;
        }
        match outcome {
            // Of an epoch that this device has not read of, or no longer: it asks again when the log has come.
            Outcome::GroupInfo { epoch, group_info, .. } if epoch == chat.state.keys.epoch => {
                if let Payload::Stored { hash, .. } = group_info {
                    chat.duty = Some(Duty { epoch, step: DutyStep::FetchingInfo(group_info) });
                    chat.blobs_asked.insert(hash);
                    self.effects.wants.push(Want::FetchBlob { chat: id, seq: None, hash });
                } else {
                    self.enter(id, &group_info);
                }
            }
            _ => self.hold(id, RETRY_AFTER),
        }
    }

    /// Goes on once the group info has come as a blob.
    pub(crate) fn enter_with_blob(&mut self, id: ChatId, hash: [u8; 32]) {
        let Some(chat) = self.chats.get_mut(&id) else { return };
        let Some(Duty { epoch, step: DutyStep::FetchingInfo(payload) }) = &chat.duty else { return };
        if !matches!(payload, Payload::Stored { hash: wanted, .. } if *wanted == hash) {
            return;
        }
        let (is_current, payload) = (*epoch == chat.state.keys.epoch, payload.clone());
        chat.duty = None;
        self.touched.insert(id);
        if is_current {
            self.enter(id, &payload);
        }
    }

    /// The group info could not be had: another may be the current one by now, so it is asked for anew.
    pub(crate) fn give_up_blob(&mut self, id: ChatId, hash: [u8; 32]) {
        let Some(chat) = self.chats.get_mut(&id) else { return };
        let is_it = |duty: &Duty| match &duty.step {
            DutyStep::FetchingInfo(Payload::Stored { hash: wanted, .. }) => *wanted == hash,
            _ => false,
        };
        if chat.duty.as_ref().is_some_and(is_it) {
            chat.duty = None;
            self.touched.insert(id);
        }
    }

    fn enter(&mut self, id: ChatId, group_info: &Payload) {
        let Some(chat) = self.chats.get(&id) else { return };
        let (epoch, me) = (chat.state.keys.epoch, self.account.device());
        // Who replaces their own leaf is no new device, as the log sees it.
        let added = if chat.state.keys.devices.contains_key(&me) { Vec::new() } else { vec![me] };
        let Some(bytes) = self.payload_bytes(group_info) else { return };
        match self.keys.enter(id, epoch.generation, &bytes) {
            Ok(prepared) if prepared.epoch == epoch => {
                self.attempt_commit(id, Prepared { added, ..prepared }, Vec::new(), true);
            }
            Ok(_) | Err(_) => {
                self.keys.discard_pending(id);
                if let Some(chat) = self.chats.get_mut(&id) {
                    chat.broken = true; // Nobody can enter: the next group begins.
                }
            }
        }
    }
}
