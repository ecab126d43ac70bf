//! What the devices of one user say to each other, and who may know of devices at all.

use bytes::Bytes;
use dunlin_delivery::{DeliveryConfig, DeliveryError, RELAYED_BYTES_MAX};
use dunlin_model::{
    ChatCommand, ChatKind, ClientSeq, DeviceCertificate, DeviceId, DeviceKey, DeviceNumber, Encryption,
    ErrorCode,
};
use dunlin_store::Revocations;
use ed25519_dalek::SigningKey;

use crate::world::{START, World, connect, pull, rung};

fn hello() -> Bytes {
    Bytes::from_static(b"hello")
}

fn certificate(device: DeviceId, identity: u8) -> DeviceCertificate {
    let key = SigningKey::from_bytes(&[identity + 100; 32]).verifying_key();
    let identity = SigningKey::from_bytes(&[identity; 32]);
    DeviceCertificate::issue(&identity, device, DeviceKey(key.to_bytes()), START)
}

#[tokio::test]
async fn a_payload_reaches_the_users_other_devices_on_every_server_and_nobody_else() {
    let world = World::new().await;
    let (phone, ben) = (world.person(1).await, world.person(2).await);
    let (tablet, laptop) = (world.device(phone.user, 2).await, world.device(phone.user, 3).await);
    let elsewhere = world.another_server(2).await;
    // A device that has not resumed, because it has no keys yet, hears it too.
    let mut on_tablet = world.server.connect(tablet).await.unwrap();
    let mut on_laptop = connect(&elsewhere, laptop, &[]).await;
    let mut on_phone = world.connect(phone).await;
    let mut on_bens = world.connect(ben).await;
    for feed in [&mut on_laptop, &mut on_phone, &mut on_bens] {
        pull(feed).await;
    }
    let reached = world.server.relay_to_devices(phone, None, &hello()).unwrap();
    assert_eq!(reached, 1, "those of another server are not counted");
    rung(&on_laptop).await;
    assert_eq!(pull(&mut on_tablet).await, ["from 1: hello"]);
    assert_eq!(pull(&mut on_laptop).await, ["from 1: hello"]);
    assert!(pull(&mut on_phone).await.is_empty());
    assert!(pull(&mut on_bens).await.is_empty());
    // To one alone.
    assert_eq!(world.server.relay_to_devices(phone, Some(DeviceNumber(3)), &hello()), Ok(0));
    assert!(pull(&mut on_tablet).await.is_empty());
    assert_eq!(pull(&mut on_laptop).await, ["from 1: hello"]);
    assert_eq!(world.server.relay_to_devices(tablet, Some(phone.number), &hello()), Ok(1));
    assert_eq!(pull(&mut on_phone).await, ["from 2: hello"]);
}

#[tokio::test]
async fn nothing_that_is_relayed_waits_for_a_device_that_is_away_and_little_for_one_that_does_not_read() {
    let world = World::new().await;
    let phone = world.person(1).await;
    let tablet = world.device(phone.user, 2).await;
    assert_eq!(world.server.relay_to_devices(phone, None, &hello()), Ok(0));
    let mut feed = world.connect(tablet).await;
    assert_eq!(pull(&mut feed).await, ["caught up"]);
    let reached: Vec<u32> =
        (0..20).map(|_| world.server.relay_to_devices(phone, None, &hello()).unwrap()).collect();
    assert_eq!(reached.iter().sum::<u32>(), 16);
    assert_eq!(pull(&mut feed).await.len(), 16);
    assert_eq!(world.server.relay_to_devices(phone, None, &hello()), Ok(1), "there is room again");
}

#[tokio::test]
async fn a_payload_is_neither_empty_nor_too_large() {
    let world = World::new().await;
    let phone = world.person(1).await;
    let relay = |bytes: usize| world.server.relay_to_devices(phone, None, &vec![7; bytes].into());
    assert_eq!(relay(RELAYED_BYTES_MAX), Ok(0));
    assert_eq!(relay(RELAYED_BYTES_MAX + 1).unwrap_err().code(), ErrorCode::TooLarge);
    assert_eq!(relay(0).unwrap_err().code(), ErrorCode::InvalidArgument);
}

#[tokio::test]
async fn a_strangers_devices_are_not_listed() {
    let world = World::new().await;
    let (ada, ben) = (world.person(1).await, world.person(2).await);
    for (device, identity) in [(ada, 1), (ben, 2)] {
        world.server.set_certificate(device, &certificate(device, identity)).await.unwrap();
    }
    let both = [ada.user, ben.user];
    assert_eq!(world.server.list_devices(ada.user, &both).await, Ok(vec![certificate(ada, 1)]));
    world.direct(ben, ada).await;
    let listed = world.server.list_devices(ada.user, &both).await;
    assert_eq!(listed, Ok(vec![certificate(ada, 1), certificate(ben, 2)]));
}

#[tokio::test]
async fn a_second_identity_waits_until_the_devices_of_the_first_are_revoked() {
    let world = World::new().await;
    let phone = world.person(1).await;
    let tablet = world.device(phone.user, 2).await;
    world.server.set_certificate(phone, &certificate(phone, 1)).await.unwrap();
    let refused = world.server.set_certificate(tablet, &certificate(tablet, 9)).await.unwrap_err();
    assert_eq!((refused.clone(), refused.code()), (DeliveryError::AnotherIdentity, ErrorCode::AlreadyExists));
    world.store.intend_revocation(phone).await.unwrap();
    world.server.carry_out_revocations().await.unwrap();
    world.server.set_certificate(tablet, &certificate(tablet, 9)).await.unwrap();
    assert_eq!(world.server.list_devices(phone.user, &[phone.user]).await, Ok(vec![certificate(tablet, 9)]));
}

#[tokio::test]
async fn chats_that_the_server_can_read_are_made_only_where_they_are_allowed() {
    let world = World::new().await;
    let (ada, ben) = (world.person(1).await, world.person(2).await);
    let chat = world.direct(ada, ben).await;
    world.server.reconfigure(DeliveryConfig::default());
    let create = |kind, members| ChatCommand::Create {
        kind,
        encryption: Encryption::None,
        name: String::new(),
        description: String::new(),
        members,
    };
    let group = create(ChatKind::Group, vec![ben.user]);
    let refused = world.server.create_chat(ada, ClientSeq(2), group, None).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::WrongEncryption);
    assert_eq!(refused.to_string(), "This server allows no chats with this encryption.");
    // Those that are there stay, and whoever asks for one again is told so.
    world.send(ben, chat, 2, "still here").await;
    let direct = create(ChatKind::Direct, vec![ben.user]);
    let again = world.server.create_chat(ada, ClientSeq(1), direct, None).await.unwrap();
    assert!(again.repeated && again.chat == chat, "{again:?}");
}
