//! The bytes of attachments, where this process keeps them itself: at addresses that were signed, whoever comes.
//!
//! What is served is somebody's ciphertext, and is marked so that no browser takes it for a page, script or image.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use dunlin_blobs::{BlobHash, ByteStream, FileError, FileGrant, FilesHere};
use dunlin_delivery::{Counter, Metrics};
use dunlin_model::{AttachmentId, AttachmentPart, ErrorCode, Timestamp};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;

use super::error::ErrorBody;
use super::extract::{InPath, InQuery, Text};
use super::{Http, HttpError};

/// How long the next piece of a part may take to come.
const PIECE_WITHIN: Duration = Duration::from_secs(60);

/// Which part of which attachment.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartPath {
    attachment_id: Text<AttachmentId>,
    part: u32,
}

/// What was signed for a part.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct SignedPart {
    /// The part's length.
    bytes: u64,
    /// The part's hash; 64 hexadecimal digits in lower case.
    #[param(value_type = String)]
    sha256: Text<BlobHash>,
    /// Until when the address serves, in milliseconds since 1970.
    expires: u64,
    /// Hexadecimal.
    signature: String,
}

/// What was signed for reading.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query, rename_all = "camelCase")]
pub(super) struct SignedFile {
    /// Bytes of the whole.
    bytes: u64,
    /// Until when the address serves, in milliseconds since 1970.
    expires: u64,
    /// Hexadecimal.
    signature: String,
}

/// Puts a part, durably, at an address made for it. It is checked while it comes; putting what is there changes nothing.
#[utoipa::path(put, path = "/api/attachments/{attachmentId}/parts/{part}", operation_id = "putAttachmentPart", tag = "attachments",
    security(()),
    params(("attachmentId" = String, Path, description = "The attachment"), ("part" = u32, Path, description = "1, 2, 3 …"), SignedPart),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 204, description = "It is there"),
        (status = 400, description = "The bytes have another hash or length, or did not all come", body = ErrorBody),
        (status = 403, description = "The address is not signed for this, or has expired", body = ErrorBody),
        (status = 404, description = "This server keeps no files itself", body = ErrorBody),
        (status = 503, description = "It is being put already, or the disk is out of reach", body = ErrorBody)
    ))]
