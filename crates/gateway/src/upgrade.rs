//! From an HTTP request to a connection: the handshake of RFC 6455, section 4.2, and who it is.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{
    AUTHORIZATION, CONNECTION, HOST, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use dunlin_model::{DeviceId, ErrorCode};
use dunlin_wire::{ClientFrame, CloseCode, Command, Failure, Format, Outcome, ServerFrame, Welcome};
use hyper_util::rt::TokioIo;
use sha1::{Digest, Sha1};

use crate::Gateway;
use crate::connection::{Arrived, Connection, Link, fault_outcome};
use crate::http::HttpError;
use crate::outbox::{Outbox, write_frame};
use crate::registry::AddressPlace;
use crate::socket::Socket;

/// Appended to the key before hashing (RFC 6455, section 1.3).
const ACCEPT_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The only version there is (RFC 6455, section 4.1).
const VERSION: &str = "13";

/// A refusal of the upgrade, as JSON like every other error.
fn refuse(gateway: &Gateway, status: StatusCode, code: ErrorCode, message: &str) -> Response {
    gateway.metrics.upgrades_refused.add(1);
    HttpError::new(code, message).with_status(status).into_response()
}

/// `GET /v1/ws`.
pub(crate) async fn upgrade(
    State(gateway): State<Arc<Gateway>>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Response {
    let headers = request.headers();
    let format = match check_handshake(&gateway, request.method(), headers) {
        Ok(format) => format,
        Err(response) => return *response,
    };
    let config = gateway.config();
    if gateway.is_draining() {
        let message = "The server is going away.";
        return refuse(&gateway, StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Draining, message);
    }
    if gateway.connections.len() >= config.connections_max {
        let message = "The server has as many connections as it takes.";
        return refuse(&gateway, StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable, message);
    }
    if !gateway.admit_handshake(address.ip()) {
        let message = "Too many connections at once from this address.";
        return refuse(&gateway, StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooFast, message);
    }
    let Some(place) = gateway.connections.admit(address.ip(), config.connections_per_address_max) else {
        let message = "Too many connections from this address.";
        return refuse(&gateway, StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooFast, message);
    };
    let device = match headers.get(AUTHORIZATION) {
        None => None,
        Some(value) => match gateway.authenticate_header(value).await {
            Ok(device) => Some(device),
            Err(failure) => {
                let status = if failure.code == ErrorCode::Unavailable {
                    StatusCode::SERVICE_UNAVAILABLE
                } else {
                    StatusCode::UNAUTHORIZED
                };
                return refuse(&gateway, status, failure.code, &failure.message);
            }
        },
    };
    let accept = headers.get(SEC_WEBSOCKET_KEY).map(|key| accept_key(key.as_bytes())).unwrap_or_default();
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<Socket>>() else { return };
        let mut link = Link::new(parts.io.into_inner(), format, config.frame_bytes_max);
        if !parts.read_buf.is_empty() {
            link.take(&mut parts.read_buf.to_vec());
        }
        // hyper is gone from here on: the socket has a task of its own.
        tokio::spawn(open(gateway, link, device, place));
    });
    let mut response = StatusCode::SWITCHING_PROTOCOLS.into_response();
    let headers = response.headers_mut();
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(format.sub_protocol()));
    response
}

/// Checks the request (RFC 6455, section 4.2.1) and picks the sub-protocol.
fn check_handshake(gateway: &Gateway, method: &Method, headers: &HeaderMap) -> Result<Format, Box<Response>> {
    let refuse =
        |status, message: &str| Box::new(refuse(gateway, status, ErrorCode::InvalidArgument, message));
    let says = |name, token: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value: &HeaderValue| value.to_str().ok())
            .any(|value| value.split(',').any(|part| part.trim().eq_ignore_ascii_case(token)))
    };
    if method != Method::GET || !says(UPGRADE, "websocket") || !says(CONNECTION, "upgrade") {
        return Err(refuse(StatusCode::UPGRADE_REQUIRED, "This address speaks WebSocket."));
    }
    if !says(SEC_WEBSOCKET_VERSION, VERSION) {
        let mut response = refuse(StatusCode::UPGRADE_REQUIRED, "The WebSocket version is 13.");
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
        return Err(response);
    }
    let key = headers.get(SEC_WEBSOCKET_KEY).and_then(|key| {
        base64::engine::general_purpose::STANDARD.decode(key.as_bytes()).ok().filter(|key| key.len() == 16)
    });
    if key.is_none() {
        return Err(refuse(StatusCode::BAD_REQUEST, "Sec-WebSocket-Key is 16 bytes in base64."));
    }
    if !origin_allowed(gateway, headers) {
        return Err(refuse(StatusCode::FORBIDDEN, "Pages of this origin may not connect here."));
    }
    let offered = headers.get_all(SEC_WEBSOCKET_PROTOCOL).iter().filter_map(|value| value.to_str().ok());
    offered
        .flat_map(|value| value.split(','))
        .find_map(|name| Format::parse_sub_protocol(name.trim()))
        .ok_or_else(|| {
            let message = "Offer a sub-protocol: dunlin.v1.proto or dunlin.v1.json.";
            refuse(StatusCode::BAD_REQUEST, message)
        })
}

/// Whether the page that connects may: programs send no Origin, pages only that of their own server or one
/// that is configured (RFC 6455, section 10.2).
fn origin_allowed(gateway: &Gateway, headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let own = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .is_some_and(|host| origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(host)));
    own || gateway.config().allowed_origins.iter().any(|allowed| allowed.eq_ignore_ascii_case(origin))
}

