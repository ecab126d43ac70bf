//! Where attachments go and are, as the WebSocket says it.

use dunlin_blobs::SignedRequest;
use dunlin_delivery::{AttachmentAddress, PartUpload, UploadState};
use dunlin_wire::Outcome;

pub(crate) fn upload(state: UploadState) -> Outcome {
    let part = |PartUpload { part, request }: PartUpload| dunlin_wire::PartUpload {
        part: part.number,
        offset: part.offset,
        bytes: part.bytes,
        request: signed(request),
    };
    Outcome::AttachmentUpload {
        id: state.id,
        complete: state.complete,
        there: state.there,
        uploads: state.uploads.into_iter().map(part).collect(),
    }
}

pub(crate) fn source(address: AttachmentAddress) -> Outcome {
    Outcome::Attachment { bytes: address.bytes, request: signed(address.request) }
}

fn signed(request: SignedRequest) -> dunlin_wire::SignedRequest {
    let SignedRequest { url, method, headers, expires } = request;
    let headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    dunlin_wire::SignedRequest { url, method: method.to_owned(), headers, expires }
}
