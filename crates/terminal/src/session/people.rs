//! Names of people and chats as last heard, so that commands work with names, and offline.

use std::collections::BTreeMap;

use dunlin_model::{ChatId, UserId};
use serde::{Deserialize, Serialize};

use super::names::ChatCard;
use crate::plain;

/// Characters of an id that stand for someone without a name.
const SHORT_ID_CHARS: usize = 8;

/// What is known of someone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Person {
    /// The name they gave themselves.
    pub(crate) name: String,
    /// The name they have in the contacts.
    pub(crate) contact: String,
    /// The address they were found by.
    pub(crate) address: String,
    /// When the name was asked for, in milliseconds since the Unix epoch.
    pub(crate) asked_ms: u64,
}

/// Everyone and every chat known here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct People {
    people: BTreeMap<String, Person>,
    /// The chats, by id, as the core has them.
    #[serde(skip)]
    pub(crate) chats: Vec<ChatCard>,
}

impl People {
    /// What is known of `user`.
    pub(crate) fn person(&self, user: UserId) -> Option<&Person> {
        self.people.get(&user.to_string())
    }

    /// What is known of `user`, to be changed.
    pub(crate) fn person_mut(&mut self, user: UserId) -> &mut Person {
        self.people.entry(user.to_string()).or_default()
    }

    /// Forgets the names in the contacts, to learn them anew.
    pub(crate) fn forget_contacts(&mut self) {
        for person in self.people.values_mut() {
            person.contact.clear();
        }
    }

    /// Everyone in the contacts.
    pub(crate) fn contacts(&self) -> Vec<UserId> {
        self.matching(|person| !person.contact.is_empty())
    }

    /// What to call `user`: as in the contacts, else as they call themselves, else by address.
    pub(crate) fn name(&self, user: UserId) -> String {
        let person = self.person(user);
        let names = person.into_iter().flat_map(|person| [&person.contact, &person.name, &person.address]);
        names
            .into_iter()
            .find(|name| !name.is_empty())
            .map(|name| plain::name(name))
            .unwrap_or_else(|| user.to_string().chars().take(SHORT_ID_CHARS).collect())
    }

    /// Everyone whose name or address is `text`, whatever the case of its letters.
    pub(crate) fn called(&self, text: &str) -> Vec<UserId> {
        let wanted = text.to_lowercase();
        let is = |name: &str| name.to_lowercase() == wanted;
        let by_contact: Vec<UserId> = self.matching(|person| is(&person.contact));
        if by_contact.is_empty() {
            self.matching(|person| is(&person.name) || is(&person.address))
        } else {
            by_contact
        }
    }

    fn matching(&self, is: impl Fn(&Person) -> bool) -> Vec<UserId> {
        self.people.iter().filter(|(_, person)| is(person)).filter_map(|(id, _)| id.parse().ok()).collect()
    }

    /// What to call a chat.
    pub(crate) fn chat_name(&self, chat: ChatId) -> String {
        match self.chats.iter().find(|card| card.chat == chat) {
            Some(card) => self.card_name(card),
            None => chat.to_string().chars().take(SHORT_ID_CHARS).collect(),
        }
    }

    /// What to call a chat.
    pub(crate) fn card_name(&self, card: &ChatCard) -> String {
        match card.peer {
            Some(peer) => self.name(peer),
            None if card.name.is_empty() => card.chat.to_string().chars().take(SHORT_ID_CHARS).collect(),
            None => plain::name(&card.name),
        }
    }

    /// The chats that `text` may mean: the id, else a whole name, else the beginning of one.
    pub(crate) fn chats_called(&self, text: &str) -> Vec<&ChatCard> {
        if let Ok(id) = text.parse::<ChatId>() {
            return self.chats.iter().filter(|card| card.chat == id).collect();
        }
        let wanted = text.to_lowercase();
        let by_address = |card: &&ChatCard| {
            let person = card.peer.and_then(|peer| self.person(peer));
            person.is_some_and(|person| !person.address.is_empty() && person.address.to_lowercase() == wanted)
        };
        let whole: Vec<&ChatCard> = self
            .chats
            .iter()
            .filter(|card| self.card_name(card).to_lowercase() == wanted || by_address(card))
            .collect();
        if !whole.is_empty() {
            return prefer_member(whole);
        }
        let begins = |card: &&ChatCard| self.card_name(card).to_lowercase().starts_with(&wanted);
        prefer_member(self.chats.iter().filter(begins).collect())
    }

    /// Replaces what is known of all chats.
    pub(crate) fn set_chats(&mut self, chats: Vec<ChatCard>) {
        self.chats = chats;
    }
}

/// Chats the user left are meant only when no other is.
fn prefer_member(cards: Vec<&ChatCard>) -> Vec<&ChatCard> {
    let (members, former): (Vec<_>, Vec<_>) = cards.into_iter().partition(|card| card.member);
    if members.is_empty() { former } else { members }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(byte: u8, name: &str, member: bool) -> ChatCard {
        let chat = ChatId::from_bytes([byte; 16]);
        ChatCard { chat, name: name.into(), peer: None, member }
    }

    fn names(people: &People, text: &str) -> Vec<String> {
        people.chats_called(text).into_iter().map(|card| people.card_name(card)).collect()
    }

    #[test]
    fn a_chat_is_found_by_whole_name_first_then_by_its_beginning() {
        let mut people = People::default();
        let chats = [(1, "Team"), (2, "Team lunch"), (3, "Family")];
        people.set_chats(chats.into_iter().map(|(byte, name)| group(byte, name, true)).collect());
        assert_eq!(names(&people, "team"), ["Team"]);
        assert_eq!(names(&people, "fam"), ["Family"]);
        assert_eq!(names(&people, "te"), ["Team", "Team lunch"]);
        assert_eq!(names(&people, &ChatId::from_bytes([2; 16]).to_string()), ["Team lunch"]);
        assert!(names(&people, "nobody").is_empty());
    }

    #[test]
    fn a_chat_that_was_left_is_meant_only_when_no_other_is() {
        let mut people = People::default();
        people.set_chats(vec![group(1, "Team", false)]);
        assert_eq!(people.chats_called("team").len(), 1);
        people.set_chats(vec![group(1, "Team", false), group(2, "Team", true)]);
        let found = people.chats_called("team");
        assert_eq!(found.iter().map(|card| card.chat).collect::<Vec<_>>(), [ChatId::from_bytes([2; 16])]);
    }

    #[test]
    fn people_are_called_as_in_the_contacts_then_as_they_call_themselves() {
        let mut people = People::default();
        let ada = UserId::from_bytes([1; 16]);
        assert_eq!(people.name(ada).len(), SHORT_ID_CHARS);
        people.person_mut(ada).address = "ada@example.org".into();
        assert_eq!(people.name(ada), "ada@example.org");
        people.person_mut(ada).name = "Ada Lovelace".into();
        assert_eq!(people.name(ada), "Ada Lovelace");
        people.person_mut(ada).contact = "Ada".into();
        assert_eq!(people.name(ada), "Ada");
        assert_eq!(people.called("ADA"), [ada]);
        assert_eq!(people.called("ada@example.org"), [ada]);
    }
}
