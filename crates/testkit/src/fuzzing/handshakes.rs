//! MLS messages of a stranger against the server's look into handshakes: it says why not, or what was taken leads to a
//! group that the next handshake finds in order.

use std::collections::BTreeSet;

use dunlin_delivery::fuzz::Scene;
use dunlin_model::{
    ChatId, Commit, DeviceCertificate, DeviceId, DeviceKey, DeviceNumber, Epoch, GroupStart, Payload,
    StartReason, Suite, Timestamp, UserId,
};
use ed25519_dalek::SigningKey;

/// The chat of [`handshakes`].
pub const CHAT: ChatId = ChatId::from_bytes([7; 16]);
/// The people of [`handshakes`]: of each one device, numbered from zero. The first two are in the group.
pub const PEOPLE: u8 = 4;
/// Where the chat is: [`GROUP_INFO`] is of this place.
pub const EPOCH: Epoch = Epoch { generation: 1, number: 1 };
/// When the handshakes are looked into.
pub const NOW: Timestamp = Timestamp(1_800_000_000_000);
/// The newest GroupInfo of the chat. `crates/testkit/tests/handshakes.rs` makes it.
pub const GROUP_INFO: &[u8] = include_bytes!("handshakes.group-info");

/// What the first byte of an input says that it is.
const KEY_PACKAGE: u8 = 0;
const START: u8 = 1;
const COMMIT: u8 = 2;
/// Bits of the second byte.
const HYBRID: u8 = 1;
/// Of a key package.
const LAST_RESORT: u8 = 2;
/// Of a commit.
const EXTERNAL: u8 = 2;
/// Of starts and commits.
const WELCOME: u8 = 4;
/// Bytes before the message, or before the first part.
const HEAD_BYTES: usize = 5;
const LENGTH_BYTES: usize = 4;

/// A device's key and certificate.
pub fn certified(person: u8) -> (SigningKey, DeviceCertificate) {
    let key = SigningKey::from_bytes(&[person + 1; 32]);
    let public = DeviceKey(key.verifying_key().to_bytes());
    let identity = SigningKey::from_bytes(&[person + 101; 32]);
    (key, DeviceCertificate::issue(&identity, device(person), public, Timestamp(1)))
}

/// The device of a person.
pub fn device(person: u8) -> DeviceId {
    DeviceId { user: UserId::from_bytes([person + 1; 16]), number: DeviceNumber(1) }
}

/// What a stranger sends. As bytes: what it is, bits, by whom, whom it adds and whom it removes as bits (a start: of
/// whom it is), and the parts, each after its length as four bytes, big-endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Whose, whether it is of the hybrid suite and of last resort, and the message.
    KeyPackage(u8, bool, bool, Vec<u8>),
    /// By whom, and what they say that it is.
    Start(u8, GroupStart),
    /// By whom, and what they say that it is.
    Commit(u8, Commit),
}

impl Input {
    /// The input that these bytes are; nothing if they are too few.
    pub fn decode(data: &[u8]) -> Option<Self> {
        let (&[kind, bits, from, first, second], rest) = data.split_first_chunk::<HEAD_BYTES>()?;
        let (from, mut rest) = (from % PEOPLE, rest);
        let has = |bit: u8| bits & bit != 0;
        let suite = if has(HYBRID) { Suite::HYBRID } else { Suite::CLASSIC };
        let mut part = || Payload::Inline(next(&mut rest).to_vec().into());
        Some(match kind % 3 {
            KEY_PACKAGE => Self::KeyPackage(from, has(HYBRID), has(LAST_RESORT), rest.to_vec()),
            START => {
                let epoch = Epoch { generation: 2, number: 1 };
                let (reason, devices) = (StartReason::Broken, devices(first));
                let (group_info, welcome) = (part(), has(WELCOME).then(part));
                Self::Start(from, GroupStart { epoch, suite, reason, devices, welcome, group_info })
            }
            _ => Self::Commit(
                from,
                Commit {
                    epoch: EPOCH,
                    external: has(EXTERNAL),
                    added: devices(first),
                    removed: devices(second),
                    commit: part(),
                    group_info: part(),
                    welcome: has(WELCOME).then(part),
                },
            ),
        })
    }

