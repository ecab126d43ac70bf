//! Certificates, key packages and revocations.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use dunlin_model::{DeviceCertificate, DeviceId, DeviceKey, Seq, Suite};
use ed25519_dalek::SigningKey;

use super::fixtures::{ALL, NOON, answered, at_once, chat, device, device_of, device_record, user};
use crate::keys::{KEY_CLAIMS_REMEMBERED_MAX, KEY_PACKAGES_WAITING_MAX};
use crate::{KeyClaim, Store};

fn package(number: usize) -> Bytes {
    Bytes::from(format!("key package {number}"))
}

fn packages(numbers: std::ops::Range<usize>) -> Vec<Bytes> {
    numbers.map(package).collect()
}

fn claim(of: u32, change: u64) -> KeyClaim {
    KeyClaim { chat: chat(of), change: Seq(change) }
}

async fn put<S: Store>(
    store: &S,
    device: DeviceId,
    packages: &[Bytes],
    last_resort: Option<&Bytes>,
) -> usize {
    answered(store.put_key_packages(device, Suite::HYBRID, packages, last_resort).await)
}

async fn take<S: Store>(store: &S, device: DeviceId, claim: KeyClaim) -> Option<Bytes> {
    answered(store.claim_key_package(device, Suite::HYBRID, claim).await)
}

async fn left<S: Store>(store: &S, device: DeviceId) -> Option<usize> {
    answered(store.key_packages_left(device, Suite::HYBRID).await)
}

/// Each package goes to one claim, the one that waited longest first, and nobody else's.
pub async fn key_packages_are_given_out_once<S: Store>(store: Arc<S>) {
    assert_eq!(left(&*store, device(1)).await, None);
    assert_eq!(take(&*store, device(1), claim(1, 1)).await, None, "there are none");
    assert_eq!(put(&*store, device(1), &packages(0..3), None).await, 3);
    assert_eq!(put(&*store, device(2), &packages(10..11), None).await, 1);
    for number in 0..3 {
        let claim = claim(1, 1 + number as u64);
        assert_eq!(take(&*store, device(1), claim).await, Some(package(number)));
        assert_eq!(left(&*store, device(1)).await, Some(2 - number));
    }
    assert_eq!(take(&*store, device(1), claim(1, 9)).await, None, "all are gone");
    let other = answered(store.claim_key_package(device(2), Suite::CLASSIC, claim(1, 1)).await);
    assert_eq!(other, None, "suites have packages of their own");
    assert_eq!(take(&*store, device(2), claim(1, 1)).await, Some(package(10)));
}

/// A claim that is made again gets the same package and takes no other.
pub async fn a_repeated_claim_gets_the_same_key_package<S: Store>(store: Arc<S>) {
    put(&*store, device(1), &packages(0..3), None).await;
    let first = take(&*store, device(1), claim(1, 7)).await;
    assert_eq!(take(&*store, device(1), claim(1, 7)).await, first);
    assert_eq!(left(&*store, device(1)).await, Some(2));
    assert_ne!(take(&*store, device(1), claim(2, 7)).await, first, "for another chat");
    assert_ne!(take(&*store, device(1), claim(1, 8)).await, first, "for another change");
    assert_eq!(take(&*store, device(1), claim(1, 7)).await, first, "also when none is left");
}

/// Of many who claim at once, those with the same claim get the same package, all others different ones.
pub async fn claims_at_once_never_share_a_key_package<S: Store>(store: Arc<S>) {
    put(&*store, device(1), &packages(0..40), None).await;
    let given = at_once(&store, 8, |store, task| async move {
        let mut given = Vec::new();
        for change in 0..8 {
            // Two tasks each make the same claims.
            let claim = claim(task / 2, change);
            given.push((claim, take(&*store, device(1), claim).await.expect("there are enough")));
        }
        given
    })
    .await;
    let all: BTreeSet<(KeyClaim, Bytes)> = given.into_iter().flatten().collect();
    let claims: BTreeSet<KeyClaim> = all.iter().map(|(claim, _)| *claim).collect();
    let packages: BTreeSet<&Bytes> = all.iter().map(|(_, package)| package).collect();
    assert_eq!((all.len(), claims.len(), packages.len()), (32, 32, 32));
    assert_eq!(left(&*store, device(1)).await, Some(8));
}

/// The package of last resort is given when no other is left, as often as need be, and can be replaced.
pub async fn the_last_resort_comes_last_and_again<S: Store>(store: Arc<S>) {
    let (old, new) = (Bytes::from_static(b"old"), Bytes::from_static(b"new"));
    assert_eq!(put(&*store, device(1), &packages(0..1), Some(&old)).await, 1);
    assert_eq!(take(&*store, device(1), claim(1, 1)).await, Some(package(0)));
    assert_eq!(take(&*store, device(1), claim(1, 2)).await, Some(old.clone()));
    assert_eq!(take(&*store, device(1), claim(1, 3)).await, Some(old.clone()));
    assert_eq!(put(&*store, device(1), &[], Some(&new)).await, 0);
    assert_eq!(take(&*store, device(1), claim(1, 4)).await, Some(new));
    assert_eq!(take(&*store, device(1), claim(1, 2)).await, Some(old), "as it was then");
    put(&*store, device(1), &packages(1..2), None).await;
    assert_eq!(take(&*store, device(1), claim(1, 5)).await, Some(package(1)));
}

