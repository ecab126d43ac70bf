//! Whom this device knows: identity keys, trusted on first use.

use std::collections::BTreeMap;

use dunlin_model::{DeviceCertificate, IdentityKey, UserId};

use crate::effects::Change;
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
        self.effects.persist.put(rows::identity(user), rows::encode(&identity));
        if known.is_some() {
            self.effects.changes.push(Change::IdentityChanged { user, identity });
        }
    }

    /// The identity key that was seen last of `user`.
    pub fn identity_of(&self, user: UserId) -> Option<IdentityKey> {
        self.people.get(&user).copied()
    }
}
