//! What a user is shown of chats and people: the answers to questions, as servers give and clients take them.

use ed25519_dalek::SigningKey;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Timestamp;
use crate::event::{ChatKind, Encryption, Event, Role};
use crate::ids::{ChatId, DeviceId, Seq, UserId};
use crate::mls::{Epoch, Suite};

/// A member, as another member sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// Who.
    pub user: UserId,
    /// Their role.
    pub role: Role,
    /// Whether they are connected; always false where it is not asked for.
    pub online: bool,
    /// Their delivered receipt; zero where it is not asked for.
    pub delivered: Seq,
    /// Their seen receipt; zero where it is not asked for.
    pub seen: Seq,
}

/// A chat, as one device of one user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatDetails {
    /// The chat.
    pub chat: ChatId,
    /// Its kind.
    pub kind: ChatKind,
    /// Its encryption.
    pub encryption: Encryption,
    /// Its name; empty for direct and encrypted chats.
    pub name: String,
    /// Its description; empty for direct and encrypted chats.
    pub description: String,
    /// A reference to its picture; empty for none.
    pub picture: String,
    /// When it was created.
    pub created: Timestamp,
    /// The newest event the reader may read.
    pub head: Seq,
    /// How far the asking device has got.
    pub received: Seq,
    /// How far the asking user has seen, on whichever device.
    pub seen: Seq,
    /// The asking user's role; `None` for a former member.
    pub role: Option<Role>,
    /// How many members there are.
    pub member_count: u32,
    /// The members; only in the answer for one chat, and for direct chats.
    pub members: Vec<MemberView>,
    /// Whether the owner deleted it.
    pub deleted: bool,
    /// Whether there is an invite link.
    pub has_invite_link: bool,
    /// Where a member who came in later begins to follow the log; only in the answer for one encrypted chat.
    pub basis: Option<Box<ChatBasis>>,
}

/// With the members, all of an encrypted chat's state at `head` that later events build on. Whoever came in
/// later cannot read it in the log; a false one is noticed at the next change that a member signs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChatBasis {
    /// Who cannot come back.
    pub banned: Vec<UserId>,
    /// The current epoch; generation zero before the first group.
    pub epoch: Epoch,
    /// Messages of epochs before this one are refused.
    pub oldest: Epoch,
    /// The suite of the current group.
    pub suite: Option<Suite>,
    /// The devices with a leaf, ascending.
    pub devices: Vec<DeviceId>,
    /// Devices that were revoked while their user was a member, ascending.
    pub revoked: Vec<DeviceId>,
    /// The events that let the members in, ascending by user: who follows an owner who leaves depends on it.
    pub since: Vec<Seq>,
    /// What the log says of the invite link, while there is one.
    pub invite: Option<[u8; 32]>,
}

/// Why a range of the log is not delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// From before joining, or while not a member.
    NotEntitled,
    /// Removed after the retention time.
    Expired,
    /// Deleted by the reader for themselves.
    Hidden,
}

/// A range of a chat's log that the reader does not get, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped {
    /// First place.
    pub from: Seq,
    /// Last place.
    pub to: Seq,
    /// Why.
    pub reason: SkipReason,
}

/// A page of the past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// Ascending.
    pub events: Vec<Event>,
    /// What is missing between the ends of the page, ascending.
    pub skipped: Vec<Skipped>,
    /// Where the page before this one ends; `None` when this one reaches the start.
    pub next_before: Option<Seq>,
}

/// How far a message has got with a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Accepted by the server.
    Sent,
    /// Stored on a device of the recipient.
    Delivered,
    /// Shown to the recipient.
    Seen,
}

/// How far a message has got (R7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageStatusView {
    /// The message.
    pub seq: Seq,
    /// The lowest of all recipients'.
    pub status: Status,
    /// Everyone who may read it, but its sender.
    pub recipients: Vec<(UserId, Status)>,
}

/// Whether someone is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserPresence {
    /// Who.
    pub user: UserId,
    /// Whether they are connected.
    pub online: bool,
    /// When they were last there; `None` when unknown or not shown to the asker.
    pub last_seen: Option<Timestamp>,
}

/// A member's receipts in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Whose.
    pub user: UserId,
    /// Everything up to here was stored on one of their devices.
    pub delivered: Seq,
    /// Everything up to here was shown to them.
    pub seen: Seq,
}

/// The invite link as text: the chat's id, a full stop, and the secret in base32; of an encrypted chat with `e.`
/// before the secret, since whoever joins must know that the secret is not for the server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InviteCode {
    /// The chat.
    pub chat: ChatId,
    /// The secret, `INVITE_SECRET_BYTES` long.
    pub secret: [u8; INVITE_SECRET_BYTES],
    /// The chat's encryption.
    pub encryption: Encryption,
}

impl InviteCode {
    /// The key that whoever joins an encrypted chat signs with beside their own. Its public half is in the log.
    pub fn key(&self) -> SigningKey {
        let hash = Sha256::new().chain_update(INVITE_KEY_LABEL).chain_update(self.chat.as_bytes());
        SigningKey::from_bytes(&hash.chain_update(self.secret).finalize().into())
    }

    /// What the log says of the link: in encrypted chats the public half of [`Self::key`], in others SHA-256 of the
    /// secret.
    pub fn verifier(&self) -> [u8; 32] {
        match self.encryption {
            Encryption::Mls => self.key().verifying_key().to_bytes(),
            Encryption::None => Sha256::digest(self.secret).into(),
        }
    }
}

impl std::fmt::Debug for InviteCode {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "InviteCode({})", self.chat)
    }
}

const INVITE_KEY_LABEL: &[u8] = b"dunlin invite link key v1";
/// Stands before the secret of an encrypted chat's link.
const ENCRYPTED_MARK: &str = "e.";

/// Bytes of an invite link's secret.
pub const INVITE_SECRET_BYTES: usize = 20;

impl std::fmt::Display for InviteCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secret = data_encoding::BASE32_NOPAD.encode(&self.secret).to_ascii_lowercase();
        let mark = if self.encryption == Encryption::Mls { ENCRYPTED_MARK } else { "" };
        write!(f, "{}.{mark}{secret}", self.chat)
    }
}

impl std::str::FromStr for InviteCode {
    type Err = crate::ids::IdError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (chat, secret) = text.trim().split_once('.').ok_or(crate::ids::IdError)?;
        let encrypted = secret.strip_prefix(ENCRYPTED_MARK);
        let encryption = if encrypted.is_some() { Encryption::Mls } else { Encryption::None };
        let secret = encrypted.unwrap_or(secret);
        let secret = data_encoding::BASE32_NOPAD_NOCASE
            .decode(secret.as_bytes())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(crate::ids::IdError)?;
        Ok(Self { chat: chat.parse()?, secret, encryption })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invite_code_reads_back_from_its_text() {
        for encryption in [Encryption::None, Encryption::Mls] {
            let code = InviteCode {
                chat: ChatId::from_bytes([7; 16]),
                secret: [9; INVITE_SECRET_BYTES],
                encryption,
            };
            assert_eq!(code.to_string().parse(), Ok(code));
        }
        assert!("nonsense".parse::<InviteCode>().is_err());
    }
}
