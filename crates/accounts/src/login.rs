//! Logging in: a code becomes a user and a device with tokens.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dunlin_model::account::{Address, DEVICE_NAME_BYTES_MAX, DEVICES_PER_USER_MAX, Device, Versioned};
use dunlin_model::{DeviceId, DeviceNumber, Timestamp, UserId};
use dunlin_store::{Appended, Claim, StoreError, UserRecord};

use crate::token::{self, Claims};
use crate::{AccountError, Accounts, RACES_MAX, refresh};

/// A device not refreshed for so long makes room for a new one, so that nobody is locked out by devices
/// they lost.
const IDLE_DEVICE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What a device proves itself with.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user, and which of their devices this is. A device with a number above 1 was linked to an account
    /// that exists: the caller tells delivery where it starts.
    pub device: DeviceId,
    /// For requests and connections, until it expires.
    pub access_token: String,
    /// When the access token expires.
    pub expires: Timestamp,
    /// Good for one refresh.
    pub refresh_token: String,
    /// Whether the user registered just now.
    pub new_user: bool,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("device", &self.device)
            .field("expires", &self.expires)
            .field("new_user", &self.new_user)
            .finish_non_exhaustive()
    }
}

impl Accounts {
    /// Logs in, and registers the address if it is nobody's: adds a device called `device_name`.
    ///
    /// # Errors
    /// `InvalidAddress`, `Empty` or `TooLarge` before the code is touched; `WrongCode`, `TooFast`; `TooMany`
    /// devices; `Busy`, `Store`.
    pub async fn login(
        &self,
        address: &str,
        code: &str,
        device_name: &str,
    ) -> Result<Credentials, AccountError> {
        let address = Address::parse(address).map_err(|_| AccountError::InvalidAddress)?;
        let device_name = valid_device_name(device_name)?;
        self.use_code(&address, code.trim()).await?;
        let (user, new_user) = self.claim(&address).await?;
        let device = self.add_device(user, device_name).await?;
        self.tell_of_login(user);
        Ok(self.credentials(&device, new_user))
    }

    /// The user of `address`, made now if there is none.
    pub(crate) async fn claim(&self, address: &Address) -> Result<(UserId, bool), AccountError> {
        let record = UserRecord {
            id: UserId::random(&*self.randomness),
            address: address.clone(),
            created: self.clock.now(),
        };
        let claim = match self.store.claim_address(&record).await {
            // Claiming again tells: the address is then ours.
            Err(StoreError::Uncertain(_)) => self.store.claim_address(&record).await?,
            outcome => outcome?,
        };
        Ok(match claim {
            Claim::New => (record.id, true),
            Claim::Existing(id) => (id, id == record.id),
        })
    }

    /// Adds a device on the next number. Whoever loses the race for it counts the devices again.
    pub(crate) async fn add_device(&self, user: UserId, name: &str) -> Result<Device, AccountError> {
        let mut refresh_salt = [0; 16];
        self.randomness.fill(&mut refresh_salt);
        for _ in 0..RACES_MAX {
            let devices = self.store.devices(user).await?;
            let live: Vec<_> = devices.iter().filter(|device| device.value.revoked.is_none()).collect();
            if live.len() >= DEVICES_PER_USER_MAX {
                self.make_room(&live).await?;
                continue;
            }
            let newest = devices.iter().map(|device| device.value.id.number.0).max().unwrap_or(0);
            let now = self.clock.now();
            let device = Device {
                id: DeviceId { user, number: DeviceNumber(newest.saturating_add(1)) },
                name: name.to_owned(),
                created: now,
                revoked: None,
                generation: 1,
                refreshed: now,
                refresh_salt,
            };
            let added = match self.store.add_device(&device).await {
                Err(StoreError::Uncertain(_)) => {
                    let stands = self.store.device(device.id).await?;
                    stands.is_some_and(|stands| stands.value.refresh_salt == refresh_salt)
                }
                outcome => outcome? == Appended::Written,
            };
            if added {
                return Ok(device);
            }
        }
        Err(AccountError::Busy)
    }

    async fn make_room(&self, live: &[&Versioned<Device>]) -> Result<(), AccountError> {
        let now = self.clock.now();
        let idle = live
            .iter()
            .filter(|device| now.since(device.value.refreshed) >= IDLE_DEVICE)
            .min_by_key(|device| device.value.refreshed);
        match idle {
            Some(device) => self.revoke(device.value.id).await,
            None => Err(AccountError::TooMany { what: "devices", limit: DEVICES_PER_USER_MAX }),
        }
    }

    /// The tokens of the generation in force. Made again, they are the same.
    pub(crate) fn credentials(&self, device: &Device, new_user: bool) -> Credentials {
        let token_id = self.keys.token_id(device.id, device.generation, &device.refresh_salt);
        let issued = device.refreshed.0 / 1_000;
        let claims = Claims {
            iss: self.config.issuer.clone(),
            sub: device.id.user.to_string(),
            device: device.id.number.0,
            iat: issued,
            exp: issued.saturating_add(self.config.access_token_lifetime().as_secs()),
            jti: URL_SAFE_NO_PAD.encode(token_id),
        };
        Credentials {
            device: device.id,
            access_token: token::sign(&self.keys.access, &claims),
            expires: claims.expires(),
            refresh_token: refresh::token_text(&self.keys, device),
            new_user,
        }
    }
}

fn valid_device_name(name: &str) -> Result<&str, AccountError> {
    let name = name.trim();
    if name.is_empty() {
        return Err(AccountError::Empty { what: "The device's name" });
    }
    if name.len() > DEVICE_NAME_BYTES_MAX {
        return Err(AccountError::TooLarge { what: "The device's name", limit: DEVICE_NAME_BYTES_MAX });
    }
    Ok(name)
}
