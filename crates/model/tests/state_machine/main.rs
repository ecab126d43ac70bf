//! Random commands from random devices: what must hold after each, whatever came before.

mod attempts;

use std::collections::{BTreeMap, BTreeSet};

use dunlin_model::chat::{ChatState, Decision, NumberStatus, NumberWindow, decide, draft};
use dunlin_model::limits::DEDUP_WINDOW_NUMBERS;
use dunlin_model::view::{INVITE_SECRET_BYTES, InviteCode};
use dunlin_model::{
    Attestation, Body, BodyGone, ChatCommand, ChatId, ChatKind, ChatLimits, ClientSeq, DecisionContext,
    DeviceCertificate, DeviceId, DeviceKey, DeviceNumber, Encryption, Epoch, Event, EventKind, Refusal, Role,
    Seq, Timestamp, UserId,
};
use ed25519_dalek::SigningKey;
use proptest::collection::vec;
use proptest::prelude::*;

use attempts::*;

/// A chat, its log, and what was ever told about it.
struct History {
    state: ChatState,
    log: Vec<Event>,
    /// The place of each number that was accepted.
    places: BTreeMap<(DeviceId, ClientSeq), Seq>,
    /// Who could read each event when it was the newest; index 0 is the first event.
    readers: Vec<Vec<UserId>>,
    /// Every epoch there was.
    epochs: BTreeSet<Epoch>,
    /// The newest epoch that began with a change of who reads.
    readers_changed: Epoch,
}

/// Key and certificate of a device.
fn certified(device: DeviceId) -> (SigningKey, DeviceCertificate) {
    let byte = device.user.as_bytes()[0];
    let own = SigningKey::from_bytes(&[byte + 100; 32]);
    let key = DeviceKey(own.verifying_key().to_bytes());
    let identity = SigningKey::from_bytes(&[byte + 1; 32]);
    (own, DeviceCertificate::issue(&identity, device, key, Timestamp(1)))
}

impl History {
    fn new() -> Self {
        Self {
            state: ChatState::before_creation(ChatId::from_bytes([7; 16])),
            log: Vec::new(),
            places: BTreeMap::new(),
            readers: Vec::new(),
            epochs: BTreeSet::new(),
            readers_changed: Epoch::default(),
        }
    }

    /// What a sender who knows the chat makes of the attempt.
    fn fitted(&self, attempt: &Attempt) -> ChatCommand {
        let mut command = attempt.command.clone();
        let (keys, sender) = (&self.state.keys, attempt.sender);
        match &mut command {
            ChatCommand::Send { epoch, .. } => {
                let back = epoch.map_or(0, |epoch| epoch.number);
                let number = keys.epoch.number.saturating_sub(back);
                let encrypted = self.state.encryption == Encryption::Mls;
                *epoch = encrypted.then_some(Epoch { number, ..keys.epoch });
            }
            // Of an encrypted chat's link the log has the public key, and a signature stands for the secret.
            ChatCommand::SetInvite { secret_hash: Some(link) }
                if self.state.encryption == Encryption::Mls =>
            {
                *link = code(self.state.id).verifier();
            }
            ChatCommand::Join { secret } if self.state.encryption == Encryption::Mls => secret.clear(),
            ChatCommand::StartGroup(start) => {
                start.epoch.generation = keys.epoch.generation + 1;
                start.devices.retain(|device| self.state.members.contains_key(&device.user));
                start.devices.push(sender);
                start.devices.sort();
                start.devices.dedup();
            }
            ChatCommand::Commit(commit) => {
                commit.epoch = keys.epoch;
                commit.added.retain(|device| {
                    self.state.members.contains_key(&device.user) && !keys.devices.contains_key(device)
                });
                if commit.external {
                    let enters = !keys.devices.contains_key(&sender);
                    commit.added = enters.then_some(sender).into_iter().collect();
                    commit.removed.clear();
                } else {
                    commit.removed = keys.waiting_removals(&self.state.members);
                }
            }
            _ => {}
        }
        command
    }

