//! The group of the sample people: who was let in, and how far their talk has got.

use dunlin_model::UserId;
use serde::{Deserialize, Serialize};

use super::cast::{EPISODE, LINES};

/// Newcomers that get into the group; those after them meet Echo alone.
pub(super) const NEWCOMERS_MAX: usize = 40;

/// What is kept of it, in the host's vault.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Talk {
    /// Who was let in. Whoever left is not let in again.
    invited: Vec<UserId>,
    /// Lines that were said so far.
    said: usize,
    /// Lines after which it is quiet until somebody else comes.
    until: usize,
}

impl Talk {
    pub(super) fn read(kept: &[u8]) -> Self {
        serde_json::from_slice(kept).unwrap_or_default()
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("ids and numbers are JSON")
    }

    pub(super) fn invited(&self) -> &[UserId] {
        &self.invited
    }

    /// Notes that somebody is let in, unless they were before or there are too many. They hear one episode whole.
    pub(super) fn invite(&mut self, user: UserId) -> bool {
        if self.invited.len() >= NEWCOMERS_MAX || self.invited.contains(&user) {
            return false;
        }
        self.invited.push(user);
        self.until = self.said.next_multiple_of(EPISODE) + EPISODE;
        true
    }

    /// Whether there is something left to say.
    pub(super) const fn goes_on(&self) -> bool {
        self.said < self.until
    }

    /// The next line, and by whom.
    pub(super) fn line(&mut self) -> Option<(usize, &'static str)> {
        let line = self.goes_on().then(|| LINES.get(self.said % LINES.len()).copied())??;
        self.said += 1;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somebody(number: u8) -> UserId {
        UserId::from_bytes([number; 16])
    }

    #[test]
    fn everyone_new_hears_an_episode_and_then_it_is_quiet() {
        let mut talk = Talk::default();
        assert_eq!(talk.line(), None);
        assert!(talk.invite(somebody(1)));
        for _ in 0..3 {
            assert!(talk.line().is_some());
        }
        assert!(talk.invite(somebody(2)));
        assert!(!talk.invite(somebody(2)), "once is enough");
        let mut rest = 0;
        while talk.line().is_some() {
            rest += 1;
        }
        assert_eq!(rest, EPISODE - 3 + EPISODE, "the one that was going on, and a whole one");
        let again = Talk::read(&talk.to_bytes());
        assert_eq!(again, talk);
        assert!(!again.goes_on());
    }

    #[test]
    fn the_group_stays_small() {
        let mut talk = Talk::default();
        assert_eq!((0..200).filter(|number| talk.invite(somebody(*number))).count(), NEWCOMERS_MAX);
    }
}
