//! What epochs do to messages and to each other.

use dunlin_client::mls::group::{DecryptError, Undecryptable};
use dunlin_client::mls::{PAST_EPOCHS_MAX, Suite};

use crate::device::{all_talk, apply_all, group_of};

#[test]
fn messages_of_past_epochs_are_read_within_the_bound() {
    for suite in Suite::ALL {
        let mut devices = group_of(5, suite);
        let mut late = Vec::new();
        for epoch in 1..=u64::from(PAST_EPOCHS_MAX) + 2 {
            assert_eq!(devices[0].epoch(), epoch);
            late.push(devices[0].encrypt(&epoch.to_be_bytes()));
            late.push(devices[0].encrypt(&epoch.to_be_bytes()));
            let pending = devices[1].commit(&[], &[]);
            apply_all(&mut devices, &pending.commit);
        }
        for message in &late[..4] {
            assert!(matches!(
                devices[4].decrypt(message),
                Err(DecryptError::Undecryptable(Undecryptable::EpochTooOld))
            ));
        }
        for (index, message) in late.iter().enumerate().skip(4).rev() {
            let decrypted = devices[4].decrypt(message).unwrap();
            let epoch = index as u64 / 2 + 1;
            assert_eq!((decrypted.epoch, &decrypted.plaintext[..]), (epoch, &epoch.to_be_bytes()[..]));
        }
        for message in &late[4..] {
            assert!(matches!(
                devices[4].decrypt(message),
                Err(DecryptError::Undecryptable(Undecryptable::KeyGone))
            ));
        }
        all_talk(&mut devices);
    }
}

#[test]
fn a_message_of_an_epoch_to_come_waits_for_its_commit() {
    let mut devices = group_of(2, Suite::X25519);
    let pending = devices[0].commit(&[], &[]);
    devices[0].apply(&pending.commit);
    let early = devices[0].encrypt(b"early");
    assert!(matches!(
        devices[1].decrypt(&early),
        Err(DecryptError::Undecryptable(Undecryptable::EpochUnknown))
    ));
    devices[1].apply(&pending.commit);
    assert_eq!(devices[1].decrypt(&early).unwrap().plaintext, b"early");
}

#[test]
fn who_lost_a_race_applies_the_winner_and_commits_again() {
    for suite in Suite::ALL {
        let mut devices = group_of(5, suite);
        let removed = devices.pop().unwrap().id();
        let winner = devices[0].commit(&[], &[]);
        let loser = devices[1].commit(&[], &[removed]);
        devices[2].commit(&[], &[]);
        apply_all(&mut devices, &winner.commit);
        assert!(
            devices[1].with(|group, provider, _| group.stage(provider, &loser.commit).map(|_| ())).is_err()
        );
        assert!(!devices[1].with(|group, _, _| group.has_pending_commit()));
        let again = devices[1].commit(&[], &[removed]);
        apply_all(&mut devices, &again.commit);
        assert_eq!(devices[3].members().len(), 4);
        all_talk(&mut devices);
    }
}

#[test]
fn a_refused_commit_is_discarded_and_nothing_is_lost() {
    let mut devices = group_of(2, Suite::Hybrid);
    let refused = devices[0].commit(&[], &[]);
    devices[0].with(|group, provider, _| group.discard_pending(provider)).unwrap();
    all_talk(&mut devices);
    let accepted = devices[0].commit(&[], &[]);
    assert_ne!(refused.commit, accepted.commit);
    apply_all(&mut devices, &accepted.commit);
    all_talk(&mut devices);
}

#[test]
fn the_exporter_agrees_within_an_epoch_and_changes_with_it() {
    let mut devices = group_of(2, Suite::X25519);
    let mut export = |device: usize| {
        devices[device].with(|group, provider, _| group.export(provider, "test", b"context", 32).unwrap())
    };
    let before = export(0);
    assert_eq!(before, export(1));
    let pending = devices[0].commit(&[], &[]);
    apply_all(&mut devices, &pending.commit);
    assert_ne!(
        before,
        devices[1].with(|group, provider, _| group.export(provider, "test", b"context", 32).unwrap())
    );
}
