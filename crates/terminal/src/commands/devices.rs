//! The user's devices.

use dunlin_model::Timestamp;
use serde_json::json;

use crate::failure::Result;
use crate::localtime;
use crate::output::Output;
use crate::session::Session;

impl Session {
    pub(super) async fn list_devices(&self, out: &mut Output) -> Result {
        let token = self.token().await?;
        let devices = self.api.devices(&token).await.map_err(|error| self.api_failure(&error))?.devices;
        let (now, zone) = (self.now(), out.zone().clone());
        out.list(
            &devices,
            |device| {
                json!({
                    "number": device.number, "name": device.name, "createdMs": device.created_ms,
                    "refreshedMs": device.refreshed_ms, "current": device.current,
                })
            },
            |device| {
                let this = if device.current { " (this one)" } else { "" };
                let since = localtime::short(Timestamp(device.created_ms), now, &zone);
                format!("{}: {}{this}, logged in {since}", device.number, device.name)
            },
        )
        .await
    }

    pub(super) async fn revoke_device(&self, out: &mut Output, number: u32) -> Result {
        let token = self.token().await?;
        self.api.revoke_device(&token, number).await.map_err(|error| self.api_failure(&error))?;
        out.done(&format!("Device {number} is logged out.")).await
    }
}
