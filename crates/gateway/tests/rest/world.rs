//! A gateway over a store in memory, and requests to it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use dunlin_accounts::{Accounts, AccountsConfig, CodeSender, SendError};
use dunlin_delivery::{Delivery, DeliveryConfig, Storage};
use dunlin_gateway::http::{HttpConfig, router};
use dunlin_gateway::{Gateway, GatewayConfig};
use dunlin_model::account::Address;
use dunlin_model::clock::{ManualClock, SeededRandomness};
use dunlin_model::{Encryption, Timestamp};
use dunlin_relay::{InProcessRelay, ServerId};
use dunlin_store::memory::MemoryStore;
use http_body_util::BodyExt as _;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::schema::Document;

/// Keeps the newest code for each address.
#[derive(Default)]
pub(crate) struct Outbox(Mutex<HashMap<String, String>>);

#[async_trait]
impl CodeSender for Outbox {
    async fn send(&self, address: &Address, code: &str, _valid_for: Duration) -> Result<(), SendError> {
        self.0.lock().insert(address.expose().to_owned(), code.to_owned());
        Ok(())
    }
}

pub(crate) struct World {
    pub(crate) router: Router,
    pub(crate) document: Document,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) delivery: Arc<Delivery>,
    outbox: Arc<Outbox>,
}

/// An answer that the document allows.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// A device that is logged in.
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(HttpConfig { test_accounts: true, ..HttpConfig::default() }).await
    }

    pub(crate) async fn with(config: HttpConfig) -> Self {
        Self::with_both(config, Self::delivery_config()).await
    }

    /// Both encryptions, which rules over REST are tried with.
    pub(crate) fn delivery_config() -> DeliveryConfig {
        DeliveryConfig { encryptions: vec![Encryption::None, Encryption::Mls], ..DeliveryConfig::default() }
    }

    pub(crate) async fn with_both(config: HttpConfig, delivery_config: DeliveryConfig) -> Self {
        let store = Arc::new(MemoryStore::default());
        let clock = Arc::new(ManualClock::at(Timestamp(1_800_000_000_000)));
        let randomness = Arc::new(SeededRandomness::new(7));
        let outbox = Arc::new(Outbox::default());
        let accounts = Accounts::open(
            store.clone(),
            clock.clone(),
            randomness.clone(),
            outbox.clone(),
            AccountsConfig::default(),
        );
        let delivery = Delivery::start(
            store.clone(),
            Storage::in_memory(Arc::new(dunlin_blobs::MemoryBlobs::new(
                dunlin_model::mls::HANDSHAKE_BYTES_MAX,
            ))),
            Arc::new(InProcessRelay::new()),
            ServerId(1),
            clock.clone(),
            randomness.clone(),
            delivery_config,
        );
        let gateway = Gateway::start(
            delivery.await.unwrap(),
            Arc::new(accounts.await.unwrap()),
            clock.clone(),
            randomness,
            GatewayConfig::default(),
            1,
        );
        let router = router(&gateway, &config);
        let request = Request::get("/api/openapi.json").body(Body::empty()).unwrap();
        let answer = router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let document = answer.into_body().collect().await.unwrap().to_bytes();
        let document = Document::new(serde_json::from_slice(&document).unwrap());
        let delivery = Arc::clone(gateway.delivery());
        Self { router, document, store, clock, delivery, outbox }
    }

    /// Sends a request as it is, and holds the answer against the document.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Answer {
        let (method, path) = (request.method().as_str().to_lowercase(), request.uri().path().to_owned());
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([192, 0, 2, 1], 1))));
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        self.document.check(&method, &path, parts.status.as_u16(), &body);
        assert_eq!(parts.headers[header::CACHE_CONTROL], "no-store");
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = match body {
            None => Body::empty(),
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                Body::from(body.to_string())
            }
        };
        self.send(request.body(body).unwrap()).await
    }

    /// The body of a request of `person` that succeeds.
    pub(crate) async fn get(&self, person: &Person, path: &str) -> Value {
        let answer = self.call("GET", path, Some(&person.token), None).await;
        assert!(answer.status.is_success(), "GET {path}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// The body of a request of `person` that succeeds.
    pub(crate) async fn done(&self, person: &Person, method: &str, path: &str, body: Value) -> Value {
        let answer = self.call(method, path, Some(&person.token), some(body)).await;
        assert!(answer.status.is_success(), "{method} {path}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// Status and code of a request of `person` that fails.
    pub(crate) async fn refused(
        &self,
        person: &Person,
        method: &str,
        path: &str,
        body: Value,
    ) -> (u16, String) {
        let answer = self.call(method, path, Some(&person.token), some(body)).await;
        assert!(!answer.status.is_success(), "{method} {path}: {} {}", answer.status, answer.body);
        (answer.status.as_u16(), answer.code())
    }

    pub(crate) async fn code(&self, address: &str) -> String {
        let asked = self.call("POST", "/api/otp", None, Some(json!({"address": address}))).await;
        assert_eq!((asked.status, asked.body), (StatusCode::CREATED, json!({})));
        self.outbox.0.lock()[address].clone()
    }

    pub(crate) async fn login(&self, address: &str) -> Person {
        let login = json!({"address": address, "code": self.code(address).await, "deviceName": "laptop"});
        let answer = self.call("POST", "/api/auth/login", None, Some(login)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        Person::new(&answer.body["credentials"])
    }

    /// People with one device each.
    pub(crate) async fn people(&self, count: usize) -> Vec<Person> {
        let made = self.call("POST", "/api/test/accounts", None, Some(json!({"count": count}))).await;
        assert_eq!(made.status, StatusCode::OK);
        made.body.as_array().unwrap().iter().map(Person::new).collect()
    }
}

/// `null` stands for no body.
fn some(body: Value) -> Option<Value> {
    Some(body).filter(|body| !body.is_null())
}

impl Person {
    pub(crate) fn new(credentials: &Value) -> Self {
        let text = |name: &str| credentials[name].as_str().unwrap().to_owned();
        Self { id: text("userId"), token: text("accessToken"), refresh_token: text("refreshToken") }
    }
}

impl Answer {
    pub(crate) fn code(&self) -> String {
        self.body["error"]["code"].as_str().unwrap().to_owned()
    }
}
