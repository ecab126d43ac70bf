//! What the fleet makes of what it is told.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use dunlin_model::{Body, ChatId, ClientSeq, ErrorCode, Event, EventKind, Retry, Seq};
use dunlin_wire::{Failure, Outcome, ServerFrame};

use super::{Fleet, RETRY_PAUSE, Scenario};
use crate::check::{Chat, Entry, Record};

/// Complaints of the server that are told in full.
const COMPLAINTS_TOLD_MAX: usize = 10;

impl Fleet {
    /// Takes in one frame from the server.
    pub(crate) fn handle<S: Scenario>(&mut self, scenario: &mut S, client: usize, frame: ServerFrame) {
        match frame {
            ServerFrame::Reply { id, outcome } => self.reply(scenario, client, id, outcome),
            ServerFrame::Event { chat, event } => self.event(scenario, client, chat, &event),
            ServerFrame::Skipped { chat, range } => {
                let (chat, device) = (self.history.chat(chat), self.clients[client].device);
                let (from, to, reason) = (range.from, range.to, range.reason);
                self.history.note(Record::Skipped { device, chat, from, to, reason });
                self.advance(client, chat, to);
            }
            ServerFrame::StatusUpdate { chat, receipt } => {
                self.counts.receipts += 1;
                let (chat, viewer) = (self.history.chat(chat), self.clients[client].device);
                let (user, delivered, seen) = (receipt.user, receipt.delivered, receipt.seen);
                self.history.note(Record::Receipt { viewer, chat, user, delivered, seen });
            }
            ServerFrame::CaughtUp => self.clients[client].caught_up = true,
            ServerFrame::Welcome(welcome) => {
                if welcome.device != self.clients[client].account.device {
                    self.complain(format!("welcomed as {} instead", welcome.device));
                }
            }
            ServerFrame::PresenceUpdate(_)
            | ServerFrame::Typing { .. }
            | ServerFrame::MessageHidden { .. }
            | ServerFrame::KeyPackagesLow { .. }
            | ServerFrame::Relayed { .. }
            | ServerFrame::Draining { .. } => {}
        }
    }
    fn reply<S: Scenario>(&mut self, scenario: &mut S, client: usize, id: u64, outcome: Outcome) {
        let device = self.clients[client].device;
        match outcome {
            Outcome::Accepted { chat, seq, repeated, .. } => {
                let (chat, number) = (self.history.chat(chat), ClientSeq(id));
                self.history.note(Record::Accepted { device, number, chat, seq, repeated });
                if let Some(sending) = self.clients[client].sendings.get_mut(&id) {
                    self.counts.accepted += u64::from(!sending.answered);
                    sending.answered = true;
                }
                self.finish_if_done(scenario, client, id);
            }
            Outcome::Failed(failure) => self.failed(scenario, client, id, &failure),
            Outcome::History { chat, page } => {
                let chat = self.history.chat(chat);
                for event in &page.events {
                    let entry = self.entry(chat, event);
                    self.history.note(Record::Listed { device, entry });
                }
                self.pages.push(page);
            }
            _ => {}
        }
    }

    fn failed<S: Scenario>(&mut self, scenario: &mut S, client: usize, id: u64, failure: &Failure) {
        let device = self.clients[client].device;
        let Some(sending) = self.clients[client].sendings.get_mut(&id) else {
            if id == 0 && failure.retry == Retry::Later {
                // An acknowledgement was refused: all are said again.
                self.retries.push((self.started.elapsed() + RETRY_PAUSE, client, 0));
            }
            self.complain(format!("{}: {}", failure.code, failure.message));
            return;
        };
        let (chat, number) = (sending.chat, ClientSeq(id));
        match (failure.code, failure.retry) {
            (_, Retry::Later) => {
                let pause = failure.retry_after.unwrap_or(RETRY_PAUSE).max(RETRY_PAUSE);
                self.retries.push((self.started.elapsed() + pause, client, id));
                return;
            }
            (ErrorCode::TooOld, _) => {
                self.counts.too_old += 1;
                self.history.note(Record::TooOld { device, number, chat });
            }
            _ => {
                self.counts.refused += 1;
                self.history.note(Record::Refused { device, number, chat });
            }
        }
        if let Some(sending) = self.clients[client].sendings.get_mut(&id) {
            (sending.answered, sending.waiting) = (true, 0);
        }
        self.complain(format!("{}: {}", failure.code, failure.message));
        self.finish_if_done(scenario, client, id);
    }

