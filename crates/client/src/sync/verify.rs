//! Whether a change of the roster was made by who is said to have made it, and with the right to.

use bytes::Bytes;
use dunlin_model::chat::{ChatState, draft};
use dunlin_model::{ChatCommand, ChatId, ChatLimits, DecisionContext, Event, EventKind, UserId};

use crate::effects::{Change, Distrust};
use crate::notice::Notice;
use crate::step::Client;

/// Limits are for the server to keep: a client does not know how they are set.
pub(crate) const fn unlimited() -> ChatLimits {
    ChatLimits {
        text_bytes_max: usize::MAX,
        opaque_bytes_max: usize::MAX,
        members_max: usize::MAX,
        devices_max: usize::MAX,
        attachments_max: usize::MAX,
    }
}

impl Client {
    /// Checks the signature and the right, on the state that precedes.
    pub(crate) fn verify(&mut self, id: ChatId, event: &Event) -> Result<(), Distrust> {
        let Some(chat) = self.chats.get(&id) else { return Ok(()) };
        let attestation = event.attestation.as_deref().ok_or(Distrust::NotAttested)?;
        attestation
            .verify(&chat.state, event.sender, event.client_seq, &event.kind)
            .map_err(|_| Distrust::NotAttested)?;
        if chat.marks.signed.get(&event.sender).is_some_and(|newest| event.client_seq <= *newest) {
            return Err(Distrust::Repeated);
        }
        if !is_allowed(&chat.state, event) {
            return Err(Distrust::NotAllowed);
        }
        self.meet(&attestation.certificate);
        Ok(())
    }

    /// Sends nothing in the chat any more, and says so.
    pub(crate) fn distrust(&mut self, id: ChatId, why: Distrust) {
        let Some(chat) = self.chats.get_mut(&id) else { return };
        if chat.marks.distrusted.is_none() {
            chat.marks.distrusted = Some(why);
            chat.marks_changed = true;
            self.effects.changes.push(Change::Distrusted { chat: id, why });
            self.note_here(id, Notice::Distrusted(why));
        }
    }
}

/// Whether its author could ask for the event.
pub(super) fn is_allowed(state: &ChatState, event: &Event) -> bool {
    let command = match &event.kind {
        EventKind::Created { kind, encryption, name, description, members } => {
            let others = |(user, _): &(UserId, _)| (*user != event.sender.user).then_some(*user);
            ChatCommand::Create {
                kind: *kind,
                encryption: *encryption,
                name: name.clone(),
                description: description.clone(),
                members: members.iter().filter_map(others).collect(),
            }
        }
        EventKind::MembersAdded { users } => ChatCommand::Add { users: users.clone() },
        EventKind::MembersRemoved { users } => ChatCommand::Remove { users: users.clone() },
        EventKind::MembersBanned { users } => ChatCommand::Ban { users: users.clone() },
        EventKind::MembersUnbanned { users } => ChatCommand::Unban { users: users.clone() },
        EventKind::RoleChanged { user, role } => ChatCommand::SetRole { user: *user, role: *role },
        EventKind::Left { .. } => ChatCommand::Leave,
        EventKind::GroupStarted(start) => ChatCommand::StartGroup(start.clone()),
        EventKind::Committed(commit) => ChatCommand::Commit(commit.clone()),
        EventKind::InviteChanged { secret_hash } => ChatCommand::SetInvite { secret_hash: *secret_hash },
        EventKind::Joined => ChatCommand::Join { secret: Bytes::new() },
        _ => return true,
    };
    let context = DecisionContext::default();
    draft(state, &unlimited(), event.sender, command, &context).is_ok_and(|kind| kind == event.kind)
}
