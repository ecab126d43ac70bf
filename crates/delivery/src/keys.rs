//! What devices leave for others: certificates and key packages; and where to enter a chat's group.

use std::collections::BTreeSet;

use bytes::Bytes;
use dunlin_model::{
    ChatId, DeviceCertificate, DeviceId, Encryption, Epoch, Payload, Refusal, Seq, Suite, UserId,
};
use dunlin_relay::Signal;
use dunlin_store::KeyClaim;

use crate::{Delivery, DeliveryError, Feed};

/// Key packages below which a device is asked for more.
pub const KEY_PACKAGES_LOW: usize = 10;
/// Bytes of a key package; hybrid ones have about 3,000.
pub const KEY_PACKAGE_BYTES_MAX: usize = 16 * 1024;
/// Key packages in one upload.
pub const KEY_PACKAGES_PER_UPLOAD_MAX: usize = 100;
/// Users named in one command about keys.
pub const KEY_USERS_MAX: usize = 256;

/// The suites of which devices leave key packages.
const SUITES: [Suite; 2] = [Suite::HYBRID, Suite::CLASSIC];

/// What a device needs to enter a chat's group from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupEntrance {
    /// The epoch that it is of.
    pub epoch: Epoch,
    /// The group's suite.
    pub suite: Suite,
    /// The MLS GroupInfo.
    pub group_info: Payload,
}

impl Delivery {
    /// Says by which certificate others know the device `from`. Cancel safe.
    ///
    /// A user has one identity key. Whoever lost it begins with another by revoking all other devices, which is
    /// visible; only then is a certificate under another key taken. Clients see the change and say so. Two devices
    /// that begin anew at once may both be taken: this keeps order among honest devices, and nobody's trust rests
    /// on it.
    ///
    /// # Errors
    /// `NotThisDevice`, `AnotherIdentity`, `Store`.
    pub async fn set_certificate(
        &self,
        from: DeviceId,
        certificate: &DeviceCertificate,
    ) -> Result<(), DeliveryError> {
        let is_valid = DeviceCertificate::decode(&certificate.encode()).is_ok();
        if certificate.device != from || !is_valid {
            return Err(DeliveryError::NotThisDevice);
        }
        let known = self.store.certificates(from.user).await?;
        if known.iter().any(|other| other.device != from && other.identity != certificate.identity) {
            return Err(DeliveryError::AnotherIdentity);
        }
        let before = known.iter().find(|other| other.device == from);
        if before
            .is_some_and(|before| (before.identity, before.key) != (certificate.identity, certificate.key))
        {
            // Nobody could add the device with those any more.
            self.store.remove_key_packages(from).await?;
        }
        Ok(self.store.put_certificate(certificate).await?)
    }

    /// The certificates of the users' devices that are not revoked, ascending by device. Users who share no chat with
    /// the asker are left out: which devices somebody has is for those who write to them. Cancel safe.
    ///
    /// # Errors
    /// `TooMany`, `Store`.
    pub async fn list_devices(
        &self,
        asker: UserId,
        users: &[UserId],
    ) -> Result<Vec<DeviceCertificate>, DeliveryError> {
        let mut certificates = Vec::new();
        for user in self.sharing_a_chat(asker, each_once(users)?).await? {
            certificates.extend(self.store.certificates(user).await?);
        }
        Ok(certificates)
    }

    /// Leaves key packages of `from` for others to claim; returns how many wait. Cancel safe.
    ///
    /// # Errors
    /// `TooMany`, `KeyPackage`, `Store`.
    pub async fn upload_key_packages(
        &self,
        from: DeviceId,
        suite: Suite,
        packages: &[Bytes],
        last_resort: Option<&Bytes>,
    ) -> Result<u32, DeliveryError> {
        if packages.len() > KEY_PACKAGES_PER_UPLOAD_MAX {
            let limit = KEY_PACKAGES_PER_UPLOAD_MAX;
            return Err(DeliveryError::TooMany { what: "key packages at once", limit });
        }
        if !suite.is_known() {
            return Err(DeliveryError::KeyPackage("chats do not use this cipher suite"));
        }
        for package in packages.iter().chain(last_resort) {
            if package.is_empty() || package.len() > KEY_PACKAGE_BYTES_MAX {
                return Err(DeliveryError::KeyPackage("a key package has between 1 byte and 16 KiB"));
            }
        }
        self.check_key_packages(from, suite, packages, last_resort).await?;
        let left = self.store.put_key_packages(from, suite, packages, last_resort).await?;
        Ok(u32::try_from(left).unwrap_or(u32::MAX))
    }

