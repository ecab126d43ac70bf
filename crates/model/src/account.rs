//! People and their devices, as the store keeps them.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::ids::{DeviceId, UserId};

/// Bytes of an address.
pub const ADDRESS_BYTES_MAX: usize = 254;
/// Bytes of a profile's name.
pub const PROFILE_NAME_BYTES_MAX: usize = 128;
/// Bytes of a profile's about text.
pub const PROFILE_ABOUT_BYTES_MAX: usize = 512;
/// Contacts of one user.
pub const CONTACTS_MAX: usize = 10_000;
/// Users blocked by one user.
pub const BLOCKS_MAX: usize = 10_000;
/// Devices of one user that are not revoked.
pub const DEVICES_PER_USER_MAX: usize = 16;
/// Bytes of a device's name.
pub const DEVICE_NAME_BYTES_MAX: usize = 64;

/// A phone number (E.164, `+` and 7 to 15 digits) or an e-mail address (lower case), in normal form.
///
/// `Display` and `Debug` do not print it: logs carry no phone number.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Address(String);

/// The text is neither a phone number nor an e-mail address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a phone number with country code (+15551234567), nor an e-mail address")]
pub struct AddressError;

impl Address {
    /// Reads an address as a person types it.
    ///
    /// # Errors
    /// When it is neither kind of address.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        if text.is_empty() || text.len() > ADDRESS_BYTES_MAX {
            return Err(AddressError);
        }
        if let Some(rest) = text.strip_prefix('+') {
            let digits: String = rest.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')' | '.')).collect();
            let plausible = (7..=15).contains(&digits.len())
                && digits.bytes().all(|b| b.is_ascii_digit())
                && !digits.starts_with('0');
            return if plausible { Ok(Self(format!("+{digits}"))) } else { Err(AddressError) };
        }
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError)?;
        let plausible = !local.is_empty()
            && !domain.is_empty()
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !local.contains('@')
            && !text
                .chars()
                .any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | '"'));
        if plausible { Ok(Self(text.to_lowercase())) } else { Err(AddressError) }
    }

    /// The address itself: only for sending to it, and for the person it belongs to.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is an e-mail address.
    pub fn is_email(&self) -> bool {
        self.0.contains('@')
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

/// A number that rises with each replacement of a document; 0 stands for "not there yet".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Version(pub u64);

/// A document and its version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Versioned<T> {
    /// Rises with each replacement.
    pub version: Version,
    /// The document.
    pub value: T,
}

/// A device of a user. Its refresh tokens are derived, never stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Whose, and which.
    pub id: DeviceId,
    /// As the person named it.
    pub name: String,
    /// When it logged in first.
    pub created: Timestamp,
    /// When it was revoked or logged out.
    pub revoked: Option<Timestamp>,
    /// Which refresh token is in force: 1, 2, 3 …
    pub generation: u64,
    /// When that one came into force.
    pub refreshed: Timestamp,
    /// With a secret of the servers', the device and the generation, this makes the refresh token.
    pub refresh_salt: [u8; 16],
}

/// A one-time code on its way to an address. Survives restarts, and counts attempts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// SHA-256 of the salt and the code.
    pub code_hash: [u8; 32],
    /// Keeps equal codes from having equal hashes.
    pub salt: [u8; 16],
    /// From when on it is not accepted.
    pub expires: Timestamp,
    /// Wrong attempts so far on this code.
    pub attempts: u32,
    /// Whether it was used.
    pub used: bool,
    /// When codes were sent to this address within the counting window, newest last.
    pub sent: Vec<Timestamp>,
    /// When wrong codes were tried within the counting window, newest last, over all codes.
    pub failures: Vec<Timestamp>,
}

/// What a person shows of themselves.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// Their name.
    pub name: String,
    /// A line about them.
    pub about: String,
    /// A reference to their picture; empty for none.
    pub picture: String,
}

/// Who may see when a person was last there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum LastSeenVisibility {
    /// Anyone who shares a chat with them.
    #[default]
    Everyone,
    /// Those in their contacts.
    Contacts,
    /// Nobody; then they do not see others' either.
    Nobody,
}

/// A person's settings on the server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Settings {
    /// Who may see when they were last there.
    pub last_seen: LastSeenVisibility,
}

/// One contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Who.
    pub user: UserId,
    /// What the person calls them.
    pub name: String,
}

/// The documents of a user, each replaced on condition that its version is the one that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Document {
    /// Shown to others.
    Profile(Profile),
    /// For the user alone.
    Settings(Settings),
    /// For the user alone, at most `CONTACTS_MAX`.
    Contacts(Vec<Contact>),
    /// For the user alone, at most `BLOCKS_MAX`.
    Blocks(BTreeSet<UserId>),
}

/// Which document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DocumentKind {
    /// See [`Document::Profile`].
    Profile,
    /// See [`Document::Settings`].
    Settings,
    /// See [`Document::Contacts`].
    Contacts,
    /// See [`Document::Blocks`].
    Blocks,
}

impl Document {
    /// Which document this is.
    pub const fn kind(&self) -> DocumentKind {
        match self {
            Self::Profile(_) => DocumentKind::Profile,
            Self::Settings(_) => DocumentKind::Settings,
            Self::Contacts(_) => DocumentKind::Contacts,
            Self::Blocks(_) => DocumentKind::Blocks,
        }
    }

    /// What stands for a document that was never written.
    pub fn empty(kind: DocumentKind) -> Self {
        match kind {
            DocumentKind::Profile => Self::Profile(Profile::default()),
            DocumentKind::Settings => Self::Settings(Settings::default()),
            DocumentKind::Contacts => Self::Contacts(Vec::new()),
            DocumentKind::Blocks => Self::Blocks(BTreeSet::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_normal_form() {
        assert_eq!(Address::parse(" +1 (555) 123-4567 ").unwrap().expose(), "+15551234567");
        assert_eq!(Address::parse("Ada@Example.ORG").unwrap().expose(), "ada@example.org");
        for wrong in ["", "ada", "+0123456789", "+12", "a@b@c", "@x", "x@", "a b@c.d", "a@b.", "5551234567"] {
            assert_eq!(Address::parse(wrong), Err(AddressError), "{wrong}");
        }
    }

    #[test]
    fn an_address_does_not_print_itself() {
        let address = Address::parse("ada@example.org").unwrap();
        assert!(!format!("{address:?}").contains("ada"));
    }
}
