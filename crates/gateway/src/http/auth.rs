//! One-time codes, logging in and out, refreshing.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dunlin_accounts::Credentials;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::ErrorBody;
use super::extract::{Body, Caller, Peer};
use super::{Http, HttpError};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeRequest {
    /// A phone number with country code, or an e-mail address.
    #[schema(example = "ada@example.org")]
    address: String,
}

/// Nothing to tell, not even whether the address is registered.
#[derive(Serialize, ToSchema)]
pub(super) struct CodeSent {}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Login {
    /// The address that the code was sent to.
    #[schema(example = "ada@example.org")]
    address: String,
    #[schema(example = "123456")]
    code: String,
    /// What the person calls this device.
    #[schema(example = "laptop")]
    device_name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Refresh {
    refresh_token: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TestAccountsRequest {
    /// How many users.
    #[schema(maximum = 2000)]
    count: usize,
    /// How many devices each of them has.
    #[serde(default = "one")]
    devices: usize,
}

const fn one() -> usize {
    1
}

/// What a device proves itself with.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Credentials)]
pub(super) struct CredentialsBody {
    user_id: String,
    /// The number of this device among the user's.
    device: u32,
    /// A JWS, signed with EdDSA: for the Authorization header and the WebSocket.
    access_token: String,
    /// When the access token expires.
    expires_ms: u64,
    /// Good for one refresh. Used again later than 60 seconds after, it logs the device out.
    refresh_token: String,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LoggedIn {
    credentials: CredentialsBody,
    /// Whether the address was registered just now.
    new_user: bool,
}

impl From<Credentials> for CredentialsBody {
    fn from(credentials: Credentials) -> Self {
        Self {
            user_id: credentials.device.user.to_string(),
            device: credentials.device.number.0,
            access_token: credentials.access_token,
            expires_ms: credentials.expires.0,
            refresh_token: credentials.refresh_token,
        }
    }
}

impl From<Credentials> for LoggedIn {
    fn from(credentials: Credentials) -> Self {
        Self { new_user: credentials.new_user, credentials: credentials.into() }
    }
}

/// Sends a one-time code. The answer is the same whether the address is registered or not.
#[utoipa::path(post, path = "/api/otp", operation_id = "requestCode", tag = "accounts", request_body = CodeRequest, security(()),
    responses((status = 201, description = "A code is on its way", body = CodeSent)))]
pub(super) async fn request_code(
    State(http): State<Http>,
    Peer(peer): Peer,
    Body(request): Body<CodeRequest>,
) -> Result<(StatusCode, Json<CodeSent>), HttpError> {
    http.limits.admit_login(peer)?;
    http.gateway.accounts.request_code(&request.address).await?;
    Ok((StatusCode::CREATED, Json(CodeSent {})))
}

/// Trades a one-time code for a device with credentials; registers the address if it is new.
#[utoipa::path(post, path = "/api/auth/login", operation_id = "login", tag = "accounts", request_body = Login, security(()),
    responses(
        (status = 200, description = "Logged in", body = LoggedIn),
        (status = 401, description = "The code is wrong, used or expired", body = ErrorBody),
        (status = 409, description = "The user has as many devices as allowed", body = ErrorBody)
    ))]
pub(super) async fn login(
    State(http): State<Http>,
    Peer(peer): Peer,
    Body(login): Body<Login>,
) -> Result<Json<LoggedIn>, HttpError> {
    http.limits.admit_login(peer)?;
    let accounts = &http.gateway.accounts;
    let credentials = accounts.login(&login.address, &login.code, &login.device_name).await?;
    // Only a device that knows where it starts may connect, so it is linked before its tokens are given out.
    if let Err(error) = http.gateway.delivery().link_device(credentials.device).await {
        if let Err(error) = accounts.logout(credentials.device).await {
            tracing::warn!(%error, "a device that could not be linked is left behind");
        }
        return Err(error.into());
    }
    Ok(Json(credentials.into()))
}

/// Trades a refresh token for new credentials. A retry within 60 seconds gets the same answer.
#[utoipa::path(post, path = "/api/auth/refresh", operation_id = "refresh", tag = "accounts", request_body = Refresh, security(()),
    responses(
        (status = 200, description = "Refreshed", body = LoggedIn),
        (status = 401, description = "The token is not valid, or was used before", body = ErrorBody)
    ))]
pub(super) async fn refresh(
    State(http): State<Http>,
    Body(refresh): Body<Refresh>,
) -> Result<Json<LoggedIn>, HttpError> {
    // No limit of its own: refresh tokens cannot be guessed, and many devices may share an address.
    Ok(Json(http.gateway.accounts.refresh(&refresh.refresh_token).await?.into()))
}

/// Logs this device out: its tokens end, and its connections are closed.
#[utoipa::path(post, path = "/api/auth/logout", operation_id = "logout", tag = "accounts", security(("bearer" = [])),
    responses((status = 204, description = "Logged out")))]
pub(super) async fn logout(
    State(http): State<Http>,
    Caller(device): Caller,
) -> Result<StatusCode, HttpError> {
    http.gateway.accounts.logout(device).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes accounts without codes. Only on servers started with `--test-accounts`.
#[utoipa::path(post, path = "/api/test/accounts", operation_id = "makeTestAccounts", tag = "accounts", request_body = TestAccountsRequest,
    security(()),
    responses(
        (status = 200, description = "One entry for each device, those of one user together",
            body = Vec<CredentialsBody>),
        (status = 409, description = "More than allowed in one call", body = ErrorBody)
    ))]
pub(super) async fn test_accounts(
    State(http): State<Http>,
    Body(request): Body<TestAccountsRequest>,
) -> Result<Json<Vec<CredentialsBody>>, HttpError> {
    let made = http.gateway.accounts.test_accounts(request.count, request.devices).await?;
    Ok(Json(made.into_iter().map(Into::into).collect()))
}
