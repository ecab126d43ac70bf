//! The formats on disk, held against `tests/fixtures`: what was written once is read for ever.
//!
//! A line is a name and a row in hexadecimal. When a row of the current format changes, that is a new format:
//! give it the next format byte, keep reading this one, and add a file of fixtures for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{Debug, Write as _};

use dunlin_model::account::{
    Address, Challenge, Contact, Device, Document, LastSeenVisibility, Profile, Settings, Version, Versioned,
};
use dunlin_model::chat::ChatState;
use dunlin_model::{
    Attachment, AttachmentId, Attestation, Body, BodyGone, ChatId, ChatKind, ClientSeq, Commit,
    DeviceCertificate, DeviceId, DeviceKey, DeviceNumber, Encryption, Epoch, Event, EventKind, GroupStart,
    InboxMark, Payload, Progress, Role, RosterDigest, Seq, StartReason, Suite, Timestamp, UserId,
};
use ed25519_dalek::SigningKey;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::marks::Retention;
use crate::rows::{self, Row};

const FORMAT_1: &str = include_str!("../tests/fixtures/rows-format-1.txt");
const FORMAT_2: &str = include_str!("../tests/fixtures/rows-format-2.txt");

const ADA: UserId = UserId::from_bytes([0xA1; 16]);
const BOB: UserId = UserId::from_bytes([0xB2; 16]);

fn fixtures() -> HashMap<&'static str, Row> {
    rows_of(FORMAT_1)
}

