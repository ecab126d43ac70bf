//! Who is logged in. The refresh token can be used once, so one process at a time renews.

use std::fs;
use std::io;
use std::path::PathBuf;

use async_trait::async_trait;
use dunlin_client_native::{Api, Credentials, ServerUrl, SystemClock, TokenError, Tokens};
use dunlin_model::{Clock, DeviceId, DeviceNumber};
use serde::{Deserialize, Serialize};

use super::files::{replace, sync_dir};
use super::{FileLock, Profile};
use crate::failure::{Failure, Result};

const CREDENTIALS: &str = "credentials.json";
const LOCK: &str = "credentials.lock";

/// A login as it is kept, readable to this user only.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StoredLogin {
    /// The server.
    pub(crate) server: String,
    /// What the person logged in with.
    pub(crate) address: String,
    /// The proof.
    pub(crate) credentials: Credentials,
}

impl StoredLogin {
    /// The device that is logged in.
    pub(crate) fn device(&self) -> Result<DeviceId> {
        let user = self.credentials.user().ok_or_else(damaged)?;
        Ok(DeviceId { user, number: DeviceNumber(self.credentials.device) })
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
        let path = self.path(CREDENTIALS);
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
        let path = self.path(CREDENTIALS);
        let bytes = serde_json::to_vec_pretty(login).map_err(|error| Failure::Failed(error.to_string()))?;
        replace(&path, &bytes).map_err(|error| Failure::file(&path, &error))
    }

    /// Forgets the login. What was received stays.
    pub(crate) fn forget_login(&self) -> Result {
        let path = self.path(CREDENTIALS);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::file(&path, &error)),
            _ => sync_dir(&path).map_err(|error| Failure::file(&path, &error)),
        }
    }

    fn renewal_lock(&self) -> PathBuf {
        self.path(LOCK)
    }
}

/// Access tokens out of the profile, renewed there for all processes that use it.
#[derive(Debug)]
pub(crate) struct ProfileTokens {
    profile: Profile,
    api: Api,
    clock: SystemClock,
}

impl ProfileTokens {
    pub(crate) fn new(profile: Profile, api: Api) -> Self {
        Self { profile, api, clock: SystemClock::default() }
    }
}

#[async_trait]
impl Tokens for ProfileTokens {
    async fn access_token(&self, rejected: Option<&str>) -> Result<String, TokenError> {
        let stale = |login: &StoredLogin| {
            rejected == Some(login.credentials.access_token.as_str())
                || login.credentials.need_renewal(self.clock.now())
        };
        let login = self.profile.login().map_err(|_| TokenError::LoginRequired)?;
        if !stale(&login) {
            return Ok(login.credentials.access_token);
        }
        let _lock = FileLock::take_patiently(&self.profile.renewal_lock())
            .await
            .map_err(|_| TokenError::LoginRequired)?;
        // Another process may have renewed while this one waited.
        let mut login = self.profile.login().map_err(|_| TokenError::LoginRequired)?;
        if stale(&login) {
            login.credentials = self.api.refresh(&login.credentials.refresh_token).await?;
            self.profile.keep_login(&login).map_err(|_| TokenError::LoginRequired)?;
        }
        Ok(login.credentials.access_token)
    }
}
