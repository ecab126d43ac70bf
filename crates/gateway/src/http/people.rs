//! Profiles, settings, contacts, blocks, finding people and whether they are there.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dunlin_model::account::{Contact, LastSeenVisibility, Profile, Settings, Version, Versioned};
use dunlin_model::{ErrorCode, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::ErrorBody;
use super::extract::{Body, Caller, InPath, Text, plain};
use super::{Http, HttpError};

/// A profile; an own one has a version.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Profile)]
pub(super) struct ProfileBody {
    /// Rises with each replacement. Given with a replacement, it must be the one that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(default)]
    name: String,
    /// A line about the person.
    #[serde(default)]
    about: String,
    /// A reference to a picture; empty for none.
    #[serde(default)]
    picture: String,
}

impl From<Versioned<Profile>> for ProfileBody {
    fn from(Versioned { version, value }: Versioned<Profile>) -> Self {
        Self { version: Some(version.0), name: value.name, about: value.about, picture: value.picture }
    }
}

/// A user, as others see them.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    user_id: String,
    name: String,
    /// A line about the person.
    about: String,
    /// A reference to a picture; empty for none.
    picture: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Find {
    /// The whole phone number or e-mail address.
    #[schema(example = "ada@example.org")]
    address: String,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Settings)]
pub(super) struct SettingsBody {
    /// Rises with each replacement. Given with a replacement, it must be the one that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    /// Who may see when the person was last there.
    last_seen: LastSeen,
}

#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
pub(super) enum LastSeen {
    #[serde(rename = "LAST_SEEN_EVERYONE")]
    Everyone,
    #[serde(rename = "LAST_SEEN_CONTACTS")]
    Contacts,
    #[serde(rename = "LAST_SEEN_NOBODY")]
    Nobody,
}

impl From<Versioned<Settings>> for SettingsBody {
    fn from(Versioned { version, value }: Versioned<Settings>) -> Self {
        let last_seen = match value.last_seen {
            LastSeenVisibility::Everyone => LastSeen::Everyone,
            LastSeenVisibility::Contacts => LastSeen::Contacts,
            LastSeenVisibility::Nobody => LastSeen::Nobody,
        };
        Self { version: Some(version.0), last_seen }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = Contact)]
pub(super) struct ContactBody {
    #[schema(value_type = String)]
    user_id: Text<UserId>,
    /// What the person calls them.
    #[serde(default)]
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ContactName {
    /// What the person calls them.
    #[serde(default)]
    name: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ContactView {
    user_id: String,
    name: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ContactList {
    /// Rises with each replacement.
    version: u64,
    contacts: Vec<ContactView>,
}

impl From<Versioned<Vec<Contact>>> for ContactList {
    fn from(Versioned { version, value }: Versioned<Vec<Contact>>) -> Self {
        let view = |contact: Contact| ContactView { user_id: contact.user.to_string(), name: contact.name };
        Self { version: version.0, contacts: value.into_iter().map(view).collect() }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewContacts {
    /// If given, it must be the one that was read.
    #[serde(default)]
    version: Option<u64>,
    contacts: Vec<ContactBody>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlockList {
    user_ids: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PresenceQuery {
    /// Users who share a chat with the one who asks; others are left out of the answer.
    #[schema(value_type = Vec<String>)]
    user_ids: Vec<Text<UserId>>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserPresence {
    user_id: String,
    online: bool,
    /// 0 when unknown, or not shown to the one who asks.
    last_seen_ms: u64,
}

#[derive(Serialize, ToSchema)]
pub(super) struct PresenceResult {
    users: Vec<UserPresence>,
}

/// The own profile.
#[utoipa::path(get, path = "/api/profile", operation_id = "getProfile", tag = "people", security(("bearer" = [])),
    responses((status = 200, description = "The profile", body = ProfileBody)))]
pub(super) async fn own_profile(
    State(http): State<Http>,
    Caller(caller): Caller,
) -> Result<Json<ProfileBody>, HttpError> {
    Ok(Json(http.gateway.accounts.profile(caller.user).await?.into()))
}

/// Replaces the own profile.
#[utoipa::path(put, path = "/api/profile", operation_id = "setProfile", tag = "people", security(("bearer" = [])),
    request_body = ProfileBody,
    responses(
        (status = 200, description = "Replaced", body = ProfileBody),
        (status = 409, description = "It changed since it was read", body = ErrorBody)
    ))]
pub(super) async fn set_profile(
    State(http): State<Http>,
    Caller(caller): Caller,
    Body(body): Body<ProfileBody>,
) -> Result<Json<ProfileBody>, HttpError> {
    let profile = Profile { name: body.name, about: body.about, picture: body.picture };
    let version = body.version.map(Version);
    Ok(Json(http.gateway.accounts.set_profile(caller.user, version, profile).await?.into()))
}

/// What another user shows of themselves.
#[utoipa::path(get, path = "/api/users/{userId}", operation_id = "getUser", tag = "people", security(("bearer" = [])),
    params(("userId" = String, Path, description = "The user")),
    responses(
        (status = 200, description = "The user", body = User),
        (status = 404, description = "There is no such user", body = ErrorBody)
    ))]
pub(super) async fn user(
    State(http): State<Http>,
    Caller(_caller): Caller,
    InPath(Text(user)): InPath<Text<UserId>>,
) -> Result<Json<User>, HttpError> {
    shown(&http, user).await
}

/// Finds a user by their whole phone number or e-mail address. How often is limited.
#[utoipa::path(post, path = "/api/users/find", operation_id = "findUser", tag = "people", security(("bearer" = [])), request_body = Find,
    responses(
        (status = 200, description = "The user", body = User),
        (status = 404, description = "Nobody has this address", body = ErrorBody)
    ))]
