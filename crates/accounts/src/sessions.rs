//! Who a token speaks for, which devices there are, and taking a device's access away.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use dunlin_model::{DeviceId, DeviceNumber, Timestamp, UserId};
use dunlin_store::{Replaced, StoreError};
use parking_lot::Mutex;

use crate::{AccountError, Accounts, RACES_MAX, token};

/// For so long a server goes without asking the store again whether a device was revoked. A revocation on this
/// server shows at once, one on another server after at most this.
const DEVICE_CHECK_INTERVAL: Duration = Duration::from_secs(10);
/// Devices whose state is kept in memory.
const DEVICES_CACHED_MAX: usize = 65_536;

/// Called with each device that is revoked here, before the revocation is answered. Must not block.
pub type RevocationListener = Arc<dyn Fn(DeviceId) + Send + Sync>;

/// What an access token proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticated {
    /// Who speaks.
    pub device: DeviceId,
    /// Until when the token says so.
    pub expires: Timestamp,
}

/// A device that is not revoked, as its user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceView {
    /// Which.
    pub id: DeviceId,
    /// As the person named it.
    pub name: String,
    /// When it logged in.
    pub created: Timestamp,
    /// When it last refreshed its tokens.
    pub refreshed: Timestamp,
}

impl Accounts {
    /// Checks an access token: signature, issuer, expiry, and that its device is not revoked.
    ///
    /// A connection checks again, with [`Accounts::check_device`], once revocations reach it: a revocation may
    /// fall between this answer and the moment the connection can be found.
    ///
    /// # Errors
    /// `Unauthenticated`, `DeviceRevoked`, `Store`.
    pub async fn authenticate(&self, access_token: &str) -> Result<Authenticated, AccountError> {
        let claims =
            token::verify(&self.keys.access, &self.config.issuer, self.clock.now(), access_token.trim())?;
        let device = claims.device()?;
        self.check_device(device).await?;
        Ok(Authenticated { device, expires: claims.expires() })
    }

    /// Checks that a device exists and is not revoked.
    ///
    /// # Errors
    /// `Unauthenticated`, `DeviceRevoked`, `Store`.
    pub async fn check_device(&self, device: DeviceId) -> Result<(), AccountError> {
        let now = self.clock.monotonic();
        let state = match self.devices.get(device, now) {
            Some(state) => state,
            None => {
                let read = self.store.device(device).await?.ok_or(AccountError::Unauthenticated)?;
                let state =
                    if read.value.revoked.is_some() { DeviceState::Revoked } else { DeviceState::Live };
                self.devices.put(device, state, now)
            }
        };
        match state {
            DeviceState::Live => Ok(()),
            DeviceState::Revoked => Err(AccountError::DeviceRevoked),
        }
    }

    /// Has `listener` called with each device that is revoked on this server from now on.
    pub fn on_revoked(&self, listener: RevocationListener) {
        self.listeners.write().push(listener);
    }

    /// The devices of `user` that are not revoked, ascending by number.
    ///
    /// # Errors
    /// `Store`.
    pub async fn devices(&self, user: UserId) -> Result<Vec<DeviceView>, AccountError> {
        let devices = self.store.devices(user).await?;
        Ok(devices
            .into_iter()
            .map(|device| device.value)
            .filter(|device| device.revoked.is_none())
            .map(|device| DeviceView {
                id: device.id,
                name: device.name,
                created: device.created,
                refreshed: device.refreshed,
            })
            .collect())
    }

    /// Revokes a device of `user`, which may be the one that asks. Doing it again changes nothing.
    ///
    /// # Errors
    /// `NoSuchDevice`, `Busy`, `Store`.
    pub async fn revoke_device(&self, user: UserId, number: DeviceNumber) -> Result<(), AccountError> {
        self.revoke(DeviceId { user, number }).await
    }

