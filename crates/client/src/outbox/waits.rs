//! What waits although the server is there: a message that nobody could read yet.
//!
//! The other one of a direct chat whose devices are none, or none that could be added, could never read what is said
//! before one of them has the keys. So it is not said before: that device enters by itself, its commit in the log is
//! what the message waits for. In groups others read it, and who comes later does not.

use dunlin_model::chat::ChatState;
use dunlin_model::{ChatId, UserId};
use serde::{Deserialize, Serialize};

use super::Wish;
use crate::effects::Change;
use crate::step::Client;

/// Why something in the outbox is not sent, although the server is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum WaitReason {
    /// The other one of a direct chat has no device with its keys. It goes out once they have.
    #[error("It waits until they have set up a device that can read it.")]
    NoDevice {
        /// Who.
        user: UserId,
    },
}

impl WaitReason {
    /// Why `own` user's messages wait, in a chat of this state.
    pub(crate) fn of(state: &ChatState, own: UserId) -> Option<Self> {
        let keys = &state.keys;
        let user = state.peer_of(own).filter(|_| keys.epoch.generation > 0)?;
        let mut devices = keys.devices.keys().filter(|device| !keys.revoked.contains(device));
        devices.all(|device| device.user != user).then_some(Self::NoDevice { user })
    }
}

impl Client {
    /// Whether the head of the outbox waits for somebody who could read it; tells once of everything that does.
    pub(crate) fn waits_for_reader(&mut self, id: ChatId) -> bool {
        let own = self.account.user();
        let Some(chat) = self.chats.get_mut(&id) else { return false };
        let is_said = chat.outbox.front().is_some_and(|head| matches!(head.wish, Wish::Content(_)));
        let Some(why) = WaitReason::of(&chat.state, own).filter(|_| is_said) else {
            chat.waits_to = None;
            return false;
        };
        let told = chat.waits_to;
        for entry in chat.outbox.iter().filter(|entry| told.is_none_or(|told| entry.place > told)) {
            let (token, place) = (entry.token, entry.place);
            self.effects.changes.push(Change::Waits { token, chat: id, place, why });
        }
        chat.waits_to = chat.outbox.back().map(|last| last.place);
        true
    }
}
