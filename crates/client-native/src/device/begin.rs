//! What a device begins with: its keys, and whether the person has other devices that could link it.

use std::time::Duration;

use dunlin_client::{Account, query};
use dunlin_model::{DeviceCertificate, DeviceId, DeviceKey, Randomness, Timestamp, UserId};
use dunlin_wire::{ClientFrame, Command, Format, Outcome, ServerFrame};
use ed25519_dalek::SigningKey;
use tokio::time::timeout;

use super::VaultRows;
use crate::ServerUrl;
use crate::link::{Link, LinkError};
use crate::vault::Vault;

/// How long the server may take to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// The id of the only request on such a link.
const REQUEST: u64 = 1;

/// The account of a new device: with keys of its own, under the person's identity key, or under a new one.
pub fn new_account(
    device: DeviceId,
    identity: Option<SigningKey>,
    randomness: &dyn Randomness,
    now: Timestamp,
) -> Account {
    let new_key = || {
        let mut seed = [0; 32];
        randomness.fill(&mut seed);
        SigningKey::from_bytes(&seed)
    };
    let identity = identity.unwrap_or_else(new_key);
    let key = new_key();
    let public = DeviceKey(key.verifying_key().to_bytes());
    let certificate = DeviceCertificate::issue(&identity, device, public, now);
    Account::new(certificate, &key, Some(&identity))
}

/// The account that a vault holds, for what a later device of the same person takes over.
pub fn account_in(vault: &Vault) -> Option<Account> {
    query::account(&VaultRows(vault))
}

/// The certificates of a person's devices that are not revoked, asked on a link of its own. Cancel safe.
///
/// # Errors
/// When the server is not reached, or does not answer so.
pub async fn certificates_of(
    server: &ServerUrl,
    access_token: &str,
    user: UserId,
) -> Result<Vec<DeviceCertificate>, LinkError> {
    let mut link = Link::connect(server, Some(access_token), Format::Proto).await?;
    let command = Command::ListDevices { users: vec![user] };
    link.send(&ClientFrame { id: REQUEST, command }).await?;
    let answer = async {
        loop {
            match link.next_frame().await? {
                ServerFrame::Reply { id: REQUEST, outcome: Outcome::Devices(certificates) } => {
                    return Ok(certificates);
                }
                ServerFrame::Reply { id: REQUEST, .. } => return Err(LinkError::BrokenOff),
                _ => {}
            }
        }
    };
    let certificates = timeout(ANSWER_TIME_MAX, answer).await.map_err(|_| LinkError::BrokenOff)?;
    link.close().await;
    certificates
}
