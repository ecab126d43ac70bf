//! A second MLS implementation, mls-rs, in the groups of this one and the other way round, over the X25519 suite.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use dunlin_client::mls::{
    DeviceIdentity, Group, GroupName, Provider, Suite, VerifiedKeyPackage, key_packages,
};
use dunlin_model::clock::Timestamp;
use dunlin_model::identity::{DeviceCertificate, DeviceKey};
use dunlin_model::ids::{ChatId, DeviceId, DeviceNumber, UserId};
use ed25519_dalek::SigningKey;
use mls_rs::client_builder::{MlsConfig, PaddingMode};
use mls_rs::crypto::SignatureSecretKey;
use mls_rs::group::ReceivedMessage;
use mls_rs::identity::SigningIdentity;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions};
use mls_rs::{CipherSuite, Client, MlsMessage};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;

const NAME: GroupName = GroupName { chat: ChatId::from_bytes([9; 16]), generation: 0 };
const SUITE: Suite = Suite::X25519;

fn identity(number: u8) -> DeviceIdentity {
    let key = SigningKey::from_bytes(&[number; 32]);
    let device = DeviceId { user: UserId::from_bytes([number; 16]), number: DeviceNumber(1) };
    let public = DeviceKey(key.verifying_key().to_bytes());
    let certificate = DeviceCertificate::issue(&key, device, public, Timestamp(5));
    DeviceIdentity::new(key, certificate).unwrap()
}

fn theirs(number: u8) -> Client<impl MlsConfig> {
    let identity = identity(number);
    let credential = BasicCredential::new(identity.certificate().encode().to_vec()).into_credential();
    let signing = SigningIdentity::new(credential, identity.certificate().key.0.to_vec().into());
    let secret = SignatureSecretKey::from(identity.signing_key().to_keypair_bytes().to_vec());
    let options = CommitOptions::new().with_path_required(true).with_allow_external_commit(true);
    let rules = DefaultMlsRules::new()
        .with_commit_options(options)
        .with_encryption_options(EncryptionOptions::new(false, PaddingMode::None));
    Client::builder()
        .identity_provider(BasicIdentityProvider)
        .crypto_provider(RustCryptoProvider::default())
        .mls_rules(rules)
        .signing_identity(signing, secret, CipherSuite::CURVE25519_AES128)
        .build()
}

/// One of our devices and its group.
struct Ours {
    provider: Provider,
    identity: DeviceIdentity,
    group: Option<Group>,
}

impl Ours {
    fn new(number: u8) -> Self {
        Self { provider: Provider::new([number; 32]), identity: identity(number), group: None }
    }

    fn key_package(&self) -> Vec<u8> {
        key_packages::make(&self.provider, &self.identity, SUITE).unwrap().message
    }

    fn verified(&self, message: &MlsMessage) -> VerifiedKeyPackage {
        VerifiedKeyPackage::parse(&self.provider, &message.to_bytes().unwrap()).unwrap()
    }

    fn group(&mut self) -> &mut Group {
        self.group.as_mut().unwrap()
    }

    fn encrypt(&mut self, text: &[u8]) -> MlsMessage {
        let group = self.group.as_mut().unwrap();
        MlsMessage::from_bytes(&group.encrypt(&self.provider, &self.identity, b"aad", text).unwrap()).unwrap()
    }

    fn decrypt(&mut self, message: &MlsMessage) -> Vec<u8> {
        let group = self.group.as_mut().unwrap();
        group.decrypt(&self.provider, &message.to_bytes().unwrap()).unwrap().plaintext
    }

    fn apply(&mut self, commit: &MlsMessage) {
        let group = self.group.as_mut().unwrap();
        let staged = group.stage(&self.provider, &commit.to_bytes().unwrap()).unwrap();
        group.merge(&self.provider, staged).unwrap();
    }

    /// Commits and merges; gives the commit, and the Welcome.
    fn commit(&mut self, add: &[MlsMessage], remove: &[DeviceId]) -> (MlsMessage, Option<MlsMessage>) {
        let add: Vec<_> = add.iter().map(|message| self.verified(message)).collect();
        let group = self.group.as_mut().unwrap();
        let pending = group.commit(&self.provider, &self.identity, &add, remove).unwrap();
        group.merge_pending(&self.provider).unwrap();
        (message(&pending.commit), pending.welcome.as_deref().map(message))
    }
}

fn message(bytes: &[u8]) -> MlsMessage {
    MlsMessage::from_bytes(bytes).unwrap()
}

