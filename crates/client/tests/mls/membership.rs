//! Who is in a group: creating, joining, adding, removing, entering externally.

use dunlin_client::mls::group::{CommitError, DecryptError, EncryptError, JoinError, StageError};
use dunlin_client::mls::{Group, Suite, VerifiedKeyPackage, key_packages};

use crate::device::{Change, Device, NAME, all_talk, apply_all, group_of, verified};

#[test]
fn two_and_five_devices_talk_both_ways_over_both_suites() {
    for suite in Suite::ALL {
        for count in [2, 5] {
            let mut devices = group_of(count, suite);
            all_talk(&mut devices);
            all_talk(&mut devices);
            let ids: Vec<_> = devices.iter().map(Device::id).collect();
            for device in &mut devices {
                assert_eq!(device.members(), ids);
                assert_eq!(device.epoch(), 1);
                assert_eq!(device.with(|group, _, _| group.suite()), Ok(suite));
            }
        }
    }
}

#[test]
fn a_group_of_one_starts_without_a_welcome() {
    let mut alone = Device::new(1);
    assert_eq!(alone.create(Suite::X25519, &[]).welcome, None);
    assert_eq!(alone.epoch(), 1);
    let _ = alone.encrypt(b"hello");
}

#[test]
fn a_device_is_added_by_a_commit_that_waits_for_the_log() {
    for suite in Suite::ALL {
        let mut devices = group_of(2, suite);
        let mut third = Device::new(3);
        let pending = devices[0].commit(&[third.key_package(suite)], &[]);
        assert_eq!(devices[0].epoch(), 1, "not merged yet");
        let (first, second) = (devices[0].id(), third.id());
        let expected = Change {
            by: first,
            added: vec![second],
            removed: vec![],
            external: false,
            own: false,
            removes_us: false,
        };
        assert_eq!(devices[1].apply(&pending.commit), expected);
        assert_eq!(devices[0].apply(&pending.commit), Change { own: true, ..expected });
        third.join(pending.welcome.as_ref().unwrap());
        devices.push(third);
        all_talk(&mut devices);
    }
}

#[test]
fn a_removed_device_reads_nothing_more() {
    for suite in Suite::ALL {
        let mut devices = group_of(5, suite);
        let mut removed = devices.pop().unwrap();
        let pending = devices[1].commit(&[], &[removed.id()]);
        apply_all(&mut devices, &pending.commit);
        let message = devices[0].encrypt(b"secret");
        assert!(removed.decrypt(&message).is_err());
        let change = removed.apply(&pending.commit);
        assert!(change.removes_us);
        assert_eq!(change.removed, [removed.id()]);
        assert!(!removed.with(|group, _, _| group.is_active()));
        assert!(matches!(
            removed.decrypt(&message),
            Err(DecryptError::Undecryptable(_) | DecryptError::Invalid(_))
        ));
        let refused = removed.with(|group, provider, identity| group.encrypt(provider, identity, b"", b"me"));
        assert!(matches!(refused, Err(EncryptError::Create(_))));
        all_talk(&mut devices);
    }
}

#[test]
fn one_commit_replaces_a_leaf_and_removes_another_device() {
    let mut devices = group_of(5, Suite::X25519);
    let unwanted = devices.pop().unwrap().id();
    // The fourth device lost its state, and kept its key.
    let lost = devices.pop().unwrap().id();
    let mut again = Device::after_losing_everything(4);
    let pending = devices[0].commit(&[again.key_package(Suite::X25519)], &[lost, unwanted]);
    apply_all(&mut devices, &pending.commit);
    again.join(pending.welcome.as_ref().unwrap());
    devices.push(again);
    all_talk(&mut devices);
    assert_eq!(devices[0].members().len(), 4);
}

#[test]
fn a_self_update_renews_keys_and_adds_nobody() {
    for suite in Suite::ALL {
        let mut devices = group_of(5, suite);
        let pending = devices[2].commit(&[], &[]);
        assert_eq!(pending.welcome, None);
        apply_all(&mut devices, &pending.commit);
        assert_eq!(devices[4].epoch(), 2);
        all_talk(&mut devices);
    }
}

#[test]
fn a_device_enters_externally_and_comes_back_the_same_way() {
    for suite in Suite::ALL {
        let mut devices = group_of(2, suite);
        let pending = devices[0].commit(&[], &[]);
        apply_all(&mut devices, &pending.commit);
        let mut third = Device::new(3);
        let entering = third.enter(&pending.group_info);
        let change = devices[0].apply(&entering.commit);
        assert!(change.external);
        assert_eq!(
            (change.by, &change.added[..], &change.removed[..]),
            (third.id(), &[third.id()][..], &[][..])
        );
        devices[1].apply(&entering.commit);
        devices.push(third);
        all_talk(&mut devices);
        // It forgets everything, and comes back with the group info that it made itself.
        devices[2] = Device::after_losing_everything(3);
        let again = devices[2].enter(&entering.group_info);
        let change = devices[0].apply(&again.commit);
        assert_eq!(change.removed, [devices[2].id()]);
        devices[1].apply(&again.commit);
        assert_eq!(devices[0].members().len(), 3);
        all_talk(&mut devices);
    }
}

