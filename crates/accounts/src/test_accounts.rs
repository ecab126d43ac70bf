//! Accounts without codes, for load generators and tests. Only a server started for that offers them.

use dunlin_model::UserId;
use dunlin_model::account::{Address, DEVICES_PER_USER_MAX};
use futures_util::future::try_join_all;

use crate::login::Credentials;
use crate::{AccountError, Accounts};

/// Devices that one call makes.
pub const TEST_ACCOUNTS_PER_CALL_MAX: usize = 2_000;
/// Accounts made at once; a store that merges writes takes them in few batches.
const AT_ONCE: usize = 256;

impl Accounts {
    /// Makes `count` users with `devices_each` devices: the credentials of the first user's devices come first.
    ///
    /// # Errors
    /// `TooMany`, `Store`.
    pub async fn test_accounts(
        &self,
        count: usize,
        devices_each: usize,
    ) -> Result<Vec<Credentials>, AccountError> {
        if devices_each > DEVICES_PER_USER_MAX {
            return Err(AccountError::TooMany { what: "devices", limit: DEVICES_PER_USER_MAX });
        }
        let total = count.checked_mul(devices_each).filter(|total| *total <= TEST_ACCOUNTS_PER_CALL_MAX);
        let total = total
            .ok_or(AccountError::TooMany { what: "test accounts", limit: TEST_ACCOUNTS_PER_CALL_MAX })?;
        let mut all = Vec::with_capacity(total);
        let mut left = count;
        while left > 0 {
            let now = left.min(AT_ONCE);
            left -= now;
            let made = try_join_all((0..now).map(|_| self.test_account(devices_each))).await?;
            all.extend(made.into_iter().flatten());
        }
        Ok(all)
    }

    async fn test_account(&self, devices: usize) -> Result<Vec<Credentials>, AccountError> {
        // A name that nobody can own (RFC 2606) and that nobody drew before.
        let name = UserId::random(&*self.randomness);
        let address =
            Address::parse(&format!("test-{name}@test.invalid")).map_err(|_| AccountError::InvalidAddress)?;
        let (user, new_user) = self.claim(&address).await?;
        let mut credentials = Vec::with_capacity(devices);
        for number in 1..=devices {
            let device = self.add_device(user, &format!("test device {number}")).await?;
            credentials.push(self.credentials(&device, new_user));
        }
        Ok(credentials)
    }
}
