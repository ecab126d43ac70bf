//! How the people of `serve --demo`, who are clients like any other, enter the server.

use std::path::Path;

use async_trait::async_trait;
use dunlin_client_native::Credentials;
use dunlin_model::{DeviceId, UserId};
use dunlin_server::Demo;
use dunlin_terminal::demo::{Reception, perform};

/// The demonstration, for the server to run beside itself.
pub(crate) fn demo(public: bool) -> Demo {
    Demo { public, run: Box::new(|reception| perform(Box::new(Entrance(reception)))) }
}

struct Entrance(dunlin_server::Reception);

#[async_trait]
impl Reception for Entrance {
    fn url(&self) -> &str {
        self.0.url()
    }

    fn folder(&self) -> &Path {
        self.0.folder()
    }

    async fn log_in(
        &self,
        address: &str,
        before: Option<DeviceId>,
    ) -> Result<(DeviceId, Credentials), String> {
        let login = self.0.log_in(address, before).await?;
        let DeviceId { user, number } = login.device;
        let credentials = Credentials {
            access_token: login.access_token,
            expires_ms: login.expires.0,
            refresh_token: login.refresh_token,
            user_id: user.to_string(),
            device: number.0,
        };
        Ok((login.device, credentials))
    }

    async fn arrival(&mut self) -> Option<UserId> {
        self.0.arrival().await
    }
}
