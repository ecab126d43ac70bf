//! Whether a device that logged in has others that could link it.

use std::time::Duration;

use dunlin_model::{DeviceCertificate, DeviceId};
use dunlin_wire::{ClientFrame, Command, Outcome, ServerFrame};
use tokio::time::timeout;

use super::LinkingFailure;
use super::conversation::{Unopened, open};
use crate::device::DeviceOptions;
use crate::link::LinkError;

/// How long the server may take to answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
/// A token that is not taken is renewed once.
const ATTEMPTS_MAX: u32 = 2;

/// The certificates of the person's other devices, those not revoked: any of them could link this one. When there is
/// none, this is the first device, or all others are gone: see [`crate::identity::new_account`]. It is the server's
/// word; a false one leads to a new identity, which everyone is shown. Cancel safe.
///
/// # Errors
/// `Unreachable`, `LoggedOut`, `Failed`.
pub async fn other_devices(
    device: DeviceId,
    options: &DeviceOptions,
) -> Result<Vec<DeviceCertificate>, LinkingFailure> {
    let mut rejected = None;
    let mut attempt = 1;
    let mut link = loop {
        match open(options, &mut rejected).await {
            Ok(link) => break link,
            Err(Unopened::LoggedOut) => return Err(LinkingFailure::LoggedOut),
            Err(Unopened::Later(_)) if rejected.is_some() && attempt < ATTEMPTS_MAX => attempt += 1,
            Err(Unopened::Later(why)) => return Err(LinkingFailure::Unreachable(why)),
        }
    };
    let unreachable = |error: LinkError| LinkingFailure::Unreachable(error.to_string());
    let asking = async {
        let command = Command::ListDevices { users: vec![device.user] };
        link.send(&ClientFrame { id: 1, command }).await.map_err(unreachable)?;
        loop {
            match link.next_frame().await.map_err(unreachable)? {
                ServerFrame::Reply { id: 1, outcome: Outcome::Devices(certificates) } => {
                    return Ok(certificates);
                }
                ServerFrame::Reply { outcome: Outcome::Failed(failure), .. } => {
                    return Err(LinkingFailure::Failed(failure));
                }
                _ => {}
            }
        }
    };
    let late = |_| LinkingFailure::Unreachable("it does not answer".to_owned());
    let certificates = timeout(ANSWER_TIME_MAX, asking).await.map_err(late)??;
    link.close().await;
    let is_other = |other: &DeviceCertificate| other.device.user == device.user && other.device != device;
    Ok(certificates.into_iter().filter(is_other).collect())
}
