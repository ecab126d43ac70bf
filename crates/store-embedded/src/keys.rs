//! The keys of all rows. The first byte names the kind of row, numbers are big-endian so that they sort.
//!
//! There is one keyspace for everything. With several, one that is flushed early could show the numbers of
//! batches whose rows in another one are lost, and idle ones would pile up journals.

use dunlin_model::account::{Address, DocumentKind};
use dunlin_model::ids::ID_BYTES;
use dunlin_model::{AttachmentId, ChatId, DeviceId, DeviceNumber, Seq, Suite, UserId};
use fjall::Slice;

/// The key of a row.
pub(crate) type Key = Slice;

const BATCH: u8 = 0;
const EVENT: u8 = 1;
const SNAPSHOT: u8 = 2;
const RETENTION: u8 = 3;
const OLDEST_BODY: u8 = 4;
const OLDEST_EVENT: u8 = 5;
const PROGRESS: u8 = 6;
const LAST_SEEN: u8 = 7;
const HIDDEN: u8 = 8;
const INBOX: u8 = 9;
const USER: u8 = 10;
const ADDRESS: u8 = 11;
const DEVICE: u8 = 12;
const CHALLENGE: u8 = 13;
const DOCUMENT: u8 = 14;
const SECRET: u8 = 15;
const INCARNATION: u8 = 16;
const KEY_PACKAGES: u8 = 17;
const CERTIFICATE: u8 = 18;
const REVOCATION: u8 = 19;
const ATTACHMENT: u8 = 20;
const ATTACHMENT_CHAT: u8 = 21;
const ATTACHMENT_OF: u8 = 22;
const ATTACHMENT_UPLOAD: u8 = 23;
const ATTACHMENT_FETCHED: u8 = 24;

// What a row under `KEY_PACKAGES` is, after the device.
const NUMBERS: u8 = 0;
const PACKAGE: u8 = 1;
const LAST_RESORT: u8 = 2;
const KNOWN: u8 = 3;
const CLAIM: u8 = 4;
const CLAIM_ORDER: u8 = 5;

/// Where the time index of a kind of expiry stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expiry {
    Bodies,
    Events,
}

fn join<const N: usize>(kind: u8, parts: [&[u8]; N]) -> Key {
    let mut key = [0_u8; 64];
    key[0] = kind;
    let mut length = 1;
    for part in parts {
        key[length..length + part.len()].copy_from_slice(part);
        length += part.len();
    }
    Key::from(&key[..length])
}

/// The row that holds the number of a batch; slots are used again and again.
pub(crate) fn batch(slot: u32) -> Key {
    join(BATCH, [&slot.to_be_bytes()])
}

/// All batch rows.
pub(crate) fn batches() -> (Key, Key) {
    (batch(0), batch(u32::MAX))
}

pub(crate) fn event(chat: ChatId, seq: Seq) -> Key {
    join(EVENT, [chat.as_bytes(), &seq.0.to_be_bytes()])
}

pub(crate) fn snapshot(chat: ChatId) -> Key {
    join(SNAPSHOT, [chat.as_bytes()])
}

pub(crate) fn retention(chat: ChatId) -> Key {
    join(RETENTION, [chat.as_bytes()])
}

/// The chat under the time of its oldest event that has not expired yet: one row for each chat.
pub(crate) fn oldest(expiry: Expiry, time_ms: u64, chat: ChatId) -> Key {
    let kind = match expiry {
        Expiry::Bodies => OLDEST_BODY,
        Expiry::Events => OLDEST_EVENT,
    };
    join(kind, [&time_ms.to_be_bytes(), chat.as_bytes()])
}

/// The chat of a key made by [`oldest`].
pub(crate) fn chat_of_oldest(key: &[u8]) -> Option<ChatId> {
    ChatId::try_from(key.get(9..)?).ok()
}

pub(crate) fn progress(chat: ChatId, device: DeviceId) -> Key {
    join(PROGRESS, [chat.as_bytes(), device.user.as_bytes(), &device.number.0.to_be_bytes()])
}

/// All progress rows of a chat.
pub(crate) fn progress_of_chat(chat: ChatId) -> (Key, Key) {
    (join(PROGRESS, [chat.as_bytes()]), join(PROGRESS, [chat.as_bytes(), &[0xFF; 20]]))
}

