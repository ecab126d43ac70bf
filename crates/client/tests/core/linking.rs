//! A person links a new device with the one they have, and whoever stands between gets nothing.

use std::time::Duration;

use bytes::Bytes;
use dunlin_client::identity::linking::{
    Admitted, ExistingDevice, LinkText, LinkingCode, LinkingError, MessageKind, NewDevice,
    NewDeviceComparing, end,
};
use dunlin_client::{Action, Change, LINKING_TIME_MAX, LINKINGS_ANSWERED_MAX, LinkEnd};
use dunlin_model::{DeviceId, DeviceKey, DeviceNumber};
use dunlin_wire::{ClientFrame, Command, ServerFrame};
use ed25519_dalek::SigningKey;

use crate::world::{World, device, identity, user};

/// The new device of user 1, before it has a client core: it speaks to the server by itself.
struct Tablet {
    id: DeviceId,
    hello: Vec<u8>,
}

const TABLET: DeviceNumber = DeviceNumber(2);

fn tablet_key() -> DeviceKey {
    DeviceKey(SigningKey::from_bytes(&[9; 32]).verifying_key().to_bytes())
}

fn begin(entropy: u8) -> (NewDevice, Vec<u8>) {
    NewDevice::begin(device(1, TABLET.0), tablet_key(), [entropy; 64], [entropy + 1; 16])
}

/// Two people, and a new device of the first that is connected.
fn world() -> (World, Tablet, NewDevice) {
    let mut world = World::of(2);
    let id = device(1, TABLET.0);
    world.server.enrol(id);
    world.server.connect(id, world.now);
    let (new, hello) = begin(20);
    (world, Tablet { id, hello }, new)
}

impl Tablet {
    fn sends(&self, world: &mut World, payload: &[u8]) {
        let payload = Bytes::copy_from_slice(payload);
        let command = Command::RelayToDevices { device: None, payload };
        world.server.handle(self.id, ClientFrame { id: 1, command }, world.now);
        world.push_all();
        world.settle();
    }

    fn hears(&self, world: &mut World) -> Vec<Bytes> {
        let relayed = |frame| match frame {
            ServerFrame::Relayed { device: DeviceNumber(1), payload } => Some(payload),
            _ => None,
        };
        world.server.pushes(self.id).into_iter().filter_map(relayed).collect()
    }

    fn hears_one(&self, world: &mut World, kind: MessageKind) -> Bytes {
        let heard = self.hears(world);
        assert_eq!(heard.len(), 1, "{heard:?}");
        assert_eq!(MessageKind::of(&heard[0]), Some(kind));
        heard[0].clone()
    }

    /// Up to the comparison.
    fn compares(&self, world: &mut World, new: NewDevice) -> (NewDeviceComparing, LinkingCode) {
        self.sends(world, &self.hello);
        world.act(0, Action::AnswerLink { device: TABLET });
        world.settle();
        let answer = self.hears_one(world, MessageKind::Answer);
        let (new, reveal) = new.answered(device(1, 1), &answer).unwrap();
        self.sends(world, &reveal);
        let code = world.peers[0].changes.iter().rev().find_map(|change| match change {
            Change::LinkCode { device, code } if *device == self.id => Some(*code),
            _ => None,
        });
        (new, code.unwrap())
    }
}

fn count(world: &World, matches: impl Fn(&Change) -> bool) -> usize {
    world.peers[0].changes.iter().filter(|change| matches(change)).count()
}

fn ended(world: &World) -> Vec<LinkEnd> {
    let why = |change: &Change| match change {
        Change::LinkEnded { why, .. } => Some(*why),
        _ => None,
    };
    world.peers[0].changes.iter().filter_map(why).collect()
}

fn is_linked(admitted: &Admitted) {
    assert_eq!(admitted.identity.to_bytes(), identity(device(1, 1)).to_bytes());
    let certificate = &admitted.certificate;
    assert_eq!((certificate.device, certificate.key), (device(1, TABLET.0), tablet_key()));
}

#[test]
fn a_new_device_is_linked_once_the_person_has_compared_the_codes() {
    let (mut world, tablet, new) = world();
    let (new, code) = tablet.compares(&mut world, new);
    assert_eq!(new.code(), code);
    assert!(tablet.hears(&mut world).is_empty(), "nothing is given before the person says so");
    world.act(0, Action::ConfirmLink { device: TABLET });
    world.settle();
    is_linked(&new.admitted(&tablet.hears_one(&mut world, MessageKind::Admit)).unwrap());
    assert_eq!(ended(&world), [LinkEnd::Linked]);
}

