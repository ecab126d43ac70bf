//! What commands share: the device, whom and what it knows by name, and the server.

mod act;
mod feed;
mod find;
mod names;
mod people;
mod settle;
mod transfers;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use dunlin_client::Client;
use dunlin_client_native::device::{Device, DeviceOptions};
use dunlin_client_native::vault::Vault;
use dunlin_client_native::{
    Api, ApiError, ServerUrl, SystemClock, SystemRandomness, Tokens as _, device::DeviceError,
};
use dunlin_model::{ChatId, Clock, DeviceId, Timestamp, UserId};

use crate::failure::{Failure, Result};
use crate::profile::{DeviceTokens, Profile, StoredLogin};

pub(crate) use act::{NO_WAIT, Said, not_understood};
pub(crate) use feed::{Feed, Online};
pub(crate) use find::Meant;
pub(crate) use people::People;
use transfers::Transfers;

/// The row of the vault that holds names.
const PEOPLE: &str = "people";

/// A command's surroundings: one person's device, running. Several commands may use it at once.
pub(crate) struct Session {
    pub(crate) profile: Profile,
    pub(crate) login: StoredLogin,
    pub(crate) server: ServerUrl,
    pub(crate) device: Device,
    pub(crate) feed: Feed,
    pub(crate) api: Api,
    pub(crate) people: RefCell<People>,
    transfers: RefCell<Transfers>,
    id: DeviceId,
    tokens: Arc<DeviceTokens>,
    clock: SystemClock,
    /// Chats in which this process did something, to be seen through before it ends.
    touched: RefCell<BTreeSet<ChatId>>,
}

/// How the device of `login` is reached and driven.
pub(crate) fn device_options(server: ServerUrl, api: Api, tokens: Arc<DeviceTokens>) -> DeviceOptions {
    DeviceOptions {
        server,
        tokens,
        api,
        clock: Arc::new(SystemClock::default()),
        randomness: Arc::new(SystemRandomness),
    }
}

impl Session {
    /// Starts the device of `login`, whose vault this process owns now.
    pub(crate) fn open(profile: Profile, login: StoredLogin, vault: Vault) -> Result<Self> {
        Self::start(profile, login, |options| Device::open(vault, options))
    }

    /// Starts a device that `make` makes.
    pub(crate) fn start(
        profile: Profile,
        login: StoredLogin,
        make: impl FnOnce(DeviceOptions) -> Result<feed::Started, DeviceError>,
    ) -> Result<Self> {
        let (server, id) = (login.server()?, login.device()?);
        let api = Api::new(server.clone()).map_err(|error| Failure::of_api(&server, &error))?;
        let tokens = Arc::new(DeviceTokens::new(profile.device(id)?, api.clone()));
        let options = device_options(server.clone(), api.clone(), Arc::clone(&tokens));
        let (device, events) = make(options).map_err(|error| Failure::of_device(&error))?;
        let people = device.kept(PEOPLE).map_err(|error| Failure::of_device(&error))?;
        let people = people.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let transfers = Self::kept_transfers(&device).map_err(|error| Failure::of_device(&error))?;
        Ok(Self {
            profile,
            login,
            server,
            device,
            feed: Feed::new(events),
            api,
            people: RefCell::new(people),
            transfers: RefCell::new(transfers),
            id,
            tokens,
            clock: SystemClock::default(),
            touched: RefCell::default(),
        })
    }

    /// The user.
    pub(crate) const fn me(&self) -> UserId {
        self.id.user
    }

    /// The device.
    pub(crate) const fn device_id(&self) -> DeviceId {
        self.id
    }

    /// The device as guests name it.
    pub(crate) fn device_name(&self) -> String {
        device_name(self.id)
    }

    /// The time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An access token.
    pub(crate) async fn token(&self) -> Result<String> {
        self.tokens.access_token(None).await.map_err(|error| Failure::of_token(&self.server, &error))
    }

    /// Access tokens for what takes longer than one holds.
    pub(crate) fn tokens(&self) -> &DeviceTokens {
        &self.tokens
    }

    /// The failure of a REST request.
    pub(crate) fn api_failure(&self, error: &ApiError) -> Failure {
        Failure::of_api(&self.server, error)
    }

    /// Looks at what the core holds.
    pub(crate) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Client) -> T + Send + 'static,
    ) -> Result<T> {
        self.device.look(look).await.map_err(|error| self.device_failure(&error))
    }

    /// What to say when the device has stopped.
    pub(crate) fn device_failure(&self, error: &DeviceError) -> Failure {
        self.feed.end().unwrap_or_else(|| Failure::of_device(error))
    }

    /// Keeps the names that were learnt.
    pub(crate) async fn keep_people(&self) -> Result {
        let bytes = serde_json::to_vec(&*self.people.borrow());
        let bytes = bytes.map_err(|error| Failure::Failed(error.to_string()))?;
        self.device.keep(PEOPLE, bytes).await.map_err(|error| self.device_failure(&error))
    }
}

/// A device as owner and guests name it.
pub(crate) fn device_name(device: DeviceId) -> String {
    format!("{}-{}", device.user, device.number.0)
}
