//! What the server takes as a key package, and how many of them somebody may claim.

use bytes::Bytes;
use dunlin_client::keys::Keys;
use dunlin_delivery::DeliveryError;
use dunlin_model::{ChatCommand, DeviceId, ErrorCode, Suite};
use openmls::prelude::Lifetime;

use crate::crafted::{Crafted, Theirs};
use crate::mls::{Peer, certified};
use crate::world::{START, World};

const SUITE: Suite = Suite::CLASSIC;

impl World {
    async fn uploads(
        &self,
        device: DeviceId,
        packages: &[Bytes],
        last_resort: Option<&Bytes>,
    ) -> Result<u32, DeliveryError> {
        self.server.upload_key_packages(device, SUITE, packages, last_resort).await
    }

    /// Why a package is not taken.
    async fn refuses(&self, device: DeviceId, package: Bytes) -> &'static str {
        let error = self.uploads(device, &[package], None).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::InvalidArgument);
        match error {
            DeliveryError::KeyPackage(why) => why,
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn key_packages_are_taken_of_both_implementations_and_suites() {
    let world = World::new().await;
    let mut ada = world.peer(1).await;
    let last_resort = ada.keys.key_packages(SUITE, 1, true).unwrap().remove(0);
    let packages = [ada.package(SUITE).1, Theirs::of(ada.id).package()];
    assert_eq!(world.uploads(ada.id, &packages, Some(&last_resort)).await, Ok(2));
    let hybrid = [ada.package(Suite::HYBRID).1];
    assert_eq!(world.server.upload_key_packages(ada.id, Suite::HYBRID, &hybrid, None).await, Ok(1));
}

#[tokio::test]
async fn a_key_package_that_is_none_or_of_another_suite_is_refused() {
    let world = World::new().await;
    let mut ada = world.peer(1).await;
    let hybrid = ada.package(Suite::HYBRID).1;
    let good = ada.package(SUITE).1;
    for (bytes, reason) in [
        (Bytes::from_static(b"garbage"), "the bytes are not a key package"),
        (good.slice(..good.len() - 1), "the bytes are not a key package"),
        (hybrid, "a key package is of another cipher suite"),
    ] {
        assert_eq!(world.refuses(ada.id, bytes).await, reason);
    }
    for place in (0..good.len()).step_by(5) {
        let mut changed = good.to_vec();
        changed[place] ^= 1;
        world.refuses(ada.id, changed.into()).await;
    }
    // One that is refused keeps all of the upload out.
    let mixed = [good.clone(), Bytes::from_static(b"garbage")];
    assert!(world.uploads(ada.id, &mixed, None).await.is_err());
    assert_eq!(world.uploads(ada.id, &[good], None).await, Ok(1));
}

#[tokio::test]
async fn a_key_package_of_somebody_else_is_refused() {
    let world = World::new().await;
    let (ada, mut ben) = (world.peer(1).await, world.peer(2).await);
    let not_known = "a leaf's certificate is not the one that its device is known by";
    assert_eq!(world.refuses(ada.id, ben.package(SUITE).1).await, not_known);
    // Of the device's name, with another key or identity.
    let another = Crafted { key: certified(ben.id).0, certificate: certified(ada.id).1 };
    let reason = world.refuses(ada.id, another.package(Lifetime::init(0, u64::MAX))).await;
    assert_eq!(reason, "a leaf has another key than the certificate in it");
    // Of a device that nobody knows yet.
    let unknown = world.device(ada.id.user, 2).await;
    let reason = world.refuses(unknown, Peer::of(unknown).package(SUITE).1).await;
    assert_eq!(reason, "the device has not said by which certificate it is known");
}

#[tokio::test]
async fn a_key_package_that_expires_is_refused() {
    let world = World::new().await;
    let ada = world.peer(1).await;
    let (now, year) = (START.0 / 1_000, 365 * 24 * 3_600);
    for (lifetime, reason) in [
        (Lifetime::init(0, 1_000_000_000), "a key package is not valid, or has expired"),
        (Lifetime::init(0, now - 1), "a key package has expired"),
        (Lifetime::init(0, now + year), "a key package must be valid from now on and for ten years"),
    ] {
        assert_eq!(world.refuses(ada.id, Crafted::of(ada.id).package(lifetime)).await, reason);
    }
    let long = Crafted::of(ada.id).package(Lifetime::init(0, now + 11 * year));
    assert_eq!(world.uploads(ada.id, &[long], None).await, Ok(1));
}

#[tokio::test]
async fn the_one_of_last_resort_is_marked_and_no_other() {
    let world = World::new().await;
    let mut ada = world.peer(1).await;
    let marked = ada.keys.key_packages(SUITE, 1, true).unwrap().remove(0);
    let plain = ada.package(SUITE).1;
    let reason = "only the key package of last resort is marked as one";
    assert_eq!(world.refuses(ada.id, marked.clone()).await, reason);
    let unmarked = world.uploads(ada.id, &[], Some(&plain)).await.unwrap_err();
    assert_eq!(unmarked, DeliveryError::KeyPackage(reason));
    assert_eq!(world.uploads(ada.id, &[plain], Some(&marked)).await, Ok(1));
}

#[tokio::test]
async fn uploads_are_bounded_and_of_a_suite_that_chats_use() {
    let world = World::new().await;
    let mut ada = world.peer(1).await;
    let upload = async |suite, packages: Vec<Bytes>| {
        world.server.upload_key_packages(ada.id, suite, &packages, None).await.map_err(|error| error.code())
    };
    let one = || Bytes::from_static(b"x");
    assert_eq!(upload(Suite(2), vec![one()]).await, Err(ErrorCode::InvalidArgument));
    assert_eq!(upload(Suite::HYBRID, vec![Bytes::new()]).await, Err(ErrorCode::InvalidArgument));
    let large = Bytes::from(vec![0; 16 * 1024 + 1]);
    assert_eq!(upload(Suite::HYBRID, vec![large]).await, Err(ErrorCode::InvalidArgument));
    assert_eq!(upload(Suite::HYBRID, vec![one(); 101]).await, Err(ErrorCode::LimitReached));
    let package = ada.keys.key_packages(Suite::HYBRID, 1, false).unwrap();
    assert_eq!(upload(Suite::HYBRID, package).await, Ok(1));
}

#[tokio::test]
async fn another_certificate_of_a_device_takes_its_key_packages_away() {
    let world = World::new().await;
    let (ada, mut ben) = (world.peer(1).await, world.peer(2).await);
    let chat = world.encrypted(ada.id, &[ben.id]).await;
    let packages = [ben.package(SUITE).1];
    world.uploads(ben.id, &packages, None).await.unwrap();
    // The same one again changes nothing.
    world.server.set_certificate(ben.id, &certified(ben.id).1).await.unwrap();
    let claim = async |change| {
        let claimed = world.server.claim_key_packages(ada.id, chat, change, SUITE, &[ben.id.user]).await;
        claimed.unwrap().len()
    };
    assert_eq!(claim(dunlin_model::Seq(1)).await, 1);
    let (identity, key) = (certified(ada.id).0, certified(ben.id).1.key);
    let another = dunlin_model::DeviceCertificate::issue(&identity, ben.id, key, START);
    world.server.set_certificate(ben.id, &another).await.unwrap();
    assert_eq!(claim(dunlin_model::Seq(1)).await, 0, "nobody could add the device with it");
}

/// Rejected claims name the wait; what was claimed before does not run out by it.
#[tokio::test]
async fn nobody_takes_all_of_somebodys_key_packages() {
    let world = World::new().await;
    let (ada, mut ben, cleo) = (world.peer(1).await, world.peer(2).await, world.peer(3).await);
    let packages = ben.keys.key_packages(SUITE, 100, false).unwrap();
    let last_resort = ben.keys.key_packages(SUITE, 1, true).unwrap().remove(0);
    world.uploads(ben.id, &packages, Some(&last_resort)).await.unwrap();
    let chat = world.encrypted(ada.id, &[ben.id, cleo.id]).await;
    for number in 2..80 {
        let secret_hash = Some([u8::try_from(number).unwrap(); 32]);
        world.signs(ada.id, chat, number, ChatCommand::SetInvite { secret_hash }).await.unwrap();
    }
    let claim = async |by: &Peer, change| {
        let seq = dunlin_model::Seq(change);
        world.server.claim_key_packages(by.id, chat, seq, SUITE, &[ben.id.user]).await
    };
    let mut taken = 0;
    let error = loop {
        match claim(&ada, taken + 1).await {
            Ok(packages) => taken += packages.len() as u64,
            Err(error) => break error,
        }
    };
    assert_eq!((taken, error.code()), (60, ErrorCode::TooFast));
    assert_eq!(error.to_string(), "Too many claims of key packages.");
    // Others are not held up, and the one who was may go on later.
    assert_eq!(claim(&cleo, taken + 1).await.unwrap().len(), 1);
    world.clock.advance(error.retry_after().unwrap());
    assert_eq!(claim(&ada, taken + 2).await.unwrap().len(), 1);
    // When all are gone, there is the one of last resort, to which no limit adds anything.
    let mut last = Bytes::new();
    for change in 1..70 {
        match claim(&cleo, change).await {
            Ok(packages) => last = packages[0].1.clone(),
            Err(error) => assert_eq!(error.code(), ErrorCode::TooFast),
        }
    }
    assert!(!last.is_empty());
}
