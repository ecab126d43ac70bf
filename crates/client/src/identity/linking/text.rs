//! What a new device shows for an existing one to scan, or to be pasted there.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD_NOCASE;
use dunlin_model::{DeviceId, DeviceNumber, UserId};
use zeroize::Zeroizing;

use super::{SCAN_SECRET_BYTES, ScanSecret};

/// What every text begins with; the number is that of the format.
const PREFIX: &str = "dunlin:link/1/";

/// The new device's id, its commitment and a secret, as text: `dunlin:link/1/` and base32, in either case.
///
/// The commitment tells the existing device which keys are the new one's, so that a server between them cannot put
/// others in their place. The secret goes nowhere but through the picture: an existing device that knows it has
/// seen the new one's screen, so that the new device, too, knows who admits it. Whoever else reads the text *and*
/// controls the server could admit the device into an identity of their own: it is to be shown, not sent.
#[derive(Clone, PartialEq, Eq)]
pub struct LinkText {
    pub(super) device: DeviceId,
    pub(super) commitment: [u8; 32],
    pub(super) scan: ScanSecret,
}

/// It does not say what a new device shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("This is not what a new device shows for linking.")]
pub struct NotALinkText;

impl LinkText {
    /// The new device.
    pub fn device(&self) -> DeviceId {
        self.device
    }

    /// Its upper-case form, which makes a smaller QR code.
    pub fn for_qr(&self) -> Zeroizing<String> {
        Zeroizing::new(self.to_string().to_ascii_uppercase())
    }
}

impl fmt::Debug for LinkText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkText").field("device", &self.device).finish_non_exhaustive()
    }
}

impl fmt::Display for LinkText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.device.number.0.to_be_bytes();
        let bytes = [self.device.user.as_bytes(), &number[..], &self.commitment, &self.scan[..]].concat();
        let bytes = Zeroizing::new(bytes);
        write!(f, "{PREFIX}{}", BASE32_NOPAD_NOCASE.encode(&bytes).to_ascii_lowercase())
    }
}

impl FromStr for LinkText {
    type Err = NotALinkText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (prefix, encoded) = text.split_at_checked(PREFIX.len()).ok_or(NotALinkText)?;
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return Err(NotALinkText);
        }
        let bytes = BASE32_NOPAD_NOCASE.decode(encoded.as_bytes()).map_err(|_| NotALinkText)?;
        let bytes = Zeroizing::new(bytes);
        let (user, rest) = bytes.split_first_chunk::<16>().ok_or(NotALinkText)?;
        let (number, rest) = rest.split_first_chunk::<4>().ok_or(NotALinkText)?;
        let (commitment, rest) = rest.split_first_chunk::<32>().ok_or(NotALinkText)?;
        let scan: [u8; SCAN_SECRET_BYTES] = rest.try_into().map_err(|_| NotALinkText)?;
        let number = DeviceNumber(u32::from_be_bytes(*number));
        let device = DeviceId { user: UserId::from_bytes(*user), number };
        Ok(Self { device, commitment: *commitment, scan: Zeroizing::new(scan) })
    }
}
