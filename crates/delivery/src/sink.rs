//! What comes from other servers through the relay. All of it is a hint.

use dunlin_model::UserId;
use dunlin_relay::{Lost, Signal, Wake, WakeSink};
use dunlin_store::ProgressRaise;

use crate::Delivery;

impl WakeSink for Delivery {
    fn wake(&self, users: &[UserId], wake: &Wake) {
        // A chat that nobody here holds is not loaded for a hint: its readers' inboxes are read instead.
        let Some(chat) = self.chats.get(wake.chat) else {
            for user in users {
                self.registry.for_each(*user, |session| session.mark_all());
            }
            return;
        };
        if let Some(event) = &wake.event {
            chat.apply(std::sync::Arc::clone(event));
        }
        chat.hint(wake.head);
        self.wake_here(&chat, users, None);
    }

    fn lost(&self, lost: Lost) {
        match lost {
            Lost::All => self.registry.for_all(|session| session.mark_all()),
            Lost::Users(users) => {
                for user in users {
                    self.registry.for_each(user, |session| session.mark_all());
                }
            }
        }
    }

    fn signal(&self, users: &[UserId], signal: &Signal) {
        match signal {
            Signal::Typing { chat, user, typing } => {
                for to in users {
                    self.registry.for_each(*to, |session| {
                        session.leave_typing(*chat, *user, *typing);
                    });
                }
            }
            Signal::Presence { user, online, last_seen } => {
                self.presence_from_elsewhere(*user, *online, *last_seen);
            }
            Signal::Hidden { user, chat, seq } => {
                self.registry.for_each(*user, |session| {
                    session.leave_hidden(*chat, *seq);
                });
            }
            Signal::Revoked { device } => self.close_sessions_of(*device),
            Signal::KeyPackagesLow { device, suite, left } => self.leave_keys_low(*device, *suite, *left),
            Signal::Relayed { from, to, payload } => {
                self.leave_relayed(*from, *to, payload);
            }
            Signal::Receipt { chat, device, progress } => {
                self.receipt_from_elsewhere(ProgressRaise {
                    chat: *chat,
                    device: *device,
                    progress: *progress,
                });
            }
        }
    }
}