pub(super) async fn find(
    State(http): State<Http>,
    Caller(caller): Caller,
    Body(find): Body<Find>,
) -> Result<Json<User>, HttpError> {
    http.limits.admit_find(caller.user)?;
    match http.gateway.accounts.find_user(&find.address).await? {
        Some(user) => shown(&http, user).await,
        None => Err(HttpError::new(ErrorCode::NotFound, "Nobody has this address.")),
    }
}

async fn shown(http: &Http, user: UserId) -> Result<Json<User>, HttpError> {
    let Profile { name, about, picture } = http.gateway.accounts.profile(user).await?.value;
    Ok(Json(User { user_id: user.to_string(), name, about, picture }))
}

/// The own settings.
#[utoipa::path(get, path = "/api/settings", operation_id = "getSettings", tag = "people", security(("bearer" = [])),
    responses((status = 200, description = "The settings", body = SettingsBody)))]
pub(super) async fn settings(
    State(http): State<Http>,
    Caller(caller): Caller,
) -> Result<Json<SettingsBody>, HttpError> {
    Ok(Json(http.gateway.accounts.settings(caller.user).await?.into()))
}

/// Replaces the own settings.
#[utoipa::path(put, path = "/api/settings", operation_id = "setSettings", tag = "people", security(("bearer" = [])),
    request_body = SettingsBody,
    responses(
        (status = 200, description = "Replaced", body = SettingsBody),
        (status = 409, description = "They changed since they were read", body = ErrorBody)
    ))]
pub(super) async fn set_settings(
    State(http): State<Http>,
    Caller(caller): Caller,
    Body(body): Body<SettingsBody>,
) -> Result<Json<SettingsBody>, HttpError> {
    let last_seen = match body.last_seen {
        LastSeen::Everyone => LastSeenVisibility::Everyone,
        LastSeen::Contacts => LastSeenVisibility::Contacts,
        LastSeen::Nobody => LastSeenVisibility::Nobody,
    };
    let version = body.version.map(Version);
    let settings = Settings { last_seen };
    Ok(Json(http.gateway.accounts.set_settings(caller.user, version, settings).await?.into()))
}

/// The own contacts, in the order in which they were added.
#[utoipa::path(get, path = "/api/contacts", operation_id = "listContacts", tag = "people", security(("bearer" = [])),
    responses((status = 200, description = "The contacts", body = ContactList)))]
pub(super) async fn contacts(
    State(http): State<Http>,
    Caller(caller): Caller,
) -> Result<Json<ContactList>, HttpError> {
    Ok(Json(http.gateway.accounts.contacts(caller.user).await?.into()))
}

/// Replaces all contacts.
#[utoipa::path(put, path = "/api/contacts", operation_id = "setContacts", tag = "people", security(("bearer" = [])),
    request_body = NewContacts,
    responses(
        (status = 200, description = "Replaced", body = ContactList),
        (status = 409, description = "They changed since they were read, or are too many", body = ErrorBody)
    ))]