/// The device of a key made by [`progress`].
pub(crate) fn device_of_progress(key: &[u8]) -> Option<DeviceId> {
    let user = UserId::try_from(key.get(17..33)?).ok()?;
    Some(DeviceId { user, number: DeviceNumber(u32::from_be_bytes(key.get(33..)?.try_into().ok()?)) })
}

pub(crate) fn last_seen(user: UserId) -> Key {
    join(LAST_SEEN, [user.as_bytes()])
}

pub(crate) fn hidden(user: UserId, chat: ChatId, seq: Seq) -> Key {
    join(HIDDEN, [user.as_bytes(), chat.as_bytes(), &seq.0.to_be_bytes()])
}

/// The place of a key made by [`hidden`] or [`event`]: its last eight bytes.
pub(crate) fn seq_of(key: &[u8]) -> Option<Seq> {
    key.last_chunk().map(|bytes| Seq(u64::from_be_bytes(*bytes)))
}

pub(crate) fn inbox(user: UserId, chat: ChatId) -> Key {
    join(INBOX, [user.as_bytes(), chat.as_bytes()])
}

/// The inbox rows of a user, from after `after`.
pub(crate) fn inbox_after(user: UserId, after: Option<ChatId>) -> (Key, Key) {
    let from = match after {
        Some(chat) => join(INBOX, [user.as_bytes(), chat.as_bytes(), &[0]]),
        None => join(INBOX, [user.as_bytes()]),
    };
    (from, join(INBOX, [user.as_bytes(), &[0xFF; 17]]))
}

/// The chat of a key made by [`inbox`].
pub(crate) fn chat_of_inbox(key: &[u8]) -> Option<ChatId> {
    ChatId::try_from(key.get(17..)?).ok()
}

pub(crate) fn user(id: UserId) -> Key {
    join(USER, [id.as_bytes()])
}

pub(crate) fn address(address: &Address) -> Key {
    text(ADDRESS, address.expose())
}

pub(crate) fn device(id: DeviceId) -> Key {
    join(DEVICE, [id.user.as_bytes(), &id.number.0.to_be_bytes()])
}

/// All devices of a user.
pub(crate) fn devices_of(user: UserId) -> (Key, Key) {
    (join(DEVICE, [user.as_bytes()]), join(DEVICE, [user.as_bytes(), &[0xFF; 4]]))
}

pub(crate) fn challenge(address: &Address) -> Key {
    text(CHALLENGE, address.expose())
}

/// All challenges.
pub(crate) fn challenges() -> (Key, Key) {
    (join(CHALLENGE, []), join(CHALLENGE + 1, []))
}

pub(crate) fn document(user: UserId, kind: DocumentKind) -> Key {
    let number = match kind {
        DocumentKind::Profile => 0,
        DocumentKind::Settings => 1,
        DocumentKind::Contacts => 2,
        DocumentKind::Blocks => 3,
    };
    join(DOCUMENT, [user.as_bytes(), &[number]])
}

pub(crate) fn secret(name: &str) -> Key {
    text(SECRET, name)
}

pub(crate) fn incarnation() -> Key {
    join(INCARNATION, [])
}

/// The rows of a device's key packages of one suite.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PackagesOf {
    pub(crate) device: DeviceId,
    pub(crate) suite: Suite,
}

impl PackagesOf {
    fn row<const N: usize>(self, what: u8, parts: [&[u8]; N]) -> Key {
        let (number, suite) = (self.device.number.0.to_be_bytes(), self.suite.0.to_be_bytes());
        let head = [self.device.user.as_bytes(), &number[..], &[what], &suite].concat();
        join(KEY_PACKAGES, [&head, &parts.concat()])
    }

    /// How many there are, and which comes next.
    pub(crate) fn numbers(self) -> Key {
        self.row(NUMBERS, [])
    }

    pub(crate) fn package(self, number: u64) -> Key {
        self.row(PACKAGE, [&number.to_be_bytes()])
    }

    pub(crate) fn last_resort(self) -> Key {
        self.row(LAST_RESORT, [])
    }

    /// That a package waits, or was given out to a claim that is remembered.
    pub(crate) fn known(self, hash: &[u8; 32]) -> Key {
        self.row(KNOWN, [hash])
    }

    pub(crate) fn claim(self, chat: ChatId, change: Seq) -> Key {
        self.row(CLAIM, [chat.as_bytes(), &change.0.to_be_bytes()])
    }

    /// The claims in the order in which they were made.
    pub(crate) fn claim_order(self, number: u64) -> Key {
        self.row(CLAIM_ORDER, [&number.to_be_bytes()])
    }
}

