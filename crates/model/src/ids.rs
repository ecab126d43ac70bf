//! Identifiers and sequence numbers, each a type of its own.
//!
//! Long ids are 128 bits. Their text form, the same on every interface, is 26 lowercase characters of
//! base32 (RFC 4648 section 6, without padding), which needs no escaping in URLs, shells or JSON.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::Randomness;

/// Bytes in a long id.
pub const ID_BYTES: usize = 16;
/// Characters in the text form of a long id.
pub const ID_TEXT_CHARS: usize = 26;

/// The text was not an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is {ID_TEXT_CHARS} characters of base32")]
pub struct IdError;

macro_rules! long_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub struct $name([u8; ID_BYTES]);

        impl $name {
            /// The id with these bytes.
            pub const fn from_bytes(bytes: [u8; ID_BYTES]) -> Self {
                Self(bytes)
            }

            /// The id's bytes.
            pub const fn as_bytes(&self) -> &[u8; ID_BYTES] {
                &self.0
            }

            /// A new id drawn from `randomness`.
            pub fn random(randomness: &dyn Randomness) -> Self {
                let mut bytes = [0; ID_BYTES];
                randomness.fill(&mut bytes);
                Self(bytes)
            }
        }

        impl TryFrom<&[u8]> for $name {
            type Error = IdError;
            fn try_from(bytes: &[u8]) -> Result<Self, IdError> {
                bytes.try_into().map(Self).map_err(|_| IdError)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; ID_TEXT_CHARS];
                BASE32_NOPAD.encode_mut(&self.0, &mut text);
                text.make_ascii_lowercase();
                f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                if text.len() != ID_TEXT_CHARS {
                    return Err(IdError);
                }
                let mut bytes = [0; ID_BYTES];
                let length = BASE32_NOPAD_NOCASE.decode_mut(text.as_bytes(), &mut bytes).map_err(|_| IdError)?;
                if length == ID_BYTES { Ok(Self(bytes)) } else { Err(IdError) }
            }
        }
    };
}

long_id! {
    /// A person (or bot) with an account.
    UserId
}
long_id! {
    /// A chat and its log.
    ChatId
}
long_id! {
    /// A file in blob storage.
    AttachmentId
}

impl ChatId {
    /// The one direct chat of two users, whoever starts it first: a hash of both ids in ascending order.
    pub fn direct(a: UserId, b: UserId) -> Self {
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        Self::derived(&[b"dunlin direct chat v1", &low.0, &high.0])
    }

    /// The chat that a device's `create` with this number makes, so that a retry finds the same chat.
    pub fn created_by(device: DeviceId, number: ClientSeq) -> Self {
        Self::derived(&[
            b"dunlin created chat v1",
            device.user.as_bytes(),
            &device.number.0.to_be_bytes(),
            &number.0.to_be_bytes(),
        ])
    }

    fn derived(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut bytes = [0; ID_BYTES];
        bytes.copy_from_slice(&digest[..ID_BYTES]);
        Self(bytes)
    }
}

/// The number of a device among its user's devices: 1, 2, 3 …, never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceNumber(pub u32);

/// A device: its user and its number. The text form is `USER/NUMBER`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceId {
    /// Whose device it is.
    pub user: UserId,
    /// Which of the user's devices.
    pub number: DeviceNumber,
}

impl fmt::Display for DeviceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.user, self.number.0)
    }
}

impl FromStr for DeviceId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let (user, number) = text.split_once('/').ok_or(IdError)?;
        Ok(Self { user: user.parse()?, number: DeviceNumber(number.parse().map_err(|_| IdError)?) })
    }
}

/// The place of an event in its chat's log: 1, 2, 3 …; 0 stands before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first event.
    pub const ZERO: Self = Self(0);
    /// The place of a chat's first event.
    pub const FIRST: Self = Self(1);

    /// The next place.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The place before, or zero.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The client sequence number: a device numbers what it sends, rising, so that a retry is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
pub struct ClientSeq(pub u64);

impl fmt::Display for ClientSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_from_its_text() {
        let id = UserId::from_bytes([0xAB; 16]);
        let text = id.to_string();
        assert_eq!(text.len(), ID_TEXT_CHARS);
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.to_uppercase().parse(), Ok(id));
        assert_eq!("short".parse::<UserId>(), Err(IdError));
        assert_eq!("!".repeat(ID_TEXT_CHARS).parse::<UserId>(), Err(IdError));
    }

    #[test]
    fn a_direct_chat_is_the_same_from_both_ends() {
        let (a, b) = (UserId::from_bytes([1; 16]), UserId::from_bytes([2; 16]));
        assert_eq!(ChatId::direct(a, b), ChatId::direct(b, a));
        assert_ne!(ChatId::direct(a, b), ChatId::direct(a, a));
    }

    #[test]
    fn a_device_reads_back_from_its_text() {
        let device = DeviceId { user: UserId::from_bytes([9; 16]), number: DeviceNumber(3) };
        assert_eq!(device.to_string().parse(), Ok(device));
    }
}
