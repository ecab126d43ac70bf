//! Earlier messages, out of this device's vault.

use dunlin_client::chats::{Shown, StoredMessage};
use dunlin_client::search::Query;
use dunlin_model::{ChatId, EventKind, Seq, UserId};

use crate::args::HistoryArgs;
use crate::failure::{Failure, Result};
use crate::output::Output;
use crate::session::{NO_WAIT, Session};

impl Session {
    pub(super) async fn history(&self, out: &mut Output, args: HistoryArgs) -> Result {
        if !args.offline {
            match self.catch_up(NO_WAIT).await {
                Err(Failure::Unreachable(why)) if self.known_chat(&args.chat).await?.is_some() => {
                    out.note(&format!("{why} This is what is stored here.")).await;
                }
                caught_up => caught_up?,
            }
        }
        let chat = match self.known_chat(&args.chat).await? {
            Some(chat) => chat,
            None if args.offline => {
                return Err(Failure::Failed(format!(
                    "Nothing is stored here of a chat called '{}'.",
                    args.chat
                )));
            }
            None => self.find_chat(&args.chat).await?,
        };
        let sender = match &args.from {
            None => None,
            Some(person) => Some(match self.known_person(person)? {
                Some(user) => user,
                None if args.offline => {
                    return Err(Failure::Failed(format!("Nobody is known here by '{person}'.")));
                }
                None => self.find_person(person).await?,
            }),
        };
        let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
        let messages = self.stored(chat, args.before.map(Seq), limit, sender).await?;
        if !args.offline {
            self.learn_names_or_not(messages.iter().flat_map(users_of)).await?;
        }
        out_messages(self, out, chat, &messages).await
    }

    /// The newest `limit` of what is stored before a place, ascending.
    async fn stored(
        &self,
        chat: ChatId,
        before: Option<Seq>,
        limit: usize,
        sender: Option<UserId>,
    ) -> Result<Vec<StoredMessage>> {
        let cursor = self.look(move |client| client.chat(chat).map(|chat| chat.marks.cursor)).await?;
        let mut next = before.unwrap_or(Seq(u64::MAX)).min(cursor.unwrap_or_default().next());
        let mut messages = Vec::new();
        while next > Seq::FIRST && messages.len() < limit {
            next = next.previous();
            let stored = self.device.message(chat, next);
            messages.extend(stored.filter(|stored| {
                sender.is_none_or(|sender| stored.sender.user == sender && is_message(stored))
            }));
        }
        messages.reverse();
        Ok(messages)
    }

    /// Without the names it is shown all the same.
    pub(super) async fn learn_names_or_not(&self, users: impl IntoIterator<Item = UserId>) -> Result {
        match self.learn_names(users).await {
            Err(failure @ (Failure::NotLoggedIn(_) | Failure::OutputClosed)) => Err(failure),
            _ => Ok(()),
        }
    }

    pub(super) async fn search(
        &self,
        out: &mut Output,
        text: &str,
        chat: Option<String>,
        limit: usize,
    ) -> Result {
        let chat = match chat {
            Some(chat) => Some(self.known_chat(&chat).await?.ok_or_else(|| {
                Failure::Failed(format!("You have no chat called '{chat}'. 'dunlin chats' lists them."))
            })?),
            None => None,
        };
        self.refresh_chats().await?;
        let found =
            self.device.search(&Query { text, chat, limit }).map_err(|error| self.device_failure(&error))?;
        let mut found: Vec<(ChatId, StoredMessage)> = found
            .into_iter()
            .filter_map(|hit| Some((hit.chat, self.device.message(hit.chat, hit.seq)?)))
            .collect();
        // As in 'history': the newest stands last, where the eye is.
        found.reverse();
        if found.is_empty() && !out.is_json() {
            out.note("Nothing is found.").await;
        }
        for (chat, message) in found {
            let line = if out.is_json() {
                self.json(chat, &message).to_string()
            } else {
                format!("[{}] {}", self.chat_name(chat), self.line(chat, &message, out))
            };
            out.line(&line).await?;
        }
        Ok(())
    }
}

async fn out_messages(
    session: &Session,
    out: &mut Output,
    chat: ChatId,
    messages: &[StoredMessage],
) -> Result {
    for message in messages {
        let line = if out.is_json() {
            session.json(chat, message).to_string()
        } else {
            session.line(chat, message, out)
        };
        out.line(&line).await?;
    }
    Ok(())
}

fn is_message(stored: &StoredMessage) -> bool {
    match &stored.shown {
        Shown::Event(kind) => matches!(**kind, EventKind::Message { .. }),
        Shown::Content(_) | Shown::Gone(_) | Shown::Stub(_) => true,
    }
}

/// Everyone whom an entry names.
pub(super) fn users_of(stored: &StoredMessage) -> Vec<UserId> {
    let mut users = vec![stored.sender.user];
    let Shown::Event(kind) = &stored.shown else { return users };
    match &**kind {
        EventKind::MembersAdded { users: named }
        | EventKind::MembersRemoved { users: named }
        | EventKind::MembersBanned { users: named }
        | EventKind::MembersUnbanned { users: named } => users.extend(named),
        EventKind::RoleChanged { user, .. } => users.push(*user),
        EventKind::Left { new_owner } => users.extend(new_owner),
        EventKind::Created { members, .. } => users.extend(members.iter().map(|(user, _)| *user)),
        EventKind::Message { .. }
        | EventKind::MessageDeleted { .. }
        | EventKind::Updated { .. }
        | EventKind::Joined
        | EventKind::InviteChanged { .. }
        | EventKind::ChatDeleted
        | EventKind::GroupStarted(_)
        | EventKind::Committed(_)
        | EventKind::DeviceRevoked { .. } => {}
    }
    users
}
