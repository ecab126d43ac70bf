//! The connections of this server: for heartbeats, limits, and sending everyone away.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use dunlin_model::DeviceId;
use parking_lot::Mutex;
use slab::Slab;

use crate::outbox::Outbox;

/// Every connection with a session.
#[derive(Default)]
pub(crate) struct Connections {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    open: Slab<Arc<Outbox>>,
    by_device: HashMap<DeviceId, Vec<usize>>,
    by_address: HashMap<IpAddr, u32>,
}

/// A place among the connections; dropping it gives it back, exactly once.
pub(crate) struct Place {
    connections: Arc<Connections>,
    key: usize,
    device: DeviceId,
}

/// A connection counted for its address; dropping it gives it back.
pub(crate) struct AddressPlace {
    connections: Arc<Connections>,
    address: IpAddr,
}

impl Connections {
    /// Adds a connection; the oldest ones of the device beyond `per_device_max` are told to close.
    pub(crate) fn add(self: &Arc<Self>, outbox: &Arc<Outbox>, per_device_max: usize) -> Place {
        let device = outbox.session.device();
        let mut inner = self.inner.lock();
        let key = inner.open.insert(Arc::clone(outbox));
        let Inner { open, by_device, .. } = &mut *inner;
        let keys = by_device.entry(device).or_default();
        keys.push(key);
        let surplus = keys.len().saturating_sub(per_device_max.max(1));
        for old in keys.iter().take(surplus) {
            if let Some(outbox) = open.get(*old) {
                outbox.replace();
            }
        }
        Place { connections: Arc::clone(self), key, device }
    }

    /// Counts a connection of `address`, unless it has `max` already.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, max: u32) -> Option<AddressPlace> {
        let mut inner = self.inner.lock();
        let count = inner.by_address.entry(address).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(AddressPlace { connections: Arc::clone(self), address })
    }

    pub(crate) fn len(&self) -> usize {
        self.inner.lock().open.len()
    }

    /// One tick of the timer wheel: pings the connections whose place falls into `slot` of `slots`.
    pub(crate) fn tick(&self, slot: usize, slots: usize) {
        let inner = self.inner.lock();
        for (_, outbox) in inner.open.iter().filter(|(key, _)| key % slots == slot) {
            outbox.request_ping();
        }
    }

    /// Sends every client away, each to come back at a time of its own within `window`.
    pub(crate) fn drain(&self, window: Duration, random: &mut dyn FnMut() -> u64) {
        let window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX).max(1);
        for (_, outbox) in &self.inner.lock().open {
            if outbox.draining().is_none() {
                outbox.drain(Duration::from_millis(random() % window_ms));
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.connections.inner.lock();
        inner.open.try_remove(self.key);
        if let Some(keys) = inner.by_device.get_mut(&self.device) {
            keys.retain(|key| *key != self.key);
            if keys.is_empty() {
                inner.by_device.remove(&self.device);
            }
        }
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        let mut inner = self.connections.inner.lock();
        if let Some(count) = inner.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                inner.by_address.remove(&self.address);
            }
        }
    }
}
