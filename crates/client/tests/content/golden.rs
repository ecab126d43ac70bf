//! The bytes of every kind, as committed. What was once written must be read for ever; `UPDATE_GOLDEN=1` writes
//! the files anew after a deliberate addition.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use dunlin_client::content::{ContentDigest, Envelope, digest};

use crate::examples::{self, EXPECTED, envelope};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/content/golden")
}

#[test]
fn every_kind_is_written_and_read_as_committed() {
    let mut files = BTreeSet::new();
    for (name, content) in examples::all() {
        let (file, envelope) = (format!("{name}.bin"), envelope(content));
        let bytes = envelope.seal_plaintext().unwrap();
        let path = folder().join(&file);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            fs::create_dir_all(folder()).unwrap();
            fs::write(&path, &bytes).unwrap();
        }
        let golden = fs::read(&path).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert_eq!(bytes, golden, "{file}");
        assert_eq!(Envelope::open(&golden, &EXPECTED), Ok(envelope), "{file}");
        files.insert(file);
    }
    let found: BTreeSet<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(found, files);
}

#[test]
fn the_beginning_of_a_plaintext_is_as_documented() {
    let bytes = envelope(examples::text("Hi")).seal_plaintext().unwrap();
    assert_eq!(bytes.len(), 256);
    let chat = [&[0x0A, 16][..], &[0xC0; 16]].concat();
    assert_eq!(&bytes[..5], [1, 0, 0, 0, 58], "version and length");
    assert_eq!(&bytes[5..23], chat, "field 1 is the chat");
    assert_eq!(&bytes[5 + 58..], [0; 256 - 63], "zeros to the end");
}

#[test]
fn the_digest_of_a_message_stays_what_it_is() {
    let bytes = envelope(examples::text("Hi")).seal_plaintext().unwrap();
    let ContentDigest(found) = digest(&bytes);
    let hex: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "4ca972fd5fbfedffc0e4e950de98e4f45d5add77dbe521b683d78a172da824ad");
    let other = envelope(examples::text("Ho")).seal_plaintext().unwrap();
    assert_ne!(digest(&other), digest(&bytes));
}
