//! Uploads and downloads of attachments.

use std::collections::BTreeMap;

use dunlin_wire::{PartUpload, SignedRequest};

use super::{CHAT, Command, MORNING, Outcome, Seq, attachment};

const PART_BYTES: u64 = 8_388_608;

pub(super) fn client() -> Vec<(&'static str, Command)> {
    let parts = vec![[0xA1; 32], [0xA2; 32]];
    vec![
        (
            "createAttachment",
            Command::CreateAttachment { bytes: PART_BYTES + 40_000, sha256: [0xA3; 32], parts },
        ),
        ("getAttachmentUpload", Command::GetAttachmentUpload { id: attachment() }),
        ("completeAttachment", Command::CompleteAttachment { id: attachment() }),
        ("getAttachment", Command::GetAttachment { chat: CHAT, seq: Seq(43), id: attachment() }),
    ]
}

pub(super) fn replies() -> Vec<(&'static str, Outcome)> {
    let base = format!("https://files.example.org/dunlin/attachments/{}", attachment());
    let request = |url: String, method: &str, headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let headers = headers.collect::<BTreeMap<_, _>>();
        SignedRequest { url, method: method.to_owned(), headers, expires: MORNING }
    };
    let checksum = [("x-amz-checksum-sha256", "oqKioqKioqKioqKioqKioqKioqKioqKioqKioqKioqI=")];
    let second = PartUpload {
        part: 2,
        offset: PART_BYTES,
        bytes: 40_000,
        request: request(format!("{base}?partNumber=2&uploadId=one&X-Amz-Signature=0a"), "PUT", &checksum),
    };
    let upload = Outcome::AttachmentUpload {
        id: attachment(),
        complete: false,
        there: vec![1],
        uploads: vec![second],
    };
    let source = request(format!("{base}?X-Amz-Signature=0b"), "GET", &[]);
    vec![
        ("reply-attachmentUpload", upload),
        ("reply-attachment", Outcome::Attachment { bytes: PART_BYTES + 40_000, request: source }),
    ]
}
