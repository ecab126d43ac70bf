//! The index against a scan of all messages, over arbitrary sequences of changes.

use std::collections::BTreeMap;

use dunlin_client::Batch;
use dunlin_client::search::{self, Message, Query};
use dunlin_model::{ChatId, Seq, Timestamp};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::vault::Vault;

const WORDS: [&str; 12] =
    ["a", "an", "and", "ant", "be", "bee", "been", "beer", "sea", "seal", "season", "tea"];

#[derive(Debug, Clone)]
enum Change {
    Add {
        chat: u8,
        seq: u64,
        sent: u64,
        words: Vec<usize>,
    },
    /// Many messages, so that segments are made and merged.
    AddMany {
        chat: u8,
        count: u64,
        sent: u64,
        words: Vec<usize>,
    },
    Remove {
        chat: u8,
        seq: u64,
    },
    RemoveMany {
        chat: u8,
        from: u64,
        count: u64,
    },
    Compact,
    /// Writes what has gathered in the batch.
    Write,
}

fn change() -> impl Strategy<Value = Change> {
    let words = || vec(0..WORDS.len(), 0..6);
    let (chat, seq, sent) = (0..3_u8, 1..900_u64, 0..50_u64);
    prop_oneof![
        8 => (chat.clone(), seq.clone(), sent.clone(), words())
            .prop_map(|(chat, seq, sent, words)| Change::Add { chat, seq, sent, words }),
        3 => (chat.clone(), 1..200_u64, sent, words())
            .prop_map(|(chat, count, sent, words)| Change::AddMany { chat, count, sent, words }),
        4 => (chat.clone(), seq.clone()).prop_map(|(chat, seq)| Change::Remove { chat, seq }),
        1 => (chat, seq, 1..300_u64)
            .prop_map(|(chat, from, count)| Change::RemoveMany { chat, from, count }),
        1 => Just(Change::Compact),
        4 => Just(Change::Write),
    ]
}

/// The index and what it should know.
#[derive(Default)]
struct Both {
    vault: Vault,
    batch: Batch,
    texts: BTreeMap<(ChatId, Seq), (Timestamp, String)>,
}

impl Both {
    fn add(&mut self, chat: u8, seq: u64, sent: u64, words: &[usize]) {
        let text = words.iter().map(|&word| WORDS[word]).collect::<Vec<_>>().join(" ");
        let (chat, seq, sent) = (ChatId::from_bytes([chat; 16]), Seq(seq), Timestamp(sent));
        search::add(&self.vault, &mut self.batch, &Message { chat, seq, sent }, &text).unwrap();
        self.texts.insert((chat, seq), (sent, text));
    }

    fn remove(&mut self, chat: u8, seq: u64) {
        let (chat, seq) = (ChatId::from_bytes([chat; 16]), Seq(seq));
        search::remove(&self.vault, &mut self.batch, chat, seq).unwrap();
        self.texts.remove(&(chat, seq));
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Add { chat, seq, sent, words } => self.add(*chat, *seq, *sent, words),
            Change::AddMany { chat, count, sent, words } => {
                for n in 0..*count {
                    let turned: Vec<usize> =
                        words.iter().map(|word| (word + usize::try_from(n).unwrap()) % WORDS.len()).collect();
                    self.add(*chat, 300 + n, sent + n % 7, &turned);
                }
            }
            Change::Remove { chat, seq } => self.remove(*chat, *seq),
            Change::RemoveMany { chat, from, count } => {
                (0..*count).for_each(|n| self.remove(*chat, from + n));
            }
            Change::Compact => drop(search::compact(&self.vault, &mut self.batch).unwrap()),
            Change::Write => self.vault.write(std::mem::take(&mut self.batch)),
        }
    }

    fn scan(&self, words: &[&str], chat: Option<ChatId>, limit: usize) -> Vec<Message> {
        let has = |text: &str, word: &&str| text.split(' ').any(|other| other.starts_with(word));
        let mut hits: Vec<Message> = self
            .texts
            .iter()
            .filter(|((here, _), _)| chat.is_none_or(|chat| chat == *here))
            .filter(|(_, (_, text))| words.iter().all(|word| has(text, word)))
            .map(|((chat, seq), (sent, _))| Message { chat: *chat, seq: *seq, sent: *sent })
            .collect();
        hits.sort_by_key(|hit| std::cmp::Reverse((hit.sent, hit.seq, hit.chat)));
        hits.truncate(limit);
        hits
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_index_finds_what_a_scan_finds(
        changes in vec(change(), 1..60),
        queries in vec((vec(0..WORDS.len(), 1..3), prop::option::of(0..3_u8), 1..40_usize), 1..12),
    ) {
        let mut both = Both::default();
        for change in &changes {
            both.apply(change);
        }
        both.apply(&Change::Write);
        for (words, chat, limit) in queries {
            let words: Vec<&str> = words.into_iter().map(|word| WORDS[word]).collect();
            let chat = chat.map(|chat| ChatId::from_bytes([chat; 16]));
            let text = words.join(" ");
            let found = search::find(&both.vault, &Query { text: &text, chat, limit }).unwrap();
            prop_assert_eq!(found, both.scan(&words, chat, limit), "{}", text);
        }
    }

    #[test]
    fn any_text_is_found_by_each_of_its_words(text in "\\PC{0,60}") {
        let mut vault = Vault::default();
        vault.add(crate::vault::message(crate::vault::LAKE, 1, 1), &text);
        for word in text.split_whitespace() {
            let found = vault.seqs(word);
            prop_assert!(found == [1] || !word.chars().any(char::is_alphanumeric), "{}", word);
        }
    }
}