    fn event<S: Scenario>(&mut self, scenario: &mut S, client: usize, chat: ChatId, event: &Event) {
        let chat = self.history.chat(chat);
        let entry = self.entry(chat, event);
        let device = self.clients[client].device;
        self.history.note(Record::Pushed { device, entry });
        if !self.advance(client, chat, event.seq) {
            return; // A repetition: the checker tells.
        }
        let (sender, number) = (self.history.index_of(entry.sender), event.client_seq.0);
        if sender != client {
            self.counts.delivered += 1;
            let now = self.now();
            let sending = self.clients.get_mut(sender).and_then(|sender| sender.sendings.get_mut(&number));
            if let Some(sending) = sending {
                sending.waiting = sending.waiting.saturating_sub(1);
                let latency = now.saturating_sub(sending.intended).as_micros();
                self.latency_us.saturating_record(u64::try_from(latency).unwrap_or(u64::MAX));
            }
            self.finish_if_done(scenario, sender, number);
        }
        scenario.stored(self, client, chat, event);
    }

    fn finish_if_done<S: Scenario>(&mut self, scenario: &mut S, client: usize, number: u64) {
        let Some(this) = self.clients.get_mut(client) else { return };
        if let Some(sending) = this.sendings.get(&number)
            && sending.answered
            && sending.waiting == 0
        {
            let chat = sending.chat;
            this.sendings.remove(&number);
            scenario.completed(self, client, chat);
        }
    }

    /// Moves the client's position in a chat; false when it was there already.
    fn advance(&mut self, client: usize, chat: Chat, seq: Seq) -> bool {
        let this = &mut self.clients[client];
        let position = this.positions.entry(chat).or_default();
        if seq <= position.0 {
            return false;
        }
        position.0 = seq;
        if !this.unacknowledged.contains(&chat) {
            this.unacknowledged.push(chat);
        }
        true
    }

    fn entry(&mut self, chat: Chat, event: &Event) -> Entry {
        Entry {
            chat,
            seq: event.seq,
            sender: self.history.device(event.sender),
            number: event.client_seq,
            body: event_hash(event),
            time_ms: event.time.0,
        }
    }

    fn complain(&mut self, what: String) {
        self.complaint_count += 1;
        if self.complaints.len() < COMPLAINTS_TOLD_MAX {
            self.complaints.push(what);
        }
    }
}

/// A hash of what an event says; `None` when that was emptied.
fn event_hash(event: &Event) -> Option<u64> {
    match &event.kind {
        EventKind::Message { body: Body::Gone(_), .. } => None,
        EventKind::Message { body, reply_to, attachments } => {
            Some(message_hash(body, *reply_to, attachments.len()))
        }
        change => {
            let mut hash = DefaultHasher::new();
            format!("{change:?}").hash(&mut hash);
            Some(hash.finish())
        }
    }
}

pub(super) fn message_hash(body: &Body, reply_to: Option<Seq>, attachments: usize) -> u64 {
    let mut hash = DefaultHasher::new();
    match body {
        Body::Text(text) => hash.write(text.as_bytes()),
        Body::Opaque(bytes) => hash.write(bytes),
        Body::Gone(_) => {}
    }
    hash.write_u64(reply_to.map_or(0, |seq| seq.0));
    hash.write_usize(attachments);
    hash.finish()
}
