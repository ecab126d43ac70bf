//! What this server itself asks the store, always for metadata.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dunlin_model::Clock;
use reqwest::{Client, Response};
use rusty_s3::Method;
use serde::de::DeserializeOwned;

use super::S3ConfigError;
use super::bucket::{SigningBucket, Unsigned};
use super::xml::{self, Begun, ObjectList, Part, PartList, Refusal, UploadList};
use crate::FileError;

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// How long what is known of an object may take: a chat waits for it.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// How long an upload may take to be completed: the store puts its parts together.
const COMPLETED_WITHIN: Duration = Duration::from_secs(3 * 60);
/// How long, after the store could not be reached, nothing is asked of it that somebody waits for, or that is asked again
/// later: not every chat, and not every file that is to be removed, waits to learn the same.
const AWAY_FOR: Duration = Duration::from_secs(10);
/// Bytes of an answer: a page of a thousand entries has less than a quarter.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;
/// What CreateMultipartUpload asks for: a file that no browser shows, and a SHA-256 for each part.
const BEGIN_HEADERS: &[(&str, &str)] = &[
    ("content-disposition", "attachment"),
    ("content-type", crate::files::MEDIA_TYPE),
    ("x-amz-checksum-algorithm", "SHA256"),
];

/// Why the store did not do it. Says nothing of keys and signatures.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("the object store cannot be reached: {0:?}")]
    Unreachable(reqwest::Error),
    #[error("the object store could not be reached a moment ago")]
    Away,
    #[error("the object store answers {status} {code}")]
    Refused { status: u16, code: String },
    #[error("the object store's answer to {0} is not understood")]
    NotUnderstood(&'static str),
}

impl From<CallError> for FileError {
    fn from(error: CallError) -> Self {
        Self::Unavailable(io::Error::other(error))
    }
}

/// An object, without its bytes.
pub(super) struct Head {
    pub(super) bytes: u64,
    /// In Base64, as the store has it.
    pub(super) sha256: Option<String>,
}

/// The store, as this server reaches it.
pub(super) struct Caller {
    pub(super) bucket: SigningBucket,
    client: Client,
    clock: Arc<dyn Clock>,
    /// Until when the store is taken for away, in milliseconds of the monotonic clock.
    away_until: AtomicU64,
}

