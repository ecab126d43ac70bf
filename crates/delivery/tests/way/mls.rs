//! Devices with real MLS, and the handshakes they send.

use bytes::Bytes;
use dunlin_client::keys::{Keys, MlsKeys, Prepared};
use dunlin_client::mls::DeviceIdentity;
use dunlin_delivery::{Accepted, DeliveryError};
use dunlin_model::{
    ChatCommand, ChatId, Commit, DeviceCertificate, DeviceId, DeviceKey, GroupStart, Payload, StartReason,
    Suite,
};
use ed25519_dalek::SigningKey;
use sha2::{Digest as _, Sha256};

use crate::world::{START, World};

/// A device's key and certificate; its user's identity key follows from the user.
pub(crate) fn certified(device: DeviceId) -> (SigningKey, DeviceCertificate) {
    let (user, number) = (device.user.as_bytes()[0], u8::try_from(device.number.0).unwrap());
    let own = private(user, number);
    let key = DeviceKey(own.verifying_key().to_bytes());
    (own, DeviceCertificate::issue(&identity(device), device, key, START))
}

/// The identity key of a device's user.
pub(crate) fn identity(device: DeviceId) -> SigningKey {
    private(device.user.as_bytes()[0], 0)
}

/// A key that looks like one, so that it is found where it must not be and not by chance.
fn private(user: u8, number: u8) -> SigningKey {
    SigningKey::from_bytes(&Sha256::digest([user, number]).into())
}

/// A device with the keys of its chats.
pub(crate) struct Peer {
    pub(crate) id: DeviceId,
    pub(crate) keys: MlsKeys,
    numbers: u64,
}

impl Peer {
    pub(crate) fn of(id: DeviceId) -> Self {
        let (key, certificate) = certified(id);
        Self::with(id, &key, certificate)
    }

    /// A device that shows another certificate than the one it is known by.
    pub(crate) fn with(id: DeviceId, key: &SigningKey, certificate: DeviceCertificate) -> Self {
        let mut seed = [id.user.as_bytes()[0]; 32];
        seed[..4].copy_from_slice(&id.number.0.to_be_bytes());
        let identity = DeviceIdentity::new(key.clone(), certificate).unwrap();
        // The first number of a device goes to the creation of a chat.
        Self { id, keys: MlsKeys::create(identity, seed), numbers: 1 }
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn package(&mut self, suite: Suite) -> (DeviceId, Bytes) {
        (self.id, self.keys.key_packages(suite, 1, false).unwrap().remove(0))
    }
}

/// The start that `prepared` is, as the founder declares it.
pub(crate) fn start(founder: DeviceId, suite: Suite, prepared: &Prepared) -> GroupStart {
    let mut devices = prepared.added.clone();
    devices.push(founder);
    devices.sort_unstable();
    GroupStart {
        epoch: prepared.epoch,
        suite,
        reason: StartReason::First,
        devices,
        welcome: prepared.welcome.clone().map(Payload::Inline),
        group_info: Payload::Inline(prepared.group_info.clone()),
    }
}

/// The commit that `prepared` is, as its sender declares it.
pub(crate) fn commit(prepared: &Prepared, removed: &[DeviceId]) -> Commit {
    Commit {
        epoch: prepared.epoch,
        external: false,
        added: prepared.added.clone(),
        removed: removed.to_vec(),
        commit: Payload::Inline(prepared.commit.clone()),
        welcome: prepared.welcome.clone().map(Payload::Inline),
        group_info: Payload::Inline(prepared.group_info.clone()),
    }
}

impl World {
    /// A user with a device that is known by its certificate.
    pub(crate) async fn peer(&self, n: u8) -> Peer {
        let id = self.person(n).await;
        self.server.set_certificate(id, &certified(id).1).await.unwrap();
        Peer::of(id)
    }

    /// Another device of somebody.
    pub(crate) async fn second_device(&self, of: &Peer) -> Peer {
        let id = self.device(of.id.user, 2).await;
        self.server.set_certificate(id, &certified(id).1).await.unwrap();
        Peer::of(id)
    }

    pub(crate) async fn starts(
        &self,
        peer: &mut Peer,
        chat: ChatId,
        start: GroupStart,
    ) -> Result<Accepted, DeliveryError> {
        let number = peer.number();
        self.act(peer.id, chat, number, ChatCommand::StartGroup(Box::new(start))).await
    }

    pub(crate) async fn commits(
        &self,
        peer: &mut Peer,
        chat: ChatId,
        commit: Commit,
    ) -> Result<Accepted, DeliveryError> {
        let number = peer.number();
        self.act(peer.id, chat, number, ChatCommand::Commit(Box::new(commit))).await
    }

    /// A chat of these, all in its first group, which the first of them started.
    pub(crate) async fn group_of(&self, suite: Suite, peers: &mut [&mut Peer]) -> ChatId {
        let (founder, others) = peers.split_first_mut().unwrap();
        let ids: Vec<DeviceId> = others.iter().map(|other| other.id).collect();
        let chat = self.encrypted(founder.id, &ids).await;
        let packages: Vec<_> = others.iter_mut().map(|other| other.package(suite)).collect();
        let prepared = founder.keys.start(chat, 1, suite, &packages).unwrap();
        self.starts(founder, chat, start(founder.id, suite, &prepared)).await.unwrap();
        founder.keys.merge_pending(chat).unwrap();
        for other in others {
            other.keys.join(chat, 1, prepared.welcome.as_ref().unwrap()).unwrap();
        }
        chat
    }

    /// A commit of `peer` that is accepted and applied by it and by the others.
    pub(crate) async fn goes_on(
        &self,
        peer: &mut Peer,
        chat: ChatId,
        prepared: &Prepared,
        removed: &[DeviceId],
        others: &mut [&mut Peer],
    ) {
        self.commits(peer, chat, commit(prepared, removed)).await.unwrap();
        peer.keys.merge_pending(chat).unwrap();
        for other in others {
            other.keys.stage(chat, &prepared.commit).unwrap();
            other.keys.merge_staged(chat).unwrap();
        }
    }
}
