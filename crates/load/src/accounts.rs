//! Accounts to load a server with: `dunlin serve --test-accounts` hands them out.

use std::net::SocketAddr;

use anyhow::{Context as _, ensure};
use dunlin_model::{DeviceId, DeviceNumber};
use serde::{Deserialize, Serialize};

use crate::http::post_json;

/// Accounts asked for at a time.
const ACCOUNTS_PER_REQUEST: usize = 500;

/// A device that may connect.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) device: DeviceId,
    pub(crate) access_token: String,
}

#[derive(Serialize)]
struct Request {
    count: usize,
    devices: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    user_id: String,
    device: u32,
    access_token: String,
}

/// Makes `users` new users with `devices` devices each: those of the first user come first.
pub(crate) async fn make_accounts(
    address: SocketAddr,
    users: usize,
    devices: usize,
) -> anyhow::Result<Vec<Account>> {
    let mut accounts = Vec::with_capacity(users * devices);
    while accounts.len() < users * devices {
        let count = (users - accounts.len() / devices).min(ACCOUNTS_PER_REQUEST);
        let body = serde_json::to_string(&Request { count, devices })?;
        let (status, answer) = post_json(address, "/api/test/accounts", &body).await?;
        ensure!(
            (200..300).contains(&status),
            "the server answered {status} when asked for accounts: is it running with --test-accounts?\n{answer}"
        );
        let made: Vec<Credentials> = serde_json::from_str(&answer).context("credentials of test accounts")?;
        ensure!(
            made.len() == count * devices,
            "the server made {} devices of {}",
            made.len(),
            count * devices
        );
        for credentials in made {
            let user = credentials.user_id.parse().context("user id of a test account")?;
            let device = DeviceId { user, number: DeviceNumber(credentials.device) };
            accounts.push(Account { device, access_token: credentials.access_token });
        }
    }
    Ok(accounts)
}
