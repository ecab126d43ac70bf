//! The OpenAPI document: what the routes say of themselves, and what holds for all of them.

use axum::Router;
use axum::http::header;
use axum::routing::get;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, RefOr, ResponseBuilder};
use utoipa::{OpenApi, ToSchema};

use super::Http;
use super::error::ErrorBody;

/// The name of the way to authenticate.
const BEARER: &str = "bearer";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Dunlin",
        description = "Accounts, people and chats over REST. Log events are pushed on the WebSocket at /v1/ws; \
            docs/protocol.md describes it. Ids are 26 characters of base32, times are milliseconds since the \
            Unix epoch. A clientSeq rises with each command of a device, over both interfaces; the same again \
            is a retry and gets the same answer.",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(ErrorBody)),
    tags(
        (name = "accounts", description = "Logging in and out, and devices"),
        (name = "people", description = "Profiles, settings, contacts, blocks"),
        (name = "chats", description = "Chats and their members"),
        (name = "messages", description = "Messages of a chat"),
        (name = "attachments", description = "Encrypted files: uploading them in parts, and reading them"),
        (name = "blobs", description = "Parts of handshakes that are too large for the log, by their hash")
    ),
    paths(document_route)
)]
struct Head;

/// The document without routes.
pub(super) fn head() -> Document {
    let mut document = Head::openapi();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.security_schemes.insert(BEARER.to_owned(), RefOr::T(SecurityScheme::Http(bearer)));
    document
}

/// Describes all of this.
#[utoipa::path(get, path = "/api/openapi.json", operation_id = "describe", tag = "accounts", security(()),
    responses((status = 200, description = "This document", body = serde_json::Value)))]
#[expect(dead_code, reason = "the macro documents the route that `route` serves")]
fn document_route() {}

/// The route that serves the document.
pub(super) fn route(mut document: Document) -> Router<Http> {
    for item in document.paths.paths.values_mut() {
        for operation in operations(item) {
            add_failures(operation);
        }
    }
    let text = document.to_json().expect("the document is plain data");
    Router::new().route(
        "/api/openapi.json",
        get(move || {
            let text = text.clone();
            async move { ([(header::CONTENT_TYPE, "application/json")], text) }
        }),
    )
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// What every route may answer beside what it says itself.
fn add_failures(operation: &mut Operation) {
    let mut failures = vec![
        ("429", "Too many requests: wait as long as it says"),
        ("500", "A fault of the server"),
        ("503", "The server cannot do this now"),
    ];
    let open =
        operation.security.as_ref().is_some_and(|ways| ways.iter().any(|way| *way == Default::default()));
    if !open {
        failures.push(("401", "No token, or one that is not valid"));
    }
    if operation.request_body.is_some() {
        failures.push(("400", "The body is not as it must be"));
        failures.push(("413", "The body, or a field of it, is too large"));
        failures.push(("415", "The body is not application/json"));
    }
    if operation.parameters.is_some() {
        failures.push(("400", "An id or a parameter is not as it must be"));
    }
    for (status, description) in failures {
        let failure = ResponseBuilder::new().description(description).content(
            "application/json",
            ContentBuilder::new().schema(Some(Ref::from_schema_name(ErrorBody::name()))).build(),
        );
        operation.responses.responses.entry(status.to_owned()).or_insert_with(|| RefOr::T(failure.build()));
    }
}
