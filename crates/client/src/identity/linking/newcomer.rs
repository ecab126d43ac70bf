//! The new device's side as a conversation: what it says to which device, and what it makes of what it hears.
//!
//! Everything may be lost or come twice, so what was said last is said again until it is answered. The connection, time
//! and randomness are the driver's.

use std::time::Duration;

use bytes::Bytes;
use dunlin_model::{DeviceId, DeviceKey, DeviceNumber};
use ed25519_dalek::SigningKey;

use super::{
    Admitted, LinkText, LinkingCode, LinkingEntropy, LinkingError, MessageKind, NewDevice,
    NewDeviceComparing, SCAN_SECRET_BYTES, end,
};
use crate::account::Account;

/// How often what was said last is to be said again.
pub const REPEAT_INTERVAL: Duration = Duration::from_secs(3);

/// Something to say to another device of the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Say {
    /// Which; without one, all of them.
    pub to: Option<DeviceNumber>,
    /// What.
    pub payload: Bytes,
}

/// What a new device has come to.
#[derive(Debug)]
pub enum Reached {
    /// It and `by` show a code, to be compared by the person. Told once.
    Compare {
        /// The device that answered.
        by: DeviceId,
        /// What it must show.
        code: LinkingCode,
    },
    /// It is linked: what it starts from. Nothing comes after.
    Linked(Box<Account>),
}

/// Why a new device was not linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotLinked {
    /// The person, or whoever answered, said no on the other device.
    #[error("The other device refused, or gave up.")]
    Refused,
    /// The other device sent what it should not.
    #[error(transparent)]
    Protocol(#[from] LinkingError),
}

/// A new device that asks its person's other devices to link it.
///
/// One of these gives whoever stands between the devices one guess in a million, so a new one is to be begun by the
/// person only, never by a program that tries again.
pub struct Newcomer {
    device: DeviceId,
    key: SigningKey,
    text: LinkText,
    stage: Stage,
}

enum Stage {
    /// Waits for an answer.
    Asking {
        new: Box<NewDevice>,
        hello: Bytes,
    },
    /// Waits for the person, here and there.
    Comparing(Box<Comparing>),
    Ended,
}

struct Comparing {
    by: DeviceId,
    new: NewDeviceComparing,
    reveal: Bytes,
    is_told: bool,
    is_confirmed: bool,
    admit: Option<Bytes>,
    is_scanned: bool,
}

impl Newcomer {
    /// A device with this fresh signature key. `entropy` and `scan` are unpredictable, too.
    pub fn begin(
        device: DeviceId,
        key: SigningKey,
        entropy: LinkingEntropy,
        scan: [u8; SCAN_SECRET_BYTES],
    ) -> Self {
        let public = DeviceKey(key.verifying_key().to_bytes());
        let (new, hello) = NewDevice::begin(device, public, entropy, scan);
        let text = new.text();
        let stage = Stage::Asking { new: Box::new(new), hello: hello.into() };
        Self { device, key, text, stage }
    }

    /// What to show for another device to scan, or to be typed there.
    pub const fn text(&self) -> &LinkText {
        &self.text
    }

    /// Whether nobody has answered yet.
    pub const fn is_asking(&self) -> bool {
        matches!(self.stage, Stage::Asking { .. })
    }

    /// Whether it is over, one way or the other.
    pub const fn is_ended(&self) -> bool {
        matches!(self.stage, Stage::Ended)
    }

    /// It goes on no further.
    pub fn end(&mut self) {
        self.stage = Stage::Ended;
    }

    /// What to say at first, on each new connection and every [`REPEAT_INTERVAL`].
    pub fn repeat(&self) -> Option<Say> {
        match &self.stage {
            Stage::Asking { hello, .. } => Some(Say { to: None, payload: hello.clone() }),
            Stage::Comparing(comparing) if comparing.admit.is_none() => {
                Some(comparing.say(&comparing.reveal))
            }
            Stage::Comparing(_) | Stage::Ended => None,
        }
    }