pub(super) async fn put(
    State(http): State<Http>,
    InPath(path): InPath<PartPath>,
    InQuery(signed): InQuery<SignedPart>,
    request: Request,
) -> Result<StatusCode, HttpError> {
    let (id, number) = (path.attachment_id.0, path.part);
    let offset = u64::from(number.saturating_sub(1)) * dunlin_model::attachment::PART_BYTES;
    let part = AttachmentPart { number, offset, bytes: signed.bytes, sha256: signed.sha256.0.0 };
    let grant = FileGrant::Put { id, part, expires: Timestamp(signed.expires) };
    let files = granted(&http, &grant, &signed.signature)?;
    if let Some(length) = request.headers().get(header::CONTENT_LENGTH)
        && length.to_str().ok().and_then(|length| length.parse().ok()) != Some(part.bytes)
    {
        return Err(FileError::WrongLength.into());
    }
    let body = counted(&http, in_time(request.into_body()), |metrics| &metrics.attachment_bytes_in);
    files.put_part(id, part, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An attachment's bytes, or a range of them (RFC 9110, section 14), at an address made for it.
#[utoipa::path(get, path = "/api/attachments/{attachmentId}/file", operation_id = "getAttachment", tag = "attachments", security(()),
    params(("attachmentId" = String, Path, description = "The attachment"), SignedFile),
    responses(
        (status = 200, description = "Its bytes", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range asked for", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 403, description = "The address is not signed for this, or has expired", body = ErrorBody),
        (status = 404, description = "There is no such attachment any more", body = ErrorBody),
        (status = 416, description = "The range begins beyond the end", body = ErrorBody)
    ))]
pub(super) async fn get(
    State(http): State<Http>,
    InPath(Text(id)): InPath<Text<AttachmentId>>,
    InQuery(signed): InQuery<SignedFile>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let grant = FileGrant::Get { id, bytes: signed.bytes, expires: Timestamp(signed.expires) };
    let files = granted(&http, &grant, &signed.signature)?;
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let range = match asked.map_or(Asked::Whole, |asked| range_of(asked, signed.bytes)) {
        Asked::Whole => 0..signed.bytes,
        Asked::Range(range) => range,
        Asked::Beyond => {
            let error = HttpError::new(ErrorCode::InvalidArgument, "The range begins beyond the end.");
            return Ok(error.with_status(StatusCode::RANGE_NOT_SATISFIABLE).into_response());
        }
    };
    let Some(pieces) = files.read(id, range.clone()).await? else {
        return Err(HttpError::new(ErrorCode::NotFound, "There is no such attachment any more."));
    };
    let pieces = counted(&http, pieces, |metrics| &metrics.attachment_bytes_out);
    let mut response = Body::from_stream(pieces).into_response();
    let is_whole = range == (0..signed.bytes);
    if !is_whole {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let text = format!("bytes {}-{}/{}", range.start, range.end.saturating_sub(1), signed.bytes);
        let value = HeaderValue::try_from(text).expect("digits and ASCII marks");
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response.headers_mut().insert(header::CONTENT_LENGTH, (range.end - range.start).into());
    harmless(response.headers_mut());
    Ok(response)
}

/// So that no browser shows it, runs it, or lets other sites read it.
fn harmless(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_TYPE, "application/octet-stream"),
        (header::CONTENT_DISPOSITION, "attachment"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
        (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::ACCEPT_RANGES, "bytes"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// What part of a file is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Whole,
    Range(Range<u64>),
    Beyond,
}

/// What a Range field asks for, of so many bytes. Several ranges, and what is none, may be answered with the whole
/// (RFC 9110, section 14.2).
fn range_of(field: &str, bytes: u64) -> Asked {
    let Some((first, last)) = field.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::Whole;
    };
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>());
    match (number(first), number(last)) {
        (Some(Ok(first)), Some(last)) => match last {
            _ if first >= bytes => Asked::Beyond,
            Ok(last) if last < first => Asked::Whole,
            Ok(last) => Asked::Range(first..last.saturating_add(1).min(bytes)),
            Err(_) => Asked::Range(first..bytes),
        },
        (Some(Err(_)), Some(Ok(count))) if first.is_empty() => {
            if count == 0 {
                Asked::Beyond
            } else {
                Asked::Range(bytes.saturating_sub(count)..bytes)
            }
        }
        _ => Asked::Whole,
    }
}

/// The body's pieces; a pause that is too long ends it.
fn in_time(body: Body) -> ByteStream {
    let pieces = body.into_data_stream();
    let read = |mut pieces: axum::body::BodyDataStream| async move {
        let piece = match tokio::time::timeout(PIECE_WITHIN, pieces.next()).await {
            Ok(piece) => piece?.map_err(io::Error::other),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        Some((piece, pieces))
    };
    stream::unfold(pieces, read).boxed()
}

/// The same pieces, added to a counter as they pass.
fn counted(http: &Http, pieces: ByteStream, counter: fn(&Metrics) -> &Counter) -> ByteStream {
    let gateway = Arc::clone(&http.gateway);
    let count = move |piece: &io::Result<Bytes>| {
        if let Ok(piece) = piece {
            counter(gateway.delivery().metrics()).add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        }
    };
    pieces.inspect(count).boxed()
}

/// The files of this server, for somebody with this address.
fn granted<'a>(http: &'a Http, grant: &FileGrant, signature: &str) -> Result<&'a dyn FilesHere, HttpError> {
    let Some(files) = http.gateway.delivery().files().here() else {
        return Err(HttpError::new(ErrorCode::NotFound, "This server keeps no files itself."));
    };
    files.verify(grant, signature, http.gateway.delivery().now())?;
    Ok(files)
}

impl From<FileError> for HttpError {
    fn from(error: FileError) -> Self {
        let code = match &error {
            FileError::WrongHash | FileError::WrongLength | FileError::Incomplete => {
                ErrorCode::InvalidArgument
            }
            FileError::Body(_) => ErrorCode::Malformed,
            FileError::Gone => ErrorCode::NotFound,
            FileError::Busy | FileError::Unavailable(_) => ErrorCode::Unavailable,
        };
        if let FileError::Unavailable(cause) = &error {
            tracing::error!(%error, ?cause, "an attachment cannot be served");
        }
        Self::new(code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_file_and_what_is_none_asks_for_the_whole() {
        for (field, asked) in [
            ("bytes=0-0", Asked::Range(0..1)),
            ("bytes=2-", Asked::Range(2..10)),
            ("bytes=2-99", Asked::Range(2..10)),
            ("bytes=-3", Asked::Range(7..10)),
            ("bytes=-99", Asked::Range(0..10)),
            ("bytes=10-", Asked::Beyond),
            ("bytes=-0", Asked::Beyond),
            ("bytes=5-4", Asked::Whole),
            ("bytes=0-1,4-5", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("lines=0-1", Asked::Whole),
            ("", Asked::Whole),
        ] {
            assert_eq!(range_of(field, 10), asked, "{field}");
        }
    }
}
