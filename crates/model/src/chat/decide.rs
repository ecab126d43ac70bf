//! From a command to an event or a refusal, against exactly the state that precedes the event.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::state::ChatState;
use super::window::{NumberStatus, NumberWindow};
use crate::command::{ChatCommand, DecisionContext};
use crate::error::Refusal;
use crate::event::{Body, ChatKind, Encryption, EventKind, Role};
use crate::ids::{AttachmentId, ClientSeq, DeviceId, Seq, UserId};
use crate::limits::{
    BANNED_MAX, ChatLimits, DESCRIPTION_BYTES_MAX, MEMBERSHIPS_PER_USER_MAX, NAME_BYTES_MAX,
    PICTURE_BYTES_MAX, USERS_PER_COMMAND_MAX,
};

/// What becomes of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// It becomes this event, at the place after the head.
    Append(EventKind),
    /// It was accepted before, at this place.
    Repeat(Seq),
}

/// Decides on `command`, which `sender` numbered `number`.
///
/// Whether it was accepted before is asked first: no refusal is answered to a retry of what was accepted.
///
/// # Errors
/// A refusal, which is definite.
pub fn decide(
    state: &ChatState,
    limits: &ChatLimits,
    sender: DeviceId,
    number: ClientSeq,
    command: ChatCommand,
    context: &DecisionContext,
) -> Result<Decision, Refusal> {
    if number == ClientSeq(0) {
        return Err(Refusal::ClientSeqZero);
    }
    match state.number_status(sender, number) {
        NumberStatus::Used(seq) => return Ok(Decision::Repeat(seq)),
        NumberStatus::TooOld => {
            let newest = state.numbers.get(&sender).map_or(0, |window| window.newest().0);
            return Err(Refusal::TooOld { newest });
        }
        NumberStatus::Fresh => {}
    }
    let request = Request { state, limits, device: sender, sender: sender.user, context };
    let kind = request.decide(command)?;
    request.attested(number, &kind)?;
    Ok(Decision::Append(kind))
}

/// The event that `command` would become: what a client signs before it asks.
///
/// # Errors
/// As [`decide`], except for what concerns the number and the signature.
pub fn draft(
    state: &ChatState,
    limits: &ChatLimits,
    sender: DeviceId,
    command: ChatCommand,
    context: &DecisionContext,
) -> Result<EventKind, Refusal> {
    Request { state, limits, device: sender, sender: sender.user, context }.decide(command)
}

struct Request<'a> {
    state: &'a ChatState,
    limits: &'a ChatLimits,
    device: DeviceId,
    sender: UserId,
    context: &'a DecisionContext,
}

