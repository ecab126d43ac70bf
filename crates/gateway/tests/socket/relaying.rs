//! What the devices of one user say to each other.

use bytes::Bytes;
use dunlin_model::ErrorCode;
use dunlin_wire::{Command, Format, Outcome, RELAYED_BYTES_MAX, ServerFrame};

use crate::world::World;

#[tokio::test]
async fn a_device_speaks_to_the_others_of_its_user_in_either_format() {
    for (from, to) in [(Format::Json, Format::Proto), (Format::Proto, Format::Json)] {
        let world = World::new().await;
        let [phone, tablet] = world.devices().await;
        let mut sender = world.online(&phone, from).await;
        // The tablet has no keys yet: it has not resumed, and hears it all the same.
        let mut reader = world.connect(&tablet, to).await;
        let payload = Bytes::from_static(b"hello");
        let all = Command::RelayToDevices { device: None, payload: payload.clone() };
        assert_eq!(sender.request(all).await, Outcome::Relayed { reached: 1 });
        let heard = ServerFrame::Relayed { device: phone.device.number, payload: payload.clone() };
        assert_eq!(reader.push().await, heard);
        let one = Command::RelayToDevices { device: Some(phone.device.number), payload: payload.clone() };
        assert_eq!(reader.request(one).await, Outcome::Relayed { reached: 1 });
        let heard = ServerFrame::Relayed { device: tablet.device.number, payload };
        while sender.push().await != heard {}
    }
}

#[tokio::test]
async fn a_payload_that_is_too_large_is_refused_and_the_connection_stays() {
    let world = World::new().await;
    let [phone] = world.devices().await;
    let mut client = world.online(&phone, Format::Json).await;
    let relay = |bytes: usize| Command::RelayToDevices { device: None, payload: vec![7; bytes].into() };
    assert_eq!(client.refused(relay(RELAYED_BYTES_MAX + 1)).await.code, ErrorCode::TooLarge);
    assert_eq!(client.refused(relay(0)).await.code, ErrorCode::InvalidArgument);
    assert_eq!(client.request(relay(RELAYED_BYTES_MAX)).await, Outcome::Relayed { reached: 0 });
}
