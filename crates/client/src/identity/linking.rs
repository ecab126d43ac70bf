//! Linking a new device with an existing one of the same person, over a server that neither trusts.
//!
//! The new device commits to its keys (hello), the existing one answers with its own, the new one reveals
//! (a commitment before the exchange, so that six digits suffice: whoever stands between has one guess). Both show
//! the code that follows from all that was said; the person compares and confirms on both. Then the existing
//! device sends the identity key and the new device's certificate, sealed for the key both agreed on. With the new
//! device's [`LinkText`], scanned by the existing one, nothing is compared: see there.

mod newcomer;
mod text;

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{ChaCha20Poly1305, KeyInit, Nonce};
use dunlin_model::{DeviceCertificate, DeviceId, DeviceKey, Timestamp};
use ed25519_dalek::SigningKey;
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, Zeroizing};

pub use newcomer::{Newcomer, NotLinked, REPEAT_INTERVAL, Reached, Say};
pub use text::{LinkText, NotALinkText};

const LABEL: &[u8] = b"dunlin linking v1";
const HELLO: u8 = 1;
const ANSWER: u8 = 2;
const REVEAL: u8 = 3;
const ADMIT: u8 = 4;
const END: u8 = 5;
const ADMIT_SCANNED: u8 = 6;
/// Codes are numbers below this: six digits.
const CODE_MODULUS: u64 = 1_000_000;

/// Why linking stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkingError {
    /// The message is not the one that is due, or of another version.
    #[error("The other device sent something that is not part of linking.")]
    Unexpected,
    /// The two devices are not the same person's.
    #[error("The other device belongs to somebody else.")]
    AnotherUser,
    /// The new device revealed other keys than it had committed to.
    #[error("The new device's keys are not those it announced: somebody stands between the devices.")]
    Broken,
    /// What was sealed does not open, or names another device or key.
    #[error("What the existing device sent is not meant for this device.")]
    NotForUs,
}

/// Six digits that both devices show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkingCode(u32);

impl std::fmt::Display for LinkingCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:03} {:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

/// 64 fresh random bytes: a secret key and a nonce.
pub type LinkingEntropy = [u8; 64];

/// Bytes of the secret in a [`LinkText`].
const SCAN_SECRET_BYTES: usize = 16;
/// Known to the new device and to whoever read its text.
type ScanSecret = Zeroizing<[u8; SCAN_SECRET_BYTES]>;

/// What a message is about, for whoever passes it to the right place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageKind {
    /// From a new device to existing ones.
    Hello,
    /// From an existing device to a new one.
    Answer,
    /// From a new device to the one that answered.
    Reveal,
    /// From an existing device that its person confirmed.
    Admit,
    /// From an existing device that has read the new one's text.
    AdmitScanned,
    /// From either: it goes on no further.
    End,
}

impl MessageKind {
    /// The kind of a message; `None` for what is not part of linking.
    pub fn of(message: &[u8]) -> Option<Self> {
        Some(match *message.first()? {
            HELLO => Self::Hello,
            ANSWER => Self::Answer,
            REVEAL => Self::Reveal,
            ADMIT => Self::Admit,
            ADMIT_SCANNED => Self::AdmitScanned,
            END => Self::End,
            _ => return None,
        })
    }
}

/// What either device sends to say that it goes on no further. The server could send it as well: it protects nothing.
pub fn end() -> Vec<u8> {
    vec![END]
}

/// What the new device keeps to itself until the answer.
struct Committed {
    secret: StaticSecret,
    nonce: [u8; 32],
    key: DeviceKey,
}

/// A new device that has said hello.
pub struct NewDevice {
    device: DeviceId,
    committed: Committed,
    commitment: [u8; 32],
    scan: ScanSecret,
}

/// A new device that waits for its person, and then for its certificate.
pub struct NewDeviceComparing {
    device: DeviceId,
    key: DeviceKey,
    shared: Shared,
}

/// An existing device that has answered.
pub struct ExistingDevice {
    me: DeviceId,
    new: DeviceId,
    commitment: [u8; 32],
    secret: StaticSecret,
    nonce: [u8; 32],
    /// From the new device's text, where that was read.
    scan: Option<ScanSecret>,
}

