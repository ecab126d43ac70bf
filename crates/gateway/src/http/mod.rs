//! REST: accounts, devices, people and chats, with the rules of the WebSocket protocol behind them.
//!
//! Ids and enums are spelt as in the proto3 JSON of `proto/dunlin/v1`; numbers are JSON numbers. Every answer that
//! is not a success is `{"error": {"code", "message", "retry", "retryAfterMs"}}`. `/api/openapi.json` describes it all.

mod attachment_files;
mod attachments;
mod auth;
mod blobs;
mod chats;
pub mod config;
mod devices;
mod error;
mod extract;
mod keys;
mod limits;
mod messages;
mod openapi;
mod people;
mod types;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, HttpBody as _};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use dunlin_delivery::Counter;
use dunlin_model::ErrorCode;
use dunlin_model::mls::HANDSHAKE_BYTES_MAX;
use dunlin_wire::Failure;
use http_body_util::BodyExt as _;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

pub use config::HttpConfig;
pub(crate) use error::HttpError;

use crate::{Gateway, Metrics};
use limits::Limits;

/// What handlers share.
#[derive(Clone)]
struct Http {
    gateway: Arc<Gateway>,
    config: Arc<HttpConfig>,
    limits: Arc<Limits>,
}

/// All REST routes, on the accounts and the rules of `gateway`.
pub fn router(gateway: &Arc<Gateway>, config: &HttpConfig) -> Router {
    let http = Http {
        gateway: Arc::clone(gateway),
        config: Arc::new(config.clone()),
        limits: Arc::new(Limits::new(config)),
    };
    let (router, document) = documented(config.test_accounts).split_for_parts();
    router
        .merge(openapi::route(document))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(no_such_route)
        .layer(DefaultBodyLimit::max(config.body_bytes_max))
        .layer(middleware::from_fn_with_state(http.clone(), admit))
        .with_state(http)
}

fn documented(test_accounts: bool) -> OpenApiRouter<Http> {
    let router = OpenApiRouter::with_openapi(openapi::head())
        .routes(routes!(auth::request_code))
        .routes(routes!(auth::login))
        .routes(routes!(auth::refresh))
        .routes(routes!(auth::logout))
        .routes(routes!(devices::list))
        .routes(routes!(devices::revoke))
        .routes(routes!(people::own_profile, people::set_profile))
        .routes(routes!(people::find))
        .routes(routes!(people::user))
        .routes(routes!(people::settings, people::set_settings))
        .routes(routes!(people::contacts, people::set_contacts))
        .routes(routes!(people::put_contact, people::remove_contact))
        .routes(routes!(people::blocks))
        .routes(routes!(people::block, people::unblock))
        .routes(routes!(people::presence))
        .routes(routes!(chats::list, chats::create))
        .routes(routes!(chats::join))
        .routes(routes!(chats::get, chats::update, chats::delete))
        .routes(routes!(chats::modify_participants))
        .routes(routes!(chats::leave))
        .routes(routes!(chats::set_invite, chats::withdraw_invite))
        .routes(routes!(messages::history, messages::send))
        .routes(routes!(messages::delete))
        .routes(routes!(messages::status))
        .routes(routes!(attachments::create))
        .routes(routes!(attachments::state))
        .routes(routes!(attachments::complete))
        .routes(routes!(attachments::to_get))
        .routes(routes!(attachments::fetched))
        .routes(routes!(attachment_files::put))
        .routes(routes!(attachment_files::get))
        .routes(routes!(blobs::to_put))
        .routes(routes!(blobs::to_get))
        .routes(routes!(blobs::put, blobs::get).layer(DefaultBodyLimit::max(HANDSHAKE_BYTES_MAX)));
    if test_accounts { router.routes(routes!(auth::test_accounts)) } else { router }
}

/// Counts a request against its address, and marks the answer as one that nobody may keep.
async fn admit(State(http): State<Http>, request: Request, next: Next) -> Response {
    let mut response = match http.limits.admit_request(extract::peer(request.extensions())) {
        Ok(()) => next.run(request.map(|body| counted(body, &http, |metrics| &metrics.http_bytes_in))).await,
        Err(error) => error.into_response(),
    };
    match response.body().size_hint().exact() {
        Some(bytes) => http.gateway.metrics.http_bytes_out.add(bytes),
        None => response = response.map(|body| counted(body, &http, |metrics| &metrics.http_bytes_out)),
    }
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The same body, added to a counter as it passes.
fn counted(body: Body, http: &Http, counter: fn(&Metrics) -> &Counter) -> Body {
    let gateway = Arc::clone(&http.gateway);
    Body::new(body.map_frame(move |frame| {
        let bytes = frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
        counter(&gateway.metrics).add(bytes);
        frame
    }))
}

async fn no_such_route() -> HttpError {
    HttpError::new(ErrorCode::NotFound, "There is nothing at this address.")
}

async fn method_not_allowed() -> HttpError {
    HttpError::method_not_allowed()
}

/// The answer to a request that failed, on this and other routes of the gateway.
impl From<Failure> for HttpError {
    fn from(failure: Failure) -> Self {
        Self::from_failure(failure)
    }
}