/// An upload that is repeated adds nothing, not even what was given out meanwhile.
pub async fn a_repeated_upload_adds_no_key_package<S: Store>(store: Arc<S>) {
    assert_eq!(put(&*store, device(1), &packages(0..3), None).await, 3);
    assert_eq!(take(&*store, device(1), claim(1, 1)).await, Some(package(0)));
    assert_eq!(put(&*store, device(1), &packages(0..3), None).await, 2);
    assert_eq!(put(&*store, device(1), &[package(3), package(3)], None).await, 3, "nor twice in one");
    for number in 1..4 {
        assert_eq!(take(&*store, device(1), claim(2, number as u64)).await, Some(package(number)));
    }
    assert_eq!(take(&*store, device(1), claim(3, 1)).await, None);
}

/// No more wait than the limit, and no more claims are remembered.
pub async fn key_packages_and_claims_are_bounded<S: Store>(store: Arc<S>) {
    assert_eq!(put(&*store, device(1), &packages(0..150), None).await, 150);
    let more = packages(150..300);
    assert_eq!(put(&*store, device(1), &more, None).await, KEY_PACKAGES_WAITING_MAX);
    assert_eq!(put(&*store, device(1), &more, None).await, KEY_PACKAGES_WAITING_MAX);
    let last = Bytes::from_static(b"last resort");
    put(&*store, device(2), &packages(0..2), Some(&last)).await;
    assert_eq!(take(&*store, device(2), claim(1, 0)).await, Some(package(0)));
    for change in 1..=KEY_CLAIMS_REMEMBERED_MAX as u64 {
        take(&*store, device(2), claim(1, change)).await;
    }
    assert_eq!(take(&*store, device(2), claim(1, 1)).await, Some(package(1)), "remembered");
    assert_eq!(take(&*store, device(2), claim(1, 0)).await, Some(last), "forgotten");
}

/// What a device left is gone with it, and nobody else's.
pub async fn the_key_packages_of_a_device_are_removed_together<S: Store>(store: Arc<S>) {
    let last = Bytes::from_static(b"last resort");
    for device in [device_of(1, 1), device_of(1, 2)] {
        put(&*store, device, &packages(0..3), Some(&last)).await;
        take(&*store, device, claim(1, 1)).await;
        answered(store.put_key_packages(device, Suite::CLASSIC, &packages(0..1), None).await);
    }
    for _ in 0..2 {
        answered(store.remove_key_packages(device_of(1, 1)).await);
        assert_eq!(take(&*store, device_of(1, 1), claim(1, 1)).await, None);
        assert_eq!(take(&*store, device_of(1, 1), claim(1, 2)).await, None);
        assert_eq!(answered(store.key_packages_left(device_of(1, 1), Suite::CLASSIC).await), None);
    }
    assert_eq!(left(&*store, device_of(1, 2)).await, Some(2));
    assert_eq!(take(&*store, device_of(1, 2), claim(1, 1)).await, Some(package(0)));
    assert_eq!(put(&*store, device_of(1, 1), &packages(0..1), None).await, 1, "a new start");
}

fn certificate(of: DeviceId, identity: u8) -> DeviceCertificate {
    DeviceCertificate::issue(&SigningKey::from_bytes(&[identity; 32]), of, DeviceKey([7; 32]), NOON)
}

/// The certificates of devices that are there and not revoked, by number.
pub async fn certificates_are_those_of_devices_that_are_not_revoked<S: Store>(store: Arc<S>) {
    let (phone, laptop, tablet, never) =
        (device_of(1, 1), device_of(1, 2), device_of(1, 300), device_of(1, 4));
    for device in [phone, laptop, tablet, device_of(2, 1)] {
        answered(store.add_device(&device_record(device)).await);
    }
    for of in [tablet, phone, laptop, never, device_of(2, 1)] {
        answered(store.put_certificate(&certificate(of, 1)).await);
    }
    answered(store.put_certificate(&certificate(laptop, 2)).await);
    let (first, second, third) = (certificate(phone, 1), certificate(laptop, 2), certificate(tablet, 1));
    let listed = answered(store.certificates(user(1)).await);
    assert_eq!(listed, [first.clone(), second, third.clone()], "the newest of each");
    let mut revoked = answered(store.device(laptop).await).expect("the device");
    revoked.value.revoked = Some(NOON);
    answered(store.replace_device(&revoked).await);
    assert_eq!(answered(store.certificates(user(1)).await), [first, third]);
    assert_eq!(answered(store.certificates(user(3)).await), []);
}

/// A revocation is listed from its intent to its end.
pub async fn revocations_are_listed_until_they_are_settled<S: Store>(store: Arc<S>) {
    let devices = [device_of(1, 1), device_of(1, 2), device_of(2, 1)];
    for device in devices.iter().rev().chain(&devices) {
        answered(store.intend_revocation(*device).await);
    }
    assert_eq!(answered(store.revocations(None, ALL).await), devices);
    assert_eq!(answered(store.revocations(None, 2).await), devices[..2]);
    assert_eq!(answered(store.revocations(Some(devices[1]), ALL).await), devices[2..]);
    for _ in 0..2 {
        answered(store.settle_revocation(devices[1]).await);
        assert_eq!(answered(store.revocations(None, ALL).await), [devices[0], devices[2]]);
    }
}
