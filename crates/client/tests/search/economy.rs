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
    let vault = filled(5_000);
    let each = vault.written_bytes / 5_000;
    assert!(each < 1_000, "{each} bytes for each message");
}

#[test]
fn a_common_word_is_answered_from_what_is_newest() {
    let vault = filled(13_000);
    let reads = |text, limit| {
        vault.read.set(0);
        vault.read_keys.borrow_mut().clear();
        let hits = search::find(&vault, &Query { text, chat: None, limit }).unwrap();
        (hits.len(), vault.read.get())
    };
    let (hits, all) = reads("w", 20);
    assert_eq!(hits, 20);
    // The tail, the counter, the list, and the blocks of one small segment at the most.
    assert!(all < 64 + 30, "{all}");
    let (hits, rare) = reads("w3999", 20);
    assert!(hits < 20);
    // The tail, and of each segment its head, a block or two and some rows of messages.
    assert!(rare < 64 + 20 * 11, "{rare}");
}

#[test]
fn a_removal_rewrites_one_row_of_messages() {
    let mut vault = filled(4_096);
    (vault.written_rows, vault.written_bytes) = (0, 0);
    vault.remove(LAKE, 2_000);
    assert_eq!(vault.written_rows, 3);
    assert!(vault.written_bytes < 8_000, "{}", vault.written_bytes);
}
