//! Ending well: what this process said was taken by the server before it goes.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use dunlin_model::{ChatId, Seq};
use dunlin_wire::{Command, Outcome};
use tokio::time::{Instant, sleep, timeout};

use super::Session;
use super::feed::Online;
use crate::failure::Result;

/// How long changes of the keys, and names, that follow from what was said may take.
const FOLLOW_UP_TIME_MAX: Duration = Duration::from_secs(15);
/// How long what others wait for may take, in chats in which this process did nothing.
const DUTIES_TIME_MAX: Duration = Duration::from_secs(3);
/// How long the server may take to say that it took what was sent last.
const TAKEN_TIME_MAX: Duration = Duration::from_secs(3);
/// How long the connection may take to close.
const CLOSE_TIME_MAX: Duration = Duration::from_secs(3);
/// How often it is asked whether a mark is durable.
const ASKED_EVERY: Duration = Duration::from_millis(15);

impl Session {
    /// Waits until the server shows others that everything up to these places was seen here, for a while.
    pub(crate) async fn marks_taken(&self, marks: BTreeMap<ChatId, Seq>) -> Result {
        let deadline = Instant::now() + TAKEN_TIME_MAX;
        for (chat, seq) in marks {
            while Instant::now() < deadline {
                match self.ask(Command::GetChat { chat }).await {
                    Ok(Outcome::Chat(details)) if details.seen < seq.min(details.head) => {
                        sleep(ASKED_EVERY).await;
                    }
                    // Taken; or whoever is not a member any more marks nothing.
                    _ => break,
                }
            }
        }
        Ok(())
    }

    /// Sees through what this process began, and stops the device.
    pub(crate) async fn close(self: Rc<Self>) {
        if self.is_online() {
            self.follow_up().await;
            self.last_word().await;
        }
        // Whoever else holds it is a task that is being dropped; then the device stops with the process.
        let Ok(session) = Rc::try_unwrap(self) else { return };
        let Self { device, feed, .. } = session;
        drop(device);
        // The vault is durable at each step: a connection that does not close is left to the server.
        let _ = timeout(CLOSE_TIME_MAX, feed.ended()).await;
    }

    fn is_online(&self) -> bool {
        matches!(&*self.feed.online().borrow(), Online::Connected | Online::CaughtUp)
    }

    /// What follows from what was done or heard: the key changes that a new member waits for, a group's name. Where
    /// this process did something, it takes its time.
    async fn follow_up(&self) {
        let touched = self.touched.borrow().clone();
        let began = Instant::now();
        let mut changes = self.feed.changes();
        while self.is_online() {
            let busy = self.look(|client| {
                let busy = client.every_chat().filter(|(_, chat)| chat.is_busy());
                busy.map(|(chat, _)| chat).collect::<Vec<ChatId>>()
            });
            let Ok(busy) = busy.await else { return };
            let is_own = busy.iter().any(|chat| touched.contains(chat));
            let limit = if is_own { FOLLOW_UP_TIME_MAX } else { DUTIES_TIME_MAX };
            if busy.is_empty() || began.elapsed() >= limit {
                return;
            }
            // Not every step of the core shows a change, so it is looked again after a while too.
            let _ = timeout(ASKED_EVERY, changes.recv()).await;
        }
    }

    /// The server takes what it is told in order: its answer to this says that it took all before.
    async fn last_word(&self) {
        let question = Command::ListDevices { users: vec![self.me()] };
        let _ = timeout(TAKEN_TIME_MAX, self.ask(question)).await;
    }
}