    /// The bytes of an input.
    pub fn encode(&self) -> Vec<u8> {
        let bit = |is: bool, bit: u8| if is { bit } else { 0 };
        match self {
            Self::KeyPackage(from, hybrid, last_resort, message) => {
                let bits = bit(*hybrid, HYBRID) | bit(*last_resort, LAST_RESORT);
                [&[KEY_PACKAGE, bits, *from, 0, 0], &message[..]].concat()
            }
            Self::Start(from, start) => {
                let bits = bit(start.suite == Suite::HYBRID, HYBRID) | bit(start.welcome.is_some(), WELCOME);
                let head = vec![START, bits, *from, set(&start.devices), 0];
                with_parts(head, [Some(&start.group_info), start.welcome.as_ref()])
            }
            Self::Commit(from, commit) => {
                let bits = bit(commit.external, EXTERNAL) | bit(commit.welcome.is_some(), WELCOME);
                let head = vec![COMMIT, bits, *from, set(&commit.added), set(&commit.removed)];
                let parts = [Some(&commit.commit), Some(&commit.group_info), commit.welcome.as_ref()];
                with_parts(head, parts)
            }
        }
    }

    /// What the server says to it; of what it takes, the devices of the group then.
    ///
    /// # Errors
    /// Why it is refused.
    ///
    /// # Panics
    /// When the server takes what its next look finds wrong.
    pub fn judge(&self) -> Result<BTreeSet<DeviceId>, &'static str> {
        let scene = scene();
        let after = match self {
            Self::KeyPackage(from, hybrid, last_resort, message) => {
                let suite = if *hybrid { Suite::HYBRID } else { Suite::CLASSIC };
                scene.key_package(device(*from), suite, message, *last_resort)?;
                return Ok(BTreeSet::from([device(*from)]));
            }
            Self::Start(from, start) => scene.start(device(*from), start)?,
            Self::Commit(from, commit) => scene.commit(device(*from), commit)?,
        };
        let devices = after.open().expect("what was taken can be gone on from");
        assert_eq!(devices, self.devices(), "the group has the devices that were declared");
        Ok(devices)
    }

    /// The devices of the group after it, as declared.
    fn devices(&self) -> BTreeSet<DeviceId> {
        match self {
            Self::KeyPackage(from, ..) => BTreeSet::from([device(*from)]),
            Self::Start(_, start) => start.devices.iter().copied().collect(),
            Self::Commit(_, commit) => {
                let stay = members().into_iter().filter(|device| !commit.removed.contains(device));
                stay.chain(commit.added.iter().copied()).collect()
            }
        }
    }
}

/// A handshake, or a key package, as [`Input`] has it.
///
/// # Panics
/// When the server takes what its next look finds wrong.
pub fn handshakes(data: &[u8]) {
    if let Some(input) = Input::decode(data)
        && let Err(why) = input.judge()
    {
        assert!(!why.is_empty());
    }
}

fn scene() -> Scene {
    let certificates = (0..PEOPLE).map(|person| certified(person).1).collect();
    Scene::new((CHAT, EPOCH, Suite::CLASSIC), GROUP_INFO.into(), members(), certificates, NOW)
}

fn members() -> BTreeSet<DeviceId> {
    BTreeSet::from([device(0), device(1)])
}

fn devices(set: u8) -> Vec<DeviceId> {
    (0..PEOPLE).filter(|person| set & 1 << person != 0).map(device).collect()
}

fn set(devices: &[DeviceId]) -> u8 {
    (0..PEOPLE).filter(|person| devices.contains(&device(*person))).map(|person| 1 << person).sum()
}

/// The next part; what there is of it, if it is cut off.
fn next<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let Some((length, after)) = rest.split_first_chunk::<LENGTH_BYTES>() else { return &[] };
    let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
    let (part, after) = after.split_at(length.min(after.len()));
    *rest = after;
    part
}

fn with_parts<const N: usize>(mut head: Vec<u8>, parts: [Option<&Payload>; N]) -> Vec<u8> {
    for part in parts.into_iter().flatten() {
        let Payload::Inline(bytes) = part else { continue };
        head.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        head.extend(bytes);
    }
    head
}
