//! Receipts on their way to the store: coalesced, written together, shown when durable (I9).

use std::collections::HashMap;
use std::sync::Weak;
use std::time::Duration;

use dunlin_model::chat::ChatState;
use dunlin_model::view::Receipt;
use dunlin_model::{ChatId, DeviceId, Progress, Seq};
use dunlin_relay::Signal;
use dunlin_store::ProgressRaise;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::Delivery;
use crate::chat::Chat;

/// Registers that may wait for the store; past it, whoever acknowledges waits.
const PENDING_MAX: usize = 100_000;
/// Registers written in one call.
const WRITE_MAX: usize = 4_096;
/// How long to let receipts gather after a write: those that come meanwhile share the next one, and nobody
/// sees a tick come so much later. A lone receipt is written at once.
const GATHER_PAUSE: Duration = Duration::from_millis(20);
/// How long to wait before writing again what the store refused.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Raises that are not durable yet; a later one of a register takes the place of the earlier.
#[derive(Default)]
pub(crate) struct ReceiptQueue {
    pending: Mutex<HashMap<(ChatId, DeviceId), Progress>>,
    filled: Notify,
    emptied: Notify,
}

impl ReceiptQueue {
    /// What is on its way for this device.
    pub(crate) fn pending(&self, chat: ChatId, device: DeviceId) -> Progress {
        self.pending.lock().get(&(chat, device)).copied().unwrap_or_default()
    }

    fn put(&self, chat: ChatId, device: DeviceId, progress: Progress) -> bool {
        let mut pending = self.pending.lock();
        if pending.len() >= PENDING_MAX && !pending.contains_key(&(chat, device)) {
            return false;
        }
        let register = pending.entry((chat, device)).or_default();
        *register = register.merge(progress);
        true
    }

    fn next(&self) -> Vec<ProgressRaise> {
        let pending = self.pending.lock();
        let raises = pending.iter().take(WRITE_MAX);
        raises
            .map(|((chat, device), progress)| ProgressRaise {
                chat: *chat,
                device: *device,
                progress: *progress,
            })
            .collect()
    }

    /// Forgets what was written, unless it rose meanwhile.
    fn written(&self, raises: &[ProgressRaise]) {
        let mut pending = self.pending.lock();
        for raise in raises {
            if pending.get(&(raise.chat, raise.device)) == Some(&raise.progress) {
                pending.remove(&(raise.chat, raise.device));
            }
        }
    }
}

impl Delivery {
    /// Queues a raise. Waits while too many wait; cancel safe.
    pub(crate) async fn put_receipt(&self, chat: ChatId, device: DeviceId, progress: Progress) {
        loop {
            let emptied = self.receipts.emptied.notified();
            if self.receipts.put(chat, device, progress) {
                break;
            }
            emptied.await;
        }
        self.receipts.filled.notify_one();
    }

    /// Shows durable receipts, in small chats, to those whose messages they are about and to the user's other
    /// devices.
    async fn show_receipt(&self, raise: &ProgressRaise) {
        let Ok(chat) = self.chat(raise.chat).await else { return };
        let is_small = |state: &ChatState| state.members.len() <= self.config().signal_members_max;
        if !chat.look(is_small) {
            chat.raise_progress(raise.device, raise.progress);
            return;
        }
        // What is loaded now holds this raise already: then it is news in any case.
        let is_news = !chat.has_progress();
        if is_news && chat.load_progress(&*self.store).await.is_err() {
            return; // Only the news is lost; `messageStatus` tells.
        }
        let raised = chat.raise_progress(raise.device, raise.progress);
        let user = raise.device.user;
        let news =
            is_news.then(|| (Receipt { user, delivered: Seq::ZERO, seen: Seq::ZERO }, chat.receipt(user)));
        let Some((before, after)) = raised.or(news) else { return };
        self.show_here(&chat, raise.device, before, after);
        let members: Vec<_> = chat.look(|state| state.members.keys().copied().collect());
        let signal = Signal::Receipt { chat: raise.chat, device: raise.device, progress: raise.progress };
        self.relay.publish_signal(self.server, &members, signal);
    }

    /// Leaves a member's receipts with the sessions here that they concern.
    fn show_here(&self, chat: &Chat, device: DeviceId, before: Receipt, after: Receipt) {
        let authors = chat.authors_between(before, after);
        for user in authors.iter().filter(|author| **author != device.user).chain([&device.user]) {
            self.registry.for_each(*user, |session| {
                if session.device() != device {
                    self.metrics.status_updates.add(1);
                    if !session.leave_receipt(chat.id, after) {
                        self.metrics.signals_dropped.add(1);
                    }
                }
            });
        }
    }
}

/// Writes receipts until the server ends: whatever waits goes in one call, so that under load many share a
/// batch and a lone one does not wait.
pub(crate) async fn write_receipts(delivery: Weak<Delivery>) {
    loop {
        let Some(strong) = delivery.upgrade() else { return };
        let raises = strong.receipts.next();
        if raises.is_empty() {
            let filled = strong.receipts.filled.notified();
            tokio::pin!(filled);
            // Looks up now and then, so that the task ends with the server.
            let _ = tokio::time::timeout(Duration::from_secs(1), filled).await;
            continue;
        }
        match strong.store.raise_progress(&raises).await {
            Ok(()) => {
                strong.receipts.written(&raises);
                strong.receipts.emptied.notify_waiters();
                strong.metrics.receipts_written.add(u64::try_from(raises.len()).unwrap_or(u64::MAX));
                for raise in &raises {
                    strong.show_receipt(raise).await;
                }
                drop(strong);
                tokio::time::sleep(GATHER_PAUSE).await;
            }
            Err(error) => {
                tracing::warn!(%error, "receipts wait for the store");
                drop(strong);
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }
}

impl Delivery {
    /// How many registers wait to be written.
    pub fn receipts_pending(&self) -> usize {
        self.receipts.pending.lock().len()
    }

    pub(crate) fn receipt_from_elsewhere(&self, raise: ProgressRaise) {
        let Some(chat) = self.chats.get(raise.chat) else { return };
        if let Some((before, after)) = chat.raise_progress(raise.device, raise.progress) {
            self.show_here(&chat, raise.device, before, after);
        }
    }
}