    /// Takes a key package of each device of `users`, all of whom are members of the chat, for the event
    /// `change`. Devices without one are left out; the same claim gets the same packages again, whoever
    /// makes it. Cancel safe: what was taken is given again.
    ///
    /// # Errors
    /// `Refused` when the asker or one of the users is no member or the event is not there, `TooMany`,
    /// `TooFast`, `Store`.
    pub async fn claim_key_packages(
        &self,
        from: DeviceId,
        chat: ChatId,
        change: Seq,
        suite: Suite,
        users: &[UserId],
    ) -> Result<Vec<(DeviceId, Bytes)>, DeliveryError> {
        let users = each_once(users)?;
        let chat = self.current_chat(chat).await?;
        chat.look(|state| {
            if state.role(from.user).is_none() {
                return Err(why_not_a_member(state, from.user));
            }
            if state.encryption != Encryption::Mls {
                return Err(Refusal::WrongEncryption);
            }
            if users.iter().any(|user| state.role(*user).is_none()) {
                return Err(Refusal::TargetNotAMember);
            }
            if change == Seq::ZERO || change > state.head {
                return Err(Refusal::NoSuchMessage);
            }
            Ok(())
        })?;
        let mut devices: Vec<DeviceId> = Vec::new();
        let mut targets = Vec::with_capacity(users.len());
        for user in users {
            let certificates = self.store.certificates(user).await?;
            targets.push((user, u32::try_from(certificates.len()).unwrap_or(u32::MAX)));
            devices.extend(certificates.iter().map(|certificate| certificate.device));
        }
        self.claims
            .admit(from.user, &targets, self.clock.monotonic())
            .map_err(|retry_after| DeliveryError::TooFast { what: "claims of key packages", retry_after })?;
        let claim = KeyClaim { chat: chat.id, change };
        let mut packages = Vec::with_capacity(devices.len());
        for device in devices {
            if let Some(package) = self.store.claim_key_package(device, suite, claim).await? {
                packages.push((device, package));
            }
            if let Some(left) = self.few_left(device, suite).await? {
                self.leave_keys_low(device, suite, left);
                let signal = Signal::KeyPackagesLow { device, suite, left };
                self.relay.publish_signal(self.server, &[device.user], signal);
            }
        }
        Ok(packages)
    }

    /// What a device needs to enter the chat's group from outside. Cancel safe.
    ///
    /// # Errors
    /// `Refused` for who is no member, `NoGroup`, `Store`.
    pub async fn group_info(&self, from: DeviceId, chat: ChatId) -> Result<GroupEntrance, DeliveryError> {
        let chat = self.current_chat(chat).await?;
        chat.look(|state| {
            if state.role(from.user).is_none() {
                return Err(why_not_a_member(state, from.user).into());
            }
            let (epoch, suite) = (state.keys.epoch, state.keys.suite);
            suite
                .zip(state.keys.group_info.clone())
                .map(|(suite, group_info)| GroupEntrance { epoch, suite, group_info })
                .ok_or(DeliveryError::NoGroup)
        })
    }

    /// How many key packages are left when they are few; `None` also for a device that never left any.
    async fn few_left(&self, device: DeviceId, suite: Suite) -> Result<Option<u32>, DeliveryError> {
        let left = self.store.key_packages_left(device, suite).await?;
        Ok(left.filter(|left| *left < KEY_PACKAGES_LOW).and_then(|left| u32::try_from(left).ok()))
    }

    /// Asks the sessions that the device has here for more key packages.
    pub(crate) fn leave_keys_low(&self, device: DeviceId, suite: Suite, left: u32) {
        self.registry.for_each(device.user, |session| {
            if session.device() == device {
                session.leave_keys_low(suite, left);
            }
        });
    }
}

impl Feed {
    /// Asks the device for more key packages when few are left.
    pub(crate) async fn ask_for_key_packages(&self) -> Result<(), DeliveryError> {
        for suite in SUITES {
            if let Some(left) = self.delivery.few_left(self.device(), suite).await? {
                self.session.leave_keys_low(suite, left);
            }
        }
        Ok(())
    }
}

fn each_once(users: &[UserId]) -> Result<BTreeSet<UserId>, DeliveryError> {
    if users.len() > KEY_USERS_MAX {
        return Err(DeliveryError::TooMany { what: "users in one command", limit: KEY_USERS_MAX });
    }
    Ok(users.iter().copied().collect())
}

fn why_not_a_member(state: &dunlin_model::chat::ChatState, user: UserId) -> Refusal {
    // A stranger does not learn whether the chat exists.
    if state.memberships.contains_key(&user) { Refusal::NotAMember } else { Refusal::NoSuchChat }
}
