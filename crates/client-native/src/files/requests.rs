//! The requests that transfers make.

use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::HEXLOWER;
use dunlin_client::file::SealedHashes;
use dunlin_model::{AttachmentId, ChatId, Seq};
use reqwest::{Method, RequestBuilder, Response};
use serde::{Deserialize, Serialize};

use crate::api::{Api, ApiError};

/// How long one part may take.
const PART_TIME_MAX: Duration = Duration::from_secs(10 * 60);
/// How long a whole file may take in one connection; the next one goes on.
const FILE_TIME_MAX: Duration = Duration::from_secs(60 * 60);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewAttachment {
    size: u64,
    sha256: String,
    part_sha256s: Vec<String>,
}

/// A request that the server has signed.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct SignedRequest {
    url: String,
    method: String,
    headers: BTreeMap<String, String>,
}

/// Where a part goes.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct PartUpload {
    pub(super) part: u32,
    #[serde(flatten)]
    pub(super) request: SignedRequest,
}

/// How far an upload has got.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UploadState {
    pub(super) attachment_id: String,
    pub(super) complete: bool,
    pub(super) parts_there: Vec<u32>,
    pub(super) uploads: Vec<PartUpload>,
}

/// Where a file can be read.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Source {
    pub(super) size: u64,
    #[serde(flatten)]
    pub(super) request: SignedRequest,
}

impl Api {
    pub(super) async fn create_attachment(
        &self,
        token: &str,
        hashes: &SealedHashes,
    ) -> Result<UploadState, ApiError> {
        let new = NewAttachment {
            size: hashes.bytes,
            sha256: HEXLOWER.encode(&hashes.whole),
            part_sha256s: hashes.parts.iter().map(|part| HEXLOWER.encode(part)).collect(),
        };
        self.read(self.call(Method::POST, &["attachments"], Some(token)).json(&new)).await
    }

    pub(super) async fn upload_state(&self, token: &str, id: AttachmentId) -> Result<UploadState, ApiError> {
        self.read(self.call(Method::GET, &["attachments", &id.to_string()], Some(token))).await
    }

    pub(super) async fn complete_attachment(&self, token: &str, id: AttachmentId) -> Result<(), ApiError> {
        let path = ["attachments", &id.to_string(), "complete"];
        self.send(self.call(Method::POST, &path, Some(token)).timeout(PART_TIME_MAX)).await
    }

    pub(super) async fn put_part(&self, request: &SignedRequest, part: Vec<u8>) -> Result<(), ApiError> {
        self.send(self.signed(request)?.timeout(PART_TIME_MAX).body(part)).await
    }

    pub(super) async fn attachment_source(
        &self,
        token: &str,
        chat: ChatId,
        seq: Seq,
        id: AttachmentId,
    ) -> Result<Source, ApiError> {
        let (chat, seq, id) = (chat.to_string(), seq.0.to_string(), id.to_string());
        let path = ["chats", &chat, "messages", &seq, "attachments", &id];
        self.read(self.call(Method::GET, &path, Some(token))).await
    }

    pub(super) async fn attachment_fetched(
        &self,
        token: &str,
        chat: ChatId,
        seq: Seq,
        id: AttachmentId,
    ) -> Result<(), ApiError> {
        let (chat, seq, id) = (chat.to_string(), seq.0.to_string(), id.to_string());
        let path = ["chats", &chat, "messages", &seq, "attachments", &id, "fetched"];
        self.send(self.call(Method::POST, &path, Some(token))).await
    }

    /// An answer whose body is the file from `from` on.
    pub(super) async fn open_file(&self, request: &SignedRequest, from: u64) -> Result<Response, ApiError> {
        let range = format!("bytes={from}-");
        let request = self.signed(request)?.timeout(FILE_TIME_MAX).header("range", range);
        let answer = request.send().await.map_err(ApiError::Unreachable)?;
        match answer.status().as_u16() {
            206 => Ok(answer),
            200 if from == 0 => Ok(answer),
            status => Err(self.refusal(status, answer).await),
        }
    }

    /// The request as it was signed, and who this program is. No token goes with it.
    fn signed(&self, signed: &SignedRequest) -> Result<RequestBuilder, ApiError> {
        let wrong = || ApiError::NotUnderstood { status: 200 };
        let method = Method::from_bytes(signed.method.as_bytes()).map_err(|_| wrong())?;
        let mut request = self.file_request(method, self.file_address(&signed.url)?)?;
        for (name, value) in &signed.headers {
            request = request.header(name, value);
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_signed_request_goes_to_no_other_place_than_the_one_it_was_signed_for() {
        let (store, elsewhere) = (
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
        );
        let server = format!("http://{}", store.local_addr().unwrap());
        let url = format!("{server}/file?signature=a");
        let to = format!("http://{}/caught", elsewhere.local_addr().unwrap());
        let api = Api::new(server.parse().unwrap()).unwrap();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = store.accept().await.unwrap();
                let _ = stream.read(&mut [0; 4096]).await.unwrap();
                let answer = format!(
                    "HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let asked = async {
            for method in ["GET", "PUT"] {
                let request =
                    SignedRequest { url: url.clone(), method: method.into(), headers: BTreeMap::new() };
                let refused = match method {
                    "GET" => api.open_file(&request, 0).await.map(drop),
                    _ => api.put_part(&request, vec![1; 9]).await,
                };
                assert!(matches!(refused, Err(ApiError::NotUnderstood { status: 307 })), "{refused:?}");
            }
        };
        tokio::select! {
            () = asked => {}
            _ = elsewhere.accept() => panic!("it went elsewhere"),
        }
    }
}
