//! How many handshakes of a device may turn out not to be valid: each costs more to look into than to send.

use std::time::Duration;

use dunlin_model::DeviceId;
use parking_lot::Mutex;

use crate::counts::Counts;

/// The time over which handshakes that are not valid are counted.
const REFUSED_INTERVAL: Duration = Duration::from_secs(60);
/// Handshakes of a device in [`REFUSED_INTERVAL`] that may be refused for what was found in them; an honest device
/// sends none.
const REFUSED_MAX: u32 = 10;

/// Handshakes that were refused lately on this server.
pub(super) struct Refusals(Mutex<Counts<DeviceId>>);

impl Default for Refusals {
    fn default() -> Self {
        Self(Mutex::new(Counts::over(REFUSED_INTERVAL)))
    }
}

impl Refusals {
    /// How long the device has to wait; nothing when its next handshake is looked into now.
    pub(super) fn wait(&self, device: DeviceId, now: Duration) -> Option<Duration> {
        self.0.lock().wait(&device, 1, REFUSED_MAX, now)
    }

    pub(super) fn add(&self, device: DeviceId, now: Duration) {
        self.0.lock().add(device, 1, now);
    }
}
