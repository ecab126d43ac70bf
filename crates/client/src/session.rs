//! One connection, from `Connected` to `Disconnected`. Nothing of it is kept.

use std::collections::BTreeMap;
use std::time::Duration;

use dunlin_model::{ChatId, ErrorCode, Retry, Seq, Suite, Timestamp};
use dunlin_wire::{ClientFrame, Command, Failure, Outcome, POSITIONS_MAX, Position, Welcome};

use crate::effects::{Change, Want};
use crate::outbox::AttemptId;
use crate::step::Client;

/// Key packages in one refill.
pub const KEY_PACKAGES_PER_UPLOAD: usize = 32;
/// How long an answer may take, and how long the event that a command became, before the connection is made anew.
pub(crate) const ANSWER_PATIENCE: Duration = Duration::from_mins(1);
/// The suites that chats may use.
const SUITES: [Suite; 2] = [Suite::HYBRID, Suite::CLASSIC];

/// What a request was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Request {
    Attempt(AttemptId),
    Base(ChatId),
    Claim(ChatId),
    GroupInfo(ChatId),
    Certificate,
    Restored(ChatId),
    /// With how far the server has this device.
    Compare(ChatId, Seq),
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

#[derive(Debug, Default)]
pub(crate) struct Session {
    last_request: u64,
    /// With the time by which the answer is there.
    requests: BTreeMap<u64, (Request, Timestamp)>,
    pub(crate) caught_up: bool,
    /// All was delivered, but the chats from before this device are not known yet.
    caught_up_waits: bool,
    /// The server did not take the certificate or key packages: they are to be said again.
    announcing_failed: bool,
    /// When something has to have come by, while it is not up to date.
    next_until: Timestamp,
    /// Whether it was given up.
    is_lost: bool,
}

impl Session {
    fn new(now: Timestamp) -> Self {
        let next_until = now + ANSWER_PATIENCE;
        Self { next_until, ..Self::default() }
    }

    /// Something came.
    pub(crate) fn is_alive(&mut self, now: Timestamp) {
        self.next_until = now + ANSWER_PATIENCE;
    }

    fn is_listing(&self) -> bool {
        self.requests.values().any(|(request, _)| *request == Request::List)
    }

    /// When it has waited long enough for an answer, or for the rest of what is new.
    pub(crate) fn patience_ends(&self) -> Option<Timestamp> {
        let next = (!self.caught_up).then_some(self.next_until);
        self.requests.values().map(|(_, until)| *until).chain(next).min().filter(|_| !self.is_lost)
    }
}

impl Client {
    /// Asks, to be answered by `answered`.
    pub(crate) fn ask(&mut self, request: Request, command: Command) {
        let Some(session) = &mut self.session else { return };
        session.last_request += 1;
        session.requests.insert(session.last_request, (request, self.now + ANSWER_PATIENCE));
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

    pub(crate) fn connected(&mut self, welcome: &Welcome) {
        self.disconnected();
        self.meet_incarnation(&welcome.incarnation);
        self.session = Some(Session::new(self.now));
        let positions: Vec<Position> = self
            .chats
            .iter()
            // Of a log that may be lost the server says where this device is.
            .filter(|(_, chat)| chat.marks.cursor.0 > 0 && chat.marks.restored.is_none())
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
        for (request, _) in self.session.take().into_iter().flat_map(|session| session.requests.into_values())
        {
            if let Request::Asked(token) = request {
                self.leave_unanswered(token);
            }
        }
        self.hides.values_mut().for_each(|asked| *asked = false);
        for (chat, user) in std::mem::take(&mut self.typing) {
            self.effects.changes.push(Change::Typing { chat, user, typing: false });
        }
        self.disconnect_linking();
        for chat in self.chats.values_mut() {
            chat.forget_connection();
        }
    }

    fn announce(&mut self) {
        let certificate = self.account.certificate().clone();
        self.ask(Request::Certificate, Command::SetCertificate(certificate));
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
        let request = request.map(|(request, _)| request);
        match (request, outcome) {
            (Some(Request::Attempt(attempt)), outcome) => {
                self.touched.insert(attempt.chat);
                self.attempt_answered(attempt, outcome);
            }
            (Some(Request::Base(chat)), outcome) => self.base_answered(chat, outcome),
            (Some(Request::Claim(chat)), outcome) => self.claim_answered(chat, outcome),
            (Some(Request::GroupInfo(chat)), outcome) => self.group_info_answered(chat, outcome),
            (Some(Request::Restored(chat)), outcome) => self.restored_answered(chat, outcome),
            (Some(Request::Compare(chat, received)), outcome) => self.compared(chat, received, outcome),
            (Some(Request::List), outcome) => {
                if let Outcome::Chats { chats, next_after } = outcome {
                    self.listed(chats, next_after);
                }
                // Else they are asked for again with the next connection.
                if self
                    .session
                    .as_ref()
                    .is_some_and(|session| session.caught_up_waits && !session.is_listing())
                {
                    self.caught_up();
                }
            }
            (
                Some(request @ (Request::Certificate | Request::Announcement { .. })),
                Outcome::Failed(failure),
            ) => {
                if let Some(session) = &mut self.session {
                    session.announcing_failed = true;
                }
                if request == Request::Certificate && failure.retry == Retry::Never {
                    self.effects.changes.push(Change::CertificateRefused { why: failure });
                }
            }
            (Some(Request::Announcement { last: true }), Outcome::KeyPackageCount { .. }) => {
                self.account.announced =
                    self.session.as_ref().is_some_and(|session| !session.announcing_failed);
                self.account_changed = self.account.announced;
                if self.account.announced {
                    self.effects.changes.push(Change::Announced);
                }
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

    /// Gives the connection up on which something was not answered: what is not known is asked again on the next.
    /// `due` are the chats whose time has come.
    pub(crate) fn give_up_lost_connection(&mut self, due: &[ChatId]) {
        let now = self.now;
        let chats = due.iter().filter_map(|id| self.chats.get(id));
        let attempts = chats.filter_map(|chat| chat.attempt.as_ref()?.patience_ends());
        let Some(session) = &self.session else { return };
        if !session.is_lost && attempts.chain(session.patience_ends()).any(|until| until <= now) {
            self.give_up_connection();
        }
    }

    /// Wants another connection in place of this one; once.
    pub(crate) fn give_up_connection(&mut self) {
        let Some(session) = self.session.as_mut().filter(|session| !session.is_lost) else { return };
        session.is_lost = true;
        self.effects.wants.push(Want::Reconnect);
    }

    /// Everything was delivered. A new device is up to date once it also knows the chats from before it.
    pub(crate) fn caught_up_came(&mut self) {
        match &mut self.session {
            Some(session) if session.is_listing() => session.caught_up_waits = true,
            _ => self.caught_up(),
        }
    }

    fn caught_up(&mut self) {
        if let Some(session) = &mut self.session {
            session.caught_up = true;
            session.caught_up_waits = false;
        }
        self.touched.extend(self.chats.keys().copied());
        self.effects.changes.push(Change::CaughtUp);
    }

    pub(crate) fn is_caught_up(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.caught_up)
    }
}
