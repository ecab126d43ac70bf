//! Linking as the two devices, their person and a server between them live it.

use bytes::Bytes;
use dunlin_model::{DeviceNumber, UserId};

use super::*;

const PHONE: DeviceId = DeviceId { user: UserId::from_bytes([1; 16]), number: DeviceNumber(1) };
const TABLET: DeviceId = DeviceId { user: UserId::from_bytes([1; 16]), number: DeviceNumber(2) };

fn key() -> DeviceKey {
    DeviceKey(SigningKey::from_bytes(&[5; 32]).verifying_key().to_bytes())
}

/// Both devices up to the comparison; `on_the_way` may change what travels.
fn compare(
    on_the_way: impl Fn(u8, Vec<u8>) -> Vec<u8>,
) -> Result<(NewDeviceComparing, ExistingDeviceComparing), LinkingError> {
    let (new, hello) = NewDevice::begin(TABLET, key(), [2; 64], [6; 16]);
    let (existing, answer) = ExistingDevice::hello(PHONE, TABLET, &on_the_way(HELLO, hello), [3; 64])?;
    let (new, reveal) = new.answered(PHONE, &on_the_way(ANSWER, answer))?;
    Ok((new, existing.revealed(&on_the_way(REVEAL, reveal))?))
}

#[test]
fn a_new_device_is_linked_when_both_show_the_same_code() {
    let identity = SigningKey::from_bytes(&[7; 32]);
    let (new, existing) = compare(|_, message| message).unwrap();
    assert_eq!(new.code(), existing.code());
    assert_eq!(new.code().to_string().len(), "123 456".len());
    let admitted = new.admitted(&existing.confirmed(&identity, Timestamp(9)).unwrap()).unwrap();
    assert_eq!(admitted.identity.to_bytes(), identity.to_bytes());
    assert_eq!((admitted.certificate.device, admitted.certificate.key), (TABLET, key()));
}

#[test]
fn whoever_changes_what_travels_is_noticed_or_makes_the_codes_differ() {
    let lengths = [(HELLO, 33), (ANSWER, 65), (REVEAL, 97)];
    for (tag, length) in lengths {
        for place in 0..length {
            let changed = compare(|which, mut message: Vec<u8>| {
                if which == tag {
                    message[place] ^= 4;
                }
                message
            });
            if let Ok((new, existing)) = changed {
                assert_ne!(new.code(), existing.code(), "byte {place} of message {tag}");
                let identity = SigningKey::from_bytes(&[7; 32]);
                let admit = existing.confirmed(&identity, Timestamp(9)).unwrap();
                assert!(new.admitted(&admit).is_err(), "byte {place} of message {tag}");
            }
        }
    }
}

#[test]
fn a_server_that_plays_both_parts_gets_different_codes() {
    // It talks to each of them with keys of its own; it must commit before it knows the phone's answer.
    let (tablet, _hello) = NewDevice::begin(TABLET, key(), [2; 64], [6; 16]);
    let (false_tablet, false_hello) = NewDevice::begin(TABLET, key(), [40; 64], [6; 16]);
    let (phone, answer) = ExistingDevice::hello(PHONE, TABLET, &false_hello, [3; 64]).unwrap();
    let (false_tablet, reveal) = false_tablet.answered(PHONE, &answer).unwrap();
    let phone = phone.revealed(&reveal).unwrap();
    let (_, false_answer) = ExistingDevice::hello(PHONE, TABLET, &false_hello, [41; 64]).unwrap();
    let (tablet, _) = tablet.answered(PHONE, &false_answer).unwrap();
    assert_eq!(phone.code(), false_tablet.code());
    assert_ne!(phone.code(), tablet.code());
}

#[test]
fn the_tablet_keeps_to_what_it_announced() {
    let (_, hello) = NewDevice::begin(TABLET, key(), [2; 64], [6; 16]);
    let (phone, _) = ExistingDevice::hello(PHONE, TABLET, &hello, [3; 64]).unwrap();
    let (other, _) = NewDevice::begin(TABLET, key(), [4; 64], [6; 16]);
    let (_, answer) = ExistingDevice::hello(PHONE, TABLET, &hello, [3; 64]).unwrap();
    let (_, reveal) = other.answered(PHONE, &answer).unwrap();
    assert_eq!(phone.revealed(&reveal).err(), Some(LinkingError::Broken));
}

