//! What to call people and chats.

use std::time::Duration;

use dunlin_client::Chat;
use dunlin_client_native::types::FoundUser;
use dunlin_model::{ChatId, ChatKind, Timestamp, UserId};
use futures_util::future::join_all;

use super::Session;
use crate::failure::Result;

/// How long a name is used before it is asked for again.
const NAME_FRESH: Duration = Duration::from_secs(24 * 60 * 60);
/// Names asked for at a time.
const NAMES_AT_ONCE: usize = 8;
/// Names asked for in one command; others are shown as known.
const NAMES_PER_COMMAND_MAX: usize = 256;

/// What a chat is called, and by what it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChatCard {
    /// The chat.
    pub(crate) chat: ChatId,
    /// Its name; empty for direct chats.
    pub(crate) name: String,
    /// The other one of a direct chat.
    pub(crate) peer: Option<UserId>,
    /// Whether the user is a member.
    pub(crate) member: bool,
}

impl ChatCard {
    fn of(id: ChatId, chat: &Chat, me: UserId) -> Self {
        let state = &chat.state;
        let is_direct = state.kind == ChatKind::Direct;
        let others = || state.memberships.keys().chain(state.members.keys()).find(|user| **user != me);
        Self {
            chat: id,
            name: chat.marks.title.clone().unwrap_or_else(|| state.name.clone()),
            peer: if is_direct { others().copied() } else { None },
            member: state.role(me).is_some() && !state.deleted,
        }
    }
}

impl Session {
    /// Takes over what the core knows of the chats now.
    pub(crate) async fn refresh_chats(&self) -> Result {
        let me = self.me();
        let cards = self.look(move |client| {
            let existing = client.chats().filter(|(_, chat)| chat.state.exists());
            existing.map(|(id, chat)| ChatCard::of(id, chat, me)).collect()
        });
        let cards = cards.await?;
        self.people.borrow_mut().set_chats(cards);
        Ok(())
    }

    /// The others of all direct chats.
    pub(crate) fn peers(&self) -> Vec<UserId> {
        self.people.borrow().chats.iter().filter_map(|card| card.peer).collect()
    }

    /// Asks for the names of users that are not known, or not freshly. Failing to is no failure.
    pub(crate) async fn learn_names(&self, users: impl IntoIterator<Item = UserId>) -> Result {
        let now = self.now();
        let mut unknown: Vec<UserId> = {
            let people = self.people.borrow();
            let asked = |user: UserId| people.person(user).map_or(0, |person| person.asked_ms);
            let stale = |user: &UserId| now.since(Timestamp(asked(*user))) > NAME_FRESH;
            users.into_iter().filter(|user| *user != self.me()).filter(stale).collect()
        };
        unknown.sort_unstable();
        unknown.dedup();
        unknown.truncate(NAMES_PER_COMMAND_MAX);
        if unknown.is_empty() {
            return Ok(());
        }
        let token = self.token().await?;
        for users in unknown.chunks(NAMES_AT_ONCE) {
            let answers = join_all(users.iter().map(|user| self.api.user(&token, *user))).await;
            let mut people = self.people.borrow_mut();
            for (user, answer) in users.iter().zip(answers) {
                if let Ok(FoundUser { name, .. }) = answer {
                    let person = people.person_mut(*user);
                    person.name = name;
                    person.asked_ms = now.0;
                }
            }
        }
        self.keep_people().await
    }

    /// Asks for the contacts, so that people can be called by their names there.
    pub(crate) async fn learn_contacts(&self) -> Result {
        let token = self.token().await?;
        let document = self.api.contacts(&token).await.map_err(|error| self.api_failure(&error))?;
        {
            let mut people = self.people.borrow_mut();
            people.forget_contacts();
            for contact in document.contacts {
                if let Ok(user) = contact.user_id.parse() {
                    people.person_mut(user).contact = contact.name;
                }
            }
        }
        self.keep_people().await
    }

    /// What to call `user`.
    pub(crate) fn name(&self, user: UserId) -> String {
        if user == self.me() { "you".into() } else { self.people.borrow().name(user) }
    }

    /// A user's name for scripts: never "you".
    pub(crate) fn plain_name(&self, user: UserId) -> String {
        let people = self.people.borrow();
        if user == self.me() && people.person(user).is_none_or(|person| person.name.is_empty()) {
            return self.login.address.clone();
        }
        people.name(user)
    }

    /// What to call a chat.
    pub(crate) fn chat_name(&self, chat: ChatId) -> String {
        self.people.borrow().chat_name(chat)
    }
}
