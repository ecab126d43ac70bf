//! Logs, which grow by what `decide` lets through.

use std::collections::BTreeSet;

use dunlin_client::keys::stand_in::key_use;
use dunlin_model::chat::{ChatState, Decision, decide};
use dunlin_model::view::{ChatDetails, MemberView, Receipt};
use dunlin_model::{
    Attestation, Body, BodyGone, ChatCommand, ChatId, ChatKind, ChatLimits, ClientSeq, DecisionContext,
    DeviceId, Encryption, ErrorCode, Event, EventKind, Refusal, Seq, Timestamp, UserId,
};
use dunlin_wire::{Failure, Outcome};

use super::{Server, failed};

#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) state: ChatState,
    pub(crate) events: Vec<Event>,
    /// The newest event that was removed after the retention time.
    pub(crate) floor: Seq,
}

impl Log {
    pub(crate) fn append(&mut self, event: Event) {
        self.state.apply(&event);
        if let EventKind::MessageDeleted { target } = event.kind
            && let Some(deleted) = self.events.get_mut(usize::try_from(target.0).unwrap() - 1)
        {
            deleted.empty_body(BodyGone::Deleted);
        }
        self.events.push(event);
    }

    pub(crate) fn event(&self, seq: Seq) -> Option<&Event> {
        self.events.get(usize::try_from(seq.0).unwrap().checked_sub(1)?)
    }
}

impl Server {
    pub(super) fn create(
        &mut self,
        device: DeviceId,
        number: ClientSeq,
        command: ChatCommand,
        attestation: Option<Box<Attestation>>,
        now: Timestamp,
    ) -> Outcome {
        let ChatCommand::Create { kind, members, .. } = &command else { return failed(ErrorCode::Malformed) };
        let id = match (kind, members.first()) {
            (ChatKind::Direct, Some(other)) => ChatId::direct(device.user, *other),
            _ => ChatId::created_by(device, number),
        };
        self.chats.entry(id).or_insert_with(|| Log {
            state: ChatState::before_creation(id),
            events: Vec::new(),
            floor: Seq::ZERO,
        });
        self.submit(device, id, number, command, attestation, now)
    }

    pub(super) fn submit(
        &mut self,
        device: DeviceId,
        id: ChatId,
        number: ClientSeq,
        command: ChatCommand,
        attestation: Option<Box<Attestation>>,
        now: Timestamp,
    ) -> Outcome {
        self.note_key_use(&command);
        let Some(log) = self.chats.get_mut(&id) else { return failed(ErrorCode::NotFound) };
        let target_author = match &command {
            ChatCommand::DeleteMessage { target } => log.event(*target).map(|event| event.sender.user),
            _ => None,
        };
        let blocked = match log.state.peer_of(device.user) {
            Some(peer) if self.blocked.contains(&id) => BTreeSet::from([peer]),
            _ => BTreeSet::new(),
        };
        let context = DecisionContext {
            target_author,
            attestation: attestation.clone(),
            blocked,
            ..Default::default()
        };
        match decide(&log.state, &ChatLimits::default(), device, number, command, &context) {
            Ok(Decision::Append(kind)) => {
                let seq = log.state.head.next();
                let attestation = attestation.filter(|_| kind.is_attested());
                log.append(Event { seq, time: now, sender: device, client_seq: number, kind, attestation });
                Outcome::Accepted { chat: id, seq, time: Some(now), repeated: false }
            }
            Ok(Decision::Repeat(seq)) | Err(Refusal::AlreadyExists { seq }) => {
                Outcome::Accepted { chat: id, seq, time: None, repeated: true }
            }
            Err(refusal) => Outcome::Failed(Failure::new(refusal.code(), refusal.to_string())),
        }
    }

    /// No key and nonce is ever used for two different messages, whether or not they are accepted.
    fn note_key_use(&mut self, command: &ChatCommand) {
        if self.watches_key_use
            && let ChatCommand::Send { body: Body::Opaque(ciphertext), .. } = command
            && let Some(key) = key_use(ciphertext)
        {
            let first = self.uses.entry(key).or_insert_with(|| ciphertext.to_vec());
            assert_eq!(first, ciphertext, "a key was used twice: {key:?}");
        }
    }