/// An existing device that waits for its person.
pub struct ExistingDeviceComparing {
    new: DeviceId,
    key: DeviceKey,
    shared: Shared,
    is_scanned: bool,
}

/// What the new device gets.
pub struct Admitted {
    /// The person's identity key.
    pub identity: SigningKey,
    /// The new device's certificate.
    pub certificate: DeviceCertificate,
}

struct Shared {
    key: Zeroizing<[u8; 32]>,
    /// As `key`, for those who also know the secret of the new device's text.
    scanned: Option<Zeroizing<[u8; 32]>>,
    code: LinkingCode,
}

impl NewDevice {
    /// Begins on the new device, whose signature key is `key`. Gives the hello for the person's other devices.
    /// `scan` is another 16 fresh random bytes.
    pub fn begin(
        device: DeviceId,
        key: DeviceKey,
        mut entropy: LinkingEntropy,
        scan: [u8; SCAN_SECRET_BYTES],
    ) -> (Self, Vec<u8>) {
        let (secret, nonce) = split(&mut entropy);
        let committed = Committed { secret, nonce, key };
        let commitment = commitment(&PublicKey::from(&committed.secret), &key, &nonce);
        let hello = message(HELLO, &[&commitment]);
        (Self { device, committed, commitment, scan: Zeroizing::new(scan) }, hello)
    }

    /// What to show for an existing device to scan.
    pub fn text(&self) -> LinkText {
        LinkText { device: self.device, commitment: self.commitment, scan: self.scan.clone() }
    }

    /// Takes the answer of `existing`. Gives what to reveal to it.
    ///
    /// # Errors
    /// See [`LinkingError`].
    pub fn answered(
        self,
        existing: DeviceId,
        answer: &[u8],
    ) -> Result<(NewDeviceComparing, Vec<u8>), LinkingError> {
        same_user(self.device, existing)?;
        let [public, nonce] = parts::<2>(ANSWER, answer)?;
        let own = PublicKey::from(&self.committed.secret);
        let said = Said {
            new: self.device,
            existing,
            commitment: self.commitment,
            existing_public: public,
            existing_nonce: nonce,
            new_public: own.to_bytes(),
            key: self.committed.key,
            new_nonce: self.committed.nonce,
        };
        let shared = said.agree(&self.committed.secret, public, Some(&self.scan))?;
        let reveal = message(REVEAL, &[own.as_bytes(), &self.committed.key.0, &self.committed.nonce]);
        Ok((NewDeviceComparing { device: self.device, key: self.committed.key, shared }, reveal))
    }
}

impl NewDeviceComparing {
    /// What this device shows.
    pub fn code(&self) -> LinkingCode {
        self.shared.code
    }

    /// Takes what the existing device sent once the person confirmed there; to be called once they confirmed
    /// here too.
    ///
    /// # Errors
    /// See [`LinkingError`].
    pub fn admitted(self, admit: &[u8]) -> Result<Admitted, LinkingError> {
        self.opened(&self.shared.key, ADMIT, admit)
    }

    /// Takes what an existing device sent that has read this one's text. That proves by itself where it comes from:
    /// nothing is to be confirmed here.
    ///
    /// # Errors
    /// See [`LinkingError`].
    pub fn admitted_by_scan(self, admit: &[u8]) -> Result<Admitted, LinkingError> {
        let key = self.shared.scanned.as_ref().ok_or(LinkingError::Unexpected)?;
        self.opened(key, ADMIT_SCANNED, admit)
    }

