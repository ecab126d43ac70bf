//! Codes to a service of the administrator's, which sends them on by text message or otherwise.

use std::time::Duration;

use async_trait::async_trait;
use dunlin_model::account::Address;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde::{Deserialize, Serialize};

use super::{CodeSender, SEND_TIMEOUT, SendError};
use crate::keys::mac;

/// The header that carries the signature of the body: `sha256=` and HMAC-SHA-256 in hexadecimal.
const SIGNATURE_HEADER: &str = "x-dunlin-signature";

/// How the webhook knows that it is us.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WebhookAuthentication {
    /// It does not.
    None,
    /// `Authorization: Bearer` with this token.
    Bearer(String),
    /// A signature of the body with this key, in the header `x-dunlin-signature`.
    Hmac(String),
}

/// Which service.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Takes a POST of `{"address", "kind": "email" | "phone", "code", "validSeconds"}`.
    pub url: String,
    /// How it knows that it is us.
    #[serde(default = "unauthenticated")]
    pub authentication: WebhookAuthentication,
}

const fn unauthenticated() -> WebhookAuthentication {
    WebhookAuthentication::None
}

impl std::fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // URL and authentication may both hold secrets.
        f.debug_struct("WebhookConfig").finish_non_exhaustive()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    address: &'a str,
    kind: &'static str,
    code: &'a str,
    valid_seconds: u64,
}

/// Posts codes to a URL.
pub struct WebhookSender {
    client: reqwest::Client,
    config: WebhookConfig,
}

impl WebhookSender {
    /// A sender for this service. Connects when it first sends.
    ///
    /// # Errors
    /// When the URL cannot be read, or TLS not be set up.
    pub fn new(config: WebhookConfig) -> Result<Self, SendError> {
        reqwest::Url::parse(&config.url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"))
            .ok_or(SendError::Configuration("webhook url"))?;
        let roots: rustls::RootCertStore = webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect();
        let provider = rustls::crypto::ring::default_provider();
        let tls = rustls::ClientConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .map_err(|_| SendError::Configuration("TLS"))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .timeout(SEND_TIMEOUT)
            // A redirect would carry the code to somewhere nobody configured.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(SendError::Webhook)?;
        Ok(Self { client, config })
    }
}

#[async_trait]
impl CodeSender for WebhookSender {
    async fn send(&self, address: &Address, code: &str, valid_for: Duration) -> Result<(), SendError> {
        let body = Body {
            address: address.expose(),
            kind: if address.is_email() { "email" } else { "phone" },
            code,
            valid_seconds: valid_for.as_secs(),
        };
        let body = serde_json::to_vec(&body).expect("the body is plain strings and a number");
        let mut request = self.client.post(&self.config.url).header(CONTENT_TYPE, "application/json");
        match &self.config.authentication {
            WebhookAuthentication::None => {}
            WebhookAuthentication::Bearer(token) => {
                request = request.header(AUTHORIZATION, format!("Bearer {token}"));
            }
            WebhookAuthentication::Hmac(key) => {
                request = request.header(SIGNATURE_HEADER, signature(key, &body));
            }
        }
        let answer =
            request.body(body).send().await.map_err(|error| SendError::Webhook(error.without_url()))?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(SendError::WebhookStatus(answer.status().as_u16()))
        }
    }
}

fn signature(key: &str, body: &[u8]) -> String {
    use std::fmt::Write as _;
    mac(key.as_bytes(), &[body]).iter().fold("sha256=".to_owned(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
