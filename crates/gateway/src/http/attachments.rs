//! Attachments: beginning, resuming and completing an upload, and addresses to read at (R40, R41).
//!
//! What is asked here is asked with a token; the addresses that come back need none (`attachment_files.rs`).

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dunlin_blobs::{BlobHash, SignedRequest};
use dunlin_delivery::{AttachmentAddress, NewAttachment, PartUpload, UploadState};
use dunlin_model::{AttachmentId, ChatId, Seq};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::error::ErrorBody;
use super::extract::{Body, Caller, InPath, Text};
use super::{Http, HttpError};

/// What is to be uploaded: the encrypted file, as it will be stored.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CreateAttachment {
    /// In bytes.
    size: u64,
    /// Of the whole; 64 hexadecimal digits in lower case.
    #[schema(value_type = String)]
    sha256: Text<BlobHash>,
    /// Of each part of 8,388,608 bytes, of which the last may be shorter, in order.
    #[schema(value_type = Vec<String>)]
    part_sha256s: Vec<Text<BlobHash>>,
}

/// A request that is allowed for a while.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SignedRequest)]
pub(super) struct SignedRequestBody {
    /// Absolute, or path and query at this server.
    url: String,
    method: &'static str,
    /// To be sent as they are.
    headers: BTreeMap<&'static str, String>,
    /// Until when it may begin, in milliseconds since 1970.
    expires_ms: u64,
}

/// Where a part goes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartUploadBody {
    /// 1, 2, 3 …
    part: u32,
    /// Where it begins in the whole.
    offset: u64,
    /// In bytes.
    size: u64,
    #[serde(flatten)]
    request: SignedRequestBody,
}

/// How far an upload has got.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct UploadBody {
    attachment_id: String,
    /// Whether it can be sent.
    complete: bool,
    /// The parts that are there, ascending.
    parts_there: Vec<u32>,
    /// Where the first of the missing parts go, at most 16.
    uploads: Vec<PartUploadBody>,
}

/// Where an attachment can be read, whole or by range.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DownloadBody {
    /// In bytes.
    size: u64,
    #[serde(flatten)]
    request: SignedRequestBody,
}

/// Which attachment of which message.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path, rename_all = "camelCase")]
pub(super) struct MessageAttachmentPath {
    /// The chat.
    #[param(value_type = String)]
    chat_id: Text<ChatId>,
    /// The message.
    seq: u64,
    /// The attachment.
    #[param(value_type = String)]
    attachment_id: Text<AttachmentId>,
}

impl From<SignedRequest> for SignedRequestBody {
    fn from(SignedRequest { url, method, headers, expires }: SignedRequest) -> Self {
        Self { url, method, headers, expires_ms: expires.0 }
    }
}

impl From<PartUpload> for PartUploadBody {
    fn from(PartUpload { part, request }: PartUpload) -> Self {
        Self { part: part.number, offset: part.offset, size: part.bytes, request: request.into() }
    }
}

impl From<UploadState> for UploadBody {
    fn from(from: UploadState) -> Self {
        Self {
            attachment_id: from.id.to_string(),
            complete: from.complete,
            parts_there: from.there,
            uploads: from.uploads.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<AttachmentAddress> for DownloadBody {
    fn from(from: AttachmentAddress) -> Self {
        Self { size: from.bytes, request: from.request.into() }
    }
}

/// Begins the upload of an attachment.
#[utoipa::path(post, path = "/api/attachments", operation_id = "createAttachment", tag = "attachments", security(("bearer" = [])),
    request_body = CreateAttachment,
    responses(
        (status = 201, description = "Where its parts go", body = UploadBody),
        (status = 409, description = "Hashes and size do not fit, or the day's volume is used up", body = ErrorBody),
        (status = 413, description = "Larger than an attachment may be", body = ErrorBody)
    ))]
pub(super) async fn create(
    State(http): State<Http>,
    Caller(caller): Caller,
    Body(new): Body<CreateAttachment>,
) -> Result<(StatusCode, Json<UploadBody>), HttpError> {
    http.gateway.admit_upload(caller.user)?;
    let parts = new.part_sha256s.into_iter().map(|hash| hash.0.0).collect();
    let new = NewAttachment { bytes: new.size, sha256: new.sha256.0.0, parts };
    let begun = http.gateway.delivery().create_attachment(caller, new).await?;
    Ok((StatusCode::CREATED, Json(begun.into())))
}

/// How far an upload has got, and where the missing parts go.
#[utoipa::path(get, path = "/api/attachments/{attachmentId}", operation_id = "attachmentUpload", tag = "attachments",
    security(("bearer" = [])), params(("attachmentId" = String, Path, description = "The attachment")),
    responses(
        (status = 200, description = "How far it has got", body = UploadBody),
        (status = 404, description = "This user uploads no such attachment", body = ErrorBody)
    ))]
pub(super) async fn state(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(id)): InPath<Text<AttachmentId>>,
) -> Result<Json<UploadBody>, HttpError> {
    Ok(Json(http.gateway.delivery().upload_state(caller, id).await?.into()))
}

/// Says that all parts are there. From then on a message may name the attachment.
#[utoipa::path(post, path = "/api/attachments/{attachmentId}/complete", operation_id = "completeAttachment", tag = "attachments",
    security(("bearer" = [])), params(("attachmentId" = String, Path, description = "The attachment")),
    responses(
        (status = 204, description = "It can be sent"),
        (status = 404, description = "This user uploads no such attachment", body = ErrorBody),
        (status = 409, description = "A part is missing, or what is there is not as it was described; then its bytes are removed", body = ErrorBody)
    ))]
pub(super) async fn complete(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(Text(id)): InPath<Text<AttachmentId>>,
) -> Result<StatusCode, HttpError> {
    http.gateway.delivery().complete_attachment(caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An address where an attachment of a message that the caller may read can be got.
#[utoipa::path(get, path = "/api/chats/{chatId}/messages/{seq}/attachments/{attachmentId}", operation_id = "attachmentToGet",
    tag = "attachments", security(("bearer" = [])),
    params(MessageAttachmentPath),
    responses(
        (status = 200, description = "Where to get it", body = DownloadBody),
        (status = 404, description = "There is no such attachment for this user", body = ErrorBody),
        (status = 409, description = "It was changed where it is kept", body = ErrorBody)
    ))]
pub(super) async fn to_get(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(path): InPath<MessageAttachmentPath>,
) -> Result<Json<DownloadBody>, HttpError> {
    let (chat, seq, id) = (path.chat_id.0, Seq(path.seq), path.attachment_id.0);
    Ok(Json(http.gateway.delivery().attachment_to_get(caller, chat, seq, id).await?.into()))
}

/// Says that this user has fetched an attachment, so that it may be removed once everybody has, where the server is
/// told to. May be repeated.
#[utoipa::path(post, path = "/api/chats/{chatId}/messages/{seq}/attachments/{attachmentId}/fetched", operation_id = "attachmentFetched",
    tag = "attachments", security(("bearer" = [])),
    params(MessageAttachmentPath),
    responses(
        (status = 204, description = "Noted, or of no use here"),
        (status = 404, description = "There is no such attachment for this user", body = ErrorBody)
    ))]
pub(super) async fn fetched(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(path): InPath<MessageAttachmentPath>,
) -> Result<StatusCode, HttpError> {
    let (chat, seq, id) = (path.chat_id.0, Seq(path.seq), path.attachment_id.0);
    http.gateway.delivery().attachment_fetched(caller, chat, seq, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
