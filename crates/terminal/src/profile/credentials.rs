//! Who is logged in, and the tokens of each device. Only the owner of a device's vault renews its tokens.

use std::fs;
use std::io;

use async_trait::async_trait;
use dunlin_client_native::{Api, Credentials, ServerUrl, SystemClock, TokenError, Tokens};
use dunlin_model::{Clock, DeviceId, DeviceNumber};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::files::{replace, sync_dir};
use super::{DeviceFiles, Profile};
use crate::failure::{Failure, Result};

const LOGIN: &str = "login.json";
const TOKENS: &str = "tokens.json";

/// Who is logged in, as it is kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredLogin {
    /// The server.
    pub(crate) server: String,
    /// What the person logged in with.
    pub(crate) address: String,
    /// Who that is.
    pub(crate) user_id: String,
    /// As which of their devices.
    pub(crate) device: u32,
}

impl StoredLogin {
    /// The device that is logged in.
    pub(crate) fn device(&self) -> Result<DeviceId> {
        let user = self.user_id.parse().map_err(|_| damaged())?;
        Ok(DeviceId { user, number: DeviceNumber(self.device) })
    }

    /// Where it is logged in.
    pub(crate) fn server(&self) -> Result<ServerUrl> {
        self.server.parse().map_err(|_| damaged())
    }
}

fn damaged() -> Failure {
    Failure::NotLoggedIn("What is kept of the login cannot be read. Log in again with 'dunlin login'.".into())
}

impl Profile {
    /// Who is logged in.
    pub(crate) fn login(&self) -> Result<StoredLogin> {
        let path = self.path(LOGIN);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|_| damaged()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(Failure::NotLoggedIn(
                "Nobody is logged in here. Log in with 'dunlin login ADDRESS --server URL'.".into(),
            )),
            Err(error) => Err(Failure::file(&path, &error)),
        }
    }

    /// Keeps a login, in place of the one before.
    pub(crate) fn keep_login(&self, login: &StoredLogin) -> Result {
        let path = self.path(LOGIN);
        let bytes = serde_json::to_vec_pretty(login).map_err(|error| Failure::Failed(error.to_string()))?;
        replace(&path, &bytes).map_err(|error| Failure::file(&path, &error))
    }

    /// Forgets the login. The vault stays: a later login takes the identity from it.
    pub(crate) fn forget_login(&self) -> Result {
        let path = self.path(LOGIN);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::file(&path, &error)),
            _ => sync_dir(&path).map_err(|error| Failure::file(&path, &error)),
        }
    }
}

impl DeviceFiles {
    fn credentials(&self) -> Option<Credentials> {
        serde_json::from_slice(&fs::read(self.path(TOKENS)).ok()?).ok()
    }

    /// Keeps what the device proves itself with, readable to this user only.
    pub(crate) fn keep_credentials(&self, credentials: &Credentials) -> Result {
        let path = self.path(TOKENS);
        let bytes = serde_json::to_vec(credentials).map_err(|error| Failure::Failed(error.to_string()))?;
        replace(&path, &bytes).map_err(|error| Failure::file(&path, &error))
    }
}

/// Access tokens of a device, renewed and kept beside its vault.
#[derive(Debug)]
pub(crate) struct DeviceTokens {
    files: DeviceFiles,
    api: Api,
    clock: SystemClock,
    /// A refresh token can be used once, so one task at a time renews.
    renewing: Mutex<()>,
}

impl DeviceTokens {
    pub(crate) fn new(files: DeviceFiles, api: Api) -> Self {
        Self { files, api, clock: SystemClock::default(), renewing: Mutex::new(()) }
    }
}

#[async_trait]
impl Tokens for DeviceTokens {
    async fn access_token(&self, rejected: Option<&str>) -> Result<String, TokenError> {
        let _turn = self.renewing.lock().await;
        let mut credentials = self.files.credentials().ok_or(TokenError::LoginRequired)?;
        let is_rejected = rejected == Some(credentials.access_token.as_str());
        if is_rejected || credentials.need_renewal(self.clock.now()) {
            credentials = self.api.refresh(&credentials.refresh_token).await?;
            self.files.keep_credentials(&credentials).map_err(|_| TokenError::LoginRequired)?;
        }
        Ok(credentials.access_token)
    }
}
