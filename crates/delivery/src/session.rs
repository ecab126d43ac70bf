//! The shared side of a connected device: what others leave for it.
//!
//! Only hints and rising values wait here, each list bounded: messages stay in the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use dunlin_model::view::{Receipt, UserPresence};
use dunlin_model::{ChatId, DeviceId, DeviceNumber, Seq, Suite, UserId};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::chat::Chat;

/// Chats that may be marked at a time; past it the whole inbox is read again instead.
const DIRTY_CHATS_MAX: usize = 1_024;
/// Receipts, and likewise presences, signals of typing and of hidden messages, that may wait.
const SIGNALS_MAX: usize = 256;
/// Payloads from other devices that may wait, 8 KiB each at most.
const RELAYED_MAX: usize = 16;

/// A connected device, as the rest of the server reaches it.
pub struct Session {
    device: DeviceId,
    notify: Notify,
    revoked: AtomicBool,
    left: Mutex<Left>,
}

/// What was left for the session since it last looked.
#[derive(Default)]
pub(crate) struct Left {
    pub(crate) dirty: Vec<Arc<Chat>>,
    pub(crate) reread_inbox: bool,
    pub(crate) receipts: Vec<(ChatId, Receipt)>,
    pub(crate) presences: Vec<UserPresence>,
    pub(crate) typing: Vec<(ChatId, UserId, bool)>,
    pub(crate) hidden: Vec<(ChatId, Seq)>,
    pub(crate) keys_low: Vec<(Suite, u32)>,
    pub(crate) relayed: Vec<(DeviceNumber, Bytes)>,
}

impl Session {
    pub(crate) fn new(device: DeviceId) -> Self {
        Self {
            device,
            notify: Notify::new(),
            revoked: AtomicBool::new(false),
            left: Mutex::new(Left::default()),
        }
    }

    /// Whose session it is.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// Waits until there is something to look at. Cancel safe; a call to [`Session::ring`] is not lost.
    pub async fn rung(&self) {
        self.notify.notified().await;
    }

    /// Makes the session's task look.
    pub fn ring(&self) {
        self.notify.notify_one();
    }

    /// Whether the device was revoked: the connection is to be closed.
    pub fn is_revoked(&self) -> bool {
        self.revoked.load(Ordering::Acquire)
    }

    pub(crate) fn revoke(&self) {
        self.revoked.store(true, Ordering::Release);
        self.ring();
    }

    /// Marks a chat as having something new. Whoever marks also rings, now or soon.
    pub(crate) fn mark(&self, chat: &Arc<Chat>) {
        let mut left = self.left.lock();
        if left.dirty.iter().any(|marked| Arc::ptr_eq(marked, chat)) {
            return;
        }
        if left.dirty.len() < DIRTY_CHATS_MAX {
            left.dirty.push(Arc::clone(chat));
        } else {
            left.reread_inbox = true;
        }
    }

    /// Says that wakes may have been lost: the inbox is to be read again.
    pub(crate) fn mark_all(&self) {
        self.left.lock().reread_inbox = true;
        self.ring();
    }

    /// Leaves a receipt; a newer one of the same member takes the place of the older. False when full.
    pub(crate) fn leave_receipt(&self, chat: ChatId, receipt: Receipt) -> bool {
        let kept = {
            let mut left = self.left.lock();
            match left.receipts.iter_mut().find(|(of, old)| *of == chat && old.user == receipt.user) {
                Some((_, old)) => {
                    old.delivered = old.delivered.max(receipt.delivered);
                    old.seen = old.seen.max(receipt.seen);
                    true
                }
                None => push_bounded(&mut left.receipts, (chat, receipt)),
            }
        };
        self.ring();
        kept
    }

    /// Leaves a presence; the newest of a user counts. False when full.
    pub(crate) fn leave_presence(&self, presence: UserPresence) -> bool {
        let kept = {
            let mut left = self.left.lock();
            left.presences.retain(|old| old.user != presence.user);
            push_bounded(&mut left.presences, presence)
        };
        self.ring();
        kept
    }

    /// Leaves word of someone typing. False when full.
    pub(crate) fn leave_typing(&self, chat: ChatId, user: UserId, typing: bool) -> bool {
        let kept = {
            let mut left = self.left.lock();
            left.typing.retain(|old| (old.0, old.1) != (chat, user));
            push_bounded(&mut left.typing, (chat, user, typing))
        };
        self.ring();
        kept
    }

    /// Leaves word of a message that the user deleted for themselves elsewhere. False when full.
    pub(crate) fn leave_hidden(&self, chat: ChatId, seq: Seq) -> bool {
        let kept = push_bounded(&mut self.left.lock().hidden, (chat, seq));
        self.ring();
        kept
    }

    /// Leaves word that few key packages are left; the newest of a suite counts.
    pub(crate) fn leave_keys_low(&self, suite: Suite, count: u32) {
        {
            let mut left = self.left.lock();
            left.keys_low.retain(|(of, _)| *of != suite);
            push_bounded(&mut left.keys_low, (suite, count));
        }
        self.ring();
    }

    /// Leaves what another device of the user relayed. False when full: older ones are not pushed out.
    pub(crate) fn leave_relayed(&self, from: DeviceNumber, payload: Bytes) -> bool {
        let kept = {
            let mut left = self.left.lock();
            let has_room = left.relayed.len() < RELAYED_MAX;
            if has_room {
                left.relayed.push((from, payload));
            }
            has_room
        };
        self.ring();
        kept
    }

    pub(crate) fn take(&self) -> Left {
        std::mem::take(&mut *self.left.lock())
    }
}

fn push_bounded<T>(list: &mut Vec<T>, item: T) -> bool {
    if list.len() < SIGNALS_MAX {
        list.push(item);
        true
    } else {
        false
    }
}
