//! Events and snapshots as rows of format 1 hold them: from before chats had keys.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_model::chat::{ChatState, KeyState, Memberships, NumberWindow};
use dunlin_model::{
    ChatId, ChatKind, ClientSeq, DeviceId, Encryption, Event, EventKind, Role, Seq, Timestamp, UserId,
};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct EventOfFormat1 {
    seq: Seq,
    time: Timestamp,
    sender: DeviceId,
    client_seq: ClientSeq,
    kind: EventKind,
}

impl From<EventOfFormat1> for Event {
    fn from(old: EventOfFormat1) -> Self {
        let EventOfFormat1 { seq, time, sender, client_seq, kind } = old;
        Self { seq, time, sender, client_seq, kind, attestation: None }
    }
}

#[derive(Deserialize)]
pub(crate) struct StateOfFormat1 {
    id: ChatId,
    head: Seq,
    kind: ChatKind,
    encryption: Encryption,
    name: String,
    description: String,
    picture: String,
    created: Timestamp,
    changed: Timestamp,
    members: BTreeMap<UserId, Role>,
    memberships: BTreeMap<UserId, Memberships>,
    banned: BTreeSet<UserId>,
    roster_changed: Seq,
    invite: Option<[u8; 32]>,
    deleted: bool,
    numbers: BTreeMap<DeviceId, NumberWindow>,
}

impl From<StateOfFormat1> for ChatState {
    fn from(old: StateOfFormat1) -> Self {
        Self {
            id: old.id,
            head: old.head,
            kind: old.kind,
            encryption: old.encryption,
            name: old.name,
            description: old.description,
            picture: old.picture,
            created: old.created,
            changed: old.changed,
            members: old.members,
            memberships: old.memberships,
            banned: old.banned,
            roster_changed: old.roster_changed,
            invite: old.invite,
            deleted: old.deleted,
            numbers: old.numbers,
            keys: KeyState::default(),
        }
    }
}
