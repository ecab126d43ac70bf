//! What people expect of search.

use dunlin_client::Batch;
use dunlin_client::search::{self, Damaged, HITS_MAX, Query, Rows};

use crate::vault::{HILL, LAKE, Vault, message};

/// A vault whose first messages have these texts, followed by `more` others, so that they are in a segment.
fn with(texts: &[&str], more: u64) -> Vault {
    let mut vault = Vault::default();
    for (seq, text) in (1..).zip(texts) {
        vault.add(message(LAKE, seq, seq), text);
    }
    for seq in 0..more {
        vault.add(message(HILL, 1_000 + seq, 1_000 + seq), "nothing to see");
    }
    vault
}

/// The tail only, a segment, and merged segments.
const PLACES: [u64; 3] = [0, 64, 600];

#[test]
fn words_are_found_by_their_beginning_whatever_their_accents_and_case() {
    for more in PLACES {
        let vault = with(&["Kaffee im Café Élan?", "Der Kaffee war gut", "Straßenbahn"], more);
        assert_eq!(vault.seqs("kaffee"), [2, 1], "{more}");
        assert_eq!(vault.seqs("KAF"), [2, 1]);
        assert_eq!(vault.seqs("cafe"), [1]);
        assert_eq!(vault.seqs("CAFÉ ela"), [1]);
        assert_eq!(vault.seqs("strassen"), [3]);
        assert_eq!(vault.seqs("affee"), [] as [u64; 0], "the middle of a word is no beginning");
    }
}

#[test]
fn all_words_must_be_there_in_any_order() {
    for more in PLACES {
        let vault = with(&["rowing on the lake", "rowing club", "the club at the lake"], more);
        assert_eq!(vault.seqs("lake row"), [1], "{more}");
        assert_eq!(vault.seqs("the lake"), [3, 1]);
        assert_eq!(vault.seqs("rowing club lake"), [] as [u64; 0]);
        assert_eq!(vault.seqs("  ?! "), [] as [u64; 0], "no words, no hits");
    }
}

#[test]
fn chinese_japanese_and_korean_are_found() {
    for more in PLACES {
        let vault = with(&["明天在东京见面", "東京タワーに行きたい", "京都", "한국어 공부하자"], more);
        assert_eq!(vault.seqs("东京"), [1], "{more}");
        assert_eq!(vault.seqs("東京"), [2]);
        assert_eq!(vault.seqs("京"), [3, 2, 1], "one character, wherever it stands");
        assert_eq!(vault.seqs("都"), [3], "the last of a run too");
        assert_eq!(vault.seqs("タワー"), [2]);
        assert_eq!(vault.seqs("見面"), [] as [u64; 0]);
        assert_eq!(vault.seqs("공부"), [4]);
    }
}

#[test]
fn the_newest_come_first_whenever_they_were_indexed() {
    let mut vault = Vault::default();
    // History arrives after what is new, one chat after the other.
    for at in (0..300).rev() {
        vault.add(message(LAKE, at + 1, 2 * at), "swim");
    }
    for at in 0..300 {
        vault.add(message(HILL, at + 1, 2 * at + 1), "swim");
    }
    for limit in [1, 7, 150] {
        let hits = search::find(&vault, &Query { text: "swim", chat: None, limit }).unwrap();
        let times: Vec<u64> = hits.iter().map(|hit| hit.sent.0).collect();
        let newest: Vec<u64> = (0..600).rev().take(limit).collect();
        assert_eq!(times, newest);
    }
    let hits = search::find(&vault, &Query { text: "swim", chat: Some(LAKE), limit: 2 }).unwrap();
    assert_eq!(hits, [message(LAKE, 300, 598), message(LAKE, 299, 596)]);
}

#[test]
fn the_number_of_hits_has_a_limit() {
    let mut vault = Vault::default();
    for seq in 1..=1_100 {
        vault.add(message(LAKE, seq, seq), "hello");
    }
    let count = |limit| search::find(&vault, &Query { text: "hello", chat: None, limit }).unwrap().len();
    assert_eq!(count(0), 0);
    assert_eq!(count(usize::MAX), HITS_MAX);
}