    fn signed(
        &self,
        attempt: &Attempt,
        number: ClientSeq,
        command: &ChatCommand,
        limits: &ChatLimits,
    ) -> DecisionContext {
        let (key, certificate) = certified(attempt.sender);
        let attestation = draft(&self.state, limits, attempt.sender, command.clone(), &attempt.context)
            .ok()
            .and_then(|kind| match kind {
                EventKind::Joined => {
                    Attestation::sign_joining(&key, &certificate, &code(self.state.id), number)
                }
                kind => Attestation::sign(&key, &certificate, &self.state, number, &kind),
            });
        DecisionContext { attestation: attestation.map(Box::new), ..attempt.context.clone() }
    }

    /// What the server says by itself.
    fn revoke(&mut self, device: DeviceId) {
        let Some(kind) = self.state.revocation(device) else { return };
        let seq = self.state.head.next();
        let (time, client_seq) = (Timestamp(self.log.len() as u64), ClientSeq(0));
        let event = Event { seq, time, sender: device, client_seq, kind, attestation: None };
        self.state.apply(&event);
        self.log.push(event);
        self.readers.push(self.state.members.keys().copied().collect());
    }

    /// I8, said a second time.
    fn check_keys(
        &mut self,
        before: &ChatState,
        event: &Event,
        command: &ChatCommand,
    ) -> Result<(), TestCaseError> {
        let (old, new) = (&before.keys, &self.state.keys);
        let out =
            |device: &&DeviceId| !before.members.contains_key(&device.user) || old.revoked.contains(device);
        match (&event.kind, command) {
            (EventKind::Message { .. }, ChatCommand::Send { epoch, .. }) => {
                prop_assert_eq!(epoch.is_some(), before.encryption == Encryption::Mls);
                if let Some(epoch) = epoch {
                    prop_assert!(old.devices.contains_key(&event.sender), "sent without a leaf");
                    prop_assert_eq!(old.devices.keys().find(out), None, "sent before a removal");
                    prop_assert!(*epoch >= self.readers_changed && *epoch <= old.epoch);
                    prop_assert!(self.epochs.contains(epoch));
                }
            }
            (EventKind::GroupStarted(_), _) => {
                prop_assert_eq!(new.epoch.generation, old.epoch.generation + 1);
                self.readers_changed = new.epoch;
            }
            (EventKind::Committed(commit), _) => {
                prop_assert_eq!(commit.epoch, old.epoch);
                prop_assert!(!out(&&event.sender), "committed by a device that is out");
                prop_assert!(commit.external || new.devices.keys().find(out).is_none());
                if new.devices.keys().ne(old.devices.keys()) || commit.external {
                    self.readers_changed = new.epoch;
                }
            }
            _ => prop_assert_eq!((old.epoch, &old.devices), (new.epoch, &new.devices)),
        }
        if new.epoch != old.epoch {
            prop_assert!(new.epoch > old.epoch && self.epochs.insert(new.epoch), "an epoch begins once");
            prop_assert_eq!(new.changed, event.seq);
        }
        for device in new.devices.keys().filter(|device| !old.devices.contains_key(device)) {
            prop_assert!(!out(&device), "{} got a leaf", device);
        }
        Ok(())
    }

    fn number(&self, attempt: &Attempt) -> ClientSeq {
        let newest = self.state.numbers.get(&attempt.sender).map_or(0, |window| window.newest().0);
        ClientSeq(match attempt.numbering {
            Numbering::Next => newest.saturating_add(1),
            Numbering::Skip(more) => newest.saturating_add(1 + more),
            Numbering::Again(back) => newest.saturating_sub(back),
            Numbering::Any(number) => number,
        })
    }

