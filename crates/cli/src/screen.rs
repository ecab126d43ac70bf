//! What is stored and was not shown yet.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_model::{ChatId, Seq};

use crate::failure::Result;
use crate::profile::{DeviceFiles, Entry, LogReader};

/// Entries of one chat that are to be shown.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct News {
    /// The chat.
    pub(crate) chat: ChatId,
    /// In the order of the log.
    pub(crate) entries: Vec<Entry>,
    /// The last place among them, shown or passed over; zero when none has a place.
    pub(crate) last: Seq,
}

/// How far each chat was shown.
#[derive(Debug)]
pub(crate) struct Screen {
    only: Option<ChatId>,
    chats: BTreeMap<ChatId, Shown>,
}

#[derive(Debug)]
struct Shown {
    reader: LogReader,
    up_to: Seq,
    /// Whether the log was read to its end once: what was hidden before is no news.
    is_live: bool,
}

impl Screen {
    /// Shows all chats, or only one.
    pub(crate) const fn new(only: Option<ChatId>) -> Self {
        Self { only, chats: BTreeMap::new() }
    }

    /// Whether `chat` is shown.
    pub(crate) fn shows(&self, chat: ChatId) -> bool {
        self.only.is_none_or(|only| only == chat)
    }

    /// Whether all that is shown is of one chat.
    pub(crate) const fn is_of_one_chat(&self) -> bool {
        self.only.is_some()
    }

    /// What was stored since the last call, and on the first one since it was shown last.
    pub(crate) fn news(&mut self, files: &DeviceFiles) -> Result<Vec<News>> {
        let mut news = Vec::new();
        for chat in files.chats()? {
            if !self.shows(chat) {
                continue;
            }
            let shown = self.chats.entry(chat).or_insert_with(|| Shown {
                reader: files.chat_log(chat).reader(),
                up_to: files.seen(chat),
                is_live: false,
            });
            let entries = shown.reader.more()?;
            let fresh = shown.take(chat, entries);
            if fresh.last > Seq::ZERO || !fresh.entries.is_empty() {
                news.push(fresh);
            }
        }
        Ok(news)
    }
}

impl Shown {
    fn take(&mut self, chat: ChatId, entries: Vec<Entry>) -> News {
        let hidden: BTreeSet<Seq> = entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Hidden(seq) => Some(*seq),
                Entry::Event(_) | Entry::Skipped { .. } => None,
            })
            .collect();
        let mut news = News { chat, entries: Vec::new(), last: Seq::ZERO };
        for entry in entries {
            match entry.places() {
                Some((_, to)) if to <= self.up_to => {}
                Some((from, to)) => {
                    self.up_to = to;
                    news.last = to;
                    if !hidden.contains(&from) {
                        news.entries.push(entry);
                    }
                }
                None if self.is_live => news.entries.push(entry),
                None => {}
            }
        }
        self.is_live = true;
        news
    }
}

#[cfg(test)]
mod tests {
    use dunlin_model::view::{SkipReason, Skipped};
    use dunlin_model::{DeviceId, DeviceNumber, UserId};

    use super::*;
    use crate::profile::Profile;

    const CHAT: ChatId = ChatId::from_bytes([7; 16]);

    fn place(seq: u64) -> Entry {
        Entry::skipped(Skipped { from: Seq(seq), to: Seq(seq), reason: SkipReason::Expired })
    }

    fn files(home: &tempfile::TempDir) -> DeviceFiles {
        let profile = Profile::open(Some(home.path().to_owned()), "ada").unwrap();
        profile.device(DeviceId { user: UserId::from_bytes([1; 16]), number: DeviceNumber(1) }).unwrap()
    }

    #[test]
    fn what_was_shown_before_a_restart_is_not_shown_again() {
        let home = tempfile::tempdir().unwrap();
        let files = files(&home);
        files.chat_log(CHAT).append(&[place(1), place(2), Entry::Hidden(Seq(1)), place(3)]).unwrap().unwrap();
        files.set_seen(CHAT, Seq(1)).unwrap();
        let mut screen = Screen::new(None);
        let news = screen.news(&files).unwrap();
        assert_eq!(news, [News { chat: CHAT, entries: vec![place(2), place(3)], last: Seq(3) }]);
        assert!(screen.news(&files).unwrap().is_empty());
    }

    #[test]
    fn what_was_hidden_before_it_was_shown_stays_so() {
        let home = tempfile::tempdir().unwrap();
        let files = files(&home);
        files.chat_log(CHAT).append(&[place(1), place(2), Entry::Hidden(Seq(2))]).unwrap().unwrap();
        let mut screen = Screen::new(Some(CHAT));
        assert_eq!(
            screen.news(&files).unwrap(),
            [News { chat: CHAT, entries: vec![place(1)], last: Seq(2) }]
        );
        files.chat_log(CHAT).append(&[Entry::Hidden(Seq(1))]).unwrap().unwrap();
        let news = screen.news(&files).unwrap();
        assert_eq!(news, [News { chat: CHAT, entries: vec![Entry::Hidden(Seq(1))], last: Seq::ZERO }]);
    }
}
