//! Blobs by their hash: parts of handshakes that are too large for the log.

use axum::body::Bytes;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use dunlin_blobs::{BlobError, BlobHash};
use dunlin_model::ErrorCode;

use super::error::ErrorBody;
use super::extract::{Caller, InPath, Text};
use super::{Http, HttpError};

/// Puts a blob under its SHA-256, durably. Putting what is there changes nothing.
#[utoipa::path(put, path = "/api/blobs/{sha256}", operation_id = "putBlob", tag = "blobs", security(("bearer" = [])),
    params(("sha256" = String, Path, description = "64 hexadecimal digits in lower case")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 204, description = "It is there"),
        (status = 400, description = "The bytes have another hash, or the hash is not one", body = ErrorBody),
        (status = 413, description = "Larger than a blob may be", body = ErrorBody)
    ))]
pub(super) async fn put(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(hash)): InPath<Text<BlobHash>>,
    request: Request,
) -> Result<StatusCode, HttpError> {
    http.limits.admit_blob(caller.user)?;
    let blobs = http.gateway.delivery().blobs();
    let bytes = Bytes::from_request(request, &http).await.map_err(|rejection| {
        if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
            HttpError::from(BlobError::TooLarge { limit: blobs.bytes_max() })
        } else {
            HttpError::new(ErrorCode::Malformed, "The body could not be read.")
        }
    })?;
    blobs.put(hash, bytes).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The blob with this SHA-256.
#[utoipa::path(get, path = "/api/blobs/{sha256}", operation_id = "getBlob", tag = "blobs", security(("bearer" = [])),
    params(("sha256" = String, Path, description = "64 hexadecimal digits in lower case")),
    responses(
        (status = 200, description = "Its bytes", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 404, description = "There is no such blob", body = ErrorBody)
    ))]
pub(super) async fn get(
    State(http): State<Http>,
    Caller(_caller): Caller,
    InPath(Text(hash)): InPath<Text<BlobHash>>,
) -> Result<impl IntoResponse, HttpError> {
    match http.gateway.delivery().blobs().get(hash).await? {
        Some(bytes) => Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes)),
        None => Err(HttpError::new(ErrorCode::NotFound, "There is no such blob.")),
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
