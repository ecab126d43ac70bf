//! Starts and commits of a chat's group, when they stand in the log.
//!
//! Whatever of this device was pending for the epoch either is the event, and is merged, or lost the race, and is
//! discarded; the start of another generation loses only to another start. A commit that cannot be applied costs this device its place: it enters anew and names the author.

use std::time::Duration;

use dunlin_model::{ChatId, Commit, DeviceCertificate, DeviceId, Epoch, Event, GroupStart};

use super::verify::is_allowed;
use crate::effects::{Change, Distrust};
use crate::keys::{KeysError, Staged};
use crate::notice::Notice;
use crate::outbox::Attempt;
use crate::step::Client;

/// How long a device that lost its place waits before it enters again, at the most.
const REENTRY_JITTER: Duration = Duration::from_secs(3);

impl Client {
    pub(crate) fn group_started(&mut self, id: ChatId, event: &Event, start: &GroupStart, is_told: bool) {
        self.check_rules(id, event, is_told);
        if self.is_own_attempt(id, event) {
            self.merge_own(id);
        } else {
            self.lose_race(id);
            self.keys.forget(id);
            if start.devices.contains(&self.account.device()) {
                self.join(id, start.epoch.generation, start.welcome.as_ref());
            }
        }
        self.check_readers(id, is_told);
        if let Some(chat) = self.chats.get_mut(&id) {
            chat.broken = false;
        }
    }

    pub(crate) fn committed(&mut self, id: ChatId, event: &Event, commit: &Commit, is_told: bool) {
        self.check_rules(id, event, is_told);
        let me = self.account.device();
        if self.is_own_attempt(id, event) {
            self.merge_own(id);
            if commit.external {
                self.check_readers(id, is_told);
            }
            return;
        }
        if !self.begins_another_group(id) {
            self.lose_race(id);
        }
        let in_group = self.keys.epoch(id) == Some(commit.epoch);
        if commit.removed.contains(&me) {
            self.keys.forget(id);
        } else if in_group {
            self.apply_commit(id, event.sender, commit, is_told);
        } else {
            // Keys of another epoch than the log's are of no use.
            self.keys.forget(id);
            if commit.added.contains(&me) {
                self.join(id, commit.epoch.generation, commit.welcome.as_ref());
                self.check_readers(id, is_told);
            }
        }
    }

    fn apply_commit(&mut self, id: ChatId, author: DeviceId, commit: &Commit, is_told: bool) {
        let staged = self.payload_bytes(&commit.commit).ok_or(KeysError::NoGroup);
        match staged.and_then(|bytes| self.keys.stage(id, &bytes)) {
            Err(KeysError::Removed) => self.keys.forget(id),
            Ok(staged) if is_as_declared(&staged, author, commit) => {
                for certificate in &staged.added {
                    self.check_reader(id, certificate, is_told);
                }
                if self.keys.merge_staged(id).is_err() {
                    self.lose_place(id, author);
                }
            }
            Ok(_) | Err(_) => {
                self.keys.discard_staged(id);
                self.lose_place(id, author);
            }
        }
    }

    fn is_own_attempt(&self, id: ChatId, event: &Event) -> bool {
        let attempt = self.chats.get(&id).and_then(|chat| chat.attempt.as_ref());
        event.sender == self.account.device()
            && attempt.is_some_and(|attempt| attempt.is_handshake() && attempt.number == event.client_seq)
    }

    /// Whether the handshake of this device that is under way starts the next generation: a commit in the one before it
    /// is no race that it could lose, and the server may have accepted it already.
    fn begins_another_group(&self, id: ChatId) -> bool {
        let attempt = self.chats.get(&id).and_then(|chat| chat.attempt.as_ref());
        attempt.is_some_and(Attempt::starts_group)
    }

    fn merge_own(&mut self, id: ChatId) {
        // Without it the keys are of another epoch than the log's, and this device enters anew.
        if self.keys.merge_pending(id).is_err() {
            self.keys.forget(id);
        }
        self.note_update(id);
    }

    fn join(&mut self, id: ChatId, generation: u32, welcome: Option<&dunlin_model::Payload>) {
        let welcome = welcome.and_then(|payload| self.payload_bytes(payload));
        let joined = welcome.is_some_and(|welcome| self.keys.join(id, generation, &welcome).is_ok());
        if joined {
            self.note_update(id);
        }
    }

    fn note_update(&mut self, id: ChatId) {
        let now = self.now;
        if let Some(chat) = self.chats.get_mut(&id) {
            chat.marks.since_update = 0;
            chat.marks.updated = now;
            chat.marks_changed = true;
        }
    }

    /// The handshake of this device that is under way, if any, comes too late.
    fn lose_race(&mut self, id: ChatId) {
        self.keys.discard_pending(id);
        let Some(chat) = self.chats.get_mut(&id) else { return };
        chat.duty = None;
        if chat.attempt.as_ref().is_some_and(Attempt::is_handshake) {
            self.drop_attempt(id);
        }
    }

    fn lose_place(&mut self, id: ChatId, author: DeviceId) {
        self.keys.forget(id);
        self.effects.changes.push(Change::CommitFailed { chat: id, author });
        self.note_here(id, Notice::CommitFailed { author });
        let jitter = self.jitter(REENTRY_JITTER);
        let at = self.now + jitter;
        if let Some(chat) = self.chats.get_mut(&id) {
            chat.duty_at = Some(at);
        }
    }

    fn check_rules(&mut self, id: ChatId, event: &Event, is_told: bool) {
        let allowed = is_told || self.chats.get(&id).is_none_or(|chat| is_allowed(&chat.state, event));
        if !allowed {
            self.distrust(id, Distrust::HandshakeNotAllowed);
        }
    }

    /// Everyone with a leaf must be a member.
    fn check_readers(&mut self, id: ChatId, is_told: bool) {
        for certificate in self.keys.members(id) {
            self.check_reader(id, &certificate, is_told);
        }
    }

    fn check_reader(&mut self, id: ChatId, certificate: &DeviceCertificate, is_told: bool) {
        let user = certificate.device.user;
        let Some(chat) = self.chats.get(&id) else { return };
        let had_leaf = chat.state.keys.devices.contains_key(&certificate.device);
        if !is_told && !had_leaf && chat.state.role(user).is_none() {
            self.distrust(id, Distrust::Intruder);
        }
        self.meet(certificate);
    }

    /// Whether this device can read and write in the chat's current epoch.
    pub(crate) fn has_place(&self, id: ChatId) -> bool {
        let Some(chat) = self.chats.get(&id) else { return false };
        let keys = &chat.state.keys;
        keys.epoch != Epoch::default()
            && keys.devices.contains_key(&self.account.device())
            && self.keys.epoch(id) == Some(keys.epoch)
    }
}

/// Whether the commit does what its event says: the server checked it, and the server is not believed.
fn is_as_declared(staged: &Staged, author: DeviceId, commit: &Commit) -> bool {
    staged.by.device == author
        && staged.external == commit.external
        && staged.removed == commit.removed
        && staged.added.iter().map(|certificate| &certificate.device).eq(&commit.added)
}
