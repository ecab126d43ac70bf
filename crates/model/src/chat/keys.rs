//! The keys of an encrypted chat, as far as the log speaks of them, and what they allow (I8).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::state::ChatState;
use crate::error::Refusal;
use crate::event::{ChatKind, Encryption, EventKind, Role};
use crate::ids::{DeviceId, Seq, UserId};
use crate::limits::ChatLimits;
use crate::mls::{
    Commit, EPOCHS_BACK_MAX, Epoch, GroupStart, HYBRID_DEVICES_MAX, Payload, StartReason, Suite,
};

/// The keys of an encrypted chat at its head.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct KeyState {
    /// The current epoch; generation zero before the first group.
    pub epoch: Epoch,
    /// Messages of epochs before this one are refused: a commit since changed who can read.
    pub oldest: Epoch,
    /// The suite of the current group.
    pub suite: Option<Suite>,
    /// The devices with a leaf in the current group, and the event that gave it to each.
    pub devices: BTreeMap<DeviceId, Seq>,
    /// Devices that were revoked while their user was a member.
    pub revoked: BTreeSet<DeviceId>,
    /// The newest event that began the current epoch.
    pub changed: Seq,
    /// What a device needs to enter the current epoch from outside.
    pub group_info: Option<Payload>,
}

impl KeyState {
    /// Devices with a leaf that must lose it before anyone's next message: their user left, or they were revoked.
    pub fn waiting_removals(&self, members: &BTreeMap<UserId, Role>) -> Vec<DeviceId> {
        let stays = |device: &DeviceId| members.contains_key(&device.user) && !self.revoked.contains(device);
        self.devices.keys().filter(|device| !stays(device)).copied().collect()
    }

    pub(super) fn start(&mut self, start: &GroupStart, seq: Seq) {
        self.epoch = start.epoch;
        self.oldest = start.epoch;
        self.suite = Some(start.suite);
        self.devices = start.devices.iter().map(|device| (*device, seq)).collect();
        self.changed = seq;
        self.group_info = Some(start.group_info.clone());
    }

    pub(super) fn commit(&mut self, commit: &Commit, sender: DeviceId, seq: Seq) {
        self.epoch = Epoch { number: commit.epoch.number + 1, ..commit.epoch };
        for device in &commit.removed {
            self.devices.remove(device);
        }
        let entered = commit.added.iter().chain(commit.external.then_some(&sender));
        self.devices.extend(entered.map(|device| (*device, seq)));
        // Who replaced their own leaf reads only from here on, like anyone new.
        if !commit.added.is_empty() || !commit.removed.is_empty() || commit.external {
            self.oldest = self.epoch;
        }
        self.changed = seq;
        self.group_info = Some(commit.group_info.clone());
    }
}

impl ChatState {
    /// The event that says that a member's device was revoked; `None` when the log need not say so.
    pub fn revocation(&self, device: DeviceId) -> Option<EventKind> {
        let concerns = self.encryption == Encryption::Mls
            && !self.deleted
            && self.members.contains_key(&device.user)
            && !self.keys.revoked.contains(&device);
        concerns.then_some(EventKind::DeviceRevoked { device })
    }

    /// Whether a message of `epoch` may be accepted from `sender` here.
    pub(super) fn may_send_in(&self, sender: DeviceId, epoch: Option<Epoch>) -> Result<(), Refusal> {
        match (self.encryption, epoch) {
            (Encryption::None, None) => return Ok(()),
            (Encryption::None, Some(_)) | (Encryption::Mls, None) => return Err(Refusal::WrongEncryption),
            (Encryption::Mls, Some(_)) => {}
        }
        let (keys, epoch) = (&self.keys, epoch.unwrap_or_default());
        if !keys.devices.contains_key(&sender) {
            return Err(Refusal::NotInGroup { current: keys.epoch });
        }
        if !keys.waiting_removals(&self.members).is_empty() {
            return Err(Refusal::RemovalWaits { current: keys.epoch });
        }
        let too_far = keys.epoch.number.saturating_sub(epoch.number) > EPOCHS_BACK_MAX;
        if epoch < keys.oldest || epoch > keys.epoch || too_far {
            return Err(Refusal::StaleEpoch { current: keys.epoch });
        }
        Ok(())
    }

