//! Where attachments go, and where they are.

use bytes::Bytes;
use dunlin_model::attachment::PARTS_MAX;
use dunlin_model::{AttachmentId, Timestamp};

use super::field::{Invalid, at_most, parse};
use crate::{Command, Outcome, PartUpload, SignedRequest, proto};

pub(super) fn id(text: &str) -> Result<AttachmentId, Invalid> {
    parse("attachmentId", text)
}

fn sha256(field: &'static str, bytes: &Bytes) -> Result<[u8; 32], Invalid> {
    if bytes.is_empty() {
        return Err(Invalid::missing(field));
    }
    bytes.as_ref().try_into().map_err(|_| Invalid::new(field, "has 32 bytes"))
}

pub(super) fn create_from_wire(create: &proto::CreateAttachment) -> Result<Command, Invalid> {
    at_most("partSha256s", create.part_sha256s.len(), usize::try_from(PARTS_MAX).unwrap_or(usize::MAX))?;
    let parts = create.part_sha256s.iter().map(|hash| sha256("partSha256s", hash));
    Ok(Command::CreateAttachment {
        bytes: create.size,
        sha256: sha256("sha256", &create.sha256)?,
        parts: parts.collect::<Result<_, _>>()?,
    })
}

pub(super) fn create_to_wire(bytes: u64, sha256: [u8; 32], parts: &[[u8; 32]]) -> proto::CreateAttachment {
    proto::CreateAttachment {
        size: bytes,
        sha256: Bytes::copy_from_slice(&sha256),
        part_sha256s: parts.iter().map(|hash| Bytes::copy_from_slice(hash)).collect(),
    }
}

pub(super) fn request_to_wire(request: &SignedRequest) -> proto::SignedRequest {
    proto::SignedRequest {
        url: request.url.clone(),
        method: request.method.clone(),
        headers: request.headers.clone(),
        expires_ms: request.expires.0,
    }
}

pub(super) fn request_from_wire(request: Option<proto::SignedRequest>) -> Result<SignedRequest, Invalid> {
    let proto::SignedRequest { url, method, headers, expires_ms } =
        request.ok_or_else(|| Invalid::missing("request"))?;
    Ok(SignedRequest { url, method, headers, expires: Timestamp(expires_ms) })
}

pub(super) fn upload_to_wire(upload: &PartUpload) -> proto::PartUpload {
    let PartUpload { part, offset, bytes, request } = upload;
    proto::PartUpload { part: *part, offset: *offset, size: *bytes, request: Some(request_to_wire(request)) }
}

pub(super) fn upload_from_wire(upload: proto::AttachmentUpload) -> Result<Outcome, Invalid> {
    let part = |upload: proto::PartUpload| {
        let proto::PartUpload { part, offset, size, request } = upload;
        Ok(PartUpload { part, offset, bytes: size, request: request_from_wire(request)? })
    };
    Ok(Outcome::AttachmentUpload {
        id: id(&upload.attachment_id)?,
        complete: upload.complete,
        there: upload.parts_there,
        uploads: upload.uploads.into_iter().map(part).collect::<Result<_, Invalid>>()?,
    })
}
