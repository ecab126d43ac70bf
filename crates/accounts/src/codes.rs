//! One-time codes. All that limits them lives in the address's challenge, so it survives a restart and holds
//! across servers; an attempt is counted durably before it is answered.

use std::time::Duration;

use dunlin_model::account::{Address, Challenge, Version, Versioned};
use dunlin_model::{Randomness, Timestamp};
use dunlin_store::Replaced;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{AccountError, Accounts, RACES_MAX};

/// Digits of a code.
pub(crate) const CODE_DIGITS: usize = 6;
/// Within this time, codes sent to an address are counted.
const SENT_WINDOW: Duration = Duration::from_secs(60 * 60);
/// Within this time, wrong attempts on an address are counted.
const FAILURE_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);
/// Marks further in the future than this come from a clock that was wrong.
const CLOCKS_APART_MAX: Duration = Duration::from_secs(5 * 60);

impl Accounts {
    /// Sends a one-time code to `address`. The answer does not tell whether the address is registered.
    ///
    /// # Errors
    /// `InvalidAddress`; `TooFast` when codes were asked for or tried too often; `NotSent`; `Store`.
    pub async fn request_code(&self, address: &str) -> Result<(), AccountError> {
        let address = Address::parse(address).map_err(|_| AccountError::InvalidAddress)?;
        let code = random_code(&*self.randomness);
        let mut salt = [0; 16];
        self.randomness.fill(&mut salt);
        self.change_challenge(&address, |challenge, now| {
            within_limit(&challenge.failures, self.config.failures_per_day_max, FAILURE_WINDOW, now)?;
            within_limit(&challenge.sent, self.config.codes_per_hour_max, SENT_WINDOW, now)?;
            challenge.sent.push(now);
            challenge.code_hash = code_hash(&salt, &code);
            challenge.salt = salt;
            challenge.expires = now + self.config.code_lifetime();
            challenge.attempts = 0;
            challenge.used = false;
            Ok(())
        })
        .await?;
        // Counted before it is sent: a sender that fails cannot be made to send without limit.
        self.sender.send(&address, &code, self.config.code_lifetime()).await.map_err(AccountError::NotSent)
    }

    /// Uses up the code of `address`, or counts a failure.
    pub(crate) async fn use_code(&self, address: &Address, code: &str) -> Result<(), AccountError> {
        if self.store.challenge(address).await?.is_none() {
            return Err(AccountError::WrongCode); // Nothing to count: whoever guesses here must not fill the store.
        }
        let right = self
            .change_challenge(address, |challenge, now| {
                within_limit(&challenge.failures, self.config.failures_per_day_max, FAILURE_WINDOW, now)?;
                let open = !challenge.used
                    && now < challenge.expires
                    && challenge.attempts < self.config.attempts_per_code_max;
                let right = challenge.code_hash.ct_eq(&code_hash(&challenge.salt, code)).into();
                if open && right {
                    challenge.used = true;
                    return Ok(true);
                }
                challenge.attempts = challenge.attempts.saturating_add(1);
                challenge.failures.push(now);
                Ok(false)
            })
            .await?;
        if right { Ok(()) } else { Err(AccountError::WrongCode) }
    }

    /// Changes a challenge by versioned replacement: whoever loses the race decides anew on what won.
    async fn change_challenge<T>(
        &self,
        address: &Address,
        change: impl Fn(&mut Challenge, Timestamp) -> Result<T, AccountError>,
    ) -> Result<T, AccountError> {
        for _ in 0..RACES_MAX {
            let mut read = self
                .store
                .challenge(address)
                .await?
                .unwrap_or_else(|| Versioned { version: Version(0), value: never_sent() });
            let now = self.clock.now();
            forget_old(&mut read.value.sent, SENT_WINDOW, now);
            forget_old(&mut read.value.failures, FAILURE_WINDOW, now);
            let outcome = change(&mut read.value, now)?;
            // An uncertain result is not tried again: what it counted might count twice.
            if let Replaced::Done(_) = self.store.replace_challenge(address, &read).await? {
                return Ok(outcome);
            }
        }
        Err(AccountError::Busy)
    }
}

/// The challenge of an address that none was sent to: expired from the beginning.
const fn never_sent() -> Challenge {
    Challenge {
        code_hash: [0; 32],
        salt: [0; 16],
        expires: Timestamp(0),
        attempts: 0,
        used: true,
        sent: Vec::new(),
        failures: Vec::new(),
    }
}

/// Drops what is older than the window, and what lies in the future because the clock was set back: it must not
/// be held against the address for longer than the window. Clocks of servers may differ a little.
fn forget_old(times: &mut Vec<Timestamp>, window: Duration, now: Timestamp) {
    times.retain(|time| now.since(*time) < window && time.since(now) < CLOCKS_APART_MAX);
    for time in times {
        *time = (*time).min(now);
    }
}

fn within_limit(
    times: &[Timestamp],
    limit: usize,
    window: Duration,
    now: Timestamp,
) -> Result<(), AccountError> {
    match times.len().checked_sub(limit).and_then(|over| times.get(over)) {
        Some(oldest) => Err(AccountError::TooFast { retry_after: (*oldest + window).since(now) }),
        None => Ok(()),
    }
}

fn code_hash(salt: &[u8; 16], code: &str) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(code.as_bytes()).finalize().into()
}

/// A code in which every value is as likely as any other.
fn random_code(randomness: &dyn Randomness) -> String {
    const CODES: u32 = 1_000_000;
    const FAIR: u32 = u32::MAX - u32::MAX % CODES;
    loop {
        let mut bytes = [0; 4];
        randomness.fill(&mut bytes);
        let drawn = u32::from_be_bytes(bytes);
        if drawn < FAIR {
            return format!("{:0width$}", drawn % CODES, width = CODE_DIGITS);
        }
    }
}
