//! A new device, between its login and its first chat: linked by another device of its person.
//!
//! [`other_devices`] says whether there is one. If so, [`Linking`] asks it, shows a code and a text to scan, and gives
//! the [`Account`] that `Device::create` starts from. If not, see [`crate::identity`].

mod conversation;
mod standing;

use std::time::Duration;

use bytes::Bytes;
use dunlin_client::identity::linking::{
    Admitted, LinkText, LinkingCode, LinkingEntropy, LinkingError, NewDevice, NewDeviceComparing,
};
use dunlin_client::{Account, LINKING_TIME_MAX};
use dunlin_model::{DeviceId, DeviceKey};
use dunlin_wire::Failure;
use ed25519_dalek::SigningKey;

use crate::device::DeviceOptions;
pub use standing::other_devices;

/// What happens while a new device waits to be linked.
#[derive(Debug)]
pub enum LinkingEvent {
    /// So many other devices of the person are connected and hear this one, as far as the server knows. Said when it
    /// changes.
    Reached(u32),
    /// This device and `by` show a code: the person compares them and calls [`Linking::confirm`] or
    /// [`Linking::refuse`]. When `by` has scanned, [`LinkingEvent::Linked`] follows by itself.
    Compare {
        /// The device that answered.
        by: DeviceId,
        /// What it must show.
        code: LinkingCode,
    },
    /// Linked: what `Device::create` starts from. The last event.
    Linked(Box<Account>),
}

/// Why a new device was not linked.
#[derive(Debug, thiserror::Error)]
pub enum LinkingFailure {
    /// Ten minutes passed.
    #[error("Nobody linked this device within ten minutes.")]
    TimedOut,
    /// The server was out of reach.
    #[error("The server cannot be reached: {0}.")]
    Unreachable(String),
    /// The person, or whoever answered, said no on the other device.
    #[error("The other device refused, or gave up.")]
    Refused,
    /// The login does not count any more.
    #[error("This device is logged out.")]
    LoggedOut,
    /// The server said no.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// The other device sent what it should not.
    #[error(transparent)]
    Protocol(#[from] LinkingError),
    /// It ended before.
    #[error("Linking has ended already.")]
    Ended,
}

/// A new device that asks its person's other devices to link it, for ten minutes at most.
///
/// One of these gives whoever stands between the devices one guess in a million, so a new one is to be begun by the
/// person only, never by a program that tries again.
pub struct Linking {
    device: DeviceId,
    key: SigningKey,
    options: DeviceOptions,
    text: LinkText,
    stage: Stage,
    /// By the monotonic clock.
    ends: Duration,
    socket: conversation::Socket,
    reached: Option<u32>,
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
    is_shown: bool,
    is_confirmed: bool,
    admit: Option<Bytes>,
    is_scanned: bool,
}

impl Linking {
    /// Begins on the device that logged in as `device`, with fresh keys. Nothing is sent before [`Linking::next`].
    pub fn begin(device: DeviceId, options: DeviceOptions) -> Self {
        let key = SigningKey::from_bytes(&fresh(&options));
        let public = DeviceKey(key.verifying_key().to_bytes());
        let entropy: LinkingEntropy = fresh(&options);
        let (new, hello) = NewDevice::begin(device, public, entropy, fresh(&options));
        let ends = options.clock.monotonic() + LINKING_TIME_MAX;
        let text = new.text();
        let stage = Stage::Asking { new: Box::new(new), hello: hello.into() };
        let socket = conversation::Socket::default();
        Self { device, key, options, text, stage, ends, socket, reached: None }
    }

    /// What to show for another device to scan, or to be typed there: [`LinkText::for_qr`] makes the smaller picture,
    /// its `Display` the text. Only for eyes that may link this device.
    pub fn text(&self) -> &LinkText {
        &self.text
    }

    /// What happens next. To be called until [`LinkingEvent::Linked`] or a failure. Cancel safe: what is dropped
    /// half-way is said again.
    ///
    /// # Errors
    /// Why it ended. Then [`Linking::next`] fails for ever.
    pub async fn next(&mut self) -> Result<LinkingEvent, LinkingFailure> {
        let event = self.next_event().await;
        if matches!(event, Ok(LinkingEvent::Linked(_)) | Err(_)) {
            self.stage = Stage::Ended;
            self.socket.close();
        }
        event
    }

    async fn next_event(&mut self) -> Result<LinkingEvent, LinkingFailure> {
        loop {
            if matches!(self.stage, Stage::Ended) {
                return Err(LinkingFailure::Ended);
            }
            // A code is shown when the other device can show it too: what it needs for that was sent.
            if !self.socket.has_something_to_say()
                && let Some(event) = self.ready()?
            {
                return Ok(event);
            }
            if self.options.clock.monotonic() >= self.ends {
                return Err(self
                    .socket
                    .why_not_connected()
                    .map_or(LinkingFailure::TimedOut, LinkingFailure::Unreachable));
            }
            if let Some(event) = self.converse().await? {
                return Ok(event);
            }
        }
    }

    /// The person says that both devices show the same code. [`Linking::next`] gives what follows.
    pub fn confirm(&mut self) {
        if let Stage::Comparing(comparing) = &mut self.stage {
            comparing.is_confirmed = true;
        }
    }

    /// The codes differ, or the person gives up: tells the device that answered, for two seconds at most. Dropping this
    /// does the same but for telling it.
    pub async fn refuse(mut self) {
        // Before an answer there is nobody to tell: what is said to all, other new devices take as said to them. Those
        // that heard this one forget it when it is silent.
        if let Stage::Comparing(comparing) = &self.stage {
            self.socket.farewell(comparing.by.number).await;
        }
    }

    /// What can be said without hearing more.
    fn ready(&mut self) -> Result<Option<LinkingEvent>, LinkingFailure> {
        let Stage::Comparing(comparing) = &mut self.stage else { return Ok(None) };
        let is_ready = comparing.admit.is_some() && (comparing.is_confirmed || comparing.is_scanned);
        if !is_ready {
            if comparing.is_shown {
                return Ok(None);
            }
            comparing.is_shown = true;
            return Ok(Some(LinkingEvent::Compare { by: comparing.by, code: comparing.new.code() }));
        }
        let Stage::Comparing(comparing) = std::mem::replace(&mut self.stage, Stage::Ended) else {
            return Ok(None);
        };
        let Comparing { new, admit, is_scanned, .. } = *comparing;
        let admit = admit.unwrap_or_default();
        let Admitted { identity, certificate } =
            if is_scanned { new.admitted_by_scan(&admit)? } else { new.admitted(&admit)? };
        let account = Account::new(certificate, &self.key, Some(&identity));
        Ok(Some(LinkingEvent::Linked(Box::new(account))))
    }
}

fn fresh<const N: usize>(options: &DeviceOptions) -> [u8; N] {
    let mut bytes = [0; N];
    options.randomness.fill(&mut bytes);
    bytes
}
