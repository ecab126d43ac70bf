//! What a user's devices say to each other through the server, and nobody keeps.

use bytes::Bytes;
use dunlin_model::{DeviceId, DeviceNumber};
use dunlin_relay::Signal;

use crate::{Delivery, DeliveryError};

/// Bytes of a payload that a device relays to others of its user.
pub const RELAYED_BYTES_MAX: usize = 8 * 1024;

impl Delivery {
    /// Hands `payload` to the other devices of the user that are connected now, or to one of them. Gives how many
    /// connections here it was left for; those of other servers of the fleet get it too and are not counted. Nothing
    /// is kept: a device that is not connected, or that leaves too much unread, never sees it.
    ///
    /// # Errors
    /// `Empty`, `TooLarge`.
    pub fn relay_to_devices(
        &self,
        from: DeviceId,
        to: Option<DeviceNumber>,
        payload: &Bytes,
    ) -> Result<u32, DeliveryError> {
        if payload.is_empty() {
            return Err(DeliveryError::Empty { what: "The payload" });
        }
        if payload.len() > RELAYED_BYTES_MAX {
            return Err(DeliveryError::TooLarge { what: "The payload", limit: RELAYED_BYTES_MAX });
        }
        let signal = Signal::Relayed { from, to, payload: payload.clone() };
        self.relay.publish_signal(self.server, &[from.user], signal);
        Ok(self.leave_relayed(from, to, payload))
    }

    /// Leaves it for the sessions here; gives for how many.
    pub(crate) fn leave_relayed(&self, from: DeviceId, to: Option<DeviceNumber>, payload: &Bytes) -> u32 {
        let mut reached = 0;
        self.registry.for_each(from.user, |session| {
            let device = session.device();
            let is_meant = device != from && to.is_none_or(|to| to == device.number);
            if is_meant && !session.is_revoked() {
                if session.leave_relayed(from.number, payload.clone()) {
                    reached += 1;
                } else {
                    self.metrics.signals_dropped.add(1);
                }
            }
        });
        reached
    }
}