fn accept_key(key: &[u8]) -> String {
    let digest = Sha1::new().chain_update(key).chain_update(ACCEPT_GUID).finalize();
    base64::engine::general_purpose::STANDARD.encode(digest)
}

/// The connection's task, from the upgrade on.
async fn open(gateway: Arc<Gateway>, mut link: Link, device: Option<DeviceId>, place: AddressPlace) {
    gateway.metrics.opened.add(1);
    let within = gateway.config().authenticate_within;
    let device = match device {
        Some(device) => Some(device),
        None => match tokio::time::timeout(within, Box::pin(await_authentication(&gateway, &mut link))).await
        {
            Ok(Ok(device)) => device,
            Ok(Err(code)) => {
                Box::pin(link.close(code)).await;
                gateway.metrics.closed.add(1);
                return;
            }
            Err(_) => {
                let message = "The connection did not authenticate in time.";
                let failure = Failure::new(ErrorCode::Unauthenticated, message);
                let frame = ServerFrame::Reply { id: 0, outcome: Outcome::Failed(failure) };
                write_frame(link.format, &frame, &mut link.out);
                Box::pin(link.close(CloseCode::Unauthenticated)).await;
                gateway.metrics.closed.add(1);
                return;
            }
        },
    };
    if let Some(device) = device {
        Box::pin(serve(Arc::clone(&gateway), link, device)).await;
    }
    drop(place);
    gateway.metrics.closed.add(1);
}

/// Waits for the first command, which says who it is. `None` when the peer went away.
async fn await_authentication(
    gateway: &Arc<Gateway>,
    link: &mut Link,
) -> Result<Option<DeviceId>, CloseCode> {
    loop {
        let Some(arrived) = link.arrived.pop_front() else {
            match link.read().await {
                Ok(_) => continue,
                Err(_) => return Ok(None),
            }
        };
        let (id, failure) = match arrived {
            Arrived::Frame(ClientFrame { id, command: Command::Authenticate { access_token } }) => {
                match gateway.authenticate_token(&access_token).await {
                    Ok(device) => {
                        if id != 0 {
                            let frame = ServerFrame::Reply { id, outcome: Outcome::Done };
                            write_frame(link.format, &frame, &mut link.out);
                        }
                        return Ok(Some(device));
                    }
                    Err(failure) => (id, failure),
                }
            }
            Arrived::Frame(ClientFrame { id, .. }) => {
                (id, Failure::new(ErrorCode::Unauthenticated, "Authenticate first."))
            }
            Arrived::Undecodable(undecodable) => (undecodable.id, undecodable.failure),
            Arrived::Fault(fault) => {
                let (outcome, code) = fault_outcome(fault);
                write_frame(link.format, &ServerFrame::Reply { id: 0, outcome }, &mut link.out);
                return Err(code);
            }
            Arrived::WrongType => return Err(CloseCode::WrongFrameType),
            Arrived::Close | Arrived::End => return Err(CloseCode::Normal),
            Arrived::Ping(_) | Arrived::Pong => continue,
        };
        let frame = ServerFrame::Reply { id, outcome: Outcome::Failed(failure) };
        write_frame(link.format, &frame, &mut link.out);
        return Err(CloseCode::Unauthenticated);
    }
}

/// Serves an authenticated connection.
async fn serve(gateway: Arc<Gateway>, mut link: Link, device: DeviceId) {
    let config = gateway.config();
    let feed = match gateway.delivery().connect(device).await {
        Ok(feed) => feed,
        Err(error) => {
            let frame = ServerFrame::Reply { id: 0, outcome: crate::requests::failed(&error) };
            write_frame(link.format, &frame, &mut link.out);
            return Box::pin(link.close(CloseCode::Internal)).await;
        }
    };
    // From here on a revocation finds the session; one from before it was there must not be missed.
    if let Err(error) = gateway.accounts.check_device(device).await {
        let failure = Failure::new(error.code(), error.to_string());
        let frame = ServerFrame::Reply { id: 0, outcome: Outcome::Failed(failure) };
        write_frame(link.format, &frame, &mut link.out);
        let code = match error.code() {
            ErrorCode::DeviceRevoked => CloseCode::DeviceRevoked,
            ErrorCode::Unauthenticated => CloseCode::Unauthenticated,
            _ => CloseCode::Internal,
        };
        return Box::pin(link.close(code)).await;
    }
    let outbox = Arc::new(Outbox::new(Arc::clone(feed.session()), link.format));
    let place = gateway.connections.add(&outbox, config.connections_per_device_max);
    if gateway.is_draining() {
        outbox.drain(config.drain_window / 2); // It came in after everyone was told.
    }
    let welcome = ServerFrame::Welcome(Welcome {
        device,
        server_time: gateway.clock().now(),
        incarnation: gateway.incarnation().to_owned(),
        heartbeat: config.heartbeat,
        frame_bytes_max: u32::try_from(config.frame_bytes_max).unwrap_or(u32::MAX),
        window_events: gateway.delivery().config().window_events,
        requests_in_flight_max: config.requests_in_flight_max,
    });
    write_frame(link.format, &welcome, &mut link.out);
    Connection::new(gateway, link, feed, outbox).run().await;
    drop(place);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_key_is_the_one_of_the_rfc() {
        // RFC 6455, section 1.3.
        assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
