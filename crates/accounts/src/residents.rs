//! Accounts of people whom the server itself brings along, for demonstrations. They are ordinary in all but how they
//! log in: by asking within the server's process. No address of the network leads here.

use std::sync::Arc;

use dunlin_model::account::Address;
use dunlin_model::{DeviceId, UserId};

use crate::login::Credentials;
use crate::{AccountError, Accounts};

/// Called with each user who has logged a device in here by a code, before that is answered. Must not block.
pub type LoginListener = Arc<dyn Fn(UserId) + Send + Sync>;

impl Accounts {
    /// Logs the holder of `address` in without a code, and registers them if they are new: as the device that they
    /// were before, unless that is gone or there was none.
    ///
    /// # Errors
    /// `InvalidAddress`; `TooMany` devices; `Busy`, `Store`.
    pub async fn resident(
        &self,
        address: &str,
        device_name: &str,
        before: Option<DeviceId>,
    ) -> Result<Credentials, AccountError> {
        let address = Address::parse(address).map_err(|_| AccountError::InvalidAddress)?;
        let (user, new_user) = self.claim(&address).await?;
        if let Some(before) = before.filter(|before| before.user == user)
            && let Some(device) = self.store.device(before).await?
            && device.value.revoked.is_none()
        {
            return Ok(self.credentials(&device.value, new_user));
        }
        // One device each: what a lost vault leaves behind is nobody's any more.
        for device in self.store.devices(user).await? {
            if device.value.revoked.is_none() {
                self.revoke(device.value.id).await?;
            }
        }
        let device = self.add_device(user, device_name).await?;
        Ok(self.credentials(&device, new_user))
    }

    /// Has `listener` called with each user who logs in on this server from now on.
    pub fn on_login(&self, listener: LoginListener) {
        self.login_listeners.write().push(listener);
    }

    pub(crate) fn tell_of_login(&self, user: UserId) {
        let listeners = self.login_listeners.read().clone();
        listeners.iter().for_each(|listener| listener(user));
    }
}
