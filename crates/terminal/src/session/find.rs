//! Who and which chat is meant.

use dunlin_model::{ChatId, ErrorCode, UserId};

use super::{NO_WAIT, Session};
use crate::failure::{Failure, Result};

/// What a text may stand for.
pub(crate) enum Meant {
    /// A chat.
    Chat(ChatId),
    /// Someone with whom there is no chat yet.
    Person(UserId),
}

impl Session {
    /// The chat that `text` means.
    pub(crate) async fn find_chat(&self, text: &str) -> Result<ChatId> {
        match self.find(text).await? {
            Meant::Chat(chat) => Ok(chat),
            Meant::Person(_) => Err(Failure::Failed(format!(
                "You have no chat with {text} yet. Start one with 'dunlin send {text} TEXT'."
            ))),
        }
    }

    /// The chat or person that `text` means: as known here, else as the server knows.
    pub(crate) async fn find(&self, text: &str) -> Result<Meant> {
        if let Some(chat) = self.known_chat(text).await? {
            return Ok(Meant::Chat(chat));
        }
        self.catch_up(NO_WAIT).await?;
        self.refresh_chats().await?;
        self.learn_names(self.peers()).await?;
        if let Some(chat) = self.known_chat(text).await? {
            return Ok(Meant::Chat(chat));
        }
        let person = if looks_like_address(text) || !self.people.borrow().called(text).is_empty() {
            self.find_person(text).await?
        } else {
            text.parse().map_err(|_| {
                Failure::Failed(format!(
                    "You have no chat called '{text}'. 'dunlin chats' lists them; a person can be named by phone \
                     number or e-mail address."
                ))
            })?
        };
        let direct = ChatId::direct(self.me(), person);
        let exists = self.people.borrow().chats.iter().any(|card| card.chat == direct);
        Ok(if exists { Meant::Chat(direct) } else { Meant::Person(person) })
    }

    /// The chat that `text` means, among those known here.
    pub(crate) async fn known_chat(&self, text: &str) -> Result<Option<ChatId>> {
        self.refresh_chats().await?;
        let people = self.people.borrow();
        match people.chats_called(text).as_slice() {
            [] => Ok(None),
            [card] => Ok(Some(card.chat)),
            several => {
                let names: Vec<String> = several
                    .iter()
                    .map(|card| format!("  {}  {}", card.chat, people.card_name(card)))
                    .collect();
                Err(Failure::Failed(format!(
                    "Several chats may be meant by '{text}'; use more of the name, or the id:\n{}",
                    names.join("\n")
                )))
            }
        }
    }

    /// Who is meant by `text`: an id, an address, or a name.
    pub(crate) async fn find_person(&self, text: &str) -> Result<UserId> {
        if let Some(user) = self.known_person(text)? {
            return Ok(user);
        }
        if looks_like_address(text) {
            return self.find_address(text).await;
        }
        self.learn_contacts().await?;
        self.known_person(text)?.ok_or_else(|| {
            Failure::Failed(format!(
                "Nobody called '{text}' is known here. Use their phone number or e-mail address."
            ))
        })
    }

    /// Who is meant by `text`, without asking the server.
    pub(crate) fn known_person(&self, text: &str) -> Result<Option<UserId>> {
        if text == "me" || text == self.login.address {
            return Ok(Some(self.me()));
        }
        if let Ok(user) = text.parse() {
            return Ok(Some(user));
        }
        match self.people.borrow().called(text).as_slice() {
            [] => Ok(None),
            [user] => Ok(Some(*user)),
            _ => Err(Failure::Failed(format!(
                "Several people are called '{text}'. Use a phone number or e-mail address, or give them names \
                 with 'dunlin contacts add'."
            ))),
        }
    }

    async fn find_address(&self, address: &str) -> Result<UserId> {
        let token = self.token().await?;
        let found = self.api.find_user(&token, address).await.map_err(|error| match error.code() {
            Some(ErrorCode::NotFound) => Failure::Failed(format!(
                "Nobody with the address {address} uses this server. Ask them to log in once."
            )),
            _ => self.api_failure(&error),
        })?;
        let not_an_id = |_| Failure::Failed("The server's answer cannot be read.".into());
        let user = found.user_id.parse().map_err(not_an_id)?;
        {
            let mut people = self.people.borrow_mut();
            let person = people.person_mut(user);
            person.name = found.name;
            person.address = address.to_lowercase();
            person.asked_ms = self.now().0;
        }
        self.keep_people().await?;
        Ok(user)
    }
}

/// Whether someone may be found by it on the server.
fn looks_like_address(text: &str) -> bool {
    text.starts_with('+') || text.contains('@')
}
