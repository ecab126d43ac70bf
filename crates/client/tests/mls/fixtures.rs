//! The bytes of both suites, as committed: openmls's hybrid suite follows a draft, and no other implementation is there
//! to disagree with. `UPDATE_GOLDEN=1` writes the files anew after a deliberate change.
//!
//! A device whose rows are committed must go on reading what was committed, whatever is updated underneath.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use dunlin_client::mls::Suite;
use dunlin_client::{Key, Value};

use crate::device::{Device, NAME};

fn folder(suite: Suite) -> PathBuf {
    let name = match suite {
        Suite::Hybrid => "hybrid",
        Suite::X25519 => "x25519",
    };
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mls/fixtures").join(name)
}

/// What two devices and a third one say to each other, always from the same seeds.
struct Scene {
    /// What travels, in order, with the names of the files.
    said: Vec<(&'static str, Vec<u8>)>,
    /// The second device before it got any of the last three.
    reader: BTreeMap<Key, Value>,
}

fn play(suite: Suite) -> Scene {
    let (mut ada, mut bob, mut cy) = (Device::new(1), Device::new(2), Device::new(3));
    let package = bob.key_package(suite);
    let started = ada.create(suite, std::slice::from_ref(&package));
    let welcome = started.welcome.unwrap();
    bob.join(&welcome);
    let reader = bob.rows.clone();
    let message = ada.encrypt(b"hello");
    bob.decrypt(&message).unwrap();
    let entering = cy.enter(&started.group_info);
    let commit = entering.commit;
    ada.apply(&commit);
    let later = ada.encrypt(b"hello, three");
    let said = vec![
        ("key-package.bin", package),
        ("welcome.bin", welcome),
        ("group-info.bin", started.group_info),
        ("message.bin", message),
        ("external-commit.bin", commit),
        ("later-message.bin", later),
    ];
    Scene { said, reader }
}

/// Rows as a file: for each the lengths of key and value (u32, big-endian), then both.
fn pack(rows: &BTreeMap<Key, Value>) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_be_bytes();
    rows.iter().flat_map(|(key, value)| [&length(key)[..], &length(value)[..], key, value].concat()).collect()
}

fn unpack(mut bytes: &[u8]) -> BTreeMap<Key, Value> {
    let mut rows = BTreeMap::new();
    while let Some((lengths, rest)) = bytes.split_first_chunk::<8>() {
        let [a, b, c, d, e, f, g, h] = *lengths;
        let (key, rest) = rest.split_at(u32::from_be_bytes([a, b, c, d]) as usize);
        let (value, rest) = rest.split_at(u32::from_be_bytes([e, f, g, h]) as usize);
        rows.insert(key.to_vec(), value.to_vec());
        bytes = rest;
    }
    rows
}

fn golden(suite: Suite, name: &str, made: &[u8]) -> Vec<u8> {
    let path = folder(suite).join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(folder(suite)).unwrap();
        fs::write(&path, made).unwrap();
    }
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_same_seeds_say_what_was_committed() {
    for suite in Suite::ALL {
        for (name, bytes) in play(suite).said {
            assert_eq!(bytes, golden(suite, name, &bytes), "{suite:?} {name}");
        }
    }
}

#[test]
fn committed_rows_read_what_was_committed() {
    for suite in Suite::ALL {
        let Scene { said, reader } = play(suite);
        let fixture = |wanted: &str| {
            let (_, made) = said.iter().find(|(name, _)| *name == wanted).unwrap();
            golden(suite, wanted, made)
        };
        let mut bob = Device::new(2);
        bob.rows = unpack(&golden(suite, "reader-rows.bin", &pack(&reader)));
        let hello = bob.decrypt(&fixture("message.bin")).unwrap();
        assert_eq!(hello.plaintext, b"hello");
        assert!(bob.apply(&fixture("external-commit.bin")).external);
        let later = bob.decrypt(&fixture("later-message.bin")).unwrap();
        assert_eq!(
            (later.plaintext.as_slice(), later.sender.device),
            (&b"hello, three"[..], Device::new(1).id())
        );
        assert_eq!(bob.with(|group, _, _| group.name()), NAME);
        assert_eq!(bob.members().len(), 3);
    }
}