    fn opened(&self, key: &[u8; 32], tag: u8, admit: &[u8]) -> Result<Admitted, LinkingError> {
        let sealed = admit.strip_prefix(&[tag]).ok_or(LinkingError::Unexpected)?;
        let payload = Payload { msg: sealed, aad: LABEL };
        let opened = cipher(key).decrypt(&Nonce::default(), payload);
        let opened = Zeroizing::new(opened.map_err(|_| LinkingError::NotForUs)?);
        let (identity, certificate) = opened.split_first_chunk().ok_or(LinkingError::Unexpected)?;
        let identity = SigningKey::from_bytes(identity);
        let certificate = DeviceCertificate::decode(certificate).map_err(|_| LinkingError::NotForUs)?;
        let is_ours = certificate.device == self.device
            && certificate.key == self.key
            && certificate.identity.0 == identity.verifying_key().to_bytes();
        if is_ours { Ok(Admitted { identity, certificate }) } else { Err(LinkingError::NotForUs) }
    }
}

impl ExistingDevice {
    /// Begins on the existing device `me`, with the hello of `new`. Gives the answer to it.
    ///
    /// # Errors
    /// See [`LinkingError`].
    pub fn hello(
        me: DeviceId,
        new: DeviceId,
        hello: &[u8],
        entropy: LinkingEntropy,
    ) -> Result<(Self, Vec<u8>), LinkingError> {
        let [commitment] = parts::<1>(HELLO, hello)?;
        Self::begin(me, new, commitment, None, entropy)
    }

    /// Begins on the existing device `me`, with the text that it read off the new one. Gives the answer to send.
    ///
    /// # Errors
    /// `AnotherUser`.
    pub fn scanned(
        me: DeviceId,
        text: &LinkText,
        entropy: LinkingEntropy,
    ) -> Result<(Self, Vec<u8>), LinkingError> {
        Self::begin(me, text.device, text.commitment, Some(text.scan.clone()), entropy)
    }

    fn begin(
        me: DeviceId,
        new: DeviceId,
        commitment: [u8; 32],
        scan: Option<ScanSecret>,
        mut entropy: LinkingEntropy,
    ) -> Result<(Self, Vec<u8>), LinkingError> {
        same_user(me, new)?;
        let (secret, nonce) = split(&mut entropy);
        let answer = message(ANSWER, &[PublicKey::from(&secret).as_bytes(), &nonce]);
        Ok((Self { me, new, commitment, secret, nonce, scan }, answer))
    }

    /// Whether this is the hello that was answered, or belongs to the text that was read.
    pub fn is_about(&self, hello: &[u8]) -> bool {
        parts::<1>(HELLO, hello) == Ok([self.commitment])
    }

    /// Takes what the new device revealed.
    ///
    /// # Errors
    /// `Broken` when that is not what it had committed to.
    pub fn revealed(self, reveal: &[u8]) -> Result<ExistingDeviceComparing, LinkingError> {
        let [public, key, nonce] = parts::<3>(REVEAL, reveal)?;
        let key = DeviceKey(key);
        if commitment(&PublicKey::from(public), &key, &nonce) != self.commitment {
            return Err(LinkingError::Broken);
        }
        let said = Said {
            new: self.new,
            existing: self.me,
            commitment: self.commitment,
            existing_public: PublicKey::from(&self.secret).to_bytes(),
            existing_nonce: self.nonce,
            new_public: public,
            key,
            new_nonce: nonce,
        };
        let shared = said.agree(&self.secret, public, self.scan.as_ref())?;
        Ok(ExistingDeviceComparing { new: self.new, key, shared, is_scanned: self.scan.is_some() })
    }
}

impl ExistingDeviceComparing {
    /// What this device shows.
    pub fn code(&self) -> LinkingCode {
        self.shared.code
    }

    /// Whether the new device's text was read: then its keys are the ones it showed, and nothing is compared.
    pub fn is_scanned(&self) -> bool {
        self.is_scanned
    }

    /// The person says that both devices show the same code, or has scanned. Gives what to send to the new device.
    ///
    /// # Errors
    /// `Unexpected` when it cannot be sealed, which does not happen for contents of this size.
    pub fn confirmed(self, identity: &SigningKey, now: Timestamp) -> Result<Vec<u8>, LinkingError> {
        let certificate = DeviceCertificate::issue(identity, self.new, self.key, now);
        let secret = Zeroizing::new(identity.to_bytes());
        let content = Zeroizing::new([&secret[..], &certificate.encode()].concat());
        // The key is used for this one message, so the nonce may be zero.
        let payload = Payload { msg: &content, aad: LABEL };
        let (tag, key) = match &self.shared.scanned {
            Some(scanned) => (ADMIT_SCANNED, scanned),
            None => (ADMIT, &self.shared.key),
        };
        let sealed = cipher(key).encrypt(&Nonce::default(), payload);
        Ok([&[tag], &sealed.map_err(|_| LinkingError::Unexpected)?[..]].concat())
    }
}