    /// What to say when the person gives up here. Before an answer there is nobody to tell: what is said to all, other
    /// new devices take as said to them.
    pub fn farewell(&self) -> Option<Say> {
        match &self.stage {
            Stage::Comparing(comparing) => Some(comparing.say(&end().into())),
            Stage::Asking { .. } | Stage::Ended => None,
        }
    }

    /// Another device said something. Gives what to say to that.
    ///
    /// # Errors
    /// Why it is over.
    pub fn hear(&mut self, from: DeviceNumber, message: Bytes) -> Result<Option<Say>, NotLinked> {
        let from = DeviceId { number: from, ..self.device };
        let Some(kind) = MessageKind::of(&message) else { return Ok(None) };
        match (&mut self.stage, kind) {
            (Stage::Asking { .. }, MessageKind::Answer) => self.answered(from, &message),
            // It has not heard what followed from its answer.
            (Stage::Comparing(comparing), MessageKind::Answer) if comparing.by == from => {
                Ok(Some(comparing.say(&comparing.reveal)))
            }
            (Stage::Comparing(_), MessageKind::Answer) => {
                Ok(Some(Say { to: Some(from.number), payload: end().into() }))
            }
            (Stage::Comparing(comparing), MessageKind::Admit | MessageKind::AdmitScanned)
                if comparing.by == from && comparing.admit.is_none() =>
            {
                comparing.is_scanned = kind == MessageKind::AdmitScanned;
                comparing.admit = Some(message);
                Ok(None)
            }
            (Stage::Comparing(comparing), MessageKind::End)
                if comparing.by == from && comparing.admit.is_none() =>
            {
                self.end();
                Err(NotLinked::Refused)
            }
            (Stage::Asking { .. }, MessageKind::End) => {
                self.end();
                Err(NotLinked::Refused)
            }
            // From other new devices, or too late.
            _ => Ok(None),
        }
    }

    /// The person says that both devices show the same code.
    pub fn confirm(&mut self) {
        if let Stage::Comparing(comparing) = &mut self.stage {
            comparing.is_confirmed = true;
        }
    }

    /// What it has come to, if that is news. To be asked after [`Newcomer::hear`] and [`Newcomer::confirm`].
    ///
    /// # Errors
    /// Why it is over.
    pub fn reached(&mut self) -> Result<Option<Reached>, NotLinked> {
        let Stage::Comparing(comparing) = &mut self.stage else { return Ok(None) };
        let is_ready = comparing.admit.is_some() && (comparing.is_confirmed || comparing.is_scanned);
        if !is_ready {
            let is_news = !std::mem::replace(&mut comparing.is_told, true);
            let code = comparing.new.code();
            return Ok(is_news.then_some(Reached::Compare { by: comparing.by, code }));
        }
        let Stage::Comparing(comparing) = std::mem::replace(&mut self.stage, Stage::Ended) else {
            return Ok(None);
        };
        let Comparing { new, admit, is_scanned, .. } = *comparing;
        let admit = admit.unwrap_or_default();
        let Admitted { identity, certificate } =
            if is_scanned { new.admitted_by_scan(&admit)? } else { new.admitted(&admit)? };
        let account = Account::new(certificate, &self.key, Some(&identity));
        Ok(Some(Reached::Linked(Box::new(account))))
    }

    fn answered(&mut self, by: DeviceId, answer: &[u8]) -> Result<Option<Say>, NotLinked> {
        let Stage::Asking { new, .. } = std::mem::replace(&mut self.stage, Stage::Ended) else {
            return Ok(None);
        };
        let (new, reveal) = new.answered(by, answer)?;
        let reveal = Bytes::from(reveal);
        let (is_told, is_confirmed, is_scanned) = (false, false, false);
        let comparing = Comparing { by, new, reveal, is_told, is_confirmed, admit: None, is_scanned };
        let say = comparing.say(&comparing.reveal);
        self.stage = Stage::Comparing(Box::new(comparing));
        Ok(Some(say))
    }
}

impl Comparing {
    fn say(&self, payload: &Bytes) -> Say {
        Say { to: Some(self.by.number), payload: payload.clone() }
    }
}
