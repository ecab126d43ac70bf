//! Rules of chats, as sentences.

mod creating;
mod direct;
mod keys;
mod leaving;
mod limits;
mod managing;
mod numbers;
mod posting;
mod reading;

use std::collections::BTreeSet;

use super::{ChatState, Decision, decide};
use crate::{
    Body, ChatCommand, ChatId, ChatKind, ChatLimits, ClientSeq, DecisionContext, DeviceId, DeviceNumber,
    Encryption, Event, EventKind, Refusal, Role, Seq, Timestamp, UserId,
};

const OWNER: u8 = 1;
const ADMIN: u8 = 2;
const MEMBER: u8 = 3;
const ANOTHER_MEMBER: u8 = 4;
/// Was a member once.
const FORMER: u8 = 5;
const BANNED: u8 = 6;
const STRANGER: u8 = 9;
const SECRET: &[u8] = b"the secret of the link";

fn user(number: u8) -> UserId {
    UserId::from_bytes([number; 16])
}

fn users(numbers: &[u8]) -> Vec<UserId> {
    numbers.iter().map(|number| user(*number)).collect()
}

fn device(of: u8, number: u32) -> DeviceId {
    DeviceId { user: user(of), number: DeviceNumber(number) }
}

fn text(text: &str) -> ChatCommand {
    ChatCommand::Send { body: Body::Text(text.into()), reply_to: None, attachments: Vec::new(), epoch: None }
}

fn rename(name: &str) -> ChatCommand {
    ChatCommand::Update { name: Some(name.into()), description: None, picture: None }
}

fn create(kind: ChatKind, others: &[u8]) -> ChatCommand {
    let name = if kind == ChatKind::Direct { String::new() } else { "a chat".into() };
    ChatCommand::Create {
        kind,
        encryption: Encryption::None,
        name,
        description: String::new(),
        members: users(others),
    }
}

fn invite() -> ChatCommand {
    use sha2::{Digest, Sha256};
    ChatCommand::SetInvite { secret_hash: Some(Sha256::digest(SECRET).into()) }
}

fn join() -> ChatCommand {
    ChatCommand::Join { secret: SECRET.into() }
}

fn too_many(what: &'static str, limit: usize) -> Refusal {
    Refusal::TooMany { what, limit }
}

/// A chat whose commands are decided and applied one after the other.
#[derive(Clone)]
struct Chat {
    state: ChatState,
    limits: ChatLimits,
    context: DecisionContext,
    next_number: u64,
}

impl Chat {
    fn before_creation() -> Self {
        Self {
            state: ChatState::before_creation(ChatId::from_bytes([7; 16])),
            limits: ChatLimits::default(),
            context: DecisionContext::default(),
            next_number: 1,
        }
    }

    /// With an owner, an admin, two members, a former member, a banned user and an invite link.
    fn of_kind(kind: ChatKind) -> Self {
        let mut chat = Self::before_creation();
        chat.does(OWNER, create(kind, &[ADMIN, MEMBER, ANOTHER_MEMBER, FORMER]));
        chat.does(OWNER, ChatCommand::SetRole { user: user(ADMIN), role: Role::Admin });
        chat.does(FORMER, ChatCommand::Leave);
        chat.does(OWNER, ChatCommand::Ban { users: users(&[BANNED]) });
        chat.does(OWNER, invite());
        chat
    }

    fn group() -> Self {
        Self::of_kind(ChatKind::Group)
    }

    fn direct() -> Self {
        let mut chat = Self::before_creation();
        chat.does(OWNER, create(ChatKind::Direct, &[MEMBER]));
        chat
    }

    fn decides(&self, sender: DeviceId, number: u64, command: ChatCommand) -> Result<Decision, Refusal> {
        decide(&self.state, &self.limits, sender, ClientSeq(number), command, &self.context)
    }

    /// Decides with this number and applies what comes of it.
    fn takes(&mut self, sender: DeviceId, number: u64, command: ChatCommand) -> Result<Seq, Refusal> {
        let kind = match self.decides(sender, number, command)? {
            Decision::Repeat(seq) => return Ok(seq),
            Decision::Append(kind) => kind,
        };
        let seq = self.state.head.next();
        let time = Timestamp(1_000 + seq.0);
        self.state.apply(&Event {
            seq,
            time,
            sender,
            client_seq: ClientSeq(number),
            kind,
            attestation: None,
        });
        Ok(seq)
    }

    /// Asks with a number of its own.
    fn asks(&mut self, who: u8, command: ChatCommand) -> Result<Seq, Refusal> {
        let number = self.next_number;
        self.next_number += 1;
        self.takes(device(who, 1), number, command)
    }

    /// Asks for what is allowed.
    fn does(&mut self, who: u8, command: ChatCommand) -> Seq {
        let at = format!("{who} asks for {command:?}");
        self.asks(who, command).unwrap_or_else(|refusal| panic!("{at}: {refusal}"))
    }

    fn refuses(&self, who: u8, command: ChatCommand) -> Option<Refusal> {
        self.decides(device(who, 1), self.next_number, command).err()
    }

    /// The event that a command becomes.
    fn event(&self, who: u8, command: ChatCommand) -> Result<EventKind, Refusal> {
        match self.decides(device(who, 1), self.next_number, command)? {
            Decision::Append(kind) => Ok(kind),
            Decision::Repeat(seq) => panic!("taken for a repetition of {seq}"),
        }
    }

    fn role(&self, who: u8) -> Option<Role> {
        self.state.role(user(who))
    }

    fn blocking(mut self, between: &[u8]) -> Self {
        self.context.blocked = BTreeSet::from_iter(users(between));
        self
    }
}