    fn take(&mut self, attempt: &Attempt, limits: &ChatLimits) -> Result<(), TestCaseError> {
        if let Some(device) = attempt.revokes {
            self.revoke(device);
        }
        let number = self.number(attempt);
        let key = (attempt.sender, number);
        let (mut command, mut context) = (attempt.command.clone(), attempt.context.clone());
        if attempt.knows {
            command = self.fitted(attempt);
            context = self.signed(attempt, number, &command, limits);
        }
        let decided = decide(&self.state, limits, attempt.sender, number, command.clone(), &context);
        let kind = match decided {
            Ok(Decision::Append(kind)) => kind,
            Ok(Decision::Repeat(seq)) => {
                prop_assert_eq!(self.places.get(&key), Some(&seq), "a repetition of what was accepted");
                return Ok(());
            }
            Err(refusal) => {
                let forgotten = matches!(refusal, Refusal::TooOld { .. });
                prop_assert!(forgotten || !self.places.contains_key(&key), "{refusal} to a retry");
                return Ok(());
            }
        };
        prop_assert_eq!(self.places.insert(key, self.state.head.next()), None, "a number gets one place");
        let event = Event {
            seq: self.state.head.next(),
            time: Timestamp(self.log.len() as u64),
            sender: attempt.sender,
            client_seq: number,
            kind,
            attestation: None,
        };
        let before = self.state.clone();
        self.state.apply(&event);
        self.check_rights(&before, &event, limits)?;
        self.check_keys(&before, &event, &command)?;
        self.check_roster_changes(&before, &event)?;
        self.log.push(event);
        self.readers.push(self.state.members.keys().copied().collect());
        let again = decide(&self.state, limits, attempt.sender, number, command, &DecisionContext::default());
        prop_assert_eq!(again, Ok(Decision::Repeat(self.state.head)), "a retry is recognised at once");
        Ok(())
    }

    /// Nobody but members caused an event, and limits hold.
    fn check_rights(
        &self,
        before: &ChatState,
        event: &Event,
        limits: &ChatLimits,
    ) -> Result<(), TestCaseError> {
        let sender = event.sender.user;
        prop_assert!(!before.deleted, "a deleted chat takes nothing");
        let enters = matches!(event.kind, EventKind::Created { .. } | EventKind::Joined);
        prop_assert_eq!(before.role(sender).is_none(), enters, "{:?}", event);
        let grew = self.state.members.len() > before.members.len();
        prop_assert!(!grew || self.state.members.len() <= limits.members_max);
        if let EventKind::Message { body, attachments, .. } = &event.kind {
            prop_assert!(before.kind != ChatKind::Channel || before.role(sender) >= Some(Role::Admin));
            prop_assert!(
                body.len() <= limits.opaque_bytes_max && attachments.len() <= limits.attachments_max
            );
            prop_assert!(!matches!(body, Body::Gone(_)));
            prop_assert!(before.encryption == Encryption::None || !matches!(body, Body::Text(_)));
        }
        for (user, role) in &before.members {
            let removed = *user != sender && self.state.role(*user).is_none();
            let outranked = before.role(sender) > Some(*role);
            prop_assert!(!removed || self.state.deleted || outranked, "{:?} removed an equal", event);
        }
        Ok(())
    }

