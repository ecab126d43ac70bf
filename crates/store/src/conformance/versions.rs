//! What is replaced on condition that it is still what was read.

use std::sync::Arc;
use std::time::Duration;

use dunlin_model::Timestamp;
use dunlin_model::account::{
    Challenge, Contact, Document, DocumentKind, LastSeenVisibility, Profile, Settings, Version, Versioned,
};

use super::fixtures::{NOON, address, answered, at_once, device, device_record, user};
use crate::{Appended, Replaced, Store};

const MINUTE: Duration = Duration::from_secs(60);

fn challenge(expires: Timestamp, sent: &[Timestamp], failures: &[Timestamp]) -> Challenge {
    Challenge {
        code_hash: [4; 32],
        salt: [5; 16],
        expires,
        attempts: 2,
        used: true,
        sent: sent.to_vec(),
        failures: failures.to_vec(),
    }
}

/// A device changes once for each time it was read.
pub async fn a_device_is_replaced_only_as_it_was_read<S: Store>(store: Arc<S>) {
    let absent = Versioned { version: Version(0), value: device_record(device(1)) };
    assert_eq!(answered(store.replace_device(&absent).await), Replaced::Changed, "there is no device");
    answered(store.add_device(&absent.value).await);
    let mut read = answered(store.device(device(1)).await).expect("the device");
    assert_eq!(read.version, Version(1));
    read.value.name = "renamed".into();
    read.value.generation += 1;
    assert_eq!(answered(store.replace_device(&read).await), Replaced::Done(Version(2)));
    let stale = Versioned { version: Version(1), value: device_record(device(1)) };
    assert_eq!(answered(store.replace_device(&stale).await), Replaced::Changed);
    let there = answered(store.device(device(1)).await).expect("the device");
    assert_eq!(there, Versioned { version: Version(2), value: read.value });
    assert_eq!(answered(store.add_device(&absent.value).await), Appended::Taken);
}

/// A document changes once for each time it was read.
pub async fn a_document_is_replaced_only_as_it_was_read<S: Store>(store: Arc<S>) {
    let empty = answered(store.document(user(1), DocumentKind::Profile).await);
    assert_eq!(empty, Versioned { version: Version(0), value: Document::empty(DocumentKind::Profile) });
    let named = |version, name: &str| Versioned {
        version: Version(version),
        value: Document::Profile(Profile { name: name.into(), ..Profile::default() }),
    };
    let replace =
        async |document: Versioned<Document>| answered(store.replace_document(user(1), &document).await);
    assert_eq!(replace(named(1, "early")).await, Replaced::Changed);
    assert_eq!(replace(named(0, "Ada")).await, Replaced::Done(Version(1)));
    assert_eq!(replace(named(0, "late")).await, Replaced::Changed);
    assert_eq!(replace(named(1, "Ada L.")).await, Replaced::Done(Version(2)));
    assert_eq!(replace(named(1, "late")).await, Replaced::Changed);
    assert_eq!(answered(store.document(user(1), DocumentKind::Profile).await), named(2, "Ada L."));
    assert_eq!(answered(store.document(user(2), DocumentKind::Profile).await), empty, "of another user");
}

/// Each kind is a document of its own.
pub async fn documents_of_every_kind_read_back<S: Store>(store: Arc<S>) {
    let documents = [
        Document::Profile(Profile { name: "Ada".into(), about: "a\nb".into(), picture: "p".into() }),
        Document::Settings(Settings { last_seen: LastSeenVisibility::Nobody }),
        Document::Contacts((0..500).map(|of| Contact { user: user(of), name: of.to_string() }).collect()),
        Document::Blocks((0..500).map(user).collect()),
    ];
    for value in &documents {
        let read = Versioned { version: Version(0), value: value.clone() };
        assert_eq!(answered(store.replace_document(user(1), &read).await), Replaced::Done(Version(1)));
    }
    for value in documents {
        let there = answered(store.document(user(1), value.kind()).await);
        assert_eq!(there, Versioned { version: Version(1), value });
    }
}

