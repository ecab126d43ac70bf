//! The JSON documents of the REST interface, as the server's OpenAPI document describes them.

use serde::{Deserialize, Serialize};

use crate::credentials::Credentials;

#[derive(Debug, Serialize)]
pub(super) struct AddressBody<'a> {
    pub(super) address: &'a str,
}

#[derive(Debug, Serialize)]
pub(super) struct NewBlob {
    pub(super) sha256: String,
    pub(super) size: usize,
}

/// Where a blob can be put or got.
#[derive(Debug, Deserialize)]
pub(super) struct BlobAddress {
    pub(super) address: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefreshRequest<'a> {
    pub(super) refresh_token: &'a str,
}

/// What logging in takes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Login<'a> {
    /// Where the code was sent.
    pub address: &'a str,
    /// The code.
    pub code: &'a str,
    /// What the device is to be called.
    pub device_name: &'a str,
}

/// What logging in gives.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedIn {
    /// The proof.
    pub credentials: Credentials,
    /// Whether the address was registered just now.
    #[serde(default)]
    pub new_user: bool,
}

/// A device that is logged in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeviceView {
    /// Its number among the user's devices.
    pub number: u32,
    /// As the person named it.
    pub name: String,
    /// When it logged in, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// Whether it is the one that asks.
    #[serde(default)]
    pub current: bool,
    /// When it last refreshed its tokens, in milliseconds since the Unix epoch.
    #[serde(default)]
    pub refreshed_ms: u64,
}

/// The devices of a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceList {
    /// Ascending by number.
    pub devices: Vec<DeviceView>,
}

/// A user, as others see them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundUser {
    /// Who.
    pub user_id: String,
    /// Their name; may be empty.
    #[serde(default)]
    pub name: String,
    /// A line about them.
    #[serde(default)]
    pub about: String,
}

/// The user's own profile.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Rises with each replacement.
    #[serde(default)]
    pub version: u64,
    /// The name.
    #[serde(default)]
    pub name: String,
    /// A line about them.
    #[serde(default)]
    pub about: String,
    /// A reference to a picture; empty for none.
    #[serde(default)]
    pub picture: String,
}

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// Who.
    pub user_id: String,
    /// What the person calls them.
    pub name: String,
}

/// The contacts, with their version.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ContactList {
    /// Rises with each replacement.
    #[serde(default)]
    pub version: u64,
    /// The contacts.
    pub contacts: Vec<Contact>,
}

/// Whom the user has blocked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockList {
    /// Ids of users.
    pub user_ids: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct ContactName<'a> {
    pub(super) name: &'a str,
}

/// Who may see when a person was last there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum LastSeen {
    /// Anyone who shares a chat with them.
    #[serde(rename = "LAST_SEEN_EVERYONE")]
    Everyone,
    /// Those in their contacts.
    #[serde(rename = "LAST_SEEN_CONTACTS")]
    Contacts,
    /// Nobody.
    #[serde(rename = "LAST_SEEN_NOBODY")]
    Nobody,
}

/// A person's settings on the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Rises with each replacement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Who may see when they were last there.
    pub last_seen: LastSeen,
}
