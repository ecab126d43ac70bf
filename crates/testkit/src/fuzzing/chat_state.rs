//! Bytes become commands of a few people on one chat; after each event everything that must hold of a
//! chat's state is looked at.

use std::collections::BTreeSet;

use dunlin_model::chat::{ChatState, Decision, NumberStatus, NumberWindow, decide, draft};
use dunlin_model::view::{INVITE_SECRET_BYTES, InviteCode};
use dunlin_model::{
    Attestation, Body, ChatCommand, ChatId, ChatKind, ChatLimits, ClientSeq, Commit, DecisionContext,
    DeviceCertificate, DeviceId, DeviceKey, DeviceNumber, Encryption, Epoch, Event, EventKind, GroupStart,
    Payload, Refusal, Role, Seq, StartReason, Suite, Timestamp, UserId,
};
use ed25519_dalek::SigningKey;

const USERS: u8 = 6;
const DEVICES: u32 = 2;
const LIMITS: ChatLimits =
    ChatLimits { text_bytes_max: 8, opaque_bytes_max: 8, members_max: 4, attachments_max: 1, devices_max: 4 };

/// A sequence of commands, five or so bytes to each.
pub fn chat_state(data: &[u8]) {
    let mut bytes = Bytes(data);
    let mut chat = Chat { state: ChatState::before_creation(ChatId::from_bytes([1; 16])), log: Vec::new() };
    while !bytes.0.is_empty() {
        let sender =
            DeviceId { user: bytes.user(), number: DeviceNumber(u32::from(bytes.byte()) % DEVICES + 1) };
        let number = bytes.number(&chat.state, sender);
        let command = bytes.command();
        let blocked = if bytes.byte() % 8 == 0 { BTreeSet::from([bytes.user()]) } else { BTreeSet::new() };
        chat.submit(sender, number, command, blocked);
    }
    chat.check_replay();
}

struct Chat {
    state: ChatState,
    log: Vec<Event>,
}

impl Chat {
    fn submit(
        &mut self,
        sender: DeviceId,
        client_seq: ClientSeq,
        command: ChatCommand,
        blocked: BTreeSet<UserId>,
    ) {
        let target_author = match command {
            ChatCommand::DeleteMessage { target } => {
                self.log.iter().find(|event| event.seq == target && event.is_message()).map(|e| e.sender.user)
            }
            _ => None,
        };
        let command = self.fitted(sender, command);
        let mut context = DecisionContext { blocked, target_author, ..DecisionContext::default() };
        context.attestation = self.signed(sender, client_seq, &command, &context);
        let before = self.state.clone();
        let decision = decide(&self.state, &LIMITS, sender, client_seq, command.clone(), &context);
        assert_eq!(before, self.state);
        match decision {
            Ok(Decision::Repeat(seq)) => {
                let first = self.log.iter().find(|event| event.seq == seq);
                let same = first.is_some_and(|e| (e.sender, e.client_seq) == (sender, client_seq));
                assert!(same, "a repeat names the event of that device and number (I2)");
            }
            Ok(Decision::Append(kind)) => {
                let time = Timestamp(before.head.0 * 1_000);
                let attestation = context.attestation.clone();
                let event = Event { seq: before.head.next(), time, sender, client_seq, kind, attestation };
                self.append(&before, event);
                let again = decide(&self.state, &LIMITS, sender, client_seq, command, &context);
                assert_eq!(again, Ok(Decision::Repeat(self.state.head)), "a retry gets the first place (I2)");
            }
            Err(Refusal::TooOld { .. }) => {
                let newest = before.numbers.get(&sender).map(NumberWindow::newest);
                let is_behind = before.encryption == Encryption::Mls && newest > Some(client_seq);
                assert!(is_behind || before.number_status(sender, client_seq) == NumberStatus::TooOld);
            }
            Err(refusal) => assert!(!refusal.to_string().is_empty()),
        }
    }

