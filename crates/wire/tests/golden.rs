//! The bytes of every frame, as committed in `tests/golden`. What was once written must be read for ever;
//! `UPDATE_GOLDEN=1` writes the files anew after a deliberate addition.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod examples;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use dunlin_wire::{Format, decode_client, decode_server, encode_client, encode_server};

fn directory(side: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(side)
}

fn file_name(name: &str, format: Format) -> String {
    match format {
        Format::Proto => format!("{name}.bin"),
        Format::Json => format!("{name}.json"),
    }
}

/// Compares `bytes` with the committed file, and gives what is committed.
fn committed(side: &str, file: &str, bytes: &[u8]) -> Vec<u8> {
    let path = directory(side).join(file);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(directory(side)).unwrap();
        fs::write(&path, bytes).unwrap();
    }
    let golden = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(bytes, golden, "{} differs; text: {}", path.display(), String::from_utf8_lossy(bytes));
    golden
}

fn assert_no_other_files(side: &str, expected: &BTreeSet<String>) {
    let found: BTreeSet<String> = fs::read_dir(directory(side))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(&found, expected);
}

#[test]
fn client_frames_are_written_and_read_as_committed() {
    let mut files = BTreeSet::new();
    for (name, frame) in examples::client() {
        for format in Format::ALL {
            let mut bytes = Vec::new();
            encode_client(*format, &frame, &mut bytes);
            let file = file_name(name, *format);
            let golden = committed("client", &file, &bytes);
            assert_eq!(decode_client(*format, &golden).as_ref(), Ok(&frame), "{file}");
            files.insert(file);
        }
    }
    assert_no_other_files("client", &files);
}

#[test]
fn server_frames_are_written_and_read_as_committed() {
    let mut files = BTreeSet::new();
    for (name, frame) in examples::server() {
        for format in Format::ALL {
            let mut bytes = Vec::new();
            encode_server(*format, &frame, &mut bytes);
            let file = file_name(name, *format);
            let golden = committed("server", &file, &bytes);
            assert_eq!(decode_server(*format, &golden).as_ref(), Ok(&frame), "{file}");
            files.insert(file);
        }
    }
    assert_no_other_files("server", &files);
}

#[test]
fn what_crosses_the_wire_most_is_small() {
    let bytes_of =
        |side: &str, name: &str| fs::read(directory(side).join(format!("{name}.bin"))).unwrap().len();
    assert!(bytes_of("client", "received") <= 32);
    assert!(bytes_of("server", "reply-accepted") <= 48);
    let text = "Dunlin on the mudflats!".len();
    assert!(bytes_of("client", "sendMessage") <= 36 + text);
    assert!(bytes_of("server", "newMessage") <= 76 + text);
}
