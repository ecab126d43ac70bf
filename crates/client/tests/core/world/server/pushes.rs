//! What a connected device is pushed: its cursor to the head, in order, within a window.

use std::collections::BTreeMap;
use std::sync::Arc;

use dunlin_model::view::{SkipReason, Skipped};
use dunlin_model::{ChatId, DeviceId, Seq, Suite};
use dunlin_wire::ServerFrame;

use super::Server;

/// Events under way to a device that were not acknowledged.
const WINDOW_EVENTS: u64 = 8;

#[derive(Default, Clone)]
pub(super) struct Session {
    pub(super) resumed: bool,
    caught_up: bool,
    sent: BTreeMap<ChatId, Seq>,
    /// What [`Server::length`] was when everything was looked through, unless its cursors moved since.
    pub(super) looked_at: Option<u64>,
    /// Suites of which few key packages are left.
    pub(super) low: Vec<(Suite, u32)>,
}

impl Server {
    pub(crate) fn pushes(&mut self, device: DeviceId) -> Vec<ServerFrame> {
        let length = self.length();
        let relayed = self.relayed.remove(&device).unwrap_or_default().into_iter();
        let mut frames: Vec<ServerFrame> =
            relayed.map(|(device, payload)| ServerFrame::Relayed { device, payload }).collect();
        let Some(session) = self.sessions.get_mut(&device).filter(|session| session.resumed) else {
            return frames;
        };
        let low = std::mem::take(&mut session.low);
        frames.extend(low.into_iter().map(|(suite, left)| ServerFrame::KeyPackagesLow { suite, left }));
        if session.looked_at.replace(length) == Some(length) {
            frames.extend(self.signals.left.remove(&device).unwrap_or_default());
            return frames;
        }
        let mut complete = true;
        for (id, log) in &self.chats {
            let Some(stays) = log.state.memberships.get(&device.user) else { continue };
            let cursor = self.cursors.get(&(device, *id)).copied().unwrap_or_default();
            let sent = session.sent.entry(*id).or_default();
            *sent = (*sent).max(cursor);
            loop {
                let next = sent.next();
                let Some(readable) = stays.next_covered(next).filter(|seq| *seq <= log.state.head) else {
                    break;
                };
                if sent.0.saturating_sub(cursor.0) >= WINDOW_EVENTS && cursor > Seq::ZERO {
                    complete = false;
                    break;
                }
                if readable > next {
                    let (to, reason) = (readable.previous(), SkipReason::NotEntitled);
                    frames
                        .push(ServerFrame::Skipped { chat: *id, range: Skipped { from: next, to, reason } });
                }
                if readable <= log.floor {
                    let to = stays.last_covered(log.floor).unwrap_or(readable).max(readable);
                    let range = Skipped { from: readable, to, reason: SkipReason::Expired };
                    frames.push(ServerFrame::Skipped { chat: *id, range });
                    self.expired.insert((device, *id, readable, to));
                    *sent = to;
                    continue;
                }
                let event = log.event(readable).unwrap().clone();
                frames.push(ServerFrame::Event { chat: *id, event: Arc::new(event) });
                *sent = readable;
            }
        }
        if complete && !session.caught_up {
            session.caught_up = true;
            frames.push(ServerFrame::CaughtUp);
        }
        frames.extend(self.signals.left.remove(&device).unwrap_or_default());
        frames
    }

    /// Of all logs together, which rises with everything that there can be to push.
    fn length(&self) -> u64 {
        self.chats.values().map(|log| log.state.head.0 + log.floor.0).sum()
    }
}
