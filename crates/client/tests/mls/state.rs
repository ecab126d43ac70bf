//! State: determinism, what a step changes, what is left behind.

use std::collections::BTreeMap;

use dunlin_client::mls::storage::{DEVICE_PREFIX, StorageError, group_prefix};
use dunlin_client::mls::{Group, Provider, Suite, key_packages};

use crate::device::{Device, NAME, all_talk, apply_all, group_of, verified};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// All rows of all devices after a bit of everything, and the messages meanwhile.
fn history(suite: Suite) -> (Vec<Rows>, Vec<Vec<u8>>) {
    let mut devices = group_of(5, suite);
    let mut messages = vec![devices[3].encrypt(b"hello")];
    let fifth = devices.pop().unwrap().id();
    let commit = devices[1].commit(&[Device::new(6).key_package(suite)], &[fifth]);
    apply_all(&mut devices, &commit.commit);
    let entering = Device::new(7).enter(&commit.group_info);
    apply_all(&mut devices, &entering.commit);
    messages.push(devices[0].encrypt(b"again"));
    messages.extend([commit.commit, commit.group_info, entering.commit, entering.group_info]);
    messages.extend(commit.welcome);
    (devices.into_iter().map(|device| device.rows).collect(), messages)
}

#[test]
fn the_same_seeds_give_the_same_bytes() {
    for suite in Suite::ALL {
        assert!(history(suite) == history(suite), "rows or messages differ");
    }
}

#[test]
fn another_seed_or_other_entropy_gives_other_bytes() {
    let device = Device::new(1);
    let make =
        |provider: &Provider| key_packages::make(provider, &device.identity, Suite::Hybrid).unwrap().message;
    let mut provider = Provider::new([1; 32]);
    let first = make(&provider);
    assert_ne!(first, make(&provider));
    assert_eq!(first, make(&Provider::new([1; 32])));
    assert_ne!(first, make(&Provider::new([2; 32])));
    provider.mix([3; 32]);
    let mixed = make(&provider);
    let mut other = Provider::new([1; 32]);
    let _ = (make(&other), make(&other));
    other.mix([4; 32]);
    assert_ne!(mixed, make(&other));
}

#[test]
fn a_message_changes_one_small_row_once_its_ratchet_is_there() {
    let mut devices = group_of(5, Suite::X25519);
    let mut changed = |sender: usize, receiver: usize| {
        let (message, sent) = devices[sender].with(|group, provider, identity| {
            let _ = provider.state().take_changes();
            let message = group.encrypt(provider, identity, b"", &[7; 200]).unwrap();
            (message, provider.state().take_changes())
        });
        apply(&mut devices[sender], sent.clone());
        let received = devices[receiver].with(|group, provider, _| {
            let _ = provider.state().take_changes();
            group.decrypt(provider, &message).unwrap();
            provider.state().take_changes()
        });
        apply(&mut devices[receiver], received.clone());
        [sent, received].map(|batch| {
            batch
                .into_iter()
                .map(|(key, value)| (key, value.map_or(0, |value| value.len())))
                .collect::<Vec<_>>()
        })
    };
    changed(0, 1);
    for _ in 0..3 {
        for rows in changed(0, 1) {
            assert_eq!(rows.len(), 1, "{rows:?}");
            assert!(rows[0].1 < 100, "{rows:?}");
        }
    }
}

fn apply(device: &mut Device, batch: dunlin_client::Batch) {
    for (key, value) in batch {
        match value {
            Some(value) => device.rows.insert(key, value),
            None => device.rows.remove(&key),
        };
    }
}

#[test]
fn without_the_persisted_change_a_key_would_be_used_again() {
    // What the order "persist, then send" is for: the rows before a message are those of its key.
    let mut devices = group_of(2, Suite::X25519);
    let before = devices[0].rows.clone();
    let first = devices[0].encrypt(b"one");
    devices[0].rows = before;
    let second = devices[0].encrypt(b"two");
    assert!(devices[1].decrypt(&first).is_ok());
    assert!(devices[1].decrypt(&second).is_err());
}

#[test]
fn a_group_leaves_nothing_behind() {
    for suite in Suite::ALL {
        let mut devices = group_of(5, suite);
        all_talk(&mut devices);
        for round in 0..8 {
            let lost = devices[round % 5].commit(&[], &[]);
            let winner = devices[(round + 1) % 5].commit(&[], &[]);
            assert_ne!(lost.commit, winner.commit);
            apply_all(&mut devices, &winner.commit);
            all_talk(&mut devices);
        }
        let counts: Vec<_> = devices.iter().map(|device| device.rows.len()).collect();
        for device in &mut devices {
            let of_device = device.rows.keys().filter(|key| key.starts_with(DEVICE_PREFIX)).count();
            assert_eq!(of_device, 0, "key packages and key pairs are used up");
            assert!(device.rows.keys().all(|key| key.starts_with(&group_prefix(&NAME.id()))));
            // Nine rows of the group, one of key pairs, and per epoch: what is fixed, leaves, nodes and ratchets.
            assert!(device.rows.len() < 12 + 6 * (2 + 5 + 8 + 10), "{counts:?}");
            device.step(|provider, _| Group::delete(provider, NAME));
            assert!(device.rows.is_empty());
        }
    }
}

#[test]
fn a_damaged_row_is_an_error_and_no_group_is_none() {
    let mut device = Device::new(1);
    assert!(device.step(|provider, _| Group::open(provider, NAME)).unwrap().is_none());
    device.create(Suite::X25519, &[]);
    let rows = device.rows.clone();
    // Key pairs are read when a commit comes, not on opening.
    let key_pairs = [&group_prefix(&NAME.id())[..], b"k"].concat();
    for key in rows.keys().filter(|key| !key.starts_with(&key_pairs)) {
        let mut damaged = rows.clone();
        damaged.insert(key.clone(), vec![0]);
        device.rows = damaged;
        let opened = device.step(|provider, _| Group::open(provider, NAME).map(|group| group.is_some()));
        assert!(matches!(opened, Err(StorageError::Damaged(_))), "{key:?}");
    }
}

#[test]
fn an_unloaded_group_is_opened_from_its_rows_again() {
    let mut devices = group_of(2, Suite::X25519);
    let message = devices[0].encrypt(b"hello");
    let rows = devices[1].rows.clone();
    let provider = Provider::new([1; 32]);
    provider.state().load(rows.clone());
    assert!(Group::open(&provider, NAME).unwrap().is_some());
    provider.state().unload(&NAME.id());
    assert!(Group::open(&provider, NAME).unwrap().is_none());
    provider.state().load(rows);
    let mut group = Group::open(&provider, NAME).unwrap().unwrap();
    assert_eq!(group.decrypt(&provider, &message).unwrap().plaintext, b"hello");
    let _ = verified(&provider, &[]);
}