#[test]
fn a_linked_device_is_told_what_the_person_did_before() {
    let (mut world, tablet, new) = world();
    let chat = world.group(0, &[2]);
    let verified = world.peers[0].client.identity_of(user(2)).unwrap();
    world.act(0, Action::MarkVerified { user: user(2), identity: verified });
    tablet.compares(&mut world, new);
    world.act(0, Action::ConfirmLink { device: TABLET });
    world.settle();
    // What it is to be told is not forgotten with the process.
    world.restart(0);
    let tablet = world.enrol(tablet.id);
    world.pass(Duration::from_secs(30));
    assert!(world.peers[tablet].client.is_verified(user(2)));
    assert_eq!(world.summary(tablet, chat).title, "Birds");
}

#[test]
fn nothing_is_answered_without_the_person() {
    let (mut world, tablet, _) = world();
    for _ in 0..10 {
        tablet.sends(&mut world, &tablet.hello);
    }
    assert_eq!(count(&world, |change| matches!(change, Change::LinkAsked { .. })), 1, "it repeats itself");
    assert!(tablet.hears(&mut world).is_empty());
    world.act(0, Action::RefuseLink { device: TABLET });
    world.settle();
    tablet.hears_one(&mut world, MessageKind::End);
    assert_eq!(ended(&world), [LinkEnd::Refused]);
}

#[test]
fn what_is_lost_or_comes_twice_changes_nothing() {
    let (mut world, tablet, new) = world();
    tablet.sends(&mut world, &tablet.hello);
    world.act(0, Action::AnswerLink { device: TABLET });
    world.settle();
    let answer = tablet.hears_one(&mut world, MessageKind::Answer);
    // As if the answer had been lost: the same hello gets the same answer.
    tablet.sends(&mut world, &tablet.hello);
    assert_eq!(tablet.hears_one(&mut world, MessageKind::Answer), answer);
    let (new, reveal) = new.answered(device(1, 1), &answer).unwrap();
    tablet.sends(&mut world, &reveal);
    tablet.sends(&mut world, &reveal);
    assert_eq!(count(&world, |change| matches!(change, Change::LinkCode { .. })), 1);
    for _ in 0..2 {
        world.act(0, Action::ConfirmLink { device: TABLET });
        world.settle();
    }
    let admit = tablet.hears_one(&mut world, MessageKind::Admit);
    // As if that had been lost, and the connection with it.
    world.disconnect(0);
    world.connect(0);
    tablet.sends(&mut world, &reveal);
    assert_eq!(tablet.hears_one(&mut world, MessageKind::Admit), admit);
    is_linked(&new.admitted(&admit).unwrap());
    assert_eq!(ended(&world), [LinkEnd::Linked]);
}

#[test]
fn a_text_that_is_scanned_links_at_once() {
    let (mut world, tablet, new) = world();
    let text: LinkText = new.text().to_string().parse().unwrap();
    world.act(0, Action::ScanLink { text });
    world.settle();
    let answer = tablet.hears_one(&mut world, MessageKind::Answer);
    let (new, reveal) = new.answered(device(1, 1), &answer).unwrap();
    tablet.sends(&mut world, &reveal);
    is_linked(&new.admitted_by_scan(&tablet.hears_one(&mut world, MessageKind::AdmitScanned)).unwrap());
    assert_eq!(ended(&world), [LinkEnd::Linked]);
    assert_eq!(count(&world, |change| matches!(change, Change::LinkCode { .. })), 0);
}

#[test]
fn a_server_that_swaps_keys_makes_the_codes_differ_and_refusing_ends_it() {
    let (mut world, tablet, genuine) = world();
    // To the phone, the server plays the tablet with keys of its own; to the tablet, it plays the phone.
    let (false_tablet, false_hello) = begin(60);
    let server = Tablet { id: tablet.id, hello: false_hello };
    let (false_tablet, shown_on_phone) = server.compares(&mut world, false_tablet);
    let (_, false_answer) = ExistingDevice::hello(device(1, 1), tablet.id, &tablet.hello, [61; 64]).unwrap();
    let (genuine, _) = genuine.answered(device(1, 1), &false_answer).unwrap();
    assert_eq!(false_tablet.code(), shown_on_phone);
    assert_ne!(genuine.code(), shown_on_phone, "the person sees two codes");
    world.act(0, Action::RefuseLink { device: TABLET });
    world.settle();
    server.hears_one(&mut world, MessageKind::End);
    // Nothing comes of going on.
    world.act(0, Action::ConfirmLink { device: TABLET });
    world.settle();
    assert!(server.hears(&mut world).is_empty());
    assert_eq!(ended(&world), [LinkEnd::Refused, LinkEnd::NotAsked]);
}

