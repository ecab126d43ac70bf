//! The bucket, and requests to it, signed in their query (AWS Signature Version 4).

use std::sync::Arc;

use dunlin_model::{Clock, Timestamp};
use reqwest::Url;
use rusty_s3::{Bucket, Credentials, Method, UrlStyle, signing};

use super::S3Config;
use crate::GRANT_VALID;

/// Characters of a prefix that mean the same in a key, an address and a signature.
const PREFIX_MARKS: &[u8] = b"/._-";

/// Why an object store cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum S3ConfigError {
    /// An endpoint is no address.
    #[error("{0} is not the http or https address of an object store, or does not go with the bucket's name")]
    Endpoint(String),
    /// The prefix has characters that are not the same everywhere.
    #[error(
        "the prefix may have letters, digits, full stops, dashes and single slashes, and none at its beginning"
    )]
    Prefix,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(String),
}

/// For whom an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// For this server.
    Server,
    /// For clients.
    Client,
}

/// A request that is to be signed.
#[derive(Clone, Copy)]
pub(super) struct Unsigned<'a> {
    pub(super) method: Method,
    /// The object; the bucket itself without.
    pub(super) key: Option<&'a str>,
    /// Sorted by name.
    pub(super) query: &'a [(&'a str, &'a str)],
    /// In lower case, sorted by name. Whoever makes the request must send exactly these.
    pub(super) headers: &'a [(&'a str, &'a str)],
}

/// Where objects are, and how requests for them are signed.
pub(super) struct SigningBucket {
    server: Bucket,
    client: Bucket,
    credentials: Credentials,
    clock: Arc<dyn Clock>,
}

impl SigningBucket {
    pub(super) fn new(config: &S3Config, clock: Arc<dyn Clock>) -> Result<Self, S3ConfigError> {
        let prefix = config.prefix.as_bytes();
        let plain = prefix.iter().all(|byte| byte.is_ascii_alphanumeric() || PREFIX_MARKS.contains(byte));
        let segments = config.prefix.split('/');
        let odd = segments.rev().skip(1).any(|segment| matches!(segment, "" | "." | ".."));
        if !plain || odd || prefix.first() == Some(&b'/') {
            return Err(S3ConfigError::Prefix);
        }
        let bucket = |endpoint: &str| {
            let wrong = || S3ConfigError::Endpoint(endpoint.to_owned());
            let url: Url = endpoint.parse().map_err(|_| wrong())?;
            let style = if config.path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
            Bucket::new(url, style, config.bucket.clone(), config.region.clone()).map_err(|_| wrong())
        };
        Ok(Self {
            server: bucket(&config.endpoint)?,
            client: bucket(config.public_endpoint.as_ref().unwrap_or(&config.endpoint))?,
            credentials: Credentials::new(&config.access_key_id, &config.secret_access_key),
            clock,
        })
    }

    /// Where browsers go for objects: scheme, host and port.
    pub(super) fn client_origin(&self) -> String {
        self.client.base_url().origin().ascii_serialization()
    }

    /// Whether this server's own requests are encrypted.
    pub(super) fn is_tls(&self) -> bool {
        self.server.base_url().scheme() == "https"
    }

    /// The address at which a request serves now, for [`GRANT_VALID`].
    pub(super) fn sign_now(&self, unsigned: Unsigned<'_>) -> Url {
        self.sign(Side::Server, unsigned, self.clock.now()).0
    }

    /// The address at which a request serves from `now` on for [`GRANT_VALID`], and until when that is: signatures
    /// know whole seconds.
    pub(super) fn sign(&self, side: Side, unsigned: Unsigned<'_>, now: Timestamp) -> (Url, Timestamp) {
        let bucket = match side {
            Side::Server => &self.server,
            Side::Client => &self.client,
        };
        let seconds = now.0 / 1_000;
        let date = i64::try_from(seconds).ok().and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
        let url = match unsigned.key {
            Some(key) => bucket.object_url(key),
            None => bucket.base_url().clone(),
        };
        let signed = signing::sign(
            // Beyond the year 9999 nothing is signed that serves.
            &date.unwrap_or(jiff::Timestamp::MAX),
            unsigned.method,
            url,
            self.credentials.key(),
            self.credentials.secret(),
            None,
            bucket.region(),
            GRANT_VALID.as_secs(),
            unsigned.query.iter().copied(),
            unsigned.headers.iter().copied(),
        );
        (signed, Timestamp(seconds * 1_000) + GRANT_VALID)
    }
}
