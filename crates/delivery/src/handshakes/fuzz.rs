//! The door for the fuzz target `handshakes` (`fuzz/`): what is looked into, without a store and blobs around it.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use dunlin_model::{
    ChatId, Commit, DeviceCertificate, DeviceId, Epoch, GroupStart, Payload, Suite, Timestamp,
};
use openmls_rust_crypto::RustCrypto;

use super::group::{Place, Seen};
use super::info::Info;
use super::leaf::Known;
use super::{Asked, Before, Parts, Why, commit, key_package, start};

/// What the server knows when it looks into a handshake: the chat's group, and the certificates of devices.
#[derive(Clone)]
pub struct Scene {
    crypto: Arc<RustCrypto>,
    place: Place,
    group_info: Bytes,
    devices: BTreeSet<DeviceId>,
    known: Known,
    now: Timestamp,
}

impl Scene {
    /// A chat whose newest GroupInfo, with these devices, was accepted.
    pub fn new(
        (chat, epoch, suite): (ChatId, Epoch, Suite),
        group_info: Bytes,
        devices: BTreeSet<DeviceId>,
        certificates: Vec<DeviceCertificate>,
        now: Timestamp,
    ) -> Self {
        let known = certificates.into_iter().map(|one| (one.device, one)).collect();
        let place = Place { chat, epoch, suite };
        Self { crypto: Arc::default(), place, group_info, devices, known, now }
    }

    /// The devices of the group, verified anew from its GroupInfo.
    ///
    /// # Errors
    /// Why the GroupInfo is not valid, or not that of these devices.
    pub fn open(&self) -> Result<BTreeSet<DeviceId>, Why> {
        let seen = Seen::accepted(&self.crypto, Info::parse(&self.group_info)?, &self.place, &self.devices)?;
        Ok(seen.devices.into_values().collect())
    }

    /// Looks into a key package that `from` leaves for others.
    ///
    /// # Errors
    /// Why it is not valid.
    pub fn key_package(
        &self,
        from: DeviceId,
        suite: Suite,
        message: &[u8],
        last_resort: bool,
    ) -> Result<(), Why> {
        key_package::check(&self.crypto, (from, suite), message, last_resort, &self.known, self.now)
    }

    /// Looks into a start whose parts are inline, and gives the scene after it.
    ///
    /// # Errors
    /// Why it is not valid.
    pub fn start(&self, from: DeviceId, start: &GroupStart) -> Result<Self, Why> {
        let place = Place { epoch: start.epoch, suite: start.suite, ..self.place };
        let parts = parts(None, start.welcome.as_ref(), &start.group_info);
        let seen = start::check(&self.crypto, &self.asked(place, from, parts), start)?;
        Ok(self.after(place, &start.group_info, seen))
    }

    /// Looks into a commit whose parts are inline, and gives the scene after it.
    ///
    /// # Errors
    /// Why it is not valid.
    pub fn commit(&self, from: DeviceId, commit: &Commit) -> Result<Self, Why> {
        let place = Place { epoch: commit.epoch, ..self.place };
        let parts = parts(Some(&commit.commit), commit.welcome.as_ref(), &commit.group_info);
        let before = Before::Stored(self.group_info.clone(), self.devices.clone());
        let seen = before.open(&self.crypto, &self.place)?;
        let asked = self.asked(place, from, parts);
        let seen = commit::check(&self.crypto, &asked, commit, seen).map_err(|unfit| unfit.why)?;
        Ok(self.after(place.next(), &commit.group_info, seen))
    }

    fn asked(&self, place: Place, from: DeviceId, parts: Parts) -> Asked {
        Asked { place, from, parts, known: self.known.clone(), now: self.now }
    }

    fn after(&self, place: Place, group_info: &Payload, seen: Seen) -> Self {
        let devices = seen.devices.into_values().collect();
        Self { place, group_info: inline(group_info), devices, ..self.clone() }
    }
}

fn parts(commit: Option<&Payload>, welcome: Option<&Payload>, group_info: &Payload) -> Parts {
    Parts {
        commit: commit.map(inline).unwrap_or_default(),
        welcome: welcome.map(inline),
        group_info: inline(group_info),
    }
}

/// What is elsewhere counts as empty: there are no blobs here.
fn inline(payload: &Payload) -> Bytes {
    match payload {
        Payload::Inline(bytes) => bytes.clone(),
        Payload::Stored { .. } => Bytes::new(),
    }
}
