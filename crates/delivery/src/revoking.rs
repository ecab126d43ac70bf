//! Revoked devices: what was decided is said in each of their user's chats, whatever happens in between.
//!
//! The intent is durable before anyone is told; this goes over all that is not settled and may be cut off and
//! run again at any point.

use std::sync::{Arc, Weak};
use std::time::Duration;

use dunlin_model::{ChatId, ClientSeq, DeviceId, Encryption, Event};
use dunlin_store::{Appended, Replaced, StoreError};

use crate::chat::Chat;
use crate::submit::{APPEND_ATTEMPTS_MAX, Written};
use crate::{Delivery, DeliveryError};

/// How often revocations that are not settled are looked for, beside being told of them.
const REVOCATION_INTERVAL: Duration = Duration::from_secs(30);
/// Revocations, and chats of a user, read at a time.
const PAGE_ROWS: usize = 256;

/// Carries revocations out for as long as the server runs.
pub(crate) async fn carry_out_revocations(delivery: Weak<Delivery>) {
    loop {
        let Some(strong) = delivery.upgrade() else { return };
        if let Err(error) = strong.carry_out_revocations().await {
            tracing::warn!(%error, "a revocation is not carried out yet; trying again later");
        }
        let told = Arc::clone(&strong.revocation_told);
        drop(strong);
        let _ = tokio::time::timeout(REVOCATION_INTERVAL, told.notified()).await;
    }
}

impl Delivery {
    /// Carries out every revocation that is intended, and waits for nothing but the store. May be repeated,
    /// also on several servers at once.
    ///
    /// # Errors
    /// `Store`, `TooBusy`; the rest is done when it is run again.
    pub async fn carry_out_revocations(&self) -> Result<(), DeliveryError> {
        let mut after = None;
        loop {
            let devices = self.store.revocations(after, PAGE_ROWS).await?;
            let Some(last) = devices.last() else { return Ok(()) };
            after = Some(*last);
            for device in &devices {
                self.carry_out_revocation(*device).await?;
            }
            if devices.len() < PAGE_ROWS {
                return Ok(());
            }
        }
    }

    async fn carry_out_revocation(&self, device: DeviceId) -> Result<(), DeliveryError> {
        self.mark_revoked(device).await?;
        self.end_sessions(device);
        // From here on nobody adds the device to a group anew.
        self.store.remove_key_packages(device).await?;
        let mut after = None;
        loop {
            let rows = self.store.inbox(device.user, after, PAGE_ROWS).await?;
            for row in &rows {
                self.say_revoked(row.chat, device).await?;
            }
            after = rows.last().map(|row| row.chat);
            if rows.len() < PAGE_ROWS {
                break;
            }
        }
        Ok(self.store.settle_revocation(device).await?)
    }

    /// Whoever noted the intent may have died before the device itself said so.
    async fn mark_revoked(&self, device: DeviceId) -> Result<(), DeliveryError> {
        for _ in 0..APPEND_ATTEMPTS_MAX {
            let Some(mut read) = self.store.device(device).await? else { return Ok(()) };
            if read.value.revoked.is_some() {
                return Ok(());
            }
            read.value.revoked = Some(self.clock.now());
            match self.store.replace_device(&read).await {
                Ok(Replaced::Done(_)) => return Ok(()),
                Ok(Replaced::Changed) | Err(StoreError::Uncertain(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(DeliveryError::TooBusy)
    }

    /// Appends to an encrypted chat that a member's device was revoked, unless the log says so already.
    async fn say_revoked(&self, chat: ChatId, device: DeviceId) -> Result<(), DeliveryError> {
        let chat = self.chat(chat).await?;
        if chat.look(|state| state.encryption != Encryption::Mls) {
            return Ok(());
        }
        for _ in 0..APPEND_ATTEMPTS_MAX {
            let turn = Arc::clone(&chat.turn).lock_owned().await;
            chat.pipeline.drained().await;
            // Not only what somebody spoke of: the revocation is not to miss a chat that moved elsewhere.
            chat.catch_up(&*self.store).await?;
            let Some(event) = self.revocation_event(&chat, device) else {
                drop(turn);
                if !chat.look(|state| state.keys.revoked.contains(&device)) {
                    return Ok(());
                }
                // It was appended before; whoever did so may have died before raising and waking.
                return self.announce(&chat, Written::before(chat.head()), device).await;
            };
            let reserved = chat.pipeline.reserve(&chat, event);
            let event = Arc::clone(&reserved.event);
            match self.store.append(chat.id, &event).await {
                Ok(Appended::Written) => {
                    reserved.written();
                    drop(turn);
                    self.metrics.appended.add(1);
                    return self.announce(&chat, Written::now(event), device).await;
                }
                Ok(Appended::Taken) | Err(StoreError::Uncertain(_)) => {
                    self.metrics.conflicts.add(1);
                    drop(reserved);
                    chat.hint(event.seq);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(DeliveryError::TooBusy)
    }

    fn revocation_event(&self, chat: &Chat, device: DeviceId) -> Option<Event> {
        let now = self.clock.now();
        chat.look(|state| {
            let kind = state.revocation(device)?;
            let (seq, time) = (state.head.next(), now.max(state.changed));
            Some(Event { seq, time, sender: device, client_seq: ClientSeq(0), kind, attestation: None })
        })
    }

    async fn announce(
        &self,
        chat: &Arc<Chat>,
        written: Written,
        device: DeviceId,
    ) -> Result<(), DeliveryError> {
        self.raise(chat, &written).await?;
        self.wake(chat, &written, device);
        self.tidy_up(chat);
        Ok(())
    }
}