    pub(super) fn may_start(
        &self,
        limits: &ChatLimits,
        sender: DeviceId,
        role: Role,
        start: &GroupStart,
    ) -> Result<(), Refusal> {
        self.is_encrypted()?;
        let (keys, current) = (&self.keys, self.keys.epoch);
        if start.epoch.generation != current.generation.saturating_add(1) {
            return Err(Refusal::StaleEpoch { current });
        }
        let suite_changes = keys.suite != Some(start.suite);
        let allowed = match start.reason {
            StartReason::First => current.generation == 0,
            StartReason::NobodyLeft => current.generation > 0 && self.nobody_left() && !suite_changes,
            StartReason::Broken => current.generation > 0 && !suite_changes,
            StartReason::SuiteChange => {
                current.generation > 0
                    && suite_changes
                    && (role >= Role::Admin || self.kind == ChatKind::Direct)
            }
        };
        if !allowed || !start.suite.is_known() {
            return Err(Refusal::InvalidHandshake { why: "the group cannot be started for this reason" });
        }
        if !start.devices.contains(&sender) || !is_ascending(&start.devices) {
            return Err(Refusal::InvalidHandshake { why: "the devices are not in order" });
        }
        self.may_be_in_group(start.devices.iter())?;
        self.devices_fit(limits, start.suite, start.devices.len())?;
        payloads_fit([Some(&start.group_info), start.welcome.as_ref()])
    }

    /// Checks a commit as far as the log goes; that the MLS message does what is said of it was checked before.
    pub(super) fn may_commit(
        &self,
        limits: &ChatLimits,
        sender: DeviceId,
        commit: &Commit,
    ) -> Result<(), Refusal> {
        self.is_encrypted()?;
        let (keys, current) = (&self.keys, self.keys.epoch);
        if current.generation == 0 || commit.epoch != current {
            return Err(Refusal::StaleEpoch { current });
        }
        if !is_ascending(&commit.added) || !is_ascending(&commit.removed) {
            return Err(Refusal::InvalidHandshake { why: "the devices are not in order" });
        }
        self.may_be_in_group(commit.added.iter().chain([&sender]))?;
        let has_leaf = |device: &DeviceId| keys.devices.contains_key(device);
        if commit.external {
            // Replacing the own leaf is no change of who is there; anyone else stays.
            let added: &[DeviceId] = if has_leaf(&sender) { &[] } else { &[sender] };
            if commit.added != added || !commit.removed.is_empty() {
                return Err(Refusal::InvalidHandshake { why: "an external commit concerns its sender only" });
            }
        } else {
            if !has_leaf(&sender) {
                return Err(Refusal::NotInGroup { current });
            }
            if commit.added.iter().any(has_leaf) || !commit.removed.iter().all(has_leaf) {
                return Err(Refusal::InvalidHandshake { why: "it adds who is there or removes who is not" });
            }
            // Removals come first: whoever commits carries all of them out.
            let waiting = keys.waiting_removals(&self.members);
            if !waiting.iter().all(|device| commit.removed.contains(device)) {
                return Err(Refusal::RemovalWaits { current });
            }
            // Nobody is put out of the group who stays in the chat.
            if commit.removed.iter().any(|device| !waiting.contains(device)) {
                return Err(Refusal::InvalidHandshake { why: "it removes a device of a member" });
            }
        }
        let after = keys.devices.len() + commit.added.len() - commit.removed.len();
        self.devices_fit(limits, keys.suite.unwrap_or(Suite::HYBRID), after)?;
        payloads_fit([Some(&commit.commit), Some(&commit.group_info), commit.welcome.as_ref()])
    }

    fn is_encrypted(&self) -> Result<(), Refusal> {
        if self.encryption == Encryption::Mls { Ok(()) } else { Err(Refusal::WrongEncryption) }
    }

    /// Whether no device with a leaf is one of a member.
    fn nobody_left(&self) -> bool {
        self.keys.waiting_removals(&self.members).len() == self.keys.devices.len()
    }

    fn may_be_in_group<'a>(&self, mut devices: impl Iterator<Item = &'a DeviceId>) -> Result<(), Refusal> {
        let may = |device: &DeviceId| {
            self.members.contains_key(&device.user) && !self.keys.revoked.contains(device)
        };
        if devices.all(may) { Ok(()) } else { Err(Refusal::TargetNotAMember) }
    }

    fn devices_fit(&self, limits: &ChatLimits, suite: Suite, count: usize) -> Result<(), Refusal> {
        let limit = match suite {
            Suite::HYBRID => HYBRID_DEVICES_MAX.min(limits.devices_max),
            _ => limits.devices_max,
        };
        if count <= limit { Ok(()) } else { Err(Refusal::TooMany { what: "devices", limit }) }
    }
}

fn is_ascending(devices: &[DeviceId]) -> bool {
    devices.is_sorted_by(|a, b| a < b)
}

fn payloads_fit<const N: usize>(payloads: [Option<&Payload>; N]) -> Result<(), Refusal> {
    if payloads.into_iter().flatten().all(Payload::fits) {
        Ok(())
    } else {
        Err(Refusal::TooLarge { what: "A part of the handshake", limit: crate::mls::HANDSHAKE_BYTES_MAX })
    }
}