#[test]
fn devices_of_others_and_stray_messages_are_refused() {
    let stranger = DeviceId { user: UserId::from_bytes([8; 16]), number: DeviceNumber(1) };
    let (new, hello) = NewDevice::begin(TABLET, key(), [2; 64], [6; 16]);
    let refused = ExistingDevice::hello(stranger, TABLET, &hello, [3; 64]).err();
    assert_eq!(refused, Some(LinkingError::AnotherUser));
    assert_eq!(new.answered(PHONE, &hello).err(), Some(LinkingError::Unexpected));
    let (new, _) = NewDevice::begin(TABLET, key(), [2; 64], [6; 16]);
    assert_eq!(new.answered(PHONE, &[ANSWER; 64]).err(), Some(LinkingError::Unexpected));
    // A key of small order would make the agreed key known to everyone.
    let (new, _) = NewDevice::begin(TABLET, key(), [2; 64], [6; 16]);
    assert_eq!(
        new.answered(PHONE, &message(ANSWER, &[&[0; 32], &[1; 32]])).err(),
        Some(LinkingError::Broken)
    );
}

#[test]
fn a_text_that_is_scanned_needs_no_comparison() {
    let identity = SigningKey::from_bytes(&[7; 32]);
    let (new, _) = NewDevice::begin(TABLET, key(), [2; 64], [6; 16]);
    let text: LinkText = new.text().for_qr().parse().unwrap();
    let (existing, answer) = ExistingDevice::scanned(PHONE, &text, [3; 64]).unwrap();
    let (new, reveal) = new.answered(PHONE, &answer).unwrap();
    let existing = existing.revealed(&reveal).unwrap();
    assert!(existing.is_scanned());
    let admit = existing.confirmed(&identity, Timestamp(9)).unwrap();
    assert_eq!(MessageKind::of(&admit), Some(MessageKind::AdmitScanned));
    let admitted = new.admitted_by_scan(&admit).unwrap();
    assert_eq!(admitted.identity.to_bytes(), identity.to_bytes());
    assert_eq!((admitted.certificate.device, admitted.certificate.key), (TABLET, key()));
}

#[test]
fn a_server_that_did_not_see_the_text_neither_gets_the_identity_nor_gives_one() {
    // It puts its own keys between: the phone notices at once.
    let (tablet, hello) = NewDevice::begin(TABLET, key(), [2; 64], [6; 16]);
    let (phone, answer) = ExistingDevice::scanned(PHONE, &tablet.text(), [3; 64]).unwrap();
    let (false_tablet, _) = NewDevice::begin(TABLET, key(), [40; 64], [0; 16]);
    let (_, false_reveal) = false_tablet.answered(PHONE, &answer).unwrap();
    assert_eq!(phone.revealed(&false_reveal).err(), Some(LinkingError::Broken));
    // It plays the phone, with an identity of its own: it cannot say that it has seen the text.
    let (false_phone, false_answer) = ExistingDevice::hello(PHONE, TABLET, &hello, [41; 64]).unwrap();
    let (tablet, reveal) = tablet.answered(PHONE, &false_answer).unwrap();
    let false_identity = SigningKey::from_bytes(&[66; 32]);
    let mut admit = false_phone.revealed(&reveal).unwrap().confirmed(&false_identity, Timestamp(9)).unwrap();
    admit[0] = ADMIT_SCANNED;
    assert_eq!(tablet.admitted_by_scan(&admit).err(), Some(LinkingError::NotForUs));
}

#[test]
fn a_text_reads_back_in_either_case_and_damaged_ones_do_not() {
    let (new, hello) = NewDevice::begin(TABLET, key(), [2; 64], [6; 16]);
    let text = new.text();
    for written in [text.to_string(), text.for_qr().to_string(), format!("  {text}\n")] {
        assert_eq!(written.parse(), Ok(text.clone()), "{written}");
    }
    assert_eq!(text.device(), TABLET);
    assert!(!format!("{text:?}").contains("060606"));
    let (existing, _) = ExistingDevice::scanned(PHONE, &text, [3; 64]).unwrap();
    assert!(existing.is_about(&hello) && !existing.is_about(b"hello"));
    let written = text.to_string();
    for damaged in ["", "dunlin:link/1/", "dunlin:link/2/aaaa", &written[1..], &written[..written.len() - 1]]
    {
        assert_eq!(damaged.parse::<LinkText>(), Err(NotALinkText), "{damaged}");
    }
    assert_eq!(format!("{written}aa").parse::<LinkText>(), Err(NotALinkText));
    // Kept as it is: a newer device shows it to an older one.
    assert!(written.starts_with("dunlin:link/1/aeaqcaibaeaqcaibaeaqcaibaeaaaaac"), "{written}");
}

