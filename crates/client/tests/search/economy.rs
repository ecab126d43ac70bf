//! How much is read and written, in rows and bytes: what time depends on, without a clock.

use dunlin_client::search::{self, Query};

use crate::vault::{LAKE, Vault, message};

/// Twenty words, some of them common.
fn text(n: u64) -> String {
    (0..20_u64).map(|word| format!("w{} ", (n * 31 + word * word * 7) % (50 + word * 200))).collect()
}

fn filled(messages: u64) -> Vault {
    let mut vault = Vault::default();
    for seq in 1..=messages {
        vault.add(message(LAKE, seq, seq), &text(seq));
    }
    vault
}

#[test]
fn most_messages_write_three_small_rows() {
    let mut vault = filled(10);
    (vault.written_rows, vault.written_bytes) = (0, 0);
    vault.add(message(LAKE, 11, 11), &text(11));
    assert_eq!(vault.written_rows, 3);
    assert!(vault.written_bytes < 400, "{}", vault.written_bytes);
}

#[test]
fn merging_writes_little_in_all() {
    let vault = filled(4_200);
    let each = vault.written_bytes / 4_200;
    assert!(each < 1_000, "{each} bytes for each message");
}

#[test]
fn a_common_word_is_answered_from_what_is_newest() {
    // One segment of each level, and 28 messages in the tail.
    let vault = filled(4_096 + 512 + 64 + 28);
    let reads = |text, limit| {
        vault.read.set(0);
        let hits = search::find(&vault, &Query { text, chat: None, limit }).unwrap();
        (hits.len(), vault.read.get())
    };
    let (hits, common) = reads("w", 60);
    assert_eq!(hits, 60);
    // The counter, the list, the tail, and all of the smallest segment.
    assert!(common < 2 + 28 + 12, "{common}");
    let (hits, rare) = reads("w3499", 60);
    assert!((1..60).contains(&hits), "{hits}");
    // The same, and of each larger segment its head, two blocks at the most and its rows of messages.
    assert!(rare < 2 + 28 + 12 + (1 + 2 + 1) + (1 + 2 + 8), "{rare}");
}

#[test]
fn a_removal_rewrites_one_row_of_messages() {
    let mut vault = filled(512);
    (vault.written_rows, vault.written_bytes) = (0, 0);
    vault.remove(LAKE, 200);
    assert_eq!(vault.written_rows, 3);
    assert!(vault.written_bytes < 8_000, "{}", vault.written_bytes);
}
