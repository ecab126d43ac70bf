//! Linking a new device, on the existing one: one attempt at a time, kept in memory alone, for ten minutes.
//!
//! Nothing is answered unless the person asks for it, and not often: each answer gives whoever stands between the
//! devices one guess at the code. What comes twice, because the new device repeats itself, changes nothing.

use std::time::Duration;

use bytes::Bytes;
use dunlin_model::{DeviceId, DeviceNumber, Timestamp};
use dunlin_wire::Command;

use crate::effects::{Change, LinkEnd};
use crate::identity::linking::{
    ExistingDevice, ExistingDeviceComparing, LinkText, LinkingEntropy, LinkingError, MessageKind, end,
};
use crate::session::Request;
use crate::step::Client;

/// How long linking may take, from the question to the end.
pub const LINKING_TIME_MAX: Duration = Duration::from_mins(10);
/// Attempts that a device answers in that time.
pub const LINKINGS_ANSWERED_MAX: usize = 5;
/// A new device that was not heard for so long has gone; it repeats itself every few seconds.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// What this device knows of a new one.
#[derive(Default)]
pub(crate) struct Linking {
    attempt: Option<Attempt>,
    /// When attempts were answered, the last few.
    answered: Vec<Timestamp>,
}

struct Attempt {
    new: DeviceId,
    began: Timestamp,
    stage: Stage,
}

enum Stage {
    /// It asked, and the person has not answered.
    Asked { hello: Bytes, heard: Timestamp },
    /// It was sent the answer.
    Answered { existing: Box<ExistingDevice>, answer: Bytes },
    /// Both show a code.
    Comparing(Box<ExistingDeviceComparing>),
    /// It was admitted, and may not have heard.
    Admitted { admit: Bytes },
}

impl Attempt {
    fn ends(&self) -> Timestamp {
        let end = self.began + LINKING_TIME_MAX;
        match &self.stage {
            Stage::Asked { heard, .. } => end.min(*heard + SILENCE_MAX),
            _ => end,
        }
    }
}

impl Linking {
    /// When there is something to forget.
    pub(crate) fn wake_at(&self) -> Option<Timestamp> {
        self.attempt.as_ref().map(Attempt::ends)
    }
}

impl Client {
    /// Forgets an attempt that took too long.
    pub(crate) fn expire_linking(&mut self) {
        if self.linking.wake_at().is_some_and(|ends| ends <= self.now) {
            self.end_linking(LinkEnd::TimedOut);
        }
    }

    /// The connection is gone. Who was admitted may still ask for what it was sent.
    pub(crate) fn disconnect_linking(&mut self) {
        if self.linking.attempt.as_ref().is_some_and(|it| !matches!(it.stage, Stage::Admitted { .. })) {
            self.end_linking(LinkEnd::Disconnected);
        }
    }

    /// Something came from another device of this user.
    pub(crate) fn relayed(&mut self, from: DeviceNumber, message: Bytes) {
        let from = DeviceId { user: self.account.user(), number: from };
        match MessageKind::of(&message) {
            Some(MessageKind::Hello) => self.hello_came(from, message),
            Some(MessageKind::Reveal) => self.reveal_came(from, &message),
            Some(MessageKind::End) => {
                if self.linking_with(from).is_some_and(|it| !matches!(it.stage, Stage::Admitted { .. })) {
                    self.end_linking(LinkEnd::Withdrawn);
                }
            }
            // New devices are spoken to so.
            Some(MessageKind::Answer | MessageKind::Admit | MessageKind::AdmitScanned) | None => {}
        }
    }

    fn hello_came(&mut self, new: DeviceId, hello: Bytes) {
        let (now, me) = (self.now, self.account.device());
        if new == me || self.account.identity().is_none() {
            return;
        }
        match self.linking.attempt.as_mut().map(|attempt| (attempt.new == new, &mut attempt.stage)) {
            Some((true, Stage::Asked { hello: known, heard })) => {
                (*known, *heard) = (hello, now);
                return;
            }
            Some((true, Stage::Answered { existing, answer })) if existing.is_about(&hello) => {
                let answer = answer.clone();
                self.relay_to(new, answer);
                return;
            }
            // It has begun anew, and so must the person here.
            Some((true, Stage::Answered { .. } | Stage::Comparing(_))) => {
                self.end_linking(LinkEnd::Withdrawn);
            }
            Some((false, Stage::Asked { .. } | Stage::Answered { .. } | Stage::Comparing(_))) => return,
            Some((_, Stage::Admitted { .. })) | None => {}
        }
        let stage = Stage::Asked { hello, heard: now };
        self.linking.attempt = Some(Attempt { new, began: now, stage });
        self.effects.changes.push(Change::LinkAsked { device: new });
    }

    /// The person answers the new device that asked.
    pub(crate) fn answer_link(&mut self, number: DeviceNumber) {
        let me = self.account.device();
        let new = DeviceId { number, ..me };
        let hello = match self.linking_with(new).map(|attempt| &attempt.stage) {
            Some(Stage::Asked { hello, .. }) => hello.clone(),
            Some(_) => return,
            None => return self.say_link_ended(new, LinkEnd::NotAsked),
        };
        let Some(entropy) = self.entropy_to_answer(new) else { return };
        self.answer_with(new, ExistingDevice::hello(me, new, &hello, entropy));
    }