impl Request<'_> {
    fn decide(&self, command: ChatCommand) -> Result<EventKind, Refusal> {
        if let ChatCommand::Create { kind, encryption, name, description, members } = command {
            return self.create(kind, encryption, name, description, members);
        }
        if !self.state.exists() {
            return Err(Refusal::NoSuchChat);
        }
        if self.state.deleted {
            return Err(Refusal::ChatDeleted);
        }
        if let ChatCommand::Join { secret } = command {
            return self.join(&secret);
        }
        let role = self.state.role(self.sender).ok_or_else(|| self.why_not_a_member())?;
        match command {
            ChatCommand::Create { .. } | ChatCommand::Join { .. } => Err(Refusal::NothingToDo),
            ChatCommand::Send { body, reply_to, attachments, epoch } => {
                self.state.may_send_in(self.device, epoch)?;
                self.send(role, body, reply_to, attachments)
            }
            ChatCommand::StartGroup(start) => {
                self.state.may_start(self.limits, self.device, role, &start)?;
                Ok(EventKind::GroupStarted(start))
            }
            ChatCommand::Commit(commit) => {
                self.state.may_commit(self.limits, self.device, &commit)?;
                Ok(EventKind::Committed(commit))
            }
            ChatCommand::DeleteMessage { target } => self.delete_message(role, target),
            ChatCommand::Update { name, description, picture } => {
                self.update(role, name, description, picture)
            }
            ChatCommand::Add { users } => self.add(role, users),
            ChatCommand::Remove { users } => {
                Ok(EventKind::MembersRemoved { users: self.outranked_members(role, users)? })
            }
            ChatCommand::Ban { users } => self.ban(role, users),
            ChatCommand::Unban { users } => self.unban(role, users),
            ChatCommand::SetRole { user, role: to } => self.set_role(role, user, to),
            ChatCommand::Leave => self.leave(role),
            ChatCommand::SetInvite { secret_hash } => {
                self.managed(role, Role::Admin)?;
                if secret_hash == self.state.invite {
                    return Err(Refusal::NothingToDo);
                }
                Ok(EventKind::InviteChanged { secret_hash })
            }
            ChatCommand::DeleteChat => {
                self.managed(role, Role::Owner)?;
                Ok(EventKind::ChatDeleted)
            }
        }
    }

    /// A change of an encrypted chat's roster carries its author's signature.
    fn attested(&self, number: ClientSeq, kind: &EventKind) -> Result<(), Refusal> {
        if !kind.needs_attestation(self.state) {
            return Ok(());
        }
        // Clients take one that does not rise for a replay.
        let newest = self.state.numbers.get(&self.device).map_or(ClientSeq(0), NumberWindow::newest);
        if number < newest {
            return Err(Refusal::TooOld { newest: newest.0 });
        }
        let attestation = self.context.attestation.as_ref().ok_or(Refusal::NotAttested)?;
        attestation.verify(self.state, self.device, number, kind)
    }

    fn create(
        &self,
        kind: ChatKind,
        encryption: Encryption,
        name: String,
        description: String,
        members: Vec<UserId>,
    ) -> Result<EventKind, Refusal> {
        if self.state.exists() {
            return Err(Refusal::AlreadyExists { seq: Seq::FIRST });
        }
        let mut others: BTreeSet<UserId> = members.into_iter().collect();
        others.remove(&self.sender);
        if others.iter().any(|user| self.context.blocked.contains(user)) {
            return Err(Refusal::Blocked);
        }
        self.at_most(others.len() + 1, self.limits.members_max, "members")?;
        let named = matches!(kind, ChatKind::Group | ChatKind::Channel) && encryption == Encryption::None;
        if named {
            not_empty(&name, "The name")?;
            fits(name.len(), NAME_BYTES_MAX, "The name")?;
            fits(description.len(), DESCRIPTION_BYTES_MAX, "The description")?;
        } else if !name.is_empty() || !description.is_empty() {
            // A direct chat has no name of its own; an encrypted chat's name is content.
            return Err(if kind == ChatKind::Direct { Refusal::WrongKind } else { Refusal::WrongEncryption });
        }
        let creator_role = match kind {
            ChatKind::Direct if others.len() != 1 => return Err(Refusal::WrongKind),
            ChatKind::Direct => Role::Member,
            ChatKind::Group | ChatKind::Channel => Role::Owner,
        };
        let members = std::iter::once((self.sender, creator_role))
            .chain(others.into_iter().map(|user| (user, Role::Member)))
            .collect();
        Ok(EventKind::Created { kind, encryption, name, description, members })
    }

    fn send(
        &self,
        role: Role,
        body: Body,
        reply_to: Option<Seq>,
        attachments: Vec<AttachmentId>,
    ) -> Result<EventKind, Refusal> {
        if self.state.kind == ChatKind::Channel && role < Role::Admin {
            return Err(Refusal::RoleTooLow);
        }
        if self.state.peer_of(self.sender).is_some_and(|peer| self.context.blocked.contains(&peer)) {
            return Err(Refusal::Blocked);
        }
        match (&body, self.state.encryption) {
            (Body::Text(text), Encryption::None) => {
                fits(text.len(), self.limits.text_bytes_max, "The text")?;
            }
            (Body::Opaque(bytes), Encryption::None | Encryption::Mls) => {
                fits(bytes.len(), self.limits.opaque_bytes_max, "The body")?;
            }
            (Body::Text(_), Encryption::Mls) | (Body::Gone(_), _) => return Err(Refusal::WrongEncryption),
        }
        if body.is_empty() && attachments.is_empty() {
            return Err(Refusal::Empty { what: "A message" });
        }
        self.at_most(attachments.len(), self.limits.attachments_max, "attachments")?;
        if let Some(why) = self.context.attachment_fault {
            return Err(Refusal::InvalidAttachment { why });
        }
        if let Some(target) = reply_to {
            if self.state.encryption == Encryption::Mls {
                return Err(Refusal::WrongEncryption); // What is answered is content there.
            }
            if target > self.state.head || !self.state.may_read(self.sender, target) {
                return Err(Refusal::NoSuchMessage);
            }
        }
        Ok(EventKind::Message { body, reply_to, attachments })
    }

    fn delete_message(&self, role: Role, target: Seq) -> Result<EventKind, Refusal> {
        if !self.state.may_read(self.sender, target) {
            return Err(Refusal::NoSuchMessage);
        }
        let author = self.context.target_author.ok_or(Refusal::NoSuchMessage)?;
        let may = author == self.sender
            || (self.state.kind != ChatKind::Direct
                && role >= Role::Admin
                && self.state.role(author).is_none_or(|theirs| theirs < role));
        if may { Ok(EventKind::MessageDeleted { target }) } else { Err(Refusal::RoleTooLow) }
    }

    fn update(
        &self,
        role: Role,
        name: Option<String>,
        description: Option<String>,
        picture: Option<String>,
    ) -> Result<EventKind, Refusal> {
        self.managed(role, Role::Admin)?;
        if self.state.encryption == Encryption::Mls {
            return Err(Refusal::WrongEncryption);
        }
        if let Some(name) = &name {
            not_empty(name, "The name")?;
            fits(name.len(), NAME_BYTES_MAX, "The name")?;
        }
        fits(description.as_ref().map_or(0, String::len), DESCRIPTION_BYTES_MAX, "The description")?;
        fits(picture.as_ref().map_or(0, String::len), PICTURE_BYTES_MAX, "The picture")?;
        let name = name.filter(|new| *new != self.state.name);
        let description = description.filter(|new| *new != self.state.description);
        let picture = picture.filter(|new| *new != self.state.picture);
        if name.is_none() && description.is_none() && picture.is_none() {
            return Err(Refusal::NothingToDo);
        }
        Ok(EventKind::Updated { name, description, picture })
    }

    fn add(&self, role: Role, users: Vec<UserId>) -> Result<EventKind, Refusal> {
        self.managed(role, Role::Admin)?;
        let mut users = self.named(users)?;
        users.retain(|user| !self.state.members.contains_key(user));
        if users.is_empty() {
            return Err(Refusal::NothingToDo);
        }
        for user in &users {
            self.may_enter(*user)?;
        }
        self.at_most(self.state.members.len() + users.len(), self.limits.members_max, "members")?;
        Ok(EventKind::MembersAdded { users: users.into_iter().collect() })
    }

    fn join(&self, secret: &[u8]) -> Result<EventKind, Refusal> {
        if self.state.members.contains_key(&self.sender) {
            return Err(Refusal::NothingToDo);
        }
        // The link's key is asked for with the signature, where the chat is encrypted.
        let is_valid = match (self.state.encryption, self.state.invite) {
            (_, None) => false,
            (Encryption::None, Some(hash)) => hash == <[u8; 32]>::from(Sha256::digest(secret)),
            (Encryption::Mls, Some(_)) => secret.is_empty(),
        };
        // Whoever came into a chat that all have left would be alone in a chat that nobody owns.
        if !is_valid || self.state.members.is_empty() {
            return Err(Refusal::InvalidInvite);
        }
        self.may_enter(self.sender)?;
        self.at_most(self.state.members.len() + 1, self.limits.members_max, "members")?;
        Ok(EventKind::Joined)
    }

    fn ban(&self, role: Role, users: Vec<UserId>) -> Result<EventKind, Refusal> {
        self.managed(role, Role::Admin)?;
        let mut users = self.named(users)?;
        users.retain(|user| !self.state.banned.contains(user));
        if users.is_empty() {
            return Err(Refusal::NothingToDo);
        }
        if users.iter().any(|user| self.state.role(*user).is_some_and(|theirs| theirs >= role)) {
            return Err(Refusal::RoleTooLow);
        }
        self.at_most(self.state.banned.len() + users.len(), BANNED_MAX, "banned users")?;
        Ok(EventKind::MembersBanned { users: users.into_iter().collect() })
    }

    fn unban(&self, role: Role, users: Vec<UserId>) -> Result<EventKind, Refusal> {
        self.managed(role, Role::Admin)?;
        let mut users = self.named(users)?;
        users.retain(|user| self.state.banned.contains(user));
        if users.is_empty() {
            return Err(Refusal::NothingToDo);
        }
        Ok(EventKind::MembersUnbanned { users: users.into_iter().collect() })
    }

    fn set_role(&self, role: Role, user: UserId, to: Role) -> Result<EventKind, Refusal> {
        self.managed(role, Role::Owner)?;
        let current = self.state.role(user).ok_or(Refusal::TargetNotAMember)?;
        if current == to || user == self.sender {
            return Err(Refusal::NothingToDo); // The owner hands the role on; they cannot just drop it.
        }
        Ok(EventKind::RoleChanged { user, role: to })
    }

    fn leave(&self, role: Role) -> Result<EventKind, Refusal> {
        if self.state.kind == ChatKind::Direct {
            return Err(Refusal::WrongKind);
        }
        // A group does not stay without an owner: the highest, then longest-standing member takes over.
        let new_owner = (role == Role::Owner).then(|| self.successor()).flatten();
        Ok(EventKind::Left { new_owner })
    }

    fn successor(&self) -> Option<UserId> {
        let since = |user: &UserId| self.state.since(*user);
        self.state
            .members
            .iter()
            .filter(|(user, _)| **user != self.sender)
            .min_by_key(|(user, role)| (std::cmp::Reverse(**role), since(user), **user))
            .map(|(user, _)| *user)
    }

    /// Checks that the chat is one that is managed at all, and that the sender's role allows it.
    fn managed(&self, role: Role, at_least: Role) -> Result<(), Refusal> {
        if self.state.kind == ChatKind::Direct {
            return Err(Refusal::WrongKind);
        }
        if role >= at_least { Ok(()) } else { Err(Refusal::RoleTooLow) }
    }

    fn named(&self, users: Vec<UserId>) -> Result<BTreeSet<UserId>, Refusal> {
        self.at_most(users.len(), USERS_PER_COMMAND_MAX, "users in one command")?;
        Ok(users.into_iter().collect())
    }

    fn outranked_members(&self, role: Role, users: Vec<UserId>) -> Result<Vec<UserId>, Refusal> {
        self.managed(role, Role::Admin)?;
        let users = self.named(users)?;
        if users.is_empty() {
            return Err(Refusal::NothingToDo);
        }
        for user in &users {
            let theirs = self.state.role(*user).ok_or(Refusal::TargetNotAMember)?;
            if theirs >= role {
                return Err(Refusal::RoleTooLow);
            }
        }
        Ok(users.into_iter().collect())
    }

    fn may_enter(&self, user: UserId) -> Result<(), Refusal> {
        if self.state.banned.contains(&user) {
            return Err(Refusal::Banned);
        }
        if self.context.blocked.contains(&user) {
            return Err(Refusal::Blocked);
        }
        let stays = self.state.memberships.get(&user).map_or(0, |stays| stays.stays().len());
        self.at_most(stays + 1, MEMBERSHIPS_PER_USER_MAX, "returns to this chat")
    }

    fn why_not_a_member(&self) -> Refusal {
        if self.state.banned.contains(&self.sender) {
            Refusal::Banned
        } else if self.state.memberships.contains_key(&self.sender) {
            Refusal::NotAMember
        } else {
            Refusal::NoSuchChat // A stranger does not learn whether the chat exists.
        }
    }

    fn at_most(&self, count: usize, limit: usize, what: &'static str) -> Result<(), Refusal> {
        if count <= limit { Ok(()) } else { Err(Refusal::TooMany { what, limit }) }
    }
}

fn fits(bytes: usize, limit: usize, what: &'static str) -> Result<(), Refusal> {
    if bytes <= limit { Ok(()) } else { Err(Refusal::TooLarge { what, limit }) }
}

fn not_empty(text: &str, what: &'static str) -> Result<(), Refusal> {
    if text.trim().is_empty() { Err(Refusal::Empty { what }) } else { Ok(()) }
}