#[test]
fn what_was_removed_is_not_found_and_leaves_no_words() {
    for more in PLACES {
        let mut vault = with(&["the secret meeting", "the meeting"], more);
        assert!(vault.holds(b"secret"));
        vault.remove(LAKE, 1);
        vault.remove(LAKE, 1);
        vault.remove(LAKE, 77);
        assert_eq!(vault.seqs("meeting"), [2], "{more}");
        assert_eq!(vault.seqs("secret"), [] as [u64; 0]);
        vault.compact();
        assert!(!vault.holds(b"secret"), "{more}");
        assert_eq!(vault.seqs("meeting"), [2]);
    }
}

#[test]
fn removing_everything_leaves_next_to_nothing() {
    let mut vault = Vault::default();
    for seq in 1..=8_192 {
        vault.add(message(LAKE, seq, seq), "all of this will go");
    }
    for seq in 1..=8_192 {
        vault.remove(LAKE, seq);
    }
    assert_eq!(vault.compact(), 2);
    assert!(vault.find("all").is_empty());
    assert_eq!(vault.rows.len(), 2, "the counter and an empty list");
}

#[test]
fn an_edit_replaces_the_words_and_keeps_the_place_in_time() {
    for more in PLACES {
        let mut vault = with(&["see you on monday", "monday it is"], more);
        vault.add(message(LAKE, 1, 1), "see you on tuesday");
        assert_eq!(vault.seqs("monday"), [2], "{more}");
        assert_eq!(vault.seqs("tuesday"), [1]);
        assert_eq!(vault.seqs("it"), [2]);
        vault.add(message(LAKE, 2, 2), "🎉");
        assert_eq!(vault.seqs("monday"), [] as [u64; 0], "{more}");
    }
}

#[test]
fn indexing_again_changes_nothing() {
    for more in PLACES {
        let vault = with(&["hello there"], more);
        let mut batch = Batch::default();
        search::add(&vault, &mut batch, &message(LAKE, 1, 1), "Hello, there!").unwrap();
        assert!(batch.is_empty());
        assert_eq!(vault.seqs("hello"), [1]);
    }
}

#[test]
fn many_messages_in_one_batch_are_the_same_as_one_by_one() {
    let (mut together, mut apart) = (Vault::default(), Vault::default());
    let mut batch = Batch::default();
    for seq in 1..=700 {
        let text = format!("number{} of {}", seq, seq % 10);
        search::add(&together, &mut batch, &message(LAKE, seq, seq), &text).unwrap();
        apart.add(message(LAKE, seq, seq), &text);
    }
    together.write(batch);
    // A batch of its own may delete what was never written.
    assert_eq!(together.rows, apart.rows);
}

#[test]
fn damaged_rows_are_an_error_and_never_a_panic() {
    let mut vault = with(&["some words here"], 100);
    let whole = vault.rows.clone();
    let mut noticed = 0;
    for key in whole.keys() {
        for damage in 0..3 {
            vault.rows = whole.clone();
            match damage {
                0 => drop(vault.rows.insert(key.clone(), vec![0xFF; 40])),
                1 => drop(vault.rows.insert(key.clone(), Vec::new())),
                _ => vault.rows.get_mut(key).unwrap().truncate(3),
            }
            let found = search::find(&vault, &Query { text: "wor", chat: None, limit: 5 });
            let mut batch = Batch::default();
            let added = search::add(&vault, &mut batch, &message(LAKE, 1, 1), "other words");
            let compacted = search::compact(&vault, &mut batch);
            noticed += usize::from(found.is_err() || added.is_err() || compacted.is_err());
        }
    }
    assert!(noticed > 0);
    vault.rows = whole;
    vault.rows.retain(|key, _| !key.starts_with(b"search/1/s"));
    let found = search::find(&vault, &Query { text: "wor", chat: None, limit: 5 });
    assert_eq!(found, Err(Damaged { row: "the head of a segment" }));
}

#[test]
fn keys_hold_nothing_of_what_was_written() {
    let lake = with(&["one text", "another"], 600);
    let other = with(&["quite", "different words"], 600);
    assert!(lake.rows.keys().eq(other.rows.keys()));
    assert!(lake.rows.keys().all(|key| key.starts_with(search::PREFIX)));
    assert!(lake.get(b"search/").is_none());
}