/// Everything that was said, which both devices must have heard alike.
struct Said {
    new: DeviceId,
    existing: DeviceId,
    commitment: [u8; 32],
    existing_public: [u8; 32],
    existing_nonce: [u8; 32],
    new_public: [u8; 32],
    key: DeviceKey,
    new_nonce: [u8; 32],
}

impl Said {
    fn agree(
        &self,
        secret: &StaticSecret,
        theirs: [u8; 32],
        scan: Option<&ScanSecret>,
    ) -> Result<Shared, LinkingError> {
        let agreed = secret.diffie_hellman(&PublicKey::from(theirs));
        if !agreed.was_contributory() {
            return Err(LinkingError::Broken);
        }
        let mut transcript = Sha256::new().chain_update(LABEL);
        for device in [self.new, self.existing] {
            transcript.update(device.user.as_bytes());
            transcript.update(device.number.0.to_be_bytes());
        }
        let said = [
            self.commitment,
            self.existing_public,
            self.existing_nonce,
            self.new_public,
            self.key.0,
            self.new_nonce,
        ];
        for part in said {
            transcript.update(part);
        }
        let derived = Hkdf::<Sha256>::new(Some(&transcript.finalize()), agreed.as_bytes());
        let (mut key, mut digits) = (Zeroizing::new([0; 32]), [0; 8]);
        let expanded = derived.expand(b"key", &mut *key).and_then(|()| derived.expand(b"code", &mut digits));
        expanded.map_err(|_| LinkingError::Unexpected)?;
        let code = u32::try_from(u64::from_be_bytes(digits) % CODE_MODULUS).unwrap_or_default();
        let scanned = scan.map(|scan| {
            let mut key = Zeroizing::new([0; 32]);
            derived.expand_multi_info(&[b"scanned key", &scan[..]], &mut *key).map(|()| key)
        });
        let scanned = scanned.transpose().map_err(|_| LinkingError::Unexpected)?;
        Ok(Shared { key, scanned, code: LinkingCode(code) })
    }
}

fn cipher(key: &[u8; 32]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(key.into())
}

fn commitment(public: &PublicKey, key: &DeviceKey, nonce: &[u8; 32]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(LABEL).chain_update(public.as_bytes());
    hash.chain_update(key.0).chain_update(nonce).finalize().into()
}

fn same_user(one: DeviceId, other: DeviceId) -> Result<(), LinkingError> {
    if one.user == other.user && one != other { Ok(()) } else { Err(LinkingError::AnotherUser) }
}

fn split(entropy: &mut LinkingEntropy) -> (StaticSecret, [u8; 32]) {
    let (mut secret, mut nonce) = ([0; 32], [0; 32]);
    let (first, second) = entropy.split_at(32);
    secret.copy_from_slice(first);
    nonce.copy_from_slice(second);
    entropy.zeroize();
    (StaticSecret::from(secret), nonce)
}

fn message(tag: u8, parts: &[&[u8; 32]]) -> Vec<u8> {
    let mut bytes = vec![tag];
    for part in parts {
        bytes.extend_from_slice(*part);
    }
    bytes
}

fn parts<const N: usize>(tag: u8, message: &[u8]) -> Result<[[u8; 32]; N], LinkingError> {
    let rest = message.strip_prefix(&[tag]).ok_or(LinkingError::Unexpected)?;
    let (chunks, left) = rest.as_chunks::<32>();
    if !left.is_empty() {
        return Err(LinkingError::Unexpected);
    }
    chunks.try_into().map_err(|_| LinkingError::Unexpected)
}

#[cfg(test)]
mod tests;