    /// Logs a device out, which is to revoke it.
    ///
    /// # Errors
    /// `NoSuchDevice`, `Busy`, `Store`.
    pub async fn logout(&self, device: DeviceId) -> Result<(), AccountError> {
        self.revoke(device).await
    }

    pub(crate) async fn revoke(&self, id: DeviceId) -> Result<(), AccountError> {
        for _ in 0..RACES_MAX {
            let mut read = self.store.device(id).await?.ok_or(AccountError::NoSuchDevice)?;
            if read.value.revoked.is_none() {
                // First of all, so that whatever dies from here on the user's chats learn of it in the end.
                self.store.intend_revocation(id).await?;
            }
            let done = if read.value.revoked.is_some() {
                true
            } else {
                read.value.revoked = Some(self.clock.now());
                match self.store.replace_device(&read).await {
                    Ok(Replaced::Done(_)) => true,
                    Ok(Replaced::Changed) | Err(StoreError::Uncertain(_)) => false,
                    Err(error) => return Err(error.into()),
                }
            };
            if done {
                // First remembered, then announced: whoever checks after being told must see it.
                self.devices.put(id, DeviceState::Revoked, self.clock.monotonic());
                let listeners = self.listeners.read().clone();
                listeners.iter().for_each(|listener| listener(id));
                return Ok(());
            }
        }
        Err(AccountError::Busy)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DeviceState {
    Live,
    Revoked,
}

/// What the store said lately about devices.
#[derive(Default)]
pub(crate) struct DeviceCache(Mutex<HashMap<DeviceId, (DeviceState, Duration)>>);

impl DeviceCache {
    fn get(&self, device: DeviceId, now: Duration) -> Option<DeviceState> {
        let (state, at) = *self.0.lock().get(&device)?;
        (now.saturating_sub(at) < DEVICE_CHECK_INTERVAL).then_some(state)
    }

    /// Remembers a state and returns the one that holds: what was read before a revocation does not undo it.
    fn put(&self, device: DeviceId, state: DeviceState, now: Duration) -> DeviceState {
        let mut devices = self.0.lock();
        if devices.len() >= DEVICES_CACHED_MAX && !devices.contains_key(&device) {
            devices.retain(|_, (_, at)| now.saturating_sub(*at) < DEVICE_CHECK_INTERVAL);
            if devices.len() >= DEVICES_CACHED_MAX {
                devices.retain(|_, (state, _)| *state == DeviceState::Revoked);
            }
            if devices.len() >= DEVICES_CACHED_MAX {
                devices.clear();
            }
        }
        let entry = devices.entry(device).or_insert((state, now));
        if entry.0 == DeviceState::Live {
            *entry = (state, now);
        }
        entry.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVICE: DeviceId = DeviceId { user: UserId::from_bytes([1; 16]), number: DeviceNumber(1) };

    #[test]
    fn what_was_read_before_a_revocation_does_not_undo_it() {
        let cache = DeviceCache::default();
        let at = Duration::from_secs;
        cache.put(DEVICE, DeviceState::Revoked, at(1));
        assert_eq!(cache.put(DEVICE, DeviceState::Live, at(2)), DeviceState::Revoked);
        assert_eq!(cache.get(DEVICE, at(3)), Some(DeviceState::Revoked));
        assert_eq!(cache.get(DEVICE, at(11)), None);
    }

    #[test]
    fn the_cache_stays_within_its_limit_and_keeps_revocations_longest() {
        let cache = DeviceCache::default();
        cache.put(DEVICE, DeviceState::Revoked, Duration::ZERO);
        for number in 2..=70_000 {
            let device = DeviceId { number: DeviceNumber(number), ..DEVICE };
            cache.put(device, DeviceState::Live, Duration::ZERO);
        }
        assert!(cache.0.lock().len() <= DEVICES_CACHED_MAX);
        assert_eq!(cache.get(DEVICE, Duration::ZERO), Some(DeviceState::Revoked));
    }
}