#[test]
fn a_server_that_swaps_keys_under_a_scanned_text_is_noticed() {
    let (mut world, tablet, genuine) = world();
    world.act(0, Action::ScanLink { text: genuine.text() });
    world.settle();
    let answer = tablet.hears_one(&mut world, MessageKind::Answer);
    let (false_tablet, _) = begin(60);
    let (_, false_reveal) = false_tablet.answered(device(1, 1), &answer).unwrap();
    tablet.sends(&mut world, &false_reveal);
    tablet.hears_one(&mut world, MessageKind::End);
    assert_eq!(ended(&world), [LinkEnd::Failed(LinkingError::Broken)]);
}

#[test]
fn a_server_gets_few_guesses_however_often_it_begins_anew() {
    let (mut world, tablet, _) = world();
    for attempt in 0..10 {
        let (_, hello) = begin(100 + attempt);
        tablet.sends(&mut world, &hello);
        world.act(0, Action::AnswerLink { device: TABLET });
        world.settle();
    }
    let answers = tablet.hears(&mut world);
    assert_eq!(answers.len(), LINKINGS_ANSWERED_MAX);
    assert!(ended(&world).contains(&LinkEnd::TooMany));
    world.pass(LINKING_TIME_MAX);
    tablet.sends(&mut world, &tablet.hello);
    world.act(0, Action::AnswerLink { device: TABLET });
    world.settle();
    tablet.hears_one(&mut world, MessageKind::Answer);
}

#[test]
fn an_attempt_is_forgotten_after_ten_minutes_and_a_silent_one_sooner() {
    let (mut world, tablet, new) = world();
    let (new, _) = tablet.compares(&mut world, new);
    world.pass(LINKING_TIME_MAX - Duration::from_secs(1));
    assert_eq!(ended(&world), []);
    world.pass(Duration::from_secs(1));
    assert_eq!(ended(&world), [LinkEnd::TimedOut]);
    world.act(0, Action::ConfirmLink { device: TABLET });
    world.settle();
    assert!(tablet.hears(&mut world).is_empty());
    drop(new);
    tablet.sends(&mut world, &tablet.hello);
    world.pass(Duration::from_secs(30));
    assert_eq!(ended(&world), [LinkEnd::TimedOut, LinkEnd::NotAsked, LinkEnd::TimedOut]);
}

#[test]
fn one_device_is_linked_at_a_time_and_either_side_may_give_up() {
    let (mut world, tablet, new) = world();
    let other = Tablet { id: device(1, 3), hello: begin(70).1 };
    world.server.enrol(other.id);
    world.server.connect(other.id, world.now);
    let (_, code) = tablet.compares(&mut world, new);
    other.sends(&mut world, &other.hello);
    assert_eq!(count(&world, |change| matches!(change, Change::LinkAsked { .. })), 1);
    tablet.sends(&mut world, &end());
    assert_eq!(ended(&world), [LinkEnd::Withdrawn]);
    assert_eq!(code.to_string().len(), "123 456".len());
    other.sends(&mut world, &other.hello);
    assert_eq!(count(&world, |change| matches!(change, Change::LinkAsked { .. })), 2);
    world.disconnect(0);
    assert_eq!(ended(&world), [LinkEnd::Withdrawn, LinkEnd::Disconnected]);
}

#[test]
fn a_certificate_that_the_server_refuses_is_shown_and_said_again() {
    let mut world = World::of(1);
    world.server.refuses_certificates.insert(device(2, 1).user);
    let ben = world.enrol(device(2, 1));
    world.settle();
    let refused = |change: &&Change| matches!(change, Change::CertificateRefused { .. });
    assert_eq!(world.peers[ben].changes.iter().filter(refused).count(), 1);
    world.restart(ben);
    world.settle();
    assert_eq!(world.peers[ben].changes.iter().filter(refused).count(), 2);
}