    /// The server says that a device was revoked.
    pub(crate) fn revoke(&mut self, device: DeviceId, now: Timestamp) {
        if let Some(devices) = self.devices.get_mut(&device.user) {
            devices.remove(&device);
        }
        self.sessions.remove(&device);
        self.keys.withdraw(device);
        for log in self.chats.values_mut() {
            if let Some(kind) = log.state.revocation(device) {
                let (seq, client_seq) = (log.state.head.next(), ClientSeq(0));
                log.append(Event { seq, time: now, sender: device, client_seq, kind, attestation: None });
            }
        }
    }

    /// Empties what is older than `time`, and where `removes` removes it altogether.
    pub(crate) fn expire(&mut self, id: ChatId, time: Timestamp, removes: bool) {
        let Some(log) = self.chats.get_mut(&id) else { return };
        for event in log.events.iter_mut().filter(|event| event.time < time) {
            event.empty_body(BodyGone::Expired);
            self.emptied.insert((id, event.seq));
            if removes {
                log.floor = log.floor.max(event.seq);
            }
        }
    }

    /// Appends whatever a dishonest server likes.
    pub(crate) fn forge(&mut self, id: ChatId, sender: DeviceId, kind: EventKind, now: Timestamp) {
        self.forge_signed(id, sender, kind, None, now);
    }

    pub(crate) fn forge_signed(
        &mut self,
        id: ChatId,
        sender: DeviceId,
        kind: EventKind,
        attestation: Option<Box<Attestation>>,
        now: Timestamp,
    ) {
        let log = self.chats.get_mut(&id).unwrap();
        let (seq, client_seq) = (log.state.head.next(), ClientSeq(9_999));
        log.append(Event { seq, time: now, sender, client_seq, kind, attestation });
    }

    /// Appends an event of the log once more.
    pub(crate) fn replay(&mut self, id: ChatId, seq: u64) {
        let log = self.chats.get_mut(&id).unwrap();
        let event = log.event(Seq(seq)).unwrap().clone();
        log.append(Event { seq: log.state.head.next(), ..event });
    }

    pub(super) fn list(&self, device: DeviceId) -> Outcome {
        let chats = self.chats.values().filter(|log| log.state.memberships.contains_key(&device.user));
        let chats = chats.filter_map(|log| self.view(device, &log.state, false)).collect();
        Outcome::Chats { chats, next_after: None }
    }

    pub(super) fn details(&self, device: DeviceId, id: ChatId) -> Outcome {
        let details = self.chats.get(&id).and_then(|log| self.view(device, &log.state, true));
        details.map_or_else(|| failed(ErrorCode::NotFound), Outcome::Chat)
    }

    fn view(&self, device: DeviceId, state: &ChatState, all: bool) -> Option<ChatDetails> {
        let user: UserId = device.user;
        let role = state.role(user);
        let shows = all && role.is_some();
        let member = |(user, role): (&UserId, &dunlin_model::Role)| {
            let Receipt { delivered, seen, .. } = self.receipt(state.id, *user);
            MemberView { user: *user, role: *role, online: false, delivered, seen }
        };
        Some(ChatDetails {
            chat: state.id,
            kind: state.kind,
            encryption: state.encryption,
            name: state.name.clone(),
            description: state.description.clone(),
            picture: state.picture.clone(),
            created: state.created,
            head: state.memberships_of(user).last_covered(state.head)?,
            received: self.cursors.get(&(device, state.id)).copied().unwrap_or_default(),
            seen: Seq::ZERO,
            role,
            member_count: u32::try_from(state.members.len()).unwrap(),
            members: if shows { state.members.iter().map(member).collect() } else { Vec::new() },
            deleted: state.deleted,
            has_invite_link: state.invite.is_some(),
            basis: (shows && state.encryption == Encryption::Mls).then(|| Box::new(state.basis())),
        })
    }
}
