//! All chats of a person: of ten thousand a step looks at those that it has to do with.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

use dunlin_model::{ChatId, Timestamp};

use super::Chat;
use crate::outbox::Attempt;

/// The chats; which of them may have changed since [`Chats::settle`]; and when each is to be looked at again.
#[derive(Default)]
pub(crate) struct Chats {
    all: BTreeMap<ChatId, Chat>,
    taken: BTreeSet<ChatId>,
    wakes: BTreeMap<ChatId, Timestamp>,
    by_time: BTreeSet<(Timestamp, ChatId)>,
}

impl Deref for Chats {
    type Target = BTreeMap<ChatId, Chat>;

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl Chats {
    /// One that is there, to be changed.
    pub(crate) fn get_mut(&mut self, id: &ChatId) -> Option<&mut Chat> {
        let chat = self.all.get_mut(id)?;
        self.taken.insert(*id);
        Some(chat)
    }

    /// One to be changed; begun if it is not there.
    pub(crate) fn begin(&mut self, id: ChatId) -> &mut Chat {
        self.taken.insert(id);
        self.all.entry(id).or_insert_with(|| Chat::before_creation(id))
    }

    /// All of them, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&ChatId, &mut Chat)> {
        self.taken.extend(self.all.keys());
        self.all.iter_mut()
    }

    /// All of them, to be changed.
    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut Chat> {
        self.iter_mut().map(|(_, chat)| chat)
    }

    /// Those whose time has come.
    pub(crate) fn due(&self, now: Timestamp) -> Vec<ChatId> {
        self.by_time.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect()
    }

    /// When the next one is to be looked at.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    /// Hands out those that may have changed. What was due for them by `now` was looked at.
    pub(crate) fn settle(&mut self, now: Timestamp, mut settle: impl FnMut(ChatId, &mut Chat)) {
        for id in std::mem::take(&mut self.taken) {
            let Some(chat) = self.all.get_mut(&id) else { continue };
            settle(id, chat);
            let answer = chat.attempt.as_ref().and_then(Attempt::patience_ends);
            let times = [chat.hold_until, chat.duty_at, answer].into_iter().flatten();
            let next = times.filter(|at| *at > now).min();
            let before = match next {
                Some(at) => self.wakes.insert(id, at),
                None => self.wakes.remove(&id),
            };
            before.map(|at| self.by_time.remove(&(at, id)));
            next.map(|at| self.by_time.insert((at, id)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: ChatId = ChatId::from_bytes([1; 16]);
    const SECOND: ChatId = ChatId::from_bytes([2; 16]);

    fn settled(chats: &mut Chats, now: u64) -> Vec<ChatId> {
        let mut seen = Vec::new();
        chats.settle(Timestamp(now), |id, _| seen.push(id));
        seen
    }

    #[test]
    fn a_chat_is_settled_once_after_it_was_taken_in_hand() {
        let mut chats = Chats::default();
        chats.begin(FIRST);
        chats.begin(SECOND);
        assert_eq!(settled(&mut chats, 0), [FIRST, SECOND]);
        assert!(settled(&mut chats, 0).is_empty());
        assert!(chats.get(&FIRST).is_some(), "looking changes nothing");
        chats.get_mut(&SECOND).unwrap();
        assert_eq!(settled(&mut chats, 0), [SECOND]);
        assert_eq!(chats.values_mut().count(), 2);
        assert_eq!(settled(&mut chats, 0), [FIRST, SECOND]);
    }

    #[test]
    fn the_next_one_that_is_due_follows_what_changes() {
        let mut chats = Chats::default();
        chats.begin(FIRST).duty_at = Some(Timestamp(20));
        chats.begin(SECOND).hold_until = Some(Timestamp(10));
        settled(&mut chats, 0);
        assert_eq!((chats.wake_at(), chats.due(Timestamp(9))), (Some(Timestamp(10)), Vec::new()));
        assert_eq!(chats.due(Timestamp(20)), [SECOND, FIRST]);
        // What was looked at when it was due does not come again.
        chats.get_mut(&SECOND).unwrap();
        settled(&mut chats, 10);
        assert_eq!(chats.wake_at(), Some(Timestamp(20)));
        chats.get_mut(&FIRST).unwrap().duty_at = Some(Timestamp(30));
        settled(&mut chats, 10);
        assert_eq!((chats.due(Timestamp(20)), chats.wake_at()), (Vec::new(), Some(Timestamp(30))));
    }
}
