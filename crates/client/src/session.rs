//! One connection, from `Connected` to `Disconnected`. Nothing of it is kept.

use std::collections::BTreeMap;

use dunlin_model::{ChatId, ErrorCode, Seq, Suite};
use dunlin_wire::{ClientFrame, Command, Failure, Outcome, POSITIONS_MAX, Position, Welcome};

use crate::effects::Change;
use crate::outbox::AttemptId;
use crate::step::Client;

/// Key packages in one refill.
pub const KEY_PACKAGES_PER_UPLOAD: usize = 32;
/// The suites that chats may use.
const SUITES: [Suite; 2] = [Suite::HYBRID, Suite::CLASSIC];

/// What a request was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    Attempt(AttemptId),
    Base(ChatId),
    Claim(ChatId),
    GroupInfo(ChatId),
    Announcement {
        last: bool,
    },
    List,
    /// By the person, with this token.
    Asked(u64),
    Hide(ChatId, Seq),
    Receipts(ChatId),
    Other,
}

#[derive(Debug)]
pub(crate) struct Session {
    last_request: u64,
    requests: BTreeMap<u64, Request>,
    pub(crate) caught_up: bool,
}

impl Client {
    /// Asks, to be answered by `answered`.
    pub(crate) fn ask(&mut self, request: Request, command: Command) {
        let Some(session) = &mut self.session else { return };
        session.last_request += 1;
        session.requests.insert(session.last_request, request);
        self.effects.send.push(ClientFrame { id: session.last_request, command });
    }

    /// Asks on the person's behalf.
    pub(crate) fn ask_for(&mut self, token: u64, command: Command) {
        if self.session.is_some() {
            self.ask(Request::Asked(token), command);
        } else {
            self.leave_unanswered(token);
        }
    }

    fn leave_unanswered(&mut self, token: u64) {
        let failure = Failure::new(ErrorCode::Unavailable, "The server is out of reach.");
        let outcome = Box::new(Outcome::Failed(failure));
        self.effects.changes.push(Change::Answered { token, outcome });
    }

    /// Says what needs no answer.
    pub(crate) fn say(&mut self, command: Command) {
        if self.session.is_some() {
            self.effects.send.push(ClientFrame { id: 0, command });
        }
    }

    pub(crate) fn connected(&mut self, _welcome: &Welcome) {
        self.disconnected();
        self.session = Some(Session { last_request: 0, requests: BTreeMap::new(), caught_up: false });
        let positions: Vec<Position> = self
            .chats
            .iter()
            .filter(|(_, chat)| chat.marks.cursor.0 > 0)
            .map(|(id, chat)| Position { chat: *id, received: chat.marks.cursor, seen: chat.marks.seen })
            .collect();
        let pieces = positions.chunks(POSITIONS_MAX);
        let last = pieces.len().saturating_sub(1);
        for (number, piece) in pieces.enumerate() {
            let more = number < last;
            self.ask(Request::Other, Command::Resume { positions: piece.to_vec(), more });
        }
        if positions.is_empty() {
            self.ask(Request::Other, Command::Resume { positions, more: false });
        }
        if !self.account.announced {
            self.announce();
        }
        if !self.account.listed {
            self.ask(Request::List, Command::ListChats { after: None, limit: None });
        }
        self.ask_to_hide();
        self.watch_presence();
        self.touched.extend(self.chats.keys().copied());
    }

    pub(crate) fn disconnected(&mut self) {
        for request in self.session.take().into_iter().flat_map(|session| session.requests.into_values()) {
            if let Request::Asked(token) = request {
                self.leave_unanswered(token);
            }
        }
        self.hides.values_mut().for_each(|asked| *asked = false);
        for chat in self.chats.values_mut() {
            chat.forget_connection();
        }
    }

    fn announce(&mut self) {
        let certificate = self.account.certificate().clone();
        self.ask(Request::Announcement { last: false }, Command::SetCertificate(certificate));
        for suite in SUITES {
            let last = SUITES.last() == Some(&suite);
            self.upload_packages(suite, Request::Announcement { last }, true);
        }
    }

    pub(crate) fn upload_packages(&mut self, suite: Suite, request: Request, with_last_resort: bool) {
        let Ok(packages) = self.keys.key_packages(suite, KEY_PACKAGES_PER_UPLOAD, false) else { return };
        let last_resort = if with_last_resort {
            self.keys.key_packages(suite, 1, true).ok().and_then(|mut one| one.pop())
        } else {
            None
        };
        self.ask(request, Command::UploadKeyPackages { suite, packages, last_resort });
    }

    pub(crate) fn answered(&mut self, id: u64, outcome: Outcome) {
        let request = self.session.as_mut().and_then(|session| session.requests.remove(&id));
        match (request, outcome) {
            (Some(Request::Attempt(attempt)), outcome) => {
                self.touched.insert(attempt.chat);
                self.attempt_answered(attempt, outcome);
            }
            (Some(Request::Base(chat)), outcome) => self.base_answered(chat, outcome),
            (Some(Request::Claim(chat)), outcome) => self.claim_answered(chat, outcome),
            (Some(Request::GroupInfo(chat)), outcome) => self.group_info_answered(chat, outcome),
            (Some(Request::List), Outcome::Chats { chats, next_after }) => self.listed(chats, next_after),
            (Some(Request::Announcement { last: true }), Outcome::KeyPackageCount { .. }) => {
                self.account.announced = true;
                self.account_changed = true;
                self.effects.changes.push(Change::Announced);
            }
            (Some(Request::Asked(token)), outcome) => {
                self.effects.changes.push(Change::Answered { token, outcome: Box::new(outcome) });
            }
            (Some(Request::Hide(chat, seq)), outcome) => self.hide_answered(chat, seq, &outcome),
            (Some(Request::Receipts(chat)), Outcome::Chat(details)) => {
                self.receipts_answered(chat, &details);
            }
            (_, Outcome::Presence(users)) => {
                self.effects.changes.extend(users.into_iter().map(Change::Presence));
            }
            _ => {}
        }
    }

    pub(crate) fn is_caught_up(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.caught_up)
    }
}