pub(super) async fn set_contacts(
    State(http): State<Http>,
    Caller(caller): Caller,
    Body(body): Body<NewContacts>,
) -> Result<Json<ContactList>, HttpError> {
    let contact = |body: ContactBody| Contact { user: body.user_id.0, name: body.name };
    let contacts = body.contacts.into_iter().map(contact).collect();
    let version = body.version.map(Version);
    Ok(Json(http.gateway.accounts.set_contacts(caller.user, version, contacts).await?.into()))
}

/// Adds a contact, or renames one.
#[utoipa::path(put, path = "/api/contacts/{userId}", operation_id = "putContact", tag = "people", security(("bearer" = [])),
    params(("userId" = String, Path, description = "The contact")), request_body = ContactName,
    responses(
        (status = 204, description = "Added or renamed"),
        (status = 404, description = "There is no such user", body = ErrorBody),
        (status = 409, description = "There are as many contacts as allowed", body = ErrorBody)
    ))]
pub(super) async fn put_contact(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(user)): InPath<Text<UserId>>,
    Body(body): Body<ContactName>,
) -> Result<StatusCode, HttpError> {
    http.gateway.accounts.put_contact(caller.user, &Contact { user, name: body.name }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a contact, if it is there.
#[utoipa::path(delete, path = "/api/contacts/{userId}", operation_id = "removeContact", tag = "people", security(("bearer" = [])),
    params(("userId" = String, Path, description = "The contact")),
    responses((status = 204, description = "Removed")))]
pub(super) async fn remove_contact(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(user)): InPath<Text<UserId>>,
) -> Result<StatusCode, HttpError> {
    http.gateway.accounts.remove_contact(caller.user, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whom the user blocks.
#[utoipa::path(get, path = "/api/blocks", operation_id = "listBlocks", tag = "people", security(("bearer" = [])),
    responses((status = 200, description = "Those who are blocked", body = BlockList)))]
pub(super) async fn blocks(
    State(http): State<Http>,
    Caller(caller): Caller,
) -> Result<Json<BlockList>, HttpError> {
    let blocks = http.gateway.accounts.blocks(caller.user).await?;
    Ok(Json(BlockList { user_ids: blocks.iter().map(ToString::to_string).collect() }))
}

/// Blocks a user: neither can write to the other or add them to a chat.
#[utoipa::path(put, path = "/api/blocks/{userId}", operation_id = "block", tag = "people", security(("bearer" = [])),
    params(("userId" = String, Path, description = "Who")),
    responses(
        (status = 204, description = "Blocked"),
        (status = 404, description = "There is no such user", body = ErrorBody),
        (status = 409, description = "As many are blocked as allowed", body = ErrorBody)
    ))]
pub(super) async fn block(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(user)): InPath<Text<UserId>>,
) -> Result<StatusCode, HttpError> {
    let blocked = http.gateway.accounts.block(caller.user, user).await;
    // Also after an error: the store may have written.
    http.gateway.delivery().forget_blocks(caller.user);
    blocked?;
    Ok(StatusCode::NO_CONTENT)
}

/// Unblocks a user, if they are blocked.
#[utoipa::path(delete, path = "/api/blocks/{userId}", operation_id = "unblock", tag = "people", security(("bearer" = [])),
    params(("userId" = String, Path, description = "Who")),
    responses((status = 204, description = "Not blocked")))]
pub(super) async fn unblock(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(user)): InPath<Text<UserId>>,
) -> Result<StatusCode, HttpError> {
    let unblocked = http.gateway.accounts.unblock(caller.user, user).await;
    http.gateway.delivery().forget_blocks(caller.user);
    unblocked?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether users are there, and when they last were. Changes are pushed on the WebSocket.
#[utoipa::path(post, path = "/api/presence", operation_id = "presence", tag = "people", security(("bearer" = [])),
    request_body = PresenceQuery,
    responses(
        (status = 200, description = "Those whom the asker may see", body = PresenceResult),
        (status = 409, description = "Too many users in one request", body = ErrorBody)
    ))]
pub(super) async fn presence(
    State(http): State<Http>,
    Caller(caller): Caller,
    Body(query): Body<PresenceQuery>,
) -> Result<Json<PresenceResult>, HttpError> {
    let users = http.gateway.delivery().presence(caller.user, &plain(query.user_ids)).await?;
    let users = users
        .into_iter()
        .map(|presence| UserPresence {
            user_id: presence.user.to_string(),
            online: presence.online,
            last_seen_ms: presence.last_seen.map_or(0, |time| time.0),
        })
        .collect();
    Ok(Json(PresenceResult { users }))
}
