//! From prepared keys to an attempt.

use bytes::Bytes;
use dunlin_model::mls::INLINE_BYTES_MAX;
use dunlin_model::{ChatCommand, ChatId, Commit, DeviceId, GroupStart, Payload, StartReason};
use dunlin_wire::Command;
use sha2::{Digest, Sha256};

use crate::keys::Prepared;
use crate::outbox::Attempt;
use crate::step::{Client, HANDSHAKE_RETRY_AFTER};

impl Client {
    pub(super) fn start_group(&mut self, id: ChatId, reason: StartReason, packages: &[(DeviceId, Bytes)]) {
        let me = self.account.device();
        let Some(chat) = self.chats.get(&id) else { return };
        let wanted = chat.wanted_suite().filter(|_| reason == StartReason::SuiteChange);
        let suite = wanted.or(chat.state.keys.suite).unwrap_or_else(|| chat.first_suite());
        let generation = chat.state.keys.epoch.generation + 1;
        let Ok(prepared) = self.keys.start(id, generation, suite, packages) else {
            self.hold(id, HANDSHAKE_RETRY_AFTER);
            return;
        };
        let mut blobs = Vec::new();
        let Prepared { epoch, welcome, group_info, added: mut devices, .. } = prepared;
        devices.push(me);
        devices.sort_unstable();
        let start = GroupStart {
            epoch,
            suite,
            reason,
            devices,
            welcome: welcome.map(|bytes| payload(bytes, &mut blobs)),
            group_info: payload(group_info, &mut blobs),
        };
        self.attempt_handshake(id, ChatCommand::StartGroup(Box::new(start)), blobs);
    }

    /// Commits what waits: removals, and the additions that there are packages for. Fresh keys of this device come
    /// with every commit; `fresh` asks for one that does nothing else.
    pub(super) fn commit_keys(&mut self, id: ChatId, packages: &[(DeviceId, Bytes)], fresh: bool) {
        let Some(chat) = self.chats.get(&id) else { return };
        let state = &chat.state;
        let removed = state.keys.waiting_removals(&state.members);
        let packages: Vec<_> = packages
            .iter()
            .filter(|(device, _)| state.members.contains_key(&device.user))
            .filter(|(device, _)| !state.keys.devices.contains_key(device))
            .cloned()
            .collect();
        if packages.is_empty() && removed.is_empty() && !fresh {
            return;
        }
        match self.keys.commit(id, &packages, &removed) {
            Ok(prepared) => self.attempt_commit(id, prepared, removed, false),
            Err(_) => self.keys.forget(id), // Whoever cannot commit enters anew.
        }
    }

    pub(super) fn attempt_commit(
        &mut self,
        id: ChatId,
        prepared: Prepared,
        removed: Vec<DeviceId>,
        external: bool,
    ) {
        let mut blobs = Vec::new();
        let commit = Commit {
            epoch: prepared.epoch,
            external,
            added: prepared.added,
            removed,
            commit: payload(prepared.commit, &mut blobs),
            welcome: prepared.welcome.map(|bytes| payload(bytes, &mut blobs)),
            group_info: payload(prepared.group_info, &mut blobs),
        };
        self.attempt_handshake(id, ChatCommand::Commit(Box::new(commit)), blobs);
    }

    fn attempt_handshake(&mut self, id: ChatId, command: ChatCommand, blobs: Vec<Bytes>) {
        let number = self.account.take_number();
        let command = Command::Submit { chat: id, client_seq: number, command, attestation: None };
        self.set_attempt(id, Attempt::new(number, None, command, Vec::new()).with_blobs(blobs));
        self.send_attempt(id);
    }
}

/// The bytes themselves where they are few, else their name; then they go to `blobs`.
fn payload(bytes: Bytes, blobs: &mut Vec<Bytes>) -> Payload {
    if bytes.len() <= INLINE_BYTES_MAX {
        return Payload::Inline(bytes);
    }
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let hash = Sha256::digest(&bytes).into();
    blobs.push(bytes);
    Payload::Stored { hash, bytes: length }
}
