//! Application messages: order, repetition, forgery.

use dunlin_client::mls::group::{DecryptError, Undecryptable};
use dunlin_client::mls::{OUT_OF_ORDER_GENERATIONS_MAX, Suite};

use crate::device::{Device, group_of};

fn undecryptable(device: &mut Device, message: &[u8]) -> Undecryptable {
    match device.decrypt(message) {
        Err(DecryptError::Undecryptable(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_message_is_read_once_and_never_by_its_sender() {
    let mut devices = group_of(2, Suite::Hybrid);
    let message = devices[0].encrypt(b"hello");
    assert!(devices[1].decrypt(&message).is_ok());
    assert_eq!(undecryptable(&mut devices[1], &message), Undecryptable::KeyGone);
    assert_eq!(undecryptable(&mut devices[0], &message), Undecryptable::Own);
}

#[test]
fn messages_are_read_in_any_order_within_the_bound() {
    let mut devices = group_of(2, Suite::X25519);
    let count = OUT_OF_ORDER_GENERATIONS_MAX + 1;
    let messages: Vec<_> = (0..count).map(|number| devices[0].encrypt(&number.to_be_bytes())).collect();
    let (first, rest) = messages.split_first().unwrap();
    for (number, message) in rest.iter().enumerate().rev() {
        let plaintext = devices[1].decrypt(message).unwrap().plaintext;
        assert_eq!(plaintext, (u32::try_from(number).unwrap() + 1).to_be_bytes());
    }
    assert_eq!(undecryptable(&mut devices[1], first), Undecryptable::KeyGone);
}

#[test]
fn a_damaged_message_is_refused_and_the_true_one_still_read() {
    let mut devices = group_of(5, Suite::X25519);
    let message = devices[0].encrypt(b"hello");
    for place in (0..message.len()).step_by(3) {
        let mut changed = message.clone();
        changed[place] ^= 1;
        assert!(devices[3].decrypt(&changed).is_err(), "byte {place}");
    }
    assert!(devices[3].decrypt(&message[..message.len() - 1]).is_err());
    assert_eq!(devices[3].decrypt(&message).unwrap().plaintext, b"hello");
    // And what others write, though secrets were derived in vain meanwhile.
    for sender in [1, 2, 4] {
        let message = devices[sender].encrypt(b"more");
        assert_eq!(devices[3].decrypt(&message).unwrap().plaintext, b"more");
    }
}

#[test]
fn what_is_no_application_message_is_told_apart() {
    let mut devices = group_of(2, Suite::X25519);
    let pending = devices[0].commit(&[], &[]);
    assert!(matches!(devices[1].decrypt(&pending.commit), Err(DecryptError::NotApplication)));
    assert!(matches!(devices[1].decrypt(b"nonsense"), Err(DecryptError::Malformed(_))));
}
