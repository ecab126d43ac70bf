//! A new device, between its login and its first chat: linked by another device of its person.
//!
//! [`other_devices`] says whether there is one. If so, [`Linking`] asks it, shows a code and a text to scan, and gives
//! the [`Account`] that `Device::create` starts from. If not, see [`crate::identity`].

mod conversation;
mod standing;

use std::time::Duration;

use dunlin_client::identity::linking::{
    LinkText, LinkingCode, LinkingEntropy, LinkingError, Newcomer, NotLinked, Reached,
};
use dunlin_client::{Account, LINKING_TIME_MAX};
use dunlin_model::DeviceId;
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

impl From<NotLinked> for LinkingFailure {
    fn from(why: NotLinked) -> Self {
        match why {
            NotLinked::Refused => Self::Refused,
            NotLinked::Protocol(error) => Self::Protocol(error),
        }
    }
}

/// A new device that asks its person's other devices to link it, for ten minutes at most.
///
/// One of these gives whoever stands between the devices one guess in a million, so a new one is to be begun by the
/// person only, never by a program that tries again.
pub struct Linking {
    newcomer: Newcomer,
    options: DeviceOptions,
    /// By the monotonic clock.
    ends: Duration,
    socket: conversation::Socket,
    reached: Option<u32>,
}

impl Linking {
    /// Begins on the device that logged in as `device`, with fresh keys. Nothing is sent before [`Linking::next`].
    pub fn begin(device: DeviceId, options: DeviceOptions) -> Self {
        let key = SigningKey::from_bytes(&fresh(&options));
        let entropy: LinkingEntropy = fresh(&options);
        let newcomer = Newcomer::begin(device, key, entropy, fresh(&options));
        let ends = options.clock.monotonic() + LINKING_TIME_MAX;
        let socket = conversation::Socket::default();
        Self { newcomer, options, ends, socket, reached: None }
    }

    /// What to show for another device to scan, or to be typed there: [`LinkText::for_qr`] makes the smaller picture,
    /// its `Display` the text. Only for eyes that may link this device.
    pub fn text(&self) -> &LinkText {
        self.newcomer.text()
    }

    /// What happens next. To be called until [`LinkingEvent::Linked`] or a failure. Cancel safe: what is dropped
    /// half-way is said again.
    ///
    /// # Errors
    /// Why it ended. Then [`Linking::next`] fails for ever.
    pub async fn next(&mut self) -> Result<LinkingEvent, LinkingFailure> {
        let event = self.next_event().await;
        if matches!(event, Ok(LinkingEvent::Linked(_)) | Err(_)) {
            self.newcomer.end();
            self.socket.close();
        }
        event
    }

    async fn next_event(&mut self) -> Result<LinkingEvent, LinkingFailure> {
        loop {
            if self.newcomer.is_ended() {
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
        self.newcomer.confirm();
    }

    /// The codes differ, or the person gives up: tells the device that answered, for two seconds at most. Dropping this
    /// does the same but for telling it.
    pub async fn refuse(mut self) {
        // Before an answer there is nobody to tell. Those that heard this one forget it when it is silent.
        if let Some(farewell) = self.newcomer.farewell() {
            self.socket.farewell(farewell).await;
        }
    }

    /// What can be said without hearing more.
    fn ready(&mut self) -> Result<Option<LinkingEvent>, LinkingFailure> {
        Ok(self.newcomer.reached()?.map(|reached| match reached {
            Reached::Compare { by, code } => LinkingEvent::Compare { by, code },
            Reached::Linked(account) => LinkingEvent::Linked(account),
        }))
    }
}

fn fresh<const N: usize>(options: &DeviceOptions) -> [u8; N] {
    let mut bytes = [0; N];
    options.randomness.fill(&mut bytes);
    bytes
}
