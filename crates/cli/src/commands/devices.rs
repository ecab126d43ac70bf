//! The user's devices.

use dunlin_model::Timestamp;
use serde_json::json;

use crate::app::App;
use crate::failure::Result;
use crate::localtime;

impl App {
    pub(super) async fn list_devices(&self) -> Result {
        let token = self.token().await?;
        let devices = self.api.devices(&token).await.map_err(|error| self.api_failure(&error))?.devices;
        self.out.list(
            &devices,
            |device| {
                json!({
                    "number": device.number, "name": device.name, "createdMs": device.created_ms,
                    "refreshedMs": device.refreshed_ms, "current": device.current,
                })
            },
            |device| {
                let this = if device.current { " (this one)" } else { "" };
                let since = localtime::short(Timestamp(device.created_ms), self.now());
                format!("{}: {}{this}, logged in {since}", device.number, device.name)
            },
        )
    }

    pub(super) async fn revoke_device(&self, number: u32) -> Result {
        let token = self.token().await?;
        self.api.revoke_device(&token, number).await.map_err(|error| self.api_failure(&error))?;
        self.done(&format!("Device {number} is logged out."))
    }
}