/// A new device in conversation with an existing one, up to what follows from the answer.
fn conversation() -> (Newcomer, ExistingDeviceComparing, Bytes) {
    let mut new = Newcomer::begin(TABLET, SigningKey::from_bytes(&[5; 32]), [2; 64], [6; 16]);
    let hello = new.repeat().unwrap();
    assert_eq!(hello.to, None);
    let (existing, answer) = ExistingDevice::hello(PHONE, TABLET, &hello.payload, [3; 64]).unwrap();
    let answer = Bytes::from(answer);
    let reveal = new.hear(PHONE.number, answer.clone()).unwrap().unwrap();
    assert_eq!(reveal.to, Some(PHONE.number));
    assert_eq!(new.repeat(), Some(reveal.clone()), "it is said again until it is answered");
    (new, existing.revealed(&reveal.payload).unwrap(), answer)
}

#[test]
fn a_newcomer_is_linked_once_both_confirmed_whatever_comes_twice() {
    let identity = SigningKey::from_bytes(&[7; 32]);
    let (mut new, existing, answer) = conversation();
    let Some(Reached::Compare { by, code }) = new.reached().unwrap() else { panic!("nothing to compare") };
    assert_eq!((by, code), (PHONE, existing.code()));
    assert!(new.reached().unwrap().is_none(), "it is told once");
    assert_eq!(new.hear(PHONE.number, answer.clone()).unwrap(), new.repeat());
    let late = new.hear(DeviceNumber(9), answer).unwrap().unwrap();
    assert_eq!((late.to, MessageKind::of(&late.payload)), (Some(DeviceNumber(9)), Some(MessageKind::End)));
    let admit = Bytes::from(existing.confirmed(&identity, Timestamp(9)).unwrap());
    assert_eq!(new.hear(PHONE.number, admit), Ok(None));
    assert_eq!(new.hear(PHONE.number, end().into()), Ok(None), "too late");
    assert_eq!(new.repeat(), None);
    assert!(new.reached().unwrap().is_none(), "the person has not confirmed here");
    new.confirm();
    let Some(Reached::Linked(account)) = new.reached().unwrap() else { panic!("not linked") };
    assert_eq!((account.device(), account.certificate().key), (TABLET, key()));
    assert!(new.is_ended() && new.reached().unwrap().is_none());
}

#[test]
fn a_newcomer_whose_text_was_scanned_asks_nobody() {
    let identity = SigningKey::from_bytes(&[7; 32]);
    let mut new = Newcomer::begin(TABLET, SigningKey::from_bytes(&[5; 32]), [2; 64], [6; 16]);
    let (existing, answer) = ExistingDevice::scanned(PHONE, new.text(), [3; 64]).unwrap();
    let reveal = new.hear(PHONE.number, answer.into()).unwrap().unwrap();
    let admit = existing.revealed(&reveal.payload).unwrap().confirmed(&identity, Timestamp(9)).unwrap();
    new.hear(PHONE.number, admit.into()).unwrap();
    assert!(matches!(new.reached(), Ok(Some(Reached::Linked(_)))));
}

#[test]
fn a_newcomer_that_is_refused_or_deceived_has_ended() {
    let (mut refused, ..) = conversation();
    let farewell = refused.farewell().unwrap();
    assert_eq!((farewell.to, farewell.payload), (Some(PHONE.number), end().into()));
    assert_eq!(refused.hear(DeviceNumber(9), end().into()), Ok(None), "others do not refuse for it");
    assert_eq!(refused.hear(PHONE.number, end().into()), Err(NotLinked::Refused));
    assert!(refused.is_ended() && refused.farewell().is_none());
    let (mut deceived, ..) = conversation();
    deceived.hear(PHONE.number, vec![ADMIT; 300].into()).unwrap();
    deceived.confirm();
    assert_eq!(deceived.reached().err(), Some(NotLinked::Protocol(LinkingError::NotForUs)));
    assert!(deceived.is_ended());
    let mut unanswered = Newcomer::begin(TABLET, SigningKey::from_bytes(&[5; 32]), [2; 64], [6; 16]);
    assert!(unanswered.is_asking() && unanswered.farewell().is_none());
    assert_eq!(unanswered.hear(PHONE.number, end().into()), Err(NotLinked::Refused));
}