/// All rows of a device's key packages.
pub(crate) fn packages_of_device(device: DeviceId) -> (Key, Key) {
    let of = |rest: &[u8]| join(KEY_PACKAGES, [device.user.as_bytes(), &device.number.0.to_be_bytes(), rest]);
    (of(&[]), of(&[0xFF; 35]))
}

pub(crate) fn certificate(device: DeviceId) -> Key {
    join(CERTIFICATE, [device.user.as_bytes(), &device.number.0.to_be_bytes()])
}

/// The certificates of all devices of a user.
pub(crate) fn certificates_of(user: UserId) -> (Key, Key) {
    (join(CERTIFICATE, [user.as_bytes()]), join(CERTIFICATE, [user.as_bytes(), &[0xFF; 4]]))
}

pub(crate) fn revocation(device: DeviceId) -> Key {
    join(REVOCATION, [device.user.as_bytes(), &device.number.0.to_be_bytes()])
}

/// All revocations, from after `after`.
pub(crate) fn revocations_after(after: Option<DeviceId>) -> (Key, Key) {
    let from = match after {
        Some(device) => join(REVOCATION, [device.user.as_bytes(), &device.number.0.to_be_bytes(), &[0]]),
        None => join(REVOCATION, []),
    };
    (from, join(REVOCATION + 1, []))
}

pub(crate) fn attachment(id: AttachmentId) -> Key {
    join(ATTACHMENT, [id.as_bytes()])
}

/// Attachments from after `after`, with ids below `before`, or equal to it.
pub(crate) fn attachments_between(after: Option<AttachmentId>, before: AttachmentId) -> (Key, Key) {
    let from = match after {
        Some(id) => join(ATTACHMENT, [id.as_bytes(), &[0]]),
        None => join(ATTACHMENT, []),
    };
    (from, attachment(before))
}

/// The chat that an attachment is of.
pub(crate) fn attachment_chat(id: AttachmentId) -> Key {
    join(ATTACHMENT_CHAT, [id.as_bytes()])
}

/// How large a user's attachment is.
pub(crate) fn attachment_of(owner: UserId, id: AttachmentId) -> Key {
    join(ATTACHMENT_OF, [owner.as_bytes(), id.as_bytes()])
}

/// The sizes of a user's attachments from an id on.
pub(crate) fn attachments_of(owner: UserId, from: AttachmentId) -> (Key, Key) {
    (attachment_of(owner, from), join(ATTACHMENT_OF, [owner.as_bytes(), &[0xFF; 16]]))
}

/// What the upload of an attachment is called.
pub(crate) fn attachment_upload(id: AttachmentId) -> Key {
    join(ATTACHMENT_UPLOAD, [id.as_bytes()])
}

/// That a user has fetched an attachment.
pub(crate) fn attachment_fetched(id: AttachmentId, user: UserId) -> Key {
    join(ATTACHMENT_FETCHED, [id.as_bytes(), user.as_bytes()])
}

/// All who have fetched an attachment.
pub(crate) fn attachment_fetched_by(id: AttachmentId) -> (Key, Key) {
    (join(ATTACHMENT_FETCHED, [id.as_bytes()]), join(ATTACHMENT_FETCHED, [id.as_bytes(), &[0xFF; ID_BYTES]]))
}

/// All that was fetched, from after an attachment.
pub(crate) fn attachments_fetched_after(after: Option<AttachmentId>) -> (Key, Key) {
    let from = match after {
        // Beyond all users of this one.
        Some(id) => join(ATTACHMENT_FETCHED, [id.as_bytes(), &[0xFF; ID_BYTES], &[0]]),
        None => join(ATTACHMENT_FETCHED, []),
    };
    (from, join(ATTACHMENT_FETCHED, [&[0xFF; 2 * ID_BYTES]]))
}

/// The attachment and the user of a row that says who fetched what.
pub(crate) fn read_attachment_fetched(key: &[u8]) -> Option<(AttachmentId, UserId)> {
    let (id, user) = key.strip_prefix(&[ATTACHMENT_FETCHED])?.split_at_checked(ID_BYTES)?;
    Some((AttachmentId::from_bytes(id.try_into().ok()?), UserId::from_bytes(user.try_into().ok()?)))
}

fn text(kind: u8, text: &str) -> Key {
    let mut key = Vec::with_capacity(1 + text.len());
    key.push(kind);
    key.extend_from_slice(text.as_bytes());
    Key::from(key)
}