#[test]
fn a_device_that_has_lost_its_place_resynchronises_over_its_old_state() {
    let mut devices = group_of(5, Suite::Hybrid);
    let missed = devices[0].commit(&[], &[]);
    apply_all(&mut devices[..4], &missed.commit);
    let again = devices[4].enter(&missed.group_info);
    apply_all(&mut devices[..4], &again.commit);
    all_talk(&mut devices);
}

#[test]
fn what_cannot_be_committed_is_refused_by_name() {
    let mut devices = group_of(2, Suite::X25519);
    let (own, other, stranger) = (devices[0].id(), devices[1].id(), Device::new(7));
    let again = devices[1].key_package(Suite::X25519);
    let hybrid = Device::new(3).key_package(Suite::Hybrid);
    devices[0].with(|group, provider, identity| {
        let mut commit = |add: &[Vec<u8>], remove: &[_]| {
            group.commit(provider, identity, &verified(provider, add), remove).map(|_| ())
        };
        assert!(matches!(commit(&[], &[own]), Err(CommitError::OwnRemoval)));
        assert!(
            matches!(commit(&[], &[stranger.id()]), Err(CommitError::NoSuchMember(id)) if id == stranger.id())
        );
        assert!(matches!(commit(std::slice::from_ref(&again), &[]), Err(CommitError::Members(_))));
        assert!(matches!(commit(&[hybrid], &[]), Err(CommitError::OtherSuite(_, Suite::Hybrid))));
        assert!(commit(&[again], &[other]).is_ok());
        assert!(matches!(commit(&[], &[]), Err(CommitError::Pending)));
    });
}

#[test]
fn a_commit_of_another_epoch_or_with_a_changed_byte_is_refused() {
    let mut devices = group_of(2, Suite::X25519);
    let pending = devices[0].commit(&[], &[]);
    for place in (0..pending.commit.len()).step_by(7) {
        let mut changed = pending.commit.clone();
        changed[place] ^= 1;
        let staged = devices[1].with(|group, provider, _| group.stage(provider, &changed).map(|_| ()));
        assert!(staged.is_err(), "byte {place}");
    }
    apply_all(&mut devices, &pending.commit);
    let staged = devices[1].with(|group, provider, _| group.stage(provider, &pending.commit).map(|_| ()));
    assert!(matches!(staged, Err(StageError::OtherEpoch(1))));
}

#[test]
fn a_key_package_is_used_once_unless_it_is_the_last_resort() {
    let suite = Suite::X25519;
    let mut joiner = Device::new(2);
    let once = joiner.key_package(suite);
    let last =
        joiner.step(|provider, identity| key_packages::make_last_resort(provider, identity, suite)).unwrap();
    let is_last = joiner.step(|provider, _| {
        [&once, &last.message]
            .map(|bytes| VerifiedKeyPackage::parse(provider, bytes).unwrap().is_last_resort())
    });
    assert_eq!(is_last, [false, true]);
    let welcome = |number: u8, key_package: &Vec<u8>| {
        Device::new(number).create(suite, std::slice::from_ref(key_package)).welcome.unwrap()
    };
    let join = |joiner: &mut Device, welcome: &[u8]| {
        joiner.step(|provider, _| Group::join(provider, welcome).map(|_| Group::delete(provider, NAME)))
    };
    assert!(join(&mut joiner, &welcome(3, &once)).is_ok());
    assert!(matches!(join(&mut joiner, &welcome(4, &once)), Err(JoinError::Welcome(_))));
    assert!(join(&mut joiner, &welcome(5, &last.message)).is_ok());
    assert!(join(&mut joiner, &welcome(6, &last.message)).is_ok());
    assert_eq!(joiner.rows.len(), 1, "the last resort alone");
    joiner.step(|provider, _| key_packages::discard(provider, &last.reference)).unwrap();
    assert!(joiner.rows.is_empty());
}

#[test]
fn a_key_package_with_a_changed_byte_is_refused() {
    let mut device = Device::new(1);
    let message = device.key_package(Suite::X25519);
    device.step(|provider, _| {
        for place in 0..message.len() {
            let mut changed = message.clone();
            changed[place] ^= 1;
            assert!(VerifiedKeyPackage::parse(provider, &changed).is_err(), "byte {place}");
        }
    });
}
