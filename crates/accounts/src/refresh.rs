//! Refresh tokens: each is good for one refresh, and an old one that turns up again revokes its device.
//!
//! A token is derived from the servers' secret, the device, its salt and a generation, so the answer to a
//! retry of the latest refresh can be made again, byte for byte, and nothing secret is stored for it.

use std::collections::VecDeque;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dunlin_model::account::Device;
use dunlin_model::{DeviceId, DeviceNumber, Timestamp, UserId};
use dunlin_store::{Replaced, StoreError};
use parking_lot::Mutex;
use subtle::ConstantTimeEq;

use crate::keys::{Keys, MAC_BYTES};
use crate::login::Credentials;
use crate::{AccountError, Accounts, RACES_MAX};

/// For so long, a retry of the latest refresh gets the same answer.
const RETRY_WINDOW: Duration = Duration::from_secs(60);
/// Refreshes that a server remembers having made.
const RECENT_REFRESHES_MAX: usize = 65_536;
/// The first byte of a token.
const FORMAT: u8 = 1;
const TOKEN_BYTES: usize = 1 + 16 + 4 + 8 + MAC_BYTES;

impl Accounts {
    /// Takes a refresh token and gives new credentials. Of concurrent calls with one token all get the same.
    ///
    /// # Errors
    /// `Unauthenticated` for what is no token of ours, `DeviceRevoked`, `RefreshReused`; `Busy`, `Store`.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Credentials, AccountError> {
        let token = RefreshToken::parse(refresh_token)?;
        for _ in 0..RACES_MAX {
            let Some(mut read) = self.store.device(token.device).await? else {
                return Err(AccountError::Unauthenticated);
            };
            let device = &mut read.value;
            let proof = self.keys.refresh_proof(token.device, token.generation, &device.refresh_salt);
            if !bool::from(proof.ct_eq(&token.proof)) {
                return Err(AccountError::Unauthenticated);
            }
            if device.revoked.is_some() {
                return Err(AccountError::DeviceRevoked);
            }
            if token.generation < device.generation {
                if token.generation.saturating_add(1) == device.generation && self.is_recent(device) {
                    return Ok(self.credentials(device, false));
                }
                self.revoke(token.device).await?;
                return Err(AccountError::RefreshReused);
            }
            // Above what is stored only after a restore from a backup: it is ours, so the device goes on from it.
            device.generation = token.generation.saturating_add(1);
            device.refreshed = self.clock.now();
            match self.store.replace_device(&read).await {
                Ok(Replaced::Done(_)) => {
                    self.recent_refreshes.note(token.device, self.clock.monotonic());
                    return Ok(self.credentials(&read.value, false));
                }
                // If it was written after all, the next round sees a retry.
                Ok(Replaced::Changed) | Err(StoreError::Uncertain(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(AccountError::Busy)
    }

    /// Whether the latest refresh was within the retry window: by the monotonic clock where this server made it,
    /// so that a wall clock that jumps logs nobody out; else by the wall clock.
    fn is_recent(&self, device: &Device) -> bool {
        match self.recent_refreshes.made_at(device.id) {
            Some(at) => self.clock.monotonic().saturating_sub(at) <= RETRY_WINDOW,
            None => apart(self.clock.now(), device.refreshed) <= RETRY_WINDOW,
        }
    }
}

fn apart(a: Timestamp, b: Timestamp) -> Duration {
    a.since(b).max(b.since(a))
}

/// The refreshes this server made within the retry window, oldest first, by the monotonic clock.
#[derive(Default)]
pub(crate) struct RecentRefreshes(Mutex<VecDeque<(DeviceId, Duration)>>);

impl RecentRefreshes {
    fn note(&self, device: DeviceId, now: Duration) {
        let mut made = self.0.lock();
        while made.front().is_some_and(|(_, at)| {
            made.len() >= RECENT_REFRESHES_MAX || now.saturating_sub(*at) > RETRY_WINDOW
        }) {
            made.pop_front();
        }
        made.push_back((device, now));
    }

    /// A scan, but only for a token that is one generation old.
    fn made_at(&self, device: DeviceId) -> Option<Duration> {
        self.0.lock().iter().rev().find(|(other, _)| *other == device).map(|(_, at)| *at)
    }
}

struct RefreshToken {
    device: DeviceId,
    generation: u64,
    proof: [u8; MAC_BYTES],
}

impl RefreshToken {
    fn parse(text: &str) -> Result<Self, AccountError> {
        if text.len() > TOKEN_BYTES * 2 {
            return Err(AccountError::Unauthenticated);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| AccountError::Unauthenticated)?;
        Self::read(&bytes).ok_or(AccountError::Unauthenticated)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&format, rest) = bytes.split_first()?;
        let (user, rest) = rest.split_first_chunk::<16>()?;
        let (number, rest) = rest.split_first_chunk::<4>()?;
        let (generation, rest) = rest.split_first_chunk::<8>()?;
        let proof = rest.try_into().ok()?;
        let device =
            DeviceId { user: UserId::from_bytes(*user), number: DeviceNumber(u32::from_be_bytes(*number)) };
        (format == FORMAT).then_some(Self { device, generation: u64::from_be_bytes(*generation), proof })
    }
}

/// The token of the generation in force.
pub(crate) fn token_text(keys: &Keys, device: &Device) -> String {
    let mut bytes = Vec::with_capacity(TOKEN_BYTES);
    bytes.push(FORMAT);
    bytes.extend_from_slice(device.id.user.as_bytes());
    bytes.extend_from_slice(&device.id.number.0.to_be_bytes());
    bytes.extend_from_slice(&device.generation.to_be_bytes());
    bytes.extend_from_slice(&keys.refresh_proof(device.id, device.generation, &device.refresh_salt));
    URL_SAFE_NO_PAD.encode(bytes)
}