    /// The person has scanned a new device's text.
    pub(crate) fn scan_link(&mut self, text: &LinkText) {
        let (me, new) = (self.account.device(), text.device());
        if self.account.identity().is_none() {
            return self.say_link_ended(new, LinkEnd::NoIdentity);
        }
        if self.linking.attempt.as_ref().is_some_and(|attempt| attempt.new != new) {
            self.end_linking(LinkEnd::Replaced);
        }
        let Some(entropy) = self.entropy_to_answer(new) else { return };
        self.linking.attempt = None;
        self.answer_with(new, ExistingDevice::scanned(me, text, entropy));
    }

    fn answer_with(&mut self, new: DeviceId, begun: Result<(ExistingDevice, Vec<u8>), LinkingError>) {
        match begun {
            Ok((existing, answer)) => {
                let (existing, answer) = (Box::new(existing), Bytes::from(answer));
                let stage = Stage::Answered { existing, answer: answer.clone() };
                let began = self.linking_with(new).map_or(self.now, |attempt| attempt.began);
                self.linking.attempt = Some(Attempt { new, began, stage });
                self.relay_to(new, answer);
            }
            Err(error) => {
                self.linking.attempt = None;
                self.say_link_ended(new, error.into());
            }
        }
    }

    /// Randomness for one more answer; `None` when there were too many.
    fn entropy_to_answer(&mut self, new: DeviceId) -> Option<LinkingEntropy> {
        let now = self.now;
        self.linking.answered.retain(|at| now.since(*at) < LINKING_TIME_MAX);
        if self.linking.answered.len() >= LINKINGS_ANSWERED_MAX {
            self.linking.attempt = None;
            self.say_link_ended(new, LinkEnd::TooMany);
            return None;
        }
        self.linking.answered.push(now);
        let mut entropy = [0; 64];
        self.generator.fill(&mut entropy);
        Some(entropy)
    }

    fn reveal_came(&mut self, new: DeviceId, reveal: &[u8]) {
        let Some(attempt) = self.linking.attempt.take_if(|attempt| attempt.new == new) else { return };
        let Attempt { began, stage, .. } = attempt;
        let stage = match stage {
            Stage::Answered { existing, .. } => match existing.revealed(reveal) {
                Ok(comparing) => Stage::Comparing(Box::new(comparing)),
                Err(error) => {
                    self.relay_to(new, end().into());
                    return self.say_link_ended(new, error.into());
                }
            },
            Stage::Admitted { admit } => {
                // It has not heard yet.
                self.relay_to(new, admit.clone());
                Stage::Admitted { admit }
            }
            stage => {
                self.linking.attempt = Some(Attempt { new, began, stage });
                return;
            }
        };
        let code = match &stage {
            Stage::Comparing(comparing) => Some((comparing.is_scanned(), comparing.code())),
            _ => None,
        };
        self.linking.attempt = Some(Attempt { new, began, stage });
        match code {
            Some((true, _)) => self.confirm_link(new.number),
            Some((false, code)) => self.effects.changes.push(Change::LinkCode { device: new, code }),
            None => {}
        }
    }

    /// The person says that the codes are the same, or has scanned.
    pub(crate) fn confirm_link(&mut self, number: DeviceNumber) {
        let new = DeviceId { number, ..self.account.device() };
        let Some(Attempt { began, stage, .. }) = self.linking.attempt.take_if(|attempt| attempt.new == new)
        else {
            return self.say_link_ended(new, LinkEnd::NotAsked);
        };
        let Stage::Comparing(comparing) = stage else {
            self.linking.attempt = Some(Attempt { new, began, stage });
            return;
        };
        let Some(identity) = self.account.identity() else {
            return self.say_link_ended(new, LinkEnd::NoIdentity);
        };
        match comparing.confirmed(&identity, self.now) {
            Ok(admit) => {
                let admit = Bytes::from(admit);
                self.relay_to(new, admit.clone());
                self.linking.attempt = Some(Attempt { new, began, stage: Stage::Admitted { admit } });
                self.note_linked(number);
                self.say_link_ended(new, LinkEnd::Linked);
            }
            Err(error) => self.say_link_ended(new, error.into()),
        }
    }

    /// The person does not want to link it.
    pub(crate) fn refuse_link(&mut self, number: DeviceNumber) {
        let new = DeviceId { number, ..self.account.device() };
        match self.linking_with(new).map(|attempt| &attempt.stage) {
            None => self.say_link_ended(new, LinkEnd::NotAsked),
            Some(Stage::Admitted { .. }) => {}
            Some(_) => {
                self.relay_to(new, end().into());
                self.end_linking(LinkEnd::Refused);
            }
        }
    }

    fn linking_with(&self, new: DeviceId) -> Option<&Attempt> {
        self.linking.attempt.as_ref().filter(|attempt| attempt.new == new)
    }

    fn end_linking(&mut self, why: LinkEnd) {
        let Some(attempt) = self.linking.attempt.take() else { return };
        // That it was linked was said already.
        if !matches!(attempt.stage, Stage::Admitted { .. }) {
            self.say_link_ended(attempt.new, why);
        }
    }

    fn say_link_ended(&mut self, device: DeviceId, why: LinkEnd) {
        self.effects.changes.push(Change::LinkEnded { device, why });
    }

    fn relay_to(&mut self, device: DeviceId, payload: Bytes) {
        let command = Command::RelayToDevices { device: Some(device.number), payload };
        self.ask(Request::Other, command);
    }
}
