//! Which chat is meant.

use dunlin_client_native::Connection;
use dunlin_model::view::ChatDetails;
use dunlin_model::{ChatId, UserId};
use dunlin_wire::{Command, Outcome};

use crate::app::{App, looks_like_address};
use crate::failure::{Failure, Result};
use crate::profile::ChatCard;

/// Chats asked for at a time.
const CHATS_PER_PAGE: u32 = 100;

/// What a text may stand for.
pub(crate) enum Meant {
    /// A chat.
    Chat(ChatId),
    /// Someone with whom there is no chat yet.
    Person(UserId),
}

impl App {
    /// Asks for all chats, and keeps their names.
    pub(crate) async fn load_chats(&self, connection: &Connection) -> Result<Vec<ChatDetails>> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let page = Command::ListChats { after, limit: Some(CHATS_PER_PAGE) };
            let Outcome::Chats { chats, next_after } = self.request(connection, page).await? else {
                return Err(not_understood());
            };
            all.extend(chats);
            after = next_after;
            if after.is_none() {
                break;
            }
        }
        let cards: Vec<ChatCard> = all.iter().map(|details| ChatCard::of(details, self.me())).collect();
        let peers: Vec<UserId> = cards.iter().filter_map(|card| card.peer).collect();
        self.people.borrow_mut().set_chats(cards);
        self.learn_names(peers).await?;
        self.keep_people()?;
        Ok(all)
    }

    /// Asks for one chat with its members, and keeps their names.
    pub(crate) async fn load_chat(&self, connection: &Connection, chat: ChatId) -> Result<ChatDetails> {
        let Outcome::Chat(details) = self.request(connection, Command::GetChat { chat }).await? else {
            return Err(not_understood());
        };
        self.people.borrow_mut().learn_chat(ChatCard::of(&details, self.me()));
        self.learn_names(details.members.iter().map(|member| member.user)).await?;
        self.keep_people()?;
        Ok(details)
    }

    /// The chat that `text` means, asking the server when it is not known here.
    pub(crate) async fn find_chat(&self, connection: &Connection, text: &str) -> Result<ChatId> {
        match self.find(connection, text).await? {
            Meant::Chat(chat) => Ok(chat),
            Meant::Person(_) => Err(Failure::Failed(format!(
                "You have no chat with {text} yet. Start one with 'dunlin send {text} TEXT'."
            ))),
        }
    }

    /// The chat or person that `text` means.
    pub(crate) async fn find(&self, connection: &Connection, text: &str) -> Result<Meant> {
        if let Some(chat) = self.known_chat(text)? {
            return Ok(Meant::Chat(chat));
        }
        self.load_chats(connection).await?;
        if let Some(chat) = self.known_chat(text)? {
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
    pub(crate) fn known_chat(&self, text: &str) -> Result<Option<ChatId>> {
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

    /// What to call a chat.
    pub(crate) fn chat_name(&self, chat: ChatId) -> String {
        self.people.borrow().chat_name(chat)
    }
}

/// The server's answer is of another kind than was asked for.
pub(crate) fn not_understood() -> Failure {
    Failure::Failed(
        "The server's answer is not the one asked for. Is it of the same version as this program?".into(),
    )
}
