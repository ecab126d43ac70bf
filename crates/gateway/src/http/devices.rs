//! The devices of a user.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use dunlin_model::DeviceNumber;
use serde::Serialize;
use utoipa::ToSchema;

use super::error::ErrorBody;
use super::extract::{Caller, InPath};
use super::{Http, HttpError};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Device {
    /// Its number among the user's devices; numbers are not used again.
    number: u32,
    /// As the person named it.
    name: String,
    /// When it logged in.
    created_ms: u64,
    /// When it last refreshed its tokens.
    refreshed_ms: u64,
    /// Whether it is the one that asks.
    current: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct DeviceList {
    /// Ascending by number.
    devices: Vec<Device>,
}

/// The devices that are logged in.
#[utoipa::path(get, path = "/api/devices", operation_id = "listDevices", tag = "accounts", security(("bearer" = [])),
    responses((status = 200, description = "The devices", body = DeviceList)))]
pub(super) async fn list(
    State(http): State<Http>,
    Caller(caller): Caller,
) -> Result<Json<DeviceList>, HttpError> {
    let devices = http.gateway.accounts.devices(caller.user).await?;
    let devices = devices
        .into_iter()
        .map(|device| Device {
            number: device.id.number.0,
            name: device.name,
            created_ms: device.created.0,
            refreshed_ms: device.refreshed.0,
            current: device.id == caller,
        })
        .collect();
    Ok(Json(DeviceList { devices }))
}

/// Revokes a device: its tokens end, and its connections are closed. Doing it again changes nothing.
#[utoipa::path(delete, path = "/api/devices/{number}", operation_id = "revokeDevice", tag = "accounts", security(("bearer" = [])),
    params(("number" = u32, Path, description = "The device's number")),
    responses(
        (status = 204, description = "Revoked"),
        (status = 404, description = "There is no such device", body = ErrorBody)
    ))]
pub(super) async fn revoke(
    State(http): State<Http>,
    Caller(caller): Caller,
    InPath(number): InPath<u32>,
) -> Result<StatusCode, HttpError> {
    http.gateway.accounts.revoke_device(caller.user, DeviceNumber(number)).await?;
    Ok(StatusCode::NO_CONTENT)
}
