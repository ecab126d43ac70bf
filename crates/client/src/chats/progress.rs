//! How far members are: what they were counted to have sent, received and seen. One small row for each, so that
//! in a chat of a thousand a message does not write a thousand of them.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_model::{ChatId, DeviceId, Seq, UserId};

use crate::{Batch, rows};

/// The counters of senders, and the receipts of members.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    counters: BTreeMap<DeviceId, u64>,
    /// Delivered, then seen.
    receipts: BTreeMap<UserId, (Seq, Seq)>,
    changed_counters: BTreeSet<DeviceId>,
    changed_receipts: BTreeSet<UserId>,
}

impl Progress {
    /// The newest counter of a sender.
    pub(crate) fn counter(&self, sender: DeviceId) -> Option<u64> {
        self.counters.get(&sender).copied()
    }

    pub(crate) fn set_counter(&mut self, sender: DeviceId, counter: u64) {
        self.counters.insert(sender, counter);
        self.changed_counters.insert(sender);
    }

    pub(crate) fn forget_counters(&mut self) {
        self.changed_counters.extend(std::mem::take(&mut self.counters).into_keys());
    }

    /// How far a member has received and seen.
    pub(crate) fn receipt(&self, user: UserId) -> (Seq, Seq) {
        self.receipts.get(&user).copied().unwrap_or_default()
    }

    /// Raises a member's receipts; whether they rose.
    pub(crate) fn raise(&mut self, user: UserId, delivered: Seq, seen: Seq) -> bool {
        let receipt = self.receipts.entry(user).or_default();
        // Who has seen something has received it.
        let raised = (receipt.0.max(delivered).max(seen), receipt.1.max(seen));
        let rose = raised != *receipt;
        *receipt = raised;
        if rose {
            self.changed_receipts.insert(user);
        }
        rose
    }

    /// Takes what a row says, when the client opens.
    pub(crate) fn load(&mut self, key: &[u8], value: &[u8]) {
        if let Some((_, user, number)) = rows::user_of(rows::COUNTER, key) {
            let number = number.try_into().ok().map(u32::from_be_bytes).map(dunlin_model::DeviceNumber);
            if let (Some(number), Some(counter)) = (number, rows::decode(value)) {
                self.counters.insert(DeviceId { user, number }, counter);
            }
        } else if let Some((_, user, _)) = rows::user_of(rows::RECEIPT, key) {
            self.receipts.extend(rows::decode(value).map(|receipt| (user, receipt)));
        }
    }

    /// Writes what changed.
    pub(crate) fn write(&mut self, chat: ChatId, batch: &mut Batch) {
        for device in std::mem::take(&mut self.changed_counters) {
            let key = rows::counter(chat, device);
            match self.counters.get(&device) {
                Some(counter) => batch.put(key, rows::encode(counter)),
                None => batch.delete(key),
            }
        }
        for user in std::mem::take(&mut self.changed_receipts) {
            batch.put(rows::receipt(chat, user), rows::encode(&self.receipt(user)));
        }
    }
}