impl Caller {
    pub(super) fn new(bucket: SigningBucket, clock: Arc<dyn Clock>) -> Result<Self, S3ConfigError> {
        let wrong = |error: &dyn std::error::Error| S3ConfigError::Tls(error.to_string());
        let tls = tls(bucket.is_tls()).map_err(|error| wrong(&error))?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .timeout(ANSWER_WITHIN)
            // What is signed is for one host.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| wrong(&error))?;
        Ok(Self { bucket, client, clock, away_until: AtomicU64::new(0) })
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX)
    }

    fn is_not_away(&self) -> Result<(), CallError> {
        if self.millis() < self.away_until.load(Ordering::Relaxed) { Err(CallError::Away) } else { Ok(()) }
    }

    fn unreachable(&self, error: reqwest::Error) -> CallError {
        let away_for = u64::try_from(AWAY_FOR.as_millis()).unwrap_or(u64::MAX);
        self.away_until.store(self.millis().saturating_add(away_for), Ordering::Relaxed);
        // The address holds a signature.
        CallError::Unreachable(error.without_url())
    }

    /// `None` when it is not there. Fails at once for a while after the store could not be reached.
    pub(super) async fn head(&self, key: &str) -> Result<Option<Head>, FileError> {
        self.is_not_away()?;
        let headers = &[("x-amz-checksum-mode", "ENABLED")];
        let unsigned = Unsigned { method: Method::Head, key: Some(key), query: &[], headers };
        let answer = self.answer(unsigned, String::new(), HEAD_WITHIN).await?;
        match answer.status().as_u16() {
            404 => Ok(None),
            200 => {
                let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
                let bytes = text("content-length").and_then(|text| text.parse().ok());
                let bytes = bytes.ok_or(CallError::NotUnderstood("HeadObject"))?;
                Ok(Some(Head { bytes, sha256: text("x-amz-checksum-sha256").map(str::to_owned) }))
            }
            status => Err(CallError::Refused { status, code: String::new() }.into()),
        }
    }

    /// The new upload's name.
    pub(super) async fn begin(&self, key: &str) -> Result<String, FileError> {
        let query = &[("uploads", "")];
        let unsigned = Unsigned { method: Method::Post, key: Some(key), query, headers: BEGIN_HEADERS };
        let text = self.text(unsigned, String::new(), ANSWER_WITHIN).await?;
        let begun: Option<Begun> = xml::read(&text);
        Ok(begun.ok_or(CallError::NotUnderstood("CreateMultipartUpload"))?.upload_id)
    }

    /// The parts of an upload, ascending; `None` when there is no such upload (any more).
    pub(super) async fn parts(&self, key: &str, upload: &str) -> Result<Option<Vec<Part>>, FileError> {
        let mut parts: Vec<Part> = Vec::new();
        loop {
            let marker = parts.last().map_or(0, |last| last.number).to_string();
            let query = &[("part-number-marker", marker.as_str()), ("uploadId", upload)];
            let unsigned = Unsigned { method: Method::Get, key: Some(key), query, headers: &[] };
            let text = match self.text(unsigned, String::new(), ANSWER_WITHIN).await {
                Err(CallError::Refused { code, .. }) if code == "NoSuchUpload" => return Ok(None),
                text => text?,
            };
            let page: Option<PartList> = xml::read(&text);
            let mut page = page.ok_or(CallError::NotUnderstood("ListParts"))?;
            page.parts.sort_unstable_by_key(|part| part.number);
            let known = parts.last().map_or(0, |last| last.number);
            page.parts.retain(|part| part.number > known);
            let is_more = page.is_truncated && !page.parts.is_empty();
            parts.append(&mut page.parts);
            if !is_more {
                return Ok(Some(parts));
            }
        }
    }

    /// Whether the upload was there; then it is an object now.
    pub(super) async fn complete(&self, key: &str, upload: &str, parts: &[Part]) -> Result<bool, FileError> {
        let query = &[("uploadId", upload)];
        let unsigned = Unsigned { method: Method::Post, key: Some(key), query, headers: &[] };
        let text = match self.text(unsigned, xml::completion(parts), COMPLETED_WITHIN).await {
            Err(CallError::Refused { code, .. }) if code == "NoSuchUpload" => return Ok(false),
            text => text?,
        };
        // It begins to answer before it knows.
        match xml::read::<Refusal>(&text) {
            Some(refusal) => Err(CallError::Refused { status: 200, code: refusal.code }.into()),
            None => Ok(true),
        }
    }

    /// Ends an upload. May be repeated. Fails at once as [`Caller::head`] does.
    pub(super) async fn abandon(&self, key: &str, upload: &str) -> Result<(), FileError> {
        self.is_not_away()?;
        let query = &[("uploadId", upload)];
        let unsigned = Unsigned { method: Method::Delete, key: Some(key), query, headers: &[] };
        match self.text(unsigned, String::new(), ANSWER_WITHIN).await {
            Err(CallError::Refused { code, .. }) if code == "NoSuchUpload" => Ok(()),
            other => Ok(other.map(drop)?),
        }
    }

    /// Removes an object. May be repeated. Fails at once as [`Caller::head`] does.
    pub(super) async fn delete(&self, key: &str) -> Result<(), FileError> {
        self.is_not_away()?;
        let unsigned = Unsigned { method: Method::Delete, key: Some(key), query: &[], headers: &[] };
        Ok(self.text(unsigned, String::new(), ANSWER_WITHIN).await.map(drop)?)
    }

    /// Objects whose keys begin with `prefix`, from after the key `after`.
    pub(super) async fn objects(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<ObjectList, FileError> {
        let limit = limit.to_string();
        let query =
            &[("list-type", "2"), ("max-keys", limit.as_str()), ("prefix", prefix), ("start-after", after)];
        self.list("ListObjectsV2", query).await
    }

    /// Uploads of keys that begin with `prefix`, from after the key `after`.
    pub(super) async fn uploads(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<UploadList, FileError> {
        let limit = limit.to_string();
        let query =
            &[("key-marker", after), ("max-uploads", limit.as_str()), ("prefix", prefix), ("uploads", "")];
        self.list("ListMultipartUploads", query).await
    }

    /// What is in the bucket, as `operation` tells it.
    async fn list<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        query: &[(&str, &str)],
    ) -> Result<T, FileError> {
        let unsigned = Unsigned { method: Method::Get, key: None, query, headers: &[] };
        let text = self.text(unsigned, String::new(), ANSWER_WITHIN).await?;
        Ok(xml::read(&text).ok_or(CallError::NotUnderstood(operation))?)
    }

    async fn answer(
        &self,
        unsigned: Unsigned<'_>,
        body: String,
        within: Duration,
    ) -> Result<Response, CallError> {
        let url = self.bucket.sign_now(unsigned);
        let method = match unsigned.method {
            Method::Head => reqwest::Method::HEAD,
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = self.client.request(method, url).timeout(within).body(body);
        for (name, value) in unsigned.headers {
            request = request.header(*name, *value);
        }
        request.send().await.map_err(|error| self.unreachable(error))
    }

    /// The body of an answer that is a success.
    async fn text(
        &self,
        unsigned: Unsigned<'_>,
        body: String,
        within: Duration,
    ) -> Result<String, CallError> {
        let mut answer = self.answer(unsigned, body, within).await?;
        let (status, mut bytes) = (answer.status(), Vec::new());
        while let Some(piece) = answer.chunk().await.map_err(|error| self.unreachable(error))? {
            if piece.len() > ANSWER_BYTES_MAX.saturating_sub(bytes.len()) {
                return Err(CallError::NotUnderstood("a request, which is too long,"));
            }
            bytes.extend_from_slice(&piece);
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if status.is_success() {
            return Ok(text);
        }
        let code = xml::read::<Refusal>(&text).map_or_else(String::new, |refusal| refusal.code);
        Err(CallError::Refused { status: status.as_u16(), code })
    }
}

/// With the machine's own certificate authorities, so that a store of one's own can have a certificate of one's own.
fn tls(is_tls: bool) -> Result<rustls::ClientConfig, rustls::Error> {
    use rustls_platform_verifier::BuilderVerifierExt as _;
    let provider = rustls::crypto::ring::default_provider();
    let builder =
        rustls::ClientConfig::builder_with_provider(provider.into()).with_safe_default_protocol_versions()?;
    Ok(if is_tls {
        builder.with_platform_verifier()?.with_no_client_auth()
    } else {
        builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
    })
}