/// Whoever reads, changes and replaces until it is done loses nobody's change.
pub async fn replacements_that_race_lose_no_update<S: Store>(store: Arc<S>) {
    at_once(&store, 6, |store, task| async move {
        for round in 0..8 {
            loop {
                let mut read = answered(store.document(user(1), DocumentKind::Blocks).await);
                let Document::Blocks(blocks) = &mut read.value else {
                    unreachable!("asked for blocks");
                };
                blocks.insert(user(task * 100 + round));
                match answered(store.replace_document(user(1), &read).await) {
                    Replaced::Done(version) => {
                        assert_eq!(version.0, read.version.0 + 1);
                        break;
                    }
                    Replaced::Changed => {}
                }
            }
        }
    })
    .await;
    let there = answered(store.document(user(1), DocumentKind::Blocks).await);
    let all = (0..6).flat_map(|task| (0..8).map(move |round| user(task * 100 + round))).collect();
    assert_eq!(there, Versioned { version: Version(48), value: Document::Blocks(all) });
}

/// A challenge changes once for each time it was read, so that attempts that race are all counted.
pub async fn a_challenge_is_replaced_only_as_it_was_read<S: Store>(store: Arc<S>) {
    assert_eq!(answered(store.challenge(&address(1)).await), None);
    let at = |version, expires| Versioned {
        version: Version(version),
        value: challenge(expires, &[NOON], &[NOON, NOON + MINUTE]),
    };
    let replace = async |challenge: Versioned<Challenge>| {
        answered(store.replace_challenge(&address(1), &challenge).await)
    };
    assert_eq!(replace(at(1, NOON)).await, Replaced::Changed, "there is none");
    assert_eq!(replace(at(0, NOON)).await, Replaced::Done(Version(1)));
    assert_eq!(replace(at(0, NOON + MINUTE)).await, Replaced::Changed);
    assert_eq!(replace(at(1, NOON + MINUTE)).await, Replaced::Done(Version(2)));
    assert_eq!(answered(store.challenge(&address(1)).await), Some(at(2, NOON + MINUTE)));
    assert_eq!(answered(store.challenge(&address(2)).await), None);
    at_once(&store, 6, |store, _| async move {
        loop {
            let mut read = answered(store.challenge(&address(1)).await).expect("the challenge");
            read.value.attempts += 1;
            if let Replaced::Done(_) = answered(store.replace_challenge(&address(1), &read).await) {
                break;
            }
        }
    })
    .await;
    let there = answered(store.challenge(&address(1)).await).expect("the challenge");
    assert_eq!(there.value.attempts, 2 + 6);
}

/// What still counts towards a limit is kept, the rest goes, a few at a time.
pub async fn challenges_are_forgotten_when_nothing_recent_hangs_on_them<S: Store>(store: Arc<S>) {
    let (past, future) = (NOON - MINUTE, NOON + MINUTE);
    let kept = [
        challenge(future, &[past], &[]),
        challenge(NOON, &[past], &[]),
        challenge(past, &[past, future], &[]),
        challenge(past, &[past], &[past, future]),
    ];
    let forgotten = [
        challenge(past, &[], &[]),
        challenge(past, &[past], &[past]),
        challenge(past - MINUTE, &[past], &[]),
    ];
    for (number, value) in (0..).zip(kept.iter().chain(&forgotten)) {
        let read = Versioned { version: Version(0), value: value.clone() };
        answered(store.replace_challenge(&address(number), &read).await);
    }
    let mut count = 0;
    loop {
        let step = answered(store.forget_challenges(NOON, 2).await);
        assert!(step <= 2);
        if step == 0 {
            break;
        }
        count += step;
    }
    assert_eq!(count, forgotten.len());
    for (number, value) in (0..).zip(&kept) {
        let there = answered(store.challenge(&address(number)).await);
        assert_eq!(there.map(|there| there.value).as_ref(), Some(value));
    }
    for number in 4..7 {
        assert_eq!(answered(store.challenge(&address(number)).await), None);
    }
    let anew = Versioned { version: Version(0), value: challenge(future, &[], &[]) };
    assert!(matches!(answered(store.replace_challenge(&address(4), &anew).await), Replaced::Done(_)));
}
