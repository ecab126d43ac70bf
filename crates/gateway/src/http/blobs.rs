//! Blobs by their hash: parts of handshakes that are too large for the log.
//!
//! Whoever may read or write one gets an address that serves for a few minutes; at the address itself nobody is
//! asked who they are.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use dunlin_blobs::{Access, BlobError, BlobHash, Grant, GrantError};
use dunlin_model::{ChatId, ErrorCode, Seq, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::ErrorBody;
use super::extract::{Body, Caller, InPath, InQuery, Text};
use super::{Http, HttpError};

/// What is to be put.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewBlob {
    /// 64 hexadecimal digits in lower case.
    #[schema(value_type = String)]
    sha256: Text<BlobHash>,
    /// In bytes.
    size: u64,
}

/// Where a blob can be put or got.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct BlobAddress {
    /// Path and query.
    address: String,
    /// Until when it serves, in milliseconds since 1970.
    expires_ms: u64,
}

impl From<dunlin_delivery::BlobAddress> for BlobAddress {
    fn from(from: dunlin_delivery::BlobAddress) -> Self {
        Self { address: from.address, expires_ms: from.expires.0 }
    }
}

/// Which blob of a chat.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ChatBlobPath {
    chat_id: Text<ChatId>,
    sha256: Text<BlobHash>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct WhereQuery {
    /// The event that names it; 0, or nothing, for the group info of the current epoch.
    #[serde(default)]
    seq: u64,
}

/// What was signed.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct Signed {
    /// The blob's length.
    bytes: u64,
    /// Until when the address serves, in milliseconds since 1970.
    expires: u64,
    /// Hexadecimal.
    signature: String,
}

/// An address where a part of a handshake of an encrypted chat can be put.
#[utoipa::path(post, path = "/api/chats/{chatId}/blobs", operation_id = "blobToPut", tag = "blobs", security(("bearer" = [])),
    params(("chatId" = String, Path, description = "The chat")), request_body = NewBlob,
    responses(
        (status = 200, description = "Where to put it", body = BlobAddress),
        (status = 403, description = "Not a member any more", body = ErrorBody),
        (status = 404, description = "There is no such chat for this user", body = ErrorBody),
        (status = 413, description = "Larger than a blob may be", body = ErrorBody)
    ))]
pub(super) async fn to_put(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(chat)): InPath<Text<ChatId>>,
    Body(NewBlob { sha256, size }): Body<NewBlob>,
) -> Result<Json<BlobAddress>, HttpError> {
    http.limits.admit_blob(caller.user)?;
    Ok(Json(http.gateway.delivery().blob_to_put(caller, chat, sha256.0, size).await?.into()))
}

/// An address where a part of a handshake that the caller may read can be got.
#[utoipa::path(get, path = "/api/chats/{chatId}/blobs/{sha256}", operation_id = "blobToGet", tag = "blobs", security(("bearer" = [])),
    params(("chatId" = String, Path, description = "The chat"),
        ("sha256" = String, Path, description = "64 hexadecimal digits in lower case"), WhereQuery),
    responses(
        (status = 200, description = "Where to get it", body = BlobAddress),
        (status = 404, description = "There is no such blob for this user", body = ErrorBody)
    ))]
pub(super) async fn to_get(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(path): InPath<ChatBlobPath>,
    InQuery(WhereQuery { seq }): InQuery<WhereQuery>,
) -> Result<Json<BlobAddress>, HttpError> {
    let (chat, hash, seq) = (path.chat_id.0, path.sha256.0, (seq > 0).then_some(Seq(seq)));
    Ok(Json(http.gateway.delivery().blob_to_get(caller, chat, seq, hash).await?.into()))
}

/// Puts a blob under its SHA-256, durably, at an address made for it. Putting what is there changes nothing.
#[utoipa::path(put, path = "/api/blobs/{sha256}", operation_id = "putBlob", tag = "blobs", security(()),
    params(("sha256" = String, Path, description = "64 hexadecimal digits in lower case"), Signed),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 204, description = "It is there"),
        (status = 400, description = "The bytes have another hash or length, or the hash is not one", body = ErrorBody),
        (status = 403, description = "The address is not signed for this, or has expired", body = ErrorBody),
        (status = 413, description = "Larger than a blob may be", body = ErrorBody)
    ))]
pub(super) async fn put(
    State(http): State<Http>,
    InPath(Text(hash)): InPath<Text<BlobHash>>,
    InQuery(signed): InQuery<Signed>,
    request: Request,
) -> Result<StatusCode, HttpError> {
    let length = signed.bytes;
    granted(&http, Access::Put, hash, signed).await?;
    let blobs = http.gateway.delivery().blobs();
    let bytes = Bytes::from_request(request, &http).await.map_err(|rejection| {
        if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
            HttpError::from(BlobError::TooLarge { limit: blobs.bytes_max() })
        } else {
            HttpError::new(ErrorCode::Malformed, "The body could not be read.")
        }
    })?;
    if u64::try_from(bytes.len()) != Ok(length) {
        return Err(HttpError::new(ErrorCode::InvalidArgument, "The bytes have another length."));
    }
    blobs.put(hash, bytes).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The blob with this SHA-256, at an address made for it.
#[utoipa::path(get, path = "/api/blobs/{sha256}", operation_id = "getBlob", tag = "blobs", security(()),
    params(("sha256" = String, Path, description = "64 hexadecimal digits in lower case"), Signed),
    responses(
        (status = 200, description = "Its bytes", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 400, description = "The hash is not one, or something is missing", body = ErrorBody),
        (status = 403, description = "The address is not signed for this, or has expired", body = ErrorBody),
        (status = 404, description = "There is no such blob", body = ErrorBody)
    ))]
pub(super) async fn get(
    State(http): State<Http>,
    InPath(Text(hash)): InPath<Text<BlobHash>>,
    InQuery(signed): InQuery<Signed>,
) -> Result<impl IntoResponse, HttpError> {
    granted(&http, Access::Get, hash, signed).await?;
    match http.gateway.delivery().blobs().get(hash).await? {
        Some(bytes) => Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes)),
        None => Err(HttpError::new(ErrorCode::NotFound, "There is no such blob.")),
    }
}

async fn granted(http: &Http, access: Access, hash: BlobHash, signed: Signed) -> Result<(), HttpError> {
    let grant = Grant { access, hash, bytes: signed.bytes, expires: Timestamp(signed.expires) };
    Ok(http.gateway.delivery().blob_granted(&grant, &signed.signature).await??)
}

/// Somebody came with an address that does not serve.
impl From<GrantError> for HttpError {
    fn from(error: GrantError) -> Self {
        Self::new(ErrorCode::Forbidden, error.to_string())
    }
}

impl From<BlobError> for HttpError {
    fn from(error: BlobError) -> Self {
        let code = match &error {
            BlobError::WrongHash => ErrorCode::InvalidArgument,
            BlobError::TooLarge { .. } => ErrorCode::TooLarge,
            BlobError::Damaged(_) => ErrorCode::Internal,
            BlobError::Unavailable(_) => ErrorCode::Unavailable,
        };
        if matches!(error, BlobError::Damaged(_) | BlobError::Unavailable(_)) {
            tracing::error!(%error, cause = ?std::error::Error::source(&error), "a blob cannot be served");
        }
        Self::new(code, error.to_string())
    }
}