fn rows_of(format: &'static str) -> HashMap<&'static str, Row> {
    format
        .lines()
        .map(|line| {
            let (name, hex) = line.split_once(' ').unwrap();
            let bytes: Vec<u8> = (0..hex.len() / 2)
                .map(|index| u8::from_str_radix(&hex[2 * index..2 * index + 2], 16).unwrap())
                .collect();
            (name, Row::from(bytes))
        })
        .collect()
}

fn line(name: &str, row: &Row) -> String {
    row.iter().fold(format!("{name} "), |mut line, byte| {
        write!(line, "{byte:02x}").unwrap();
        line
    })
}

/// Reads the fixture of this name, and writes the same bytes for the same value.
fn holds<T: Serialize + DeserializeOwned + PartialEq + Debug>(name: &str, value: &T) {
    let written = rows::encode(value).unwrap();
    let Some(fixture) = fixtures().remove(name) else {
        panic!("no fixture; add the line\n{}", line(name, &written));
    };
    assert_eq!(&rows::decode::<T>(&fixture).unwrap(), value, "{name}");
    assert_eq!(line(name, &written), line(name, &fixture), "a new format needs a new format byte");
}

/// The fixture of this name in format 2, which `written` is to be equal to.
fn of_format_2(name: &str, written: &Row) -> Row {
    let Some(fixture) = rows_of(FORMAT_2).remove(name) else {
        panic!("no fixture; add the line\n{}", line(name, written));
    };
    assert_eq!(line(name, written), line(name, &fixture), "a new format needs a new format byte");
    fixture
}

fn device() -> DeviceId {
    DeviceId { user: ADA, number: DeviceNumber(3) }
}

fn event_kinds() -> Vec<(&'static str, EventKind)> {
    let message = |body| EventKind::Message {
        body,
        reply_to: Some(Seq(300)),
        attachments: vec![AttachmentId::from_bytes([0xC3; 16])],
    };
    vec![
        (
            "created",
            EventKind::Created {
                kind: ChatKind::Channel,
                encryption: Encryption::None,
                name: "News".to_owned(),
                description: "What is new".to_owned(),
                members: vec![(ADA, Role::Owner), (BOB, Role::Member)],
            },
        ),
        ("text", message(Body::Text("Grüße 🐦".to_owned()))),
        ("opaque", message(Body::Opaque(vec![0, 1, 254, 255].into()))),
        ("gone", message(Body::Gone(BodyGone::Expired))),
        ("message-deleted", EventKind::MessageDeleted { target: Seq(5) }),
        (
            "updated",
            EventKind::Updated {
                name: Some("Birds".to_owned()),
                description: None,
                picture: Some(String::new()),
            },
        ),
        ("members-added", EventKind::MembersAdded { users: vec![BOB] }),
        ("joined", EventKind::Joined),
        ("left", EventKind::Left { new_owner: Some(BOB) }),
        ("members-removed", EventKind::MembersRemoved { users: vec![BOB] }),
        ("members-banned", EventKind::MembersBanned { users: vec![BOB] }),
        ("members-unbanned", EventKind::MembersUnbanned { users: vec![BOB] }),
        ("role-changed", EventKind::RoleChanged { user: BOB, role: Role::Admin }),
        ("invite-changed", EventKind::InviteChanged { secret_hash: Some([0xD4; 32]) }),
        ("chat-deleted", EventKind::ChatDeleted),
    ]
}

fn event(seq: u64, kind: EventKind) -> Event {
    let time = Timestamp(1_790_000_000_000 + seq);
    Event { seq: Seq(seq), time, sender: device(), client_seq: ClientSeq(900 + seq), kind, attestation: None }
}

#[test]
fn events_of_format_1_are_read() {
    for (index, (name, kind)) in event_kinds().into_iter().enumerate() {
        let fixture = fixtures().remove(format!("event-{name}").as_str()).unwrap();
        assert_eq!(rows::decode_event(&fixture), Ok(event(1 + index as u64, kind)), "{name}");
    }
}

fn certificate() -> DeviceCertificate {
    let key = DeviceKey([0x4A; 32]);
    DeviceCertificate::issue(
        &SigningKey::from_bytes(&[0x5B; 32]),
        device(),
        key,
        Timestamp(1_790_000_000_000),
    )
}

/// What came with keys.
fn kinds_of_keys() -> Vec<(&'static str, EventKind)> {
    let epoch = Epoch { generation: 1, number: 300 };
    let inline = || Payload::Inline(vec![1, 2, 3].into());
    let start = GroupStart {
        epoch,
        suite: Suite::HYBRID,
        reason: StartReason::SuiteChange,
        devices: vec![device()],
        welcome: None,
        group_info: inline(),
    };
    let commit = Commit {
        epoch,
        external: true,
        added: vec![device()],
        removed: Vec::new(),
        commit: inline(),
        welcome: Some(inline()),
        group_info: Payload::Stored { hash: [0x6C; 32], bytes: 70_000 },
    };
    vec![
        ("group-started", EventKind::GroupStarted(Box::new(start))),
        ("committed", EventKind::Committed(Box::new(commit))),
        ("device-revoked", EventKind::DeviceRevoked { device: device() }),
    ]
}

#[test]
fn events_of_format_2_are_read_and_written() {
    let kinds = event_kinds().into_iter().chain(kinds_of_keys());
    let mut events: Vec<(String, Event)> =
        (1..).zip(kinds).map(|(seq, (name, kind))| (format!("event-{name}"), event(seq, kind))).collect();
    let attestation = Attestation {
        roster: RosterDigest([0x7D; 32]),
        certificate: certificate(),
        signature: [0x8E; 64],
        invite: None,
    };
    let mut signed = event(40, EventKind::MembersAdded { users: vec![BOB] });
    signed.attestation = Some(Box::new(attestation));
    events.push(("event-signed".to_owned(), signed));
    for (name, event) in events {
        let fixture = of_format_2(&name, &rows::encode_event(&event).unwrap());
        assert_eq!(rows::decode_event(&fixture), Ok(event), "{name}");
    }
}

#[test]
fn snapshots_of_format_2_are_read_and_written() {
    let mut state = ChatState::before_creation(ChatId::from_bytes([0xE5; 16]));
    for (seq, (_, kind)) in (1..).zip(event_kinds().into_iter().chain(kinds_of_keys())) {
        state.apply(&event(seq, kind));
    }
    let fixture = of_format_2("snapshot", &rows::encode_snapshot(&state).unwrap());
    assert_eq!(rows::decode_snapshot(&fixture), Ok(state.clone()));
    assert_eq!(rows::snapshot_head(&fixture), Ok(state.head));
}

#[test]
fn what_devices_leave_is_read() {
    holds("certificate", &certificate());
    holds("key-package", &bytes::Bytes::from_static(b"a key package"));
    holds("claim-order", &(ChatId::from_bytes([0xE5; 16]), Seq(300), Some([0x9F_u8; 32])));
    holds("claim-order-last-resort", &(ChatId::from_bytes([0xE5; 16]), Seq(300), None::<[u8; 32]>));
    holds("revocation", &device());
}

#[test]
fn snapshots_of_format_1_are_read() {
    let mut state = ChatState::before_creation(ChatId::from_bytes([0xE5; 16]));
    for (index, (_, kind)) in event_kinds().into_iter().enumerate() {
        state.apply(&event(1 + index as u64, kind));
    }
    let row = &fixtures()["snapshot"];
    assert_eq!(rows::decode_snapshot(row), Ok(state.clone()));
    assert_eq!(rows::snapshot_head(row), Ok(state.head), "the head is found without decoding the rest");
}

#[test]
fn people_of_format_1_are_read() {
    let address = Address::parse("ada@example.org").unwrap();
    holds("user", &(ADA, address, Timestamp(1_790_000_000_000)));
    holds("address", &ADA);
    let device = Device {
        id: device(),
        name: "laptop".to_owned(),
        created: Timestamp(1_790_000_000_001),
        revoked: Some(Timestamp(1_790_000_000_002)),
        generation: 4,
        refreshed: Timestamp(1_790_000_000_003),
        refresh_salt: [0xF6; 16],
    };
    holds("device", &Versioned { version: Version(300), value: device });
    assert_eq!(rows::version(fixtures().get("device")), Ok(Version(300)));
    let challenge = Challenge {
        code_hash: [0x17; 32],
        salt: [0x28; 16],
        expires: Timestamp(1_790_000_000_004),
        attempts: 2,
        used: true,
        sent: vec![Timestamp(1_790_000_000_005)],
        failures: vec![Timestamp(1_790_000_000_006), Timestamp(1_790_000_000_007)],
    };
    holds("challenge", &Versioned { version: Version(2), value: challenge });
    let profile = Profile { name: "Ada".to_owned(), about: "Counts".to_owned(), picture: String::new() };
    let contact = Contact { user: BOB, name: "Bob".to_owned() };
    for (name, value) in [
        ("profile", Document::Profile(profile)),
        ("settings", Document::Settings(Settings { last_seen: LastSeenVisibility::Contacts })),
        ("contacts", Document::Contacts(vec![contact])),
        ("blocks", Document::Blocks(BTreeSet::from([BOB]))),
    ] {
        holds(&format!("document-{name}"), &Versioned { version: Version(1), value });
    }
    holds("secret", &[0x39_u8; 32]);
    let attachment = Attachment {
        id: AttachmentId::from_bytes([0xC3; 16]),
        owner: ADA,
        bytes: 300,
        sha256: [0x6C; 32],
        parts: vec![[0x7D; 32], [0x8E; 32]],
    };
    holds("attachment", &attachment);
}

#[test]
fn registers_of_format_1_are_read() {
    let progress = Progress { start: Seq(1), received: Seq(300), seen: Seq(2) };
    let mark = InboxMark::closed(Seq(70_000));
    let retention = Retention {
        floor: Seq(10),
        emptied: Seq(20),
        oldest_body: Some(1_790_000_000_000),
        oldest_event: None,
    };
    let written = BTreeMap::from([
        ("progress", rows::progress(progress)),
        ("mark", rows::mark(mark)),
        ("retention", retention.row()),
        ("batch", rows::numbers([9, 1_790_000_000_000])),
    ]);
    let fixtures = fixtures();
    for (name, row) in &written {
        let fixture = fixtures.get(name).map(|fixture| line(name, fixture));
        assert_eq!(Some(line(name, row)), fixture, "a new format needs a new format byte");
    }
    assert_eq!(rows::read_progress(&fixtures["progress"]), Ok(progress));
    assert_eq!(rows::read_mark(&fixtures["mark"]), Ok(mark));
    assert_eq!(Retention::read(&fixtures["retention"]), Ok(retention));
    assert_eq!(rows::read_numbers(&fixtures["batch"]), Ok([9, 1_790_000_000_000]));
}

#[test]
fn no_damaged_row_makes_a_read_panic() {
    for (name, row) in fixtures().into_iter().chain(rows_of(FORMAT_2)) {
        for at in 0..row.len() {
            for bit in 0..8 {
                let mut damaged = row.to_vec();
                damaged[at] ^= 1 << bit;
                let _ = rows::decode_event(&damaged);
                let _ = rows::decode_snapshot(&damaged);
                let _ = rows::decode::<DeviceCertificate>(&damaged);
                let _ = rows::decode::<Versioned<Document>>(&damaged);
                let _ = rows::read_numbers::<4>(&damaged);
                let _ = rows::snapshot_head(&damaged);
            }
            assert!(rows::decode_snapshot(&row[..at]).is_err(), "{name} cut off at {at}");
        }
    }
}
