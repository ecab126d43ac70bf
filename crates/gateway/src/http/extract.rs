//! What handlers take out of a request, with failures in our own form.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, StatusCode, header};
use axum::response::IntoResponse;
use dunlin_model::{DeviceId, ErrorCode};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use super::{Http, HttpError};

/// The address a request came from.
pub(super) fn peer(extensions: &Extensions) -> IpAddr {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip())
}

/// The address a request came from.
pub(super) struct Peer(pub(super) IpAddr);

impl FromRequestParts<Http> for Peer {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, _: &Http) -> Result<Self, HttpError> {
        Ok(Self(peer(&parts.extensions)))
    }
}

/// The device that asks: its token holds, and its user is within the limit.
pub(super) struct Caller(pub(super) DeviceId);

impl FromRequestParts<Http> for Caller {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, http: &Http) -> Result<Self, HttpError> {
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
            let message = "This needs an Authorization header with a bearer token.";
            return Err(HttpError::new(ErrorCode::Unauthenticated, message));
        };
        let device = http.gateway.authenticate_header(value).await?;
        http.gateway.admit_request(device.user)?;
        Ok(Self(device))
    }
}

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Http> for Body<T> {
    type Rejection = HttpError;

    async fn from_request(request: Request, http: &Http) -> Result<Self, HttpError> {
        let is_json = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"));
        if !is_json {
            return Err(HttpError::not_json());
        }
        let bytes = Bytes::from_request(request, http).await.map_err(|rejection| {
            if rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE {
                let message = format!("The body is larger than {} bytes.", http.config.body_bytes_max);
                HttpError::new(ErrorCode::TooLarge, message)
            } else {
                HttpError::new(ErrorCode::Malformed, "The body could not be read.")
            }
        })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            HttpError::new(ErrorCode::Malformed, format!("The body is not as it must be: {error}."))
        })
    }
}

/// The variable parts of the path.
pub(super) struct InPath<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Http> for InPath<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, http: &Http) -> Result<Self, HttpError> {
        let path = Path::from_request_parts(parts, http).await.map_err(|rejection| {
            let message = format!("The address is not as it must be: {rejection}.");
            HttpError::new(ErrorCode::InvalidArgument, message)
        })?;
        Ok(Self(path.0))
    }
}

/// The query after the path.
pub(super) struct InQuery<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequestParts<Http> for InQuery<T> {
    type Rejection = HttpError;

    async fn from_request_parts(parts: &mut Parts, http: &Http) -> Result<Self, HttpError> {
        let query = Query::from_request_parts(parts, http).await.map_err(|rejection| {
            let message = format!("The query is not as it must be: {rejection}.");
            HttpError::new(ErrorCode::InvalidArgument, message)
        })?;
        Ok(Self(query.0))
    }
}

/// An id (or whatever has a text form) in JSON, path or query.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<T>(pub(super) T);

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

/// The ids in a list of texts.
pub(super) fn plain<T>(texts: Vec<Text<T>>) -> Vec<T> {
    texts.into_iter().map(|text| text.0).collect()
}
