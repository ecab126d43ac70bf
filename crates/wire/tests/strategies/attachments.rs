//! Uploads and downloads of attachments.

use std::collections::BTreeMap;

use dunlin_model::AttachmentId;
use dunlin_wire::{Command, Outcome, PartUpload, SignedRequest};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

use super::{chat, seq, time};

fn id() -> impl Strategy<Value = AttachmentId> {
    any::<[u8; 16]>().prop_map(AttachmentId::from_bytes)
}

fn request() -> impl Strategy<Value = SignedRequest> {
    let headers = btree_map(".{0,9}", ".{0,9}", 0..3).prop_map(|headers: BTreeMap<String, String>| headers);
    (".{0,30}", ".{0,5}", headers, time()).prop_map(|(url, method, headers, expires)| SignedRequest {
        url,
        method,
        headers,
        expires,
    })
}

fn upload() -> impl Strategy<Value = PartUpload> {
    (any::<u32>(), any::<u64>(), any::<u64>(), request())
        .prop_map(|(part, offset, bytes, request)| PartUpload { part, offset, bytes, request })
}

pub(super) fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (any::<u64>(), any::<[u8; 32]>(), vec(any::<[u8; 32]>(), 0..5))
            .prop_map(|(bytes, sha256, parts)| Command::CreateAttachment { bytes, sha256, parts }),
        id().prop_map(|id| Command::GetAttachmentUpload { id }),
        id().prop_map(|id| Command::CompleteAttachment { id }),
        (chat(), seq(), id()).prop_map(|(chat, seq, id)| Command::GetAttachment { chat, seq, id }),
    ]
}

pub(super) fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        (id(), any::<bool>(), vec(any::<u32>(), 0..5), vec(upload(), 0..3)).prop_map(
            |(id, complete, there, uploads)| Outcome::AttachmentUpload { id, complete, there, uploads }
        ),
        (any::<u64>(), request()).prop_map(|(bytes, request)| Outcome::Attachment { bytes, request }),
    ]
}
