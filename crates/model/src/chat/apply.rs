//! From an event to the next state. Total: whatever is in the log has happened.

use super::state::ChatState;
use crate::event::{Event, EventKind, Role};
use crate::ids::{ClientSeq, Seq, UserId};

impl ChatState {
    /// Applies the event that follows the head. An event at or below the head changes nothing, so that a
    /// reader may apply an overlapping range; the caller never skips one.
    pub fn apply(&mut self, event: &Event) {
        if event.seq <= self.head {
            return;
        }
        debug_assert_eq!(event.seq, self.head.next(), "a log has no gaps");
        let seq = event.seq;
        self.head = seq;
        self.changed = event.time;
        if event.client_seq != ClientSeq(0) {
            self.numbers.entry(event.sender).or_default().record(event.client_seq, seq);
        }
        let sender = event.sender.user;
        match &event.kind {
            EventKind::Created { kind, encryption, name, description, members } => {
                self.kind = *kind;
                self.encryption = *encryption;
                self.name.clone_from(name);
                self.description.clone_from(description);
                self.created = event.time;
                for (user, role) in members {
                    self.enter(*user, *role, seq);
                }
            }
            EventKind::Message { .. } | EventKind::MessageDeleted { .. } => {}
            EventKind::Updated { name, description, picture } => {
                replace(&mut self.name, name.as_ref());
                replace(&mut self.description, description.as_ref());
                replace(&mut self.picture, picture.as_ref());
            }
            EventKind::MembersAdded { users } => {
                for user in users {
                    self.enter(*user, Role::Member, seq);
                }
            }
            EventKind::Joined => self.enter(sender, Role::Member, seq),
            EventKind::Left { new_owner } => {
                self.exit(sender, seq);
                if let Some(role) = new_owner.as_ref().and_then(|user| self.members.get_mut(user)) {
                    *role = Role::Owner;
                }
            }
            EventKind::MembersRemoved { users } => {
                for user in users {
                    self.exit(*user, seq);
                }
            }
            EventKind::MembersBanned { users } => {
                for user in users {
                    self.exit(*user, seq);
                    self.banned.insert(*user);
                }
            }
            EventKind::MembersUnbanned { users } => {
                for user in users {
                    self.banned.remove(user);
                }
            }
            EventKind::RoleChanged { user, role } => {
                if *role == Role::Owner
                    && let Some(own) = self.members.get_mut(&sender)
                {
                    *own = Role::Admin;
                }
                if let Some(theirs) = self.members.get_mut(user) {
                    *theirs = *role;
                }
            }
            EventKind::GroupStarted(start) => self.keys.start(start, seq),
            EventKind::Committed(commit) => self.keys.commit(commit, event.sender, seq),
            EventKind::DeviceRevoked { device } => {
                self.keys.revoked.insert(*device);
            }
            EventKind::InviteChanged { secret_hash } => self.invite = *secret_hash,
            EventKind::ChatDeleted => {
                self.deleted = true;
                self.invite = None;
                let users: Vec<UserId> = self.members.keys().copied().collect();
                for user in users {
                    self.exit(user, seq);
                }
            }
        }
    }

    fn enter(&mut self, user: UserId, role: Role, seq: Seq) {
        self.members.insert(user, role);
        self.memberships.entry(user).or_default().begin(seq);
        self.roster_changed = seq;
    }

    fn exit(&mut self, user: UserId, seq: Seq) {
        if self.members.remove(&user).is_some() {
            if let Some(stays) = self.memberships.get_mut(&user) {
                stays.end(seq);
            }
            self.roster_changed = seq;
        }
    }
}

fn replace(field: &mut String, new: Option<&String>) {
    if let Some(new) = new {
        field.clone_from(new);
    }
}

impl EventKind {
    /// Whether those whose membership it changes come in by it; they go out otherwise.
    pub const fn begins_membership(&self) -> bool {
        matches!(self, Self::Created { .. } | Self::MembersAdded { .. } | Self::Joined)
    }

    /// The users whose membership this event begins or ends, given the members before it.
    pub fn roster_changes(&self, sender: UserId, before: &ChatState) -> Vec<UserId> {
        match self {
            Self::Created { members, .. } => members.iter().map(|(user, _)| *user).collect(),
            Self::MembersAdded { users } | Self::MembersRemoved { users } | Self::MembersBanned { users } => {
                users.clone()
            }
            Self::Joined | Self::Left { .. } => vec![sender],
            Self::ChatDeleted => before.members.keys().copied().collect(),
            Self::Message { .. }
            | Self::MessageDeleted { .. }
            | Self::Updated { .. }
            | Self::MembersUnbanned { .. }
            | Self::RoleChanged { .. }
            | Self::InviteChanged { .. }
            | Self::GroupStarted(_)
            | Self::Committed(_)
            | Self::DeviceRevoked { .. } => Vec::new(),
        }
    }
}