    /// In an encrypted chat a sender knows the epoch and what waits.
    fn fitted(&self, sender: DeviceId, mut command: ChatCommand) -> ChatCommand {
        let keys = &self.state.keys;
        match &mut command {
            ChatCommand::Send { epoch, .. } if self.state.encryption == Encryption::Mls => {
                *epoch = Some(keys.epoch);
            }
            // Of an encrypted chat's link the log has the public key, and a signature stands for the secret.
            ChatCommand::SetInvite { secret_hash: Some(link) }
                if self.state.encryption == Encryption::Mls =>
            {
                *link = code(self.state.id).verifier();
            }
            ChatCommand::Join { secret } if self.state.encryption == Encryption::Mls => secret.clear(),
            ChatCommand::StartGroup(start) => {
                start.epoch.generation += keys.epoch.generation;
                start.devices = vec![sender];
            }
            ChatCommand::Commit(commit) => {
                commit.epoch = keys.epoch;
                if commit.external {
                    commit.added =
                        (!keys.devices.contains_key(&sender)).then_some(sender).into_iter().collect();
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
        sender: DeviceId,
        number: ClientSeq,
        command: &ChatCommand,
        context: &DecisionContext,
    ) -> Option<Box<Attestation>> {
        let kind = draft(&self.state, &LIMITS, sender, command.clone(), context).ok()?;
        if !kind.needs_attestation(&self.state) {
            return None;
        }
        let own = SigningKey::from_bytes(&[1; 32]);
        let key = DeviceKey(own.verifying_key().to_bytes());
        let identity = SigningKey::from_bytes(&[2; 32]);
        let certificate = DeviceCertificate::issue(&identity, sender, key, Timestamp(1));
        if kind == EventKind::Joined {
            return Attestation::sign_joining(&own, &certificate, &code(self.state.id), number).map(Box::new);
        }
        Attestation::sign(&own, &certificate, &self.state, number, &kind).map(Box::new)
    }

    fn append(&mut self, before: &ChatState, event: Event) {
        check_permitted(before, &event);
        self.state.apply(&event);
        let after = self.state.clone();
        assert_eq!(after.head, event.seq);
        self.state.apply(&event);
        assert_eq!(after, self.state, "an event that was applied changes nothing");
        check_roster(before, &after, &event);
        self.log.push(event);
    }

    /// The state is a function of the log alone.
    fn check_replay(&self) {
        let mut replayed = ChatState::before_creation(self.state.id);
        for event in &self.log {
            replayed.apply(event);
        }
        assert_eq!(replayed, self.state);
    }
}

/// Who may cause which event, said a second time and independently of `decide`.
fn check_permitted(before: &ChatState, event: &Event) {
    assert!(!before.deleted, "nothing is appended to a deleted chat");
    let sender = event.sender.user;
    let role = before.role(sender);
    match &event.kind {
        EventKind::Created { members, .. } => {
            assert!(!before.exists());
            assert!(members.iter().any(|(user, _)| *user == sender));
        }
        EventKind::Joined => assert!(role.is_none() && !before.banned.contains(&sender)),
        EventKind::Message { body, .. } => {
            assert!(role.is_some(), "only members post");
            assert!(before.kind != ChatKind::Channel || role >= Some(Role::Admin));
            // Integrations may send bytes of their own without encryption; text is never sent with it.
            assert!(!matches!(body, Body::Text(_)) || before.encryption == Encryption::None);
        }
        EventKind::Committed(commit) => {
            assert!(role.is_some() && commit.epoch == before.keys.epoch);
            let waiting = before.keys.waiting_removals(&before.members);
            assert!(commit.external || waiting == commit.removed, "a commit carries all removals out (I8)");
        }
        EventKind::GroupStarted(start) => {
            assert!(role.is_some() && start.epoch.generation == before.keys.epoch.generation + 1);
        }
        EventKind::DeviceRevoked { .. } => unreachable!("nobody but the server says so"),
        EventKind::MessageDeleted { .. } | EventKind::Left { .. } => assert!(role.is_some()),
        EventKind::RoleChanged { .. } | EventKind::ChatDeleted => assert_eq!(role, Some(Role::Owner)),
        EventKind::Updated { .. }
        | EventKind::MembersAdded { .. }
        | EventKind::MembersUnbanned { .. }
        | EventKind::InviteChanged { .. } => assert!(role >= Some(Role::Admin)),
        EventKind::MembersRemoved { users } | EventKind::MembersBanned { users } => {
            let outranked = |user: &UserId| before.role(*user) < role;
            assert!(role >= Some(Role::Admin) && users.iter().all(outranked));
        }
    }
}

fn check_roster(before: &ChatState, after: &ChatState, event: &Event) {
    let owners = after.members.values().filter(|role| **role == Role::Owner).count();
    let owned = after.kind != ChatKind::Direct && !after.members.is_empty();
    assert_eq!(owners, usize::from(owned), "a group with members has one owner");
    assert!(after.members.len() <= LIMITS.members_max);
    if after.kind == ChatKind::Direct {
        assert_eq!(after.members.len(), 2, "nobody enters or leaves a direct chat");
    }
    assert!(after.banned.iter().all(|user| !after.members.contains_key(user)));
    let changed: BTreeSet<UserId> =
        event.kind.roster_changes(event.sender.user, before).into_iter().collect();
    for user in (0..USERS).map(user) {
        let (was, is) = (before.members.contains_key(&user), after.members.contains_key(&user));
        assert!(was == is || changed.contains(&user), "roster changes name whoever enters or leaves");
        assert!(was == is || after.roster_changed == event.seq);
        let stays = after.memberships_of(user);
        assert_eq!(stays.is_open(), is);
        // Whoever was or is a member reads the event, entering and leaving included; nobody else does (I10).
        assert_eq!(after.may_read(user, event.seq), was || is);
        let mut free_from = Seq::FIRST;
        for stay in stays.stays() {
            assert!(stay.from >= free_from && stay.to.is_none_or(|to| stay.from <= to));
            free_from = stay.to.map_or(Seq(u64::MAX), Seq::next);
        }
    }
}

fn user(number: u8) -> UserId {
    UserId::from_bytes([number % USERS + 1; 16])
}

/// Choices drawn from the input; zeros when it has run out.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
        self.0 = rest;
        first
    }

    fn user(&mut self) -> UserId {
        user(self.byte())
    }

    fn users(&mut self) -> Vec<UserId> {
        (0..self.byte() % 4).map(|_| self.user()).collect()
    }

    fn text(&mut self, length_max: u8) -> String {
        "x".repeat(usize::from(self.byte() % (length_max + 1)))
    }

    /// Mostly the next number of the device, at times one that was used, skipped, forgotten, or zero.
    fn number(&mut self, state: &ChatState, sender: DeviceId) -> ClientSeq {
        let newest = state.numbers.get(&sender).map_or(0, |window| window.newest().0);
        match self.byte() {
            0 => ClientSeq(0),
            back @ 1..=40 => ClientSeq(newest.saturating_sub(u64::from(back) / 2)),
            ahead @ 41..=80 => ClientSeq(newest + u64::from(ahead)),
            _ => ClientSeq(newest + 1),
        }
    }

    fn start(&mut self) -> ChatCommand {
        let reasons =
            [StartReason::First, StartReason::NobodyLeft, StartReason::Broken, StartReason::SuiteChange];
        ChatCommand::StartGroup(Box::new(GroupStart {
            epoch: Epoch { generation: u32::from(!self.byte().is_multiple_of(8)), number: 1 },
            suite: if self.byte().is_multiple_of(4) { Suite::CLASSIC } else { Suite::HYBRID },
            reason: reasons[usize::from(self.byte() % 4)],
            devices: Vec::new(),
            welcome: None,
            group_info: Payload::Inline(Vec::new().into()),
        }))
    }

    fn commit(&mut self) -> ChatCommand {
        let part = || Payload::Inline(Vec::new().into());
        let device = |user| DeviceId { user, number: DeviceNumber(1) };
        ChatCommand::Commit(Box::new(Commit {
            epoch: Epoch::default(),
            external: self.byte().is_multiple_of(2),
            added: self.users().into_iter().map(device).collect(),
            removed: Vec::new(),
            commit: part(),
            welcome: None,
            group_info: part(),
        }))
    }

    fn command(&mut self) -> ChatCommand {
        match self.byte() % 16 {
            0 | 1 => ChatCommand::Create {
                kind: [ChatKind::Direct, ChatKind::Group, ChatKind::Channel][usize::from(self.byte() % 3)],
                encryption: if self.byte().is_multiple_of(4) { Encryption::Mls } else { Encryption::None },
                name: self.text(2),
                description: self.text(1),
                members: self.users(),
            },
            2..=4 => ChatCommand::Send {
                body: match self.byte() % 4 {
                    0 => Body::Opaque(vec![7; usize::from(self.byte() % 10)].into()),
                    _ => Body::Text(self.text(9)),
                },
                reply_to: Some(Seq(self.byte().into())).filter(|seq| seq.0 > 0),
                attachments: Vec::new(),
                epoch: None,
            },
            5 => ChatCommand::DeleteMessage { target: Seq(self.byte().into()) },
            6 => ChatCommand::Update {
                name: (self.byte().is_multiple_of(2)).then(|| self.text(3)),
                description: (self.byte().is_multiple_of(2)).then(|| self.text(3)),
                picture: (self.byte().is_multiple_of(2)).then(|| self.text(3)),
            },
            7 | 8 => ChatCommand::Add { users: self.users() },
            9 => ChatCommand::Remove { users: self.users() },
            10 => ChatCommand::Ban { users: self.users() },
            11 => ChatCommand::Unban { users: self.users() },
            12 => ChatCommand::SetRole {
                user: self.user(),
                role: [Role::Member, Role::Admin, Role::Owner][usize::from(self.byte() % 3)],
            },
            13 => ChatCommand::Leave,
            14 => ChatCommand::Join { secret: vec![self.byte() % 2].into() },
            _ => match self.byte() % 8 {
                0 => ChatCommand::DeleteChat,
                1 => ChatCommand::SetInvite { secret_hash: None },
                2 => self.start(),
                3 | 4 => self.commit(),
                _ => ChatCommand::SetInvite { secret_hash: Some(INVITE_HASH) },
            },
        }
    }
}

/// The one link of an encrypted chat.
fn code(chat: ChatId) -> InviteCode {
    InviteCode { chat, secret: [7; INVITE_SECRET_BYTES], encryption: Encryption::Mls }
}

/// SHA-256 of the one byte zero, a secret that `Join` draws half of the time.
const INVITE_HASH: [u8; 32] = [
    0x6e, 0x34, 0x0b, 0x9c, 0xff, 0xb3, 0x7a, 0x98, 0x9c, 0xa5, 0x44, 0xe6, 0xbb, 0x78, 0x0a, 0x2c, 0x78,
    0x90, 0x1d, 0x3f, 0xb3, 0x37, 0x38, 0x76, 0x85, 0x11, 0xa3, 0x06, 0x17, 0xaf, 0xa0, 0x1d,
];
