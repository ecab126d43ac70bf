//! Attachments over the WebSocket: where their parts go, and where they are.

use bytes::Bytes;
use dunlin_blobs::BlobHash;
use dunlin_model::{
    AttachmentId, AttachmentPart, Body, ChatCommand, ChatKind, Clock as _, ErrorCode, Seq, Timestamp,
};
use dunlin_wire::{Command, Format, Outcome};
use futures_util::StreamExt as _;

use crate::world::{World, create};

const FILE: &[u8] = b"a picture";

fn new() -> Command {
    let sha256 = BlobHash::of(FILE).0;
    Command::CreateAttachment { bytes: FILE.len() as u64, sha256, parts: vec![sha256] }
}

#[tokio::test]
async fn an_upload_is_begun_looked_at_completed_and_read_in_either_format() {
    for format in [Format::Json, Format::Proto] {
        let world = World::new().await;
        let [ada, bob] = world.people().await;
        let mut sender = world.online(&ada, format).await;
        let mut reader = world.online(&bob, format).await;
        let Outcome::AttachmentUpload { id, complete: false, there, uploads } = sender.request(new()).await
        else {
            panic!("no upload")
        };
        assert!(there.is_empty());
        let [upload] = uploads.as_slice() else { panic!("{uploads:?}") };
        assert_eq!((upload.part, upload.offset, upload.bytes), (1, 0, FILE.len() as u64));
        assert_eq!(upload.request.method, "PUT");
        assert_eq!(upload.request.headers["content-type"], "application/octet-stream");
        assert!(upload.request.url.contains(&id.to_string()) && upload.request.expires > world.clock.now());

        assert_eq!(
            sender.refused(Command::CompleteAttachment { id }).await.code,
            ErrorCode::InvalidAttachment
        );
        let part = AttachmentPart { number: 1, offset: 0, bytes: 9, sha256: BlobHash::of(FILE).0 };
        let body = futures_util::stream::iter([Ok(Bytes::from_static(FILE))]).boxed();
        world.delivery.files().here().unwrap().put_part(id, part, body).await.unwrap();
        let state = sender.request(Command::GetAttachmentUpload { id }).await;
        assert_eq!(
            state,
            Outcome::AttachmentUpload { id, complete: false, there: vec![1], uploads: Vec::new() }
        );
        let foreign = reader.refused(Command::GetAttachmentUpload { id }).await;
        assert_eq!(foreign.code, ErrorCode::NotFound, "another user's");
        assert_eq!(sender.request(Command::CompleteAttachment { id }).await, Outcome::Done);

        let chat = sender.create(create(ChatKind::Direct, "", vec![bob.device.user])).await;
        let message = ChatCommand::Send {
            body: Body::Text("look".into()),
            reply_to: None,
            attachments: vec![id],
            epoch: None,
        };
        let seq = Seq(sender.act(chat, message).await);
        let Outcome::Attachment { bytes, request } =
            reader.request(Command::GetAttachment { chat, seq, id }).await
        else {
            panic!("no source")
        };
        assert_eq!((bytes, request.method.as_str()), (9, "GET"));
        assert!(request.expires > Timestamp(0) && request.headers.is_empty());
        for (seq, id) in [(Seq(1), id), (seq, AttachmentId::from_bytes([1; 16]))] {
            let refused = reader.refused(Command::GetAttachment { chat, seq, id }).await;
            assert_eq!(refused.code, ErrorCode::NotFound);
        }
    }
}

#[tokio::test]
async fn uploads_begun_in_a_minute_are_limited() {
    let world = World::new().await;
    let [ada] = world.people().await;
    let mut client = world.online(&ada, Format::Proto).await;
    // One is regained each half second: the slower the machine, the more are taken before one is refused.
    let mut begun = 0;
    let refused = loop {
        match client.request(new()).await {
            Outcome::AttachmentUpload { .. } => begun += 1,
            Outcome::Failed(refused) => break refused,
            other => panic!("{other:?}"),
        }
        assert!(begun < 600, "nothing is refused");
    };
    assert!(begun >= 120, "only {begun} were taken");
    assert_eq!(refused.code, ErrorCode::TooFast);
    assert!(refused.retry_after.is_some());
}
