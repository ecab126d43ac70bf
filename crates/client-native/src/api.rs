//! REST: accounts, devices and people. Chats have commands on the WebSocket.

pub mod types;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use data_encoding::HEXLOWER;
use dunlin_model::mls::HANDSHAKE_BYTES_MAX;
use dunlin_model::{ChatId, ErrorCode, Retry, Seq, UserId};
use dunlin_wire::Failure;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::credentials::Credentials;
use crate::server_url::ServerUrl;
use crate::tls;
use types::{
    AddressBody, BlobAddress, BlockList, ContactList, ContactName, DeviceList, FoundUser, LoggedIn, Login,
    NewBlob, Profile, RefreshRequest, Settings,
};

/// How long one request may take.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(15);
/// Bytes of an answer that is JSON, at the most: far more than the longest list takes.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why a REST request failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The server could not be reached, or the connection broke.
    #[error("the server cannot be reached: {}", root_cause(.0))]
    Unreachable(#[source] reqwest::Error),
    /// The server said no.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// The answer is not one of this protocol.
    #[error("the answer (HTTP status {status}) is not one of a Dunlin server")]
    NotUnderstood {
        /// The HTTP status.
        status: u16,
    },
    /// This machine could not prepare the request.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[source] io::Error),
}

impl ApiError {
    /// Whether asking again will not help.
    pub fn is_definite(&self) -> bool {
        match self {
            Self::Failed(failure) => failure.retry != Retry::Later,
            Self::Unreachable(_) | Self::NotUnderstood { .. } | Self::Tls(_) => false,
        }
    }

    /// The stable code, when the server said no.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Failed(failure) => Some(failure.code),
            Self::Unreachable(_) | Self::NotUnderstood { .. } | Self::Tls(_) => None,
        }
    }
}

/// The innermost reason: what lies around it says only that a request failed, and repeats the address.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// How an error looks on the wire.
#[derive(Deserialize)]
struct ErrorBody {
    error: ErrorFields,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ErrorFields {
    code: String,
    message: String,
    #[serde(default)]
    retry_after_ms: Option<u64>,
}

/// The failure that a JSON error body tells.
pub(crate) fn failure_of(body: &[u8]) -> Option<Failure> {
    let ErrorBody { error } = serde_json::from_slice(body).ok()?;
    // A code from the future is treated as a fault of the server: it may pass.
    let code = ErrorCode::parse(&error.code).unwrap_or(ErrorCode::Internal);
    let mut failure = Failure::new(code, error.message);
    failure.retry_after = error.retry_after_ms.filter(|ms| *ms > 0).map(Duration::from_millis);
    Some(failure)
}

fn client(tls: rustls::ClientConfig) -> Result<Client, ApiError> {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .timeout(REQUEST_TIME_MAX)
        // What is asked is for one host: a signed request or a token must not follow wherever an answer points.
        .redirect(Policy::none())
        .user_agent(concat!("dunlin/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(ApiError::Unreachable)
}

/// REST requests to one server.
#[derive(Debug, Clone)]
pub struct Api {
    server: ServerUrl,
    client: Client,
    /// For encrypted addresses elsewhere, where the server itself is not encrypted; made when it is needed.
    elsewhere: Arc<OnceLock<Client>>,
}

impl Api {
    /// Prepares requests; connects to nothing yet.
    ///
    /// # Errors
    /// When the machine's certificate authorities cannot be loaded.
    pub fn new(server: ServerUrl) -> Result<Self, ApiError> {
        let tls = if server.is_tls() {
            tls::client_config().map(|config| (*config).clone())
        } else {
            tls::no_tls()
        };
        let client = client(tls.map_err(ApiError::Tls)?)?;
        Ok(Self { server, client, elsewhere: Arc::default() })
    }

    /// The server asked.
    pub fn server(&self) -> &ServerUrl {
        &self.server
    }

    /// Has a one-time code sent to `address`.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn request_code(&self, address: &str) -> Result<(), ApiError> {
        self.send(self.call(Method::POST, &["otp"], None).json(&AddressBody { address })).await
    }

    /// Trades a one-time code for credentials of a new device.
    ///
    /// # Errors
    /// See [`ApiError`]; `wrongCode` when the code is not right.
    pub async fn login(&self, login: &Login<'_>) -> Result<LoggedIn, ApiError> {
        self.read(self.call(Method::POST, &["auth", "login"], None).json(login)).await
    }

    /// Trades a refresh token for the next credentials.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn refresh(&self, refresh_token: &str) -> Result<Credentials, ApiError> {
        let body = RefreshRequest { refresh_token };
        let answer: LoggedIn =
            self.read(self.call(Method::POST, &["auth", "refresh"], None).json(&body)).await?;
        Ok(answer.credentials)
    }

    /// Ends this device's login.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn log_out(&self, token: &str) -> Result<(), ApiError> {
        self.send(self.call(Method::POST, &["auth", "logout"], Some(token))).await
    }

