//! Devices that come and go.

use dunlin_model::account::{Device, Versioned};
use dunlin_model::{ChatId, DeviceId, Progress, Seq};
use dunlin_relay::Signal;
use dunlin_store::ProgressRaise;

use crate::{Delivery, DeliveryError};

/// Rows of the inbox read, and registers written, at a time.
const LINK_PAGE_ROWS: usize = 512;

impl Delivery {
    /// Says where a new device starts: at the heads of its user's chats (DESIGN.md, section 2, entitlement).
    ///
    /// When it is the user's only device, it goes on where the others had got to, so that whoever logs out
    /// everywhere and in again misses nothing. To be called once, before the device connects; may be
    /// repeated until it succeeds.
    ///
    /// # Errors
    /// `Store`.
    pub async fn link_device(&self, device: DeviceId) -> Result<(), DeliveryError> {
        let devices = self.store.devices(device.user).await?;
        let others: Vec<&Versioned<Device>> =
            devices.iter().filter(|other| other.value.id.number < device.number).collect();
        if others.is_empty() {
            return Ok(()); // The first device starts where its user does.
        }
        let alone = others.iter().all(|other| other.value.revoked.is_some());
        let mut after = None;
        loop {
            let rows = self.store.inbox(device.user, after, LINK_PAGE_ROWS).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.chat);
            let chats: Vec<ChatId> = rows.iter().map(|row| row.chat).collect();
            let mut starts: Vec<Seq> = self.store.heads(&chats).await?;
            if alone {
                starts.fill(Seq::ZERO);
                for other in &others {
                    let reached = self.store.device_progress(other.value.id, &chats).await?;
                    for (start, progress) in starts.iter_mut().zip(reached) {
                        *start = (*start).max(progress.cursor());
                    }
                }
            }
            let raises: Vec<ProgressRaise> = chats
                .iter()
                .zip(starts)
                .map(|(chat, start)| ProgressRaise {
                    chat: *chat,
                    device,
                    progress: Progress { start, received: Seq::ZERO, seen: Seq::ZERO },
                })
                .collect();
            self.store.raise_progress(&raises).await?;
            if rows.len() < LINK_PAGE_ROWS {
                return Ok(());
            }
        }
    }

    /// Says that a device was revoked or logged out: its sessions are to be closed, here and elsewhere, and its
    /// user's chats are to say so, soon.
    pub fn revoke_device(&self, device: DeviceId) {
        self.end_sessions(device);
        self.revocation_told.notify_one();
    }

    pub(crate) fn end_sessions(&self, device: DeviceId) {
        self.close_sessions_of(device);
        self.relay.publish_signal(self.server, &[device.user], Signal::Revoked { device });
    }

    pub(crate) fn close_sessions_of(&self, device: DeviceId) {
        self.registry.for_each(device.user, |session| {
            if session.device() == device {
                session.revoke();
            }
        });
    }
}