    /// The event names everybody whose membership began or ended.
    fn check_roster_changes(&self, before: &ChatState, event: &Event) -> Result<(), TestCaseError> {
        let named = event.kind.roster_changes(event.sender.user, before);
        for number in 0..USERS {
            let user = UserId::from_bytes([number; 16]);
            let changed = before.memberships_of(user) != self.state.memberships_of(user);
            prop_assert!(!changed || named.contains(&user), "{:?} does not name {}", event, user);
            prop_assert!(!changed || self.state.roster_changed == event.seq);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let state = &self.state;
        let owners = state.members.values().filter(|role| **role == Role::Owner).count();
        let owned = state.kind != ChatKind::Direct && !state.members.is_empty();
        prop_assert_eq!(owners, usize::from(owned), "a group with members has one owner");
        prop_assert!(!state.deleted || state.members.is_empty());
        for banned in &state.banned {
            prop_assert!(!state.members.contains_key(banned), "{} is banned and a member", banned);
        }
        for number in 0..USERS {
            let user = UserId::from_bytes([number; 16]);
            let stays = state.memberships_of(user);
            prop_assert_eq!(stays.is_open(), state.members.contains_key(&user), "{}: {:?}", user, stays);
            for (first, second) in stays.stays().iter().zip(stays.stays().iter().skip(1)) {
                prop_assert!(first.to.is_some_and(|to| first.from <= to && to < second.from), "{:?}", stays);
            }
            // What is between two covered places is found from either side.
            for seq in 0..=state.head.0 + 2 {
                let covered = (seq..=state.head.0 + 2).find(|seq| stays.covers(Seq(*seq))).map(Seq);
                prop_assert_eq!(
                    stays.next_covered(Seq(seq)).filter(|next| next.0 <= state.head.0 + 2),
                    covered
                );
                let covered = (0..=seq).rev().find(|seq| stays.covers(Seq(*seq))).map(Seq);
                prop_assert_eq!(stays.last_covered(Seq(seq)), covered);
            }
        }
        // Whoever is a member when an event comes may read it for ever; who leaves reads of leaving too.
        for (seq, readers) in (1..).map(Seq).zip(&self.readers) {
            for user in readers {
                prop_assert!(state.may_read(*user, seq), "{} cannot read {} any more", user, seq);
            }
        }
        Ok(())
    }

    fn check_replays(&self) -> Result<(), TestCaseError> {
        let mut replayed = ChatState::before_creation(self.state.id);
        for event in &self.log {
            replayed.apply(event);
        }
        prop_assert_eq!(&replayed, &self.state, "the log gives the state");
        for event in &self.log {
            replayed.apply(event);
        }
        prop_assert_eq!(&replayed, &self.state, "applying again changes nothing");

        let half = self.log.len() / 2;
        let mut early = ChatState::before_creation(self.state.id);
        self.log.iter().take(half).for_each(|event| early.apply(event));
        let bytes = postcard::to_stdvec(&early).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let mut restored: ChatState =
            postcard::from_bytes(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&restored, &early, "a snapshot reads back");
        for event in &self.log {
            let bytes = postcard::to_stdvec(event).map_err(|error| TestCaseError::fail(error.to_string()))?;
            let mut event: Event =
                postcard::from_bytes(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
            event.empty_body(BodyGone::Expired);
            restored.apply(&event);
        }
        prop_assert_eq!(&restored, &self.state, "snapshot and log, bodies or not, give the same");
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_the_rules_hold(
        first in (user(), creation()),
        attempts in vec(attempt(), 0..100),
        limits in limits(),
    ) {
        let mut history = History::new();
        let (creator, command) = first;
        let sender = DeviceId { user: creator, number: DeviceNumber(1) };
        let (context, knows, revokes) = (DecisionContext::default(), true, None);
        let create = Attempt { sender, numbering: Numbering::Next, command, context, knows, revokes };
        for attempt in std::iter::once(&create).chain(&attempts) {
            history.take(attempt, &limits)?;
            history.check()?;
        }
        history.check_replays()?;
    }

    #[test]
    fn a_number_has_one_place_until_it_is_too_old(
        attempts in vec(prop_oneof![1..150_u64, 140..400_u64], 0..300),
        rising in 0..200_u64,
    ) {
        let mut window = NumberWindow::default();
        let mut places: BTreeMap<u64, Seq> = BTreeMap::new();
        let all = attempts.into_iter().chain((500..).take(usize::try_from(rising).unwrap_or_default()));
        for (seq, number) in (1..).map(Seq).zip(all) {
            match window.status(ClientSeq(number)) {
                NumberStatus::Fresh => {
                    prop_assert_eq!(places.insert(number, seq), None, "{} is used twice", number);
                    window.record(ClientSeq(number), seq);
                    prop_assert_eq!(window.status(ClientSeq(number)), NumberStatus::Used(seq));
                }
                NumberStatus::Used(seq) => prop_assert_eq!(places.get(&number), Some(&seq)),
                NumberStatus::TooOld => {
                    let newer = places.range(number + 1..).count();
                    prop_assert!(newer >= DEDUP_WINDOW_NUMBERS, "{} is called too old after {}", number, newer);
                }
            }
            prop_assert_eq!(window.newest().0, places.keys().last().copied().unwrap_or_default());
        }
        // The newest numbers are all remembered.
        for (number, seq) in places.iter().rev().take(DEDUP_WINDOW_NUMBERS) {
            prop_assert_eq!(window.status(ClientSeq(*number)), NumberStatus::Used(*seq));
        }
    }
}

/// The one link of an encrypted chat.
fn code(chat: ChatId) -> InviteCode {
    InviteCode { chat, secret: [7; INVITE_SECRET_BYTES], encryption: Encryption::Mls }
}
