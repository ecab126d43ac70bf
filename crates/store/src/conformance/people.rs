//! Addresses, devices and secrets: whoever comes first.

use std::sync::Arc;

use dunlin_model::DeviceNumber;

use super::fixtures::{NOON, address, answered, at_once, device_of, device_record, user};
use crate::{Appended, Claim, Store, UserRecord};

fn record(of: u32, at: u32) -> UserRecord {
    UserRecord { id: user(of), address: address(at), created: NOON }
}

/// An address has one owner, and claiming it again tells whose it is.
pub async fn an_address_is_claimed_once<S: Store>(store: Arc<S>) {
    assert_eq!(answered(store.find_user(&address(1)).await), None);
    assert_eq!(answered(store.user(user(1)).await), None);
    assert_eq!(answered(store.claim_address(&record(1, 1)).await), Claim::New);
    let again = answered(store.claim_address(&record(1, 1)).await);
    assert_eq!(again, Claim::Existing(user(1)), "who does not know whether it happened claims again");
    assert_eq!(answered(store.claim_address(&record(2, 1)).await), Claim::Existing(user(1)));
    assert_eq!(answered(store.claim_address(&record(3, 3)).await), Claim::New);
    assert_eq!(answered(store.find_user(&address(1)).await), Some(user(1)));
    assert_eq!(answered(store.user(user(1)).await), Some(record(1, 1)));
    assert_eq!(answered(store.user(user(2)).await), None, "who lost is nobody");
}

/// Of many who claim one address at once, one gets it and all others learn who.
pub async fn claims_that_race_have_one_winner<S: Store>(store: Arc<S>) {
    for round in 0..5 {
        let claims = at_once(&store, 8, |store, task| async move {
            let of = round * 10 + task;
            (of, answered(store.claim_address(&record(of, round)).await))
        })
        .await;
        let new: Vec<u32> =
            claims.iter().filter(|(_, claim)| *claim == Claim::New).map(|(of, _)| *of).collect();
        assert_eq!(new.len(), 1, "{new:?} all got it");
        for (of, claim) in claims {
            let winner = new[0];
            assert!(of == winner || claim == Claim::Existing(user(winner)));
            assert_eq!(answered(store.user(user(of)).await).is_some(), of == winner);
        }
    }
}

/// Those who race for device numbers get different ones, without gaps.
pub async fn device_numbers_are_given_once<S: Store>(store: Arc<S>) {
    let given = at_once(&store, 8, |store, task| async move {
        for number in 1.. {
            let mut device = device_record(device_of(1, number));
            device.name = format!("of task {task}");
            if answered(store.add_device(&device).await) == Appended::Written {
                return (number, device);
            }
        }
        unreachable!("numbers do not run out")
    })
    .await;
    let mut numbers: Vec<u32> = given.iter().map(|(number, _)| *number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    for (number, device) in given {
        let there = answered(store.device(device_of(1, number)).await).expect("the device");
        assert_eq!((there.version.0, there.value), (1, device), "what stands there is what won");
    }
    assert_eq!(answered(store.device(device_of(1, 9)).await), None);
}

/// Devices of one user, ascending by number, and nobody else's.
pub async fn devices_are_listed_by_number<S: Store>(store: Arc<S>) {
    for (of, number) in [(1, 300), (1, 2), (2, 1), (1, 1), (1, 70_000)] {
        let device = device_record(device_of(of, number));
        assert_eq!(answered(store.add_device(&device).await), Appended::Written);
    }
    let mut revoked = answered(store.device(device_of(1, 2)).await).expect("the device");
    revoked.value.revoked = Some(NOON);
    answered(store.replace_device(&revoked).await);
    let listed = answered(store.devices(user(1)).await);
    let numbers: Vec<_> = listed.iter().map(|device| device.value.id.number).collect();
    assert_eq!(numbers, [1, 2, 300, 70_000].map(DeviceNumber));
    assert_eq!(listed[1].value, revoked.value, "revoked ones included");
    assert_eq!(answered(store.devices(user(3)).await), []);
}

/// All who ask for a secret get the one of whoever asked first.
pub async fn racers_agree_on_a_secret<S: Store>(store: Arc<S>) {
    let secrets = at_once(&store, 8, |store, task| async move {
        let candidate = [u8::try_from(task).expect("a few tasks"); 32];
        answered(store.shared_secret("tokens", candidate).await)
    })
    .await;
    assert!(secrets.iter().all(|secret| Some(secret) == secrets.first()), "{secrets:?}");
    assert!(secrets.first().is_some_and(|secret| secret[0] < 8));
    assert_eq!(Some(answered(store.shared_secret("tokens", [99; 32]).await)), secrets.first().copied());
    assert_eq!(answered(store.shared_secret("invites", [99; 32]).await), [99; 32], "each name its own");
}

/// The incarnation is the store's, whoever asks.
pub async fn the_incarnation_does_not_change<S: Store>(store: Arc<S>) {
    let first = answered(store.incarnation().await);
    answered(store.claim_address(&record(1, 1)).await);
    assert_eq!(answered(store.incarnation().await), first);
}
