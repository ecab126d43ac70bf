//! What devices left for others is there when the store is opened again.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use dunlin_model::clock::{ManualClock, SeededRandomness};
use dunlin_model::{ChatId, DeviceId, DeviceNumber, Seq, Suite, Timestamp, UserId};
use dunlin_store::{KeyClaim, KeyPackages, Revocations};
use dunlin_store_embedded::{EmbeddedConfig, EmbeddedStore};

const DEVICE: DeviceId = DeviceId { user: UserId::from_bytes([1; 16]), number: DeviceNumber(1) };

fn open(folder: &Path) -> EmbeddedStore {
    let clock = Arc::new(ManualClock::at(Timestamp(1_790_000_000_000)));
    EmbeddedStore::open(folder, &EmbeddedConfig::default(), clock, &SeededRandomness::new(1)).unwrap()
}

fn claim(change: u64) -> KeyClaim {
    KeyClaim { chat: ChatId::from_bytes([2; 16]), change: Seq(change) }
}

#[tokio::test]
async fn key_packages_claims_and_revocations_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let packages = [Bytes::from_static(b"one"), Bytes::from_static(b"two")];
    let last = Bytes::from_static(b"last");
    let store = open(folder.path());
    store.put_key_packages(DEVICE, Suite::HYBRID, &packages, Some(&last)).await.unwrap();
    let taken = store.claim_key_package(DEVICE, Suite::HYBRID, claim(1)).await.unwrap();
    assert_eq!(taken.as_ref(), packages.first());
    store.intend_revocation(DEVICE).await.unwrap();
    drop(store);

    let store = open(folder.path());
    assert_eq!(store.claim_key_package(DEVICE, Suite::HYBRID, claim(1)).await.unwrap(), taken);
    assert_eq!(store.put_key_packages(DEVICE, Suite::HYBRID, &packages, None).await.unwrap(), 1);
    let second = store.claim_key_package(DEVICE, Suite::HYBRID, claim(2)).await.unwrap();
    assert_eq!(second.as_ref(), packages.last());
    assert_eq!(store.claim_key_package(DEVICE, Suite::HYBRID, claim(3)).await.unwrap(), Some(last));
    assert_eq!(store.revocations(None, 10).await.unwrap(), [DEVICE]);
}
