//! The committed inputs of the fuzz target `handshakes` are real handshakes, which the server takes.
//! `UPDATE_GOLDEN=1` writes them anew; the tests that read them want another run then.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use dunlin_client::keys::{Keys, MlsKeys, Prepared};
use dunlin_client::mls::DeviceIdentity;
use dunlin_model::{Commit, DeviceId, GroupStart, Payload, StartReason, Suite};
use dunlin_testkit::fuzzing::handshakes::{CHAT, EPOCH, GROUP_INFO, Input, certified, device};

fn keys(person: u8) -> MlsKeys {
    let (key, certificate) = certified(person);
    MlsKeys::create(DeviceIdentity::new(key, certificate).unwrap(), [person; 32])
}

fn package(keys: &mut MlsKeys, person: u8, suite: Suite) -> (DeviceId, Bytes) {
    (device(person), keys.key_packages(suite, 1, false).unwrap().remove(0))
}

/// The chat of the target, as its first member and its second have it.
fn group() -> (MlsKeys, MlsKeys, Prepared) {
    let (mut ada, mut ben) = (keys(0), keys(1));
    let started = ada.start(CHAT, 1, Suite::CLASSIC, &[package(&mut ben, 1, Suite::CLASSIC)]).unwrap();
    ada.merge_pending(CHAT).unwrap();
    ben.join(CHAT, 1, started.welcome.as_ref().unwrap()).unwrap();
    (ada, ben, started)
}

fn commit(by: u8, prepared: Prepared, removed: &[u8]) -> Input {
    let Prepared { epoch, commit, welcome, group_info, added } = prepared;
    assert_eq!(epoch, EPOCH);
    let removed = removed.iter().copied().map(device).collect();
    let [commit, group_info] = [commit, group_info].map(Payload::Inline);
    let welcome = welcome.map(Payload::Inline);
    Input::Commit(by, Commit { epoch, external: false, added, removed, commit, welcome, group_info })
}

fn start(suite: Suite) -> Input {
    let (mut ada, mut ben) = (keys(0), keys(1));
    let prepared = ada.start(CHAT, 2, suite, &[package(&mut ben, 1, suite)]).unwrap();
    let (welcome, group_info) = (prepared.welcome.map(Payload::Inline), Payload::Inline(prepared.group_info));
    let (reason, devices) = (StartReason::Broken, vec![device(0), device(1)]);
    Input::Start(0, GroupStart { epoch: prepared.epoch, suite, reason, devices, welcome, group_info })
}

/// The inputs, under the names of their files, each with the devices of the group after it.
fn inputs() -> Vec<(&'static str, Input, &'static [u8])> {
    let (mut ada, mut ben, started) = group();
    let mut cleo = keys(2);
    let mut commits = |add: &[(DeviceId, Bytes)], remove: &[u8]| {
        let removed: Vec<DeviceId> = remove.iter().copied().map(device).collect();
        let prepared = ada.commit(CHAT, add, &removed).unwrap();
        ada.discard_pending(CHAT);
        commit(0, prepared, remove)
    };
    let cleos = package(&mut cleo, 2, Suite::CLASSIC);
    let mut all = vec![
        ("commit-update", commits(&[], &[]), &[0, 1][..]),
        ("commit-add", commits(&[cleos], &[]), &[0, 1, 2]),
        ("commit-remove", commits(&[], &[1]), &[0]),
        ("commit-of-another", commit(1, ben.commit(CHAT, &[], &[]).unwrap(), &[]), &[0, 1]),
        ("start", start(Suite::CLASSIC), &[0, 1]),
        ("start-hybrid", start(Suite::HYBRID), &[0, 1]),
    ];
    let mut entering = commit(2, cleo.enter(CHAT, 1, &started.group_info).unwrap(), &[]);
    if let Input::Commit(_, entry) = &mut entering {
        (entry.external, entry.added) = (true, vec![device(2)]);
    }
    all.push(("commit-external", entering, &[0, 1, 2]));
    for (name, hybrid, last_resort) in
        [("package", false, false), ("package-hybrid", true, false), ("package-last-resort", false, true)]
    {
        let suite = if hybrid { Suite::HYBRID } else { Suite::CLASSIC };
        let message = keys(3).key_packages(suite, 1, last_resort).unwrap().remove(0).to_vec();
        all.push((name, Input::KeyPackage(3, hybrid, last_resort, message), &[3]));
    }
    all
}

#[test]
fn the_corpus_is_of_real_handshakes_which_are_taken() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = here.join("../../fuzz/corpus/handshakes");
    let (.., started) = group();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::create_dir_all(&corpus).unwrap();
        fs::write(here.join("src/fuzzing/handshakes.group-info"), &started.group_info).unwrap();
        for (name, input, _) in inputs() {
            fs::write(corpus.join(name), input.encode()).unwrap();
        }
        return;
    }
    assert_eq!(started.group_info, GROUP_INFO);
    for (name, input, people) in inputs() {
        assert!(fs::read(corpus.join(name)).unwrap() == input.encode(), "{name} is as committed");
        assert_eq!(Input::decode(&input.encode()).as_ref(), Some(&input), "{name}");
        let after: BTreeSet<DeviceId> = people.iter().copied().map(device).collect();
        assert_eq!(input.judge(), Ok(after), "{name}");
    }
}
