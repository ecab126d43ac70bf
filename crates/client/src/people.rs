//! Whom this device knows: identity keys, trusted on first use, and which of them the person has compared.

use std::collections::BTreeMap;

use dunlin_model::{ChatId, DeviceCertificate, IdentityKey, UserId};

use crate::effects::Change;
use crate::identity::SafetyNumber;
use crate::notice::Notice;
use crate::rows;
use crate::step::Client;

/// The identity keys that were seen last.
pub(crate) type People = BTreeMap<UserId, IdentityKey>;

impl Client {
    /// Takes note of a verified certificate. A new identity key is kept, a changed one is kept and shown.
    pub(crate) fn meet(&mut self, certificate: &DeviceCertificate) {
        let (user, identity) = (certificate.device.user, certificate.identity);
        let known = self.people.insert(user, identity);
        if known == Some(identity) {
            return;
        }
        self.effects.persist.put(rows::of_user(rows::IDENTITY, user), rows::encode(&identity));
        // On another device the person may have compared a key before this one met it.
        let verified = self.verified.get(&user).copied();
        if verified == Some(identity) {
            self.effects.changes.push(Change::Verified { user, verified: true });
        }
        if known.or(verified).is_some_and(|before| before != identity) {
            self.effects.changes.push(Change::IdentityChanged { user, identity });
            let was_verified = verified != Some(identity) && self.withdraw_verified(user);
            let shared: Vec<ChatId> = self
                .chats
                .iter()
                .filter(|(_, chat)| chat.is_encrypted() && chat.state.role(user).is_some())
                .map(|(id, _)| *id)
                .collect();
            for id in shared {
                self.note_here(id, Notice::IdentityChanged { user, was_verified });
            }
        }
    }

    /// The person compared this key and found it right.
    pub(crate) fn mark_verified(&mut self, user: UserId, identity: IdentityKey) {
        if self.identity_of(user) != Some(identity) || self.is_verified(user) {
            return;
        }
        self.set_verified(user, identity);
        self.note_verified(user);
    }

    /// The person compared it on another device, which may have met a key that this one has not, or the other way
    /// round: it counts when both know the same.
    pub(crate) fn take_verified(&mut self, user: UserId, identity: IdentityKey) {
        if self.verified.get(&user) != Some(&identity) && !self.is_verified(user) {
            self.set_verified(user, identity);
        }
    }

    fn set_verified(&mut self, user: UserId, identity: IdentityKey) {
        self.verified.insert(user, identity);
        self.effects.persist.put(rows::of_user(rows::VERIFIED, user), rows::encode(&identity));
        if self.is_verified(user) {
            self.effects.changes.push(Change::Verified { user, verified: true });
        }
    }

    /// Whether there was something to withdraw.
    pub(crate) fn withdraw_verified(&mut self, user: UserId) -> bool {
        let was_verified = self.verified.remove(&user).is_some();
        if was_verified {
            self.effects.persist.delete(rows::of_user(rows::VERIFIED, user));
            self.effects.changes.push(Change::Verified { user, verified: false });
        }
        was_verified
    }

    /// Whether the person compared safety numbers with `user`, and the key is still that one.
    pub fn is_verified(&self, user: UserId) -> bool {
        self.verified.get(&user).is_some_and(|identity| self.identity_of(user) == Some(*identity))
    }

    /// The number to compare with `user`; `None` while their identity key is not known.
    pub fn safety_number(&self, user: UserId) -> Option<SafetyNumber> {
        let own = (self.account.user(), self.account.certificate().identity);
        Some(SafetyNumber::of(own, (user, self.identity_of(user)?)))
    }

    /// The identity key that was seen last of `user`.
    pub fn identity_of(&self, user: UserId) -> Option<IdentityKey> {
        self.people.get(&user).copied()
    }
}