    /// A part of a handshake of the chat, by the SHA-256 of its bytes: one that the event at `seq` names, or the
    /// group info of the current epoch. Asks where it can be got first.
    ///
    /// # Errors
    /// See [`ApiError`]; `notFound` when there is none. The bytes may be others: whoever asks checks the hash.
    pub async fn blob(
        &self,
        token: &str,
        chat: ChatId,
        seq: Option<Seq>,
        sha256: &[u8; 32],
    ) -> Result<Bytes, ApiError> {
        let (chat, name) = (chat.to_string(), HEXLOWER.encode(sha256));
        let mut url = self.server.rest(&["chats", &chat, "blobs", &name]);
        if let Some(seq) = seq {
            url.query_pairs_mut().append_pair("seq", &seq.0.to_string());
        }
        let BlobAddress { address } = self.read(self.client.get(url).bearer_auth(token)).await?;
        let (_, body) = self.answer(self.client.get(self.at(&address)?), HANDSHAKE_BYTES_MAX).await?;
        Ok(body.into())
    }

    /// Stores a part of a handshake of the chat under the SHA-256 of its bytes. Durable when this returns.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn put_blob(
        &self,
        token: &str,
        chat: ChatId,
        sha256: &[u8; 32],
        bytes: Bytes,
    ) -> Result<(), ApiError> {
        let new = NewBlob { sha256: HEXLOWER.encode(sha256), size: bytes.len() };
        let request = self.call(Method::POST, &["chats", &chat.to_string(), "blobs"], Some(token));
        let BlobAddress { address } = self.read(request.json(&new)).await?;
        self.send(self.client.put(self.at(&address)?).body(bytes)).await
    }

    /// The devices that are logged in.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn devices(&self, token: &str) -> Result<DeviceList, ApiError> {
        self.read(self.call(Method::GET, &["devices"], Some(token))).await
    }

    /// Ends another device's login.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn revoke_device(&self, token: &str, number: u32) -> Result<(), ApiError> {
        self.send(self.call(Method::DELETE, &["devices", &number.to_string()], Some(token))).await
    }

    /// The user with this phone number or e-mail address.
    ///
    /// # Errors
    /// See [`ApiError`]; `notFound` when there is none.
    pub async fn find_user(&self, token: &str, address: &str) -> Result<FoundUser, ApiError> {
        let body = AddressBody { address };
        self.read(self.call(Method::POST, &["users", "find"], Some(token)).json(&body)).await
    }

    /// What another user shows of themselves.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn user(&self, token: &str, user: UserId) -> Result<FoundUser, ApiError> {
        self.read(self.call(Method::GET, &["users", &user.to_string()], Some(token))).await
    }

    /// The user's own profile.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn profile(&self, token: &str) -> Result<Profile, ApiError> {
        self.read(self.call(Method::GET, &["profile"], Some(token))).await
    }

    /// Replaces the user's profile, if its version is still the one that was read.
    ///
    /// # Errors
    /// See [`ApiError`]; `conflict` when it changed meanwhile.
    pub async fn set_profile(&self, token: &str, profile: &Profile) -> Result<(), ApiError> {
        self.send(self.call(Method::PUT, &["profile"], Some(token)).json(profile)).await
    }

    /// The user's contacts.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn contacts(&self, token: &str) -> Result<ContactList, ApiError> {
        self.read(self.call(Method::GET, &["contacts"], Some(token))).await
    }

    /// Adds a contact, or renames one.
    ///
    /// # Errors
    /// See [`ApiError`]; `notFound` when there is no such user.
    pub async fn put_contact(&self, token: &str, user: UserId, name: &str) -> Result<(), ApiError> {
        let path = ["contacts", &user.to_string()];
        self.send(self.call(Method::PUT, &path, Some(token)).json(&ContactName { name })).await
    }

    /// Removes a contact, if it is there.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn remove_contact(&self, token: &str, user: UserId) -> Result<(), ApiError> {
        self.send(self.call(Method::DELETE, &["contacts", &user.to_string()], Some(token))).await
    }

    /// The user's settings.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn settings(&self, token: &str) -> Result<Settings, ApiError> {
        self.read(self.call(Method::GET, &["settings"], Some(token))).await
    }

    /// Replaces the user's settings.
    ///
    /// # Errors
    /// See [`ApiError`]; `conflict` when they changed since their version was read.
    pub async fn set_settings(&self, token: &str, settings: &Settings) -> Result<(), ApiError> {
        self.send(self.call(Method::PUT, &["settings"], Some(token)).json(settings)).await
    }

    /// Whom the user has blocked.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn blocks(&self, token: &str) -> Result<BlockList, ApiError> {
        self.read(self.call(Method::GET, &["blocks"], Some(token))).await
    }

    /// Blocks a user.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn block(&self, token: &str, user: UserId) -> Result<(), ApiError> {
        self.send(self.call(Method::PUT, &["blocks", &user.to_string()], Some(token))).await
    }

    /// Unblocks a user.
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn unblock(&self, token: &str, user: UserId) -> Result<(), ApiError> {
        self.send(self.call(Method::DELETE, &["blocks", &user.to_string()], Some(token))).await
    }

    /// An address on the server that it gave itself.
    fn at(&self, address: &str) -> Result<reqwest::Url, ApiError> {
        self.server.at(address).ok_or(ApiError::NotUnderstood { status: 200 })
    }

    /// An address that the server gave for a file.
    pub(crate) fn file_address(&self, address: &str) -> Result<reqwest::Url, ApiError> {
        self.server.file(address).ok_or(ApiError::NotUnderstood { status: 200 })
    }

    /// A request to an address that the server gave for a file. Nothing of this user goes with it.
    pub(crate) fn file_request(&self, method: Method, url: reqwest::Url) -> Result<RequestBuilder, ApiError> {
        if url.scheme() == "http" || self.server.is_tls() {
            return Ok(self.client.request(method, url));
        }
        if self.elsewhere.get().is_none() {
            let tls = tls::client_config().map_err(ApiError::Tls)?;
            let _ = self.elsewhere.set(client((*tls).clone())?);
        }
        Ok(self.elsewhere.get().unwrap_or(&self.client).request(method, url))
    }

    /// What an answer that is no success says.
    pub(crate) async fn refusal(&self, status: u16, mut answer: reqwest::Response) -> ApiError {
        let mut body = Vec::new();
        while let Ok(Some(part)) = answer.chunk().await {
            if part.len() > ANSWER_BYTES_MAX.saturating_sub(body.len()) {
                break;
            }
            body.extend_from_slice(&part);
        }
        failure_of(&body).map_or(ApiError::NotUnderstood { status }, ApiError::Failed)
    }

    pub(crate) fn call(&self, method: Method, path: &[&str], token: Option<&str>) -> RequestBuilder {
        let request = self.client.request(method, self.server.rest(path));
        match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Result<(), ApiError> {
        self.answer(request, ANSWER_BYTES_MAX).await.map(drop)
    }

    pub(crate) async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ApiError> {
        let (status, body) = self.answer(request, ANSWER_BYTES_MAX).await?;
        serde_json::from_slice(&body).map_err(|_| ApiError::NotUnderstood { status })
    }

    /// The status and body of an answer. Reads no further than `bytes_max`: whoever answers does not decide how much
    /// memory that takes here.
    async fn answer(&self, request: RequestBuilder, bytes_max: usize) -> Result<(u16, Vec<u8>), ApiError> {
        let mut answer = request.send().await.map_err(ApiError::Unreachable)?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(ApiError::Unreachable)? {
            if part.len() > bytes_max.saturating_sub(body.len()) {
                return Err(ApiError::NotUnderstood { status: status.as_u16() });
            }
            body.extend_from_slice(&part);
        }
        if status.is_success() {
            return Ok((status.as_u16(), body));
        }
        Err(failure_of(&body).map_or(ApiError::NotUnderstood { status: status.as_u16() }, ApiError::Failed))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_answer_without_end_is_not_read_to_its_end() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server: ServerUrl = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let answers = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        });
        let api = Api::new(server).unwrap();
        let refused = api.answer(api.call(Method::GET, &["profile"], None), 100_000).await;
        assert!(matches!(refused, Err(ApiError::NotUnderstood { status: 200 })), "{refused:?}");
        // It was told so: the connection is closed.
        answers.await.unwrap();
    }
}
