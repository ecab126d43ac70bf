//! What a chat is at its head.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::keys::KeyState;
use super::membership::Memberships;
use super::window::{NumberStatus, NumberWindow};
use crate::clock::Timestamp;
use crate::event::{ChatKind, Encryption, Role};
use crate::ids::{ChatId, ClientSeq, DeviceId, Seq, UserId};
use crate::view::{ChatBasis, ChatDetails};

/// The state that applying the log up to `head` gives. A snapshot is this, serialized.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatState {
    /// The chat.
    pub id: ChatId,
    /// The newest event applied; zero before the first.
    pub head: Seq,
    /// The chat's kind.
    pub kind: ChatKind,
    /// Whether bodies are readable to the server.
    pub encryption: Encryption,
    /// The name; empty for direct and encrypted chats.
    pub name: String,
    /// The description; empty for direct and encrypted chats.
    pub description: String,
    /// A reference to the picture; empty for none.
    pub picture: String,
    /// When the first event was accepted.
    pub created: Timestamp,
    /// When the newest event was accepted.
    pub changed: Timestamp,
    /// Members now, with their roles.
    pub members: BTreeMap<UserId, Role>,
    /// The stays of everyone who is or was a member.
    pub memberships: BTreeMap<UserId, Memberships>,
    /// Who cannot come back.
    pub banned: BTreeSet<UserId>,
    /// The newest event that changed who is a member: readers look again at what they may see.
    pub roster_changed: Seq,
    /// What [`crate::view::InviteCode::verifier`] of the invite link gives, while there is a link.
    pub invite: Option<[u8; 32]>,
    /// Whether the owner deleted the chat.
    pub deleted: bool,
    /// The numbers each device used.
    pub numbers: BTreeMap<DeviceId, NumberWindow>,
    /// The keys of an encrypted chat.
    pub keys: KeyState,
}

impl ChatState {
    /// The state before the first event.
    pub fn before_creation(id: ChatId) -> Self {
        Self {
            id,
            head: Seq::ZERO,
            kind: ChatKind::Group,
            encryption: Encryption::None,
            name: String::new(),
            description: String::new(),
            picture: String::new(),
            created: Timestamp::default(),
            changed: Timestamp::default(),
            members: BTreeMap::new(),
            memberships: BTreeMap::new(),
            banned: BTreeSet::new(),
            roster_changed: Seq::ZERO,
            invite: None,
            deleted: false,
            numbers: BTreeMap::new(),
            keys: KeyState::default(),
        }
    }

    /// Whether the log has a first event.
    pub fn exists(&self) -> bool {
        self.head > Seq::ZERO
    }

    /// The role of `user`, when a member.
    pub fn role(&self, user: UserId) -> Option<Role> {
        self.members.get(&user).copied()
    }

    /// What someone who came in later needs besides the members to follow the log from the head on.
    pub fn basis(&self) -> ChatBasis {
        ChatBasis {
            banned: self.banned.iter().copied().collect(),
            epoch: self.keys.epoch,
            oldest: self.keys.oldest,
            suite: self.keys.suite,
            devices: self.keys.devices.keys().copied().collect(),
            revoked: self.keys.revoked.iter().copied().collect(),
            since: self.members.keys().filter_map(|user| self.since(*user)).collect(),
            invite: self.invite,
        }
    }

    /// The state that the answer for one encrypted chat tells of, for those who cannot read the log from its start.
    /// Past stays and numbers are not in it.
    pub fn from_details(details: &ChatDetails) -> Self {
        let basis = details.basis.as_deref().cloned().unwrap_or_default();
        let members: BTreeMap<UserId, Role> =
            details.members.iter().map(|member| (member.user, member.role)).collect();
        let since = basis.since.into_iter().chain(std::iter::repeat(details.head));
        let memberships = members.keys().copied().zip(since.map(Memberships::open_since)).collect();
        let head = details.head;
        let keys = KeyState {
            epoch: basis.epoch,
            oldest: basis.oldest,
            suite: basis.suite,
            devices: basis.devices.into_iter().map(|device| (device, head)).collect(),
            revoked: basis.revoked.into_iter().collect(),
            ..KeyState::default()
        };
        Self {
            head,
            kind: details.kind,
            encryption: details.encryption,
            name: details.name.clone(),
            description: details.description.clone(),
            picture: details.picture.clone(),
            created: details.created,
            changed: details.created,
            members,
            memberships,
            banned: basis.banned.into_iter().collect(),
            invite: basis.invite,
            deleted: details.deleted,
            keys,
            ..Self::before_creation(details.chat)
        }
    }

    /// The event that let a member in.
    pub fn since(&self, user: UserId) -> Option<Seq> {
        self.memberships.get(&user)?.stays().last().map(|stay| stay.from)
    }

    /// What `user` may read; empty for strangers.
    pub fn memberships_of(&self, user: UserId) -> Memberships {
        self.memberships.get(&user).cloned().unwrap_or_default()
    }

    /// Whether `user` may read the event at `seq`.
    pub fn may_read(&self, user: UserId, seq: Seq) -> bool {
        self.memberships.get(&user).is_some_and(|stays| stays.covers(seq))
    }

    /// The other one of a direct chat.
    pub fn peer_of(&self, user: UserId) -> Option<UserId> {
        match self.kind {
            ChatKind::Direct => self.members.keys().find(|member| **member != user).copied(),
            ChatKind::Group | ChatKind::Channel => None,
        }
    }

    /// What is known of a device's number in this chat.
    pub fn number_status(&self, device: DeviceId, number: ClientSeq) -> NumberStatus {
        self.numbers.get(&device).map_or(NumberStatus::Fresh, |window| window.status(number))
    }
}
