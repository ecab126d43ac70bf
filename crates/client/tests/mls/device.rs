//! A device whose state lives in rows: before every call it is opened from them, after it they are persisted.

use std::collections::BTreeMap;

use dunlin_client::mls::{
    DeviceIdentity, Group, GroupName, PendingCommit, Provider, Staged, Started, Suite, VerifiedKeyPackage,
    key_packages,
};
use dunlin_client::{Key, Value};
use dunlin_model::clock::Timestamp;
use dunlin_model::identity::{DeviceCertificate, DeviceKey};
use dunlin_model::ids::{ChatId, DeviceId, DeviceNumber, UserId};
use ed25519_dalek::SigningKey;

pub(crate) const NAME: GroupName = GroupName { chat: ChatId::from_bytes([9; 16]), generation: 1 };

pub(crate) struct Device {
    pub(crate) identity: DeviceIdentity,
    pub(crate) rows: BTreeMap<Key, Value>,
    seed: u8,
    steps: u8,
}

impl Device {
    pub(crate) fn new(number: u8) -> Self {
        let key = SigningKey::from_bytes(&[number; 32]);
        let device = DeviceId { user: UserId::from_bytes([number; 16]), number: DeviceNumber(1) };
        let public = DeviceKey(key.verifying_key().to_bytes());
        let user = SigningKey::from_bytes(&[number + 100; 32]);
        let certificate = DeviceCertificate::issue(&user, device, public, Timestamp(5));
        let identity = DeviceIdentity::new(key, certificate).unwrap();
        Self { identity, rows: BTreeMap::new(), seed: number, steps: 0 }
    }

    /// The device with its key and nothing else, and with other randomness than before.
    pub(crate) fn after_losing_everything(number: u8) -> Self {
        Self { seed: number + 200, ..Self::new(number) }
    }

    pub(crate) fn id(&self) -> DeviceId {
        self.identity.certificate().device
    }

    /// A step with a provider that knows nothing but the rows.
    pub(crate) fn step<T>(&mut self, work: impl FnOnce(&Provider, &DeviceIdentity) -> T) -> T {
        self.steps += 1;
        let mut provider = Provider::new([self.seed; 32]);
        provider.mix([self.steps; 32]);
        provider.state().load(self.rows.clone());
        let result = work(&provider, &self.identity);
        for (key, value) in provider.state().take_changes() {
            match value {
                Some(value) => self.rows.insert(key, value),
                None => self.rows.remove(&key),
            };
        }
        result
    }

    pub(crate) fn with<T>(&mut self, work: impl FnOnce(&mut Group, &Provider, &DeviceIdentity) -> T) -> T {
        self.step(|provider, identity| {
            let mut group = Group::open(provider, NAME).unwrap().unwrap();
            work(&mut group, provider, identity)
        })
    }

    pub(crate) fn key_package(&mut self, suite: Suite) -> Vec<u8> {
        self.step(|provider, identity| key_packages::make(provider, identity, suite)).unwrap().message
    }

    pub(crate) fn create(&mut self, suite: Suite, key_packages: &[Vec<u8>]) -> Started {
        self.step(|provider, identity| {
            let add = verified(provider, key_packages);
            Group::create(provider, identity, NAME, suite, &add).unwrap().1
        })
    }

    pub(crate) fn join(&mut self, welcome: &[u8]) {
        self.step(|provider, _| Group::join(provider, welcome).map(|_| ())).unwrap();
    }

    pub(crate) fn enter(&mut self, group_info: &[u8]) -> PendingCommit {
        self.step(|provider, identity| Group::join_externally(provider, identity, group_info)).unwrap().1
    }

    pub(crate) fn commit(&mut self, key_packages: &[Vec<u8>], remove: &[DeviceId]) -> PendingCommit {
        self.with(|group, provider, identity| {
            group.commit(provider, identity, &verified(provider, key_packages), remove).unwrap()
        })
    }

    /// Stages and merges what came in the log.
    pub(crate) fn apply(&mut self, commit: &[u8]) -> Change {
        self.with(|group, provider, _| {
            let staged = group.stage(provider, commit).unwrap();
            let change = Change::of(&staged);
            group.merge(provider, staged).unwrap();
            change
        })
    }

    pub(crate) fn encrypt(&mut self, plaintext: &[u8]) -> Vec<u8> {
        self.with(|group, provider, identity| group.encrypt(provider, identity, b"aad", plaintext).unwrap())
    }

    pub(crate) fn decrypt(
        &mut self,
        message: &[u8],
    ) -> Result<dunlin_client::mls::Decrypted, dunlin_client::mls::group::DecryptError> {
        self.with(|group, provider, _| group.decrypt(provider, message))
    }

    pub(crate) fn epoch(&mut self) -> u64 {
        self.with(|group, _, _| group.epoch())
    }

    pub(crate) fn members(&mut self) -> Vec<DeviceId> {
        self.with(|group, provider, _| group.members(provider).unwrap())
            .into_iter()
            .map(|member| member.certificate.device)
            .collect()
    }
}

pub(crate) fn verified(provider: &Provider, key_packages: &[Vec<u8>]) -> Vec<VerifiedKeyPackage> {
    key_packages.iter().map(|message| VerifiedKeyPackage::parse(provider, message).unwrap()).collect()
}

/// What a staged commit said it would do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) by: DeviceId,
    pub(crate) added: Vec<DeviceId>,
    pub(crate) removed: Vec<DeviceId>,
    pub(crate) external: bool,
    pub(crate) own: bool,
    pub(crate) removes_us: bool,
}

impl Change {
    fn of(staged: &Staged) -> Self {
        Self {
            by: staged.by.device,
            added: staged.added.iter().map(|certificate| certificate.device).collect(),
            removed: staged.removed.clone(),
            external: staged.external,
            own: staged.own,
            removes_us: staged.removes_us,
        }
    }
}

/// `count` devices in a group that the first of them created.
pub(crate) fn group_of(count: u8, suite: Suite) -> Vec<Device> {
    let mut devices: Vec<Device> = (1..=count).map(Device::new).collect();
    let key_packages: Vec<_> = devices.iter_mut().skip(1).map(|device| device.key_package(suite)).collect();
    let started = devices[0].create(suite, &key_packages);
    for device in devices.iter_mut().skip(1) {
        device.join(started.welcome.as_ref().unwrap());
    }
    devices
}

/// Everyone reads what each of them writes.
pub(crate) fn all_talk(devices: &mut [Device]) {
    for sender in 0..devices.len() {
        let message = devices[sender].encrypt(b"hello");
        let from = devices[sender].id();
        for (receiver, device) in devices.iter_mut().enumerate() {
            if receiver == sender {
                continue;
            }
            let decrypted = device.decrypt(&message).unwrap();
            assert_eq!(decrypted.plaintext, b"hello");
            assert_eq!(decrypted.aad, b"aad");
            assert_eq!(decrypted.sender.device, from);
        }
    }
}

pub(crate) fn apply_all(devices: &mut [Device], commit: &[u8]) {
    for device in devices {
        device.apply(commit);
    }
}