fn talk(ours: &mut Ours, theirs: &mut mls_rs::Group<impl MlsConfig>) {
    let sent = ours.encrypt(b"from ours");
    let ReceivedMessage::ApplicationMessage(received) = theirs.process_incoming_message(sent).unwrap() else {
        panic!("no application message");
    };
    assert_eq!(received.data(), b"from ours");
    assert_eq!(received.authenticated_data, b"aad");
    let sent = theirs.encrypt_application_message(b"from theirs", Vec::new()).unwrap();
    assert_eq!(ours.decrypt(&sent), b"from theirs");
    assert_eq!(ours.group().epoch(), theirs.current_epoch());
}

#[test]
fn they_take_part_in_our_groups() {
    let mut ours = Ours::new(1);
    let (client, another) = (theirs(2), theirs(4));
    let key_package =
        client.generate_key_package_message(Default::default(), Default::default(), None).unwrap();
    let add = [ours.verified(&key_package)];
    let (group, started) = Group::create(&ours.provider, &ours.identity, NAME, SUITE, &add).unwrap();
    ours.group = Some(group);
    let (mut group, _) = client.join_group(None, &message(started.welcome.as_ref().unwrap()), None).unwrap();
    talk(&mut ours, &mut group);

    // We update, they update.
    let (commit, _) = ours.commit(&[], &[]);
    group.process_incoming_message(commit).unwrap();
    talk(&mut ours, &mut group);
    let output = group.commit(Vec::new()).unwrap();
    ours.apply(&output.commit_message);
    group.apply_pending_commit().unwrap();
    talk(&mut ours, &mut group);

    // They add one of ours, we remove it.
    let mut third = Ours::new(3);
    let output = group.commit_builder().add_member(message(&third.key_package())).unwrap().build().unwrap();
    ours.apply(&output.commit_message);
    group.apply_pending_commit().unwrap();
    let welcome = output.welcome_messages.first().unwrap().to_bytes().unwrap();
    third.group = Some(Group::join(&third.provider, &welcome).unwrap());
    talk(&mut third, &mut group);
    let (commit, _) = ours.commit(&[], &[third.identity.certificate().device]);
    group.process_incoming_message(commit.clone()).unwrap();
    third.apply(&commit);
    assert!(!third.group().is_active());
    talk(&mut ours, &mut group);

    // One of theirs enters externally with our group info.
    let pending = {
        let group = ours.group.as_mut().unwrap();
        let pending = group.commit(&ours.provider, &ours.identity, &[], &[]).unwrap();
        group.merge_pending(&ours.provider).unwrap();
        pending
    };
    group.process_incoming_message(message(&pending.commit)).unwrap();
    let (mut entered, commit) = another.commit_external(message(&pending.group_info)).unwrap();
    ours.apply(&commit);
    group.process_incoming_message(commit).unwrap();
    talk(&mut ours, &mut entered);
}

#[test]
fn we_take_part_in_their_groups() {
    let client = theirs(1);
    let mut group = client
        .create_group_with_id(NAME.id().to_vec(), Default::default(), Default::default(), None)
        .unwrap();
    let mut ours = Ours::new(2);
    let output = group.commit_builder().add_member(message(&ours.key_package())).unwrap().build().unwrap();
    group.apply_pending_commit().unwrap();
    let welcome = output.welcome_messages.first().unwrap().to_bytes().unwrap();
    ours.group = Some(Group::join(&ours.provider, &welcome).unwrap());
    talk(&mut ours, &mut group);

    // We add one of theirs, they remove it.
    let another = theirs(3);
    let key_package =
        another.generate_key_package_message(Default::default(), Default::default(), None).unwrap();
    let (commit, welcome) = ours.commit(&[key_package], &[]);
    group.process_incoming_message(commit).unwrap();
    let (mut added, _) = another.join_group(None, &welcome.unwrap(), None).unwrap();
    talk(&mut ours, &mut added);
    let index = added.current_member_index();
    let output = group.commit_builder().remove_member(index).unwrap().build().unwrap();
    group.apply_pending_commit().unwrap();
    ours.apply(&output.commit_message);
    talk(&mut ours, &mut group);

    // One of ours enters externally with their group info, and comes back the same way.
    let output = group.commit(Vec::new()).unwrap();
    group.apply_pending_commit().unwrap();
    ours.apply(&output.commit_message);
    let mut third = Ours::new(4);
    let info = output.external_commit_group_info.unwrap().to_bytes().unwrap();
    let (entered, first) = Group::join_externally(&third.provider, &third.identity, &info).unwrap();
    third.group = Some(entered);
    group.process_incoming_message(message(&first.commit)).unwrap();
    ours.apply(&message(&first.commit));
    talk(&mut third, &mut group);
    let (again, second) =
        Group::join_externally(&third.provider, &third.identity, &first.group_info).unwrap();
    third.group = Some(again);
    group.process_incoming_message(message(&second.commit)).unwrap();
    ours.apply(&message(&second.commit));
    talk(&mut third, &mut group);
    assert_eq!(ours.group.as_ref().unwrap().members(&ours.provider).unwrap().len(), 3);
}
