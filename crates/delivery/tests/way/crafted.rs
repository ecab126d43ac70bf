//! MLS messages that our client does not make: by openmls without its rules, and by mls-rs.

use std::time::Duration;

use bytes::Bytes;
use dunlin_client::mls::GroupName;
use dunlin_model::{
    ChatId, Commit, DeviceCertificate, DeviceId, Epoch, GroupStart, Payload, StartReason, Suite,
};
use ed25519_dalek::{Signer as _, SigningKey};
use mls_rs::client_builder::MlsConfig;
use mls_rs::crypto::SignatureSecretKey;
use mls_rs::error::IntoAnyError;
use mls_rs::identity::CredentialType;
use mls_rs::identity::SigningIdentity;
use mls_rs::time::MlsTime;
use mls_rs::{CipherSuite, Client, ExtensionList, IdentityProvider, MlsMessage};
use mls_rs_core::identity::MemberValidationContext;
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use openmls::group::CommitMessageBundle;
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{
    BasicCredential, Ciphersuite, CredentialWithKey, Extension, Extensions, GroupId, KeyPackage, Lifetime,
    MlsGroup, MlsMessageBodyIn, MlsMessageIn, MlsMessageOut, PURE_PLAINTEXT_WIRE_FORMAT_POLICY,
    ProtocolVersion, RequiredCapabilitiesExtension,
};
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::OpenMlsProvider as _;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;

use crate::mls::certified;

const SUITE: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

/// Somebody who signs with a key and shows a certificate, whether they belong together or not.
pub(crate) struct Crafted {
    pub(crate) key: SigningKey,
    pub(crate) certificate: DeviceCertificate,
}

impl Signer for Crafted {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.key.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

impl Crafted {
    pub(crate) fn of(device: DeviceId) -> Self {
        let (key, certificate) = certified(device);
        Self { key, certificate }
    }

    fn credential(&self) -> CredentialWithKey {
        CredentialWithKey {
            credential: BasicCredential::new(self.certificate.encode().to_vec()).into(),
            signature_key: self.key.verifying_key().to_bytes().to_vec().into(),
        }
    }

    pub(crate) fn package(&self, lifetime: Lifetime) -> Bytes {
        let provider = OpenMlsRustCrypto::default();
        let package = KeyPackage::builder()
            .key_package_lifetime(lifetime)
            .build(SUITE, &provider, self, self.credential())
            .unwrap();
        MlsMessageOut::from(package.key_package().clone()).tls_serialize_detached().unwrap().into()
    }

    /// A group of its own, at epoch 1.
    pub(crate) fn group(self, chat: ChatId) -> CraftedGroup {
        let provider = OpenMlsRustCrypto::default();
        let id = GroupName { chat, generation: 1 }.id();
        let group = MlsGroup::builder()
            .with_group_id(GroupId::from_slice(&id))
            .ciphersuite(SUITE)
            .with_wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .use_ratchet_tree_extension(true)
            .build(&provider, &self, self.credential())
            .unwrap();
        CraftedGroup { provider, group, by: self }
    }
}

/// A group whose only member keeps to no rules of ours.
pub(crate) struct CraftedGroup {
    provider: OpenMlsRustCrypto,
    group: MlsGroup,
    by: Crafted,
}

impl CraftedGroup {
    /// The start that it is, at epoch 1.
    pub(crate) fn start(&mut self, founder: DeviceId) -> GroupStart {
        let made = self.build(Vec::new(), None, true);
        self.group.merge_pending_commit(&self.provider).unwrap();
        GroupStart {
            epoch: Epoch { number: 1, ..made.epoch },
            suite: Suite::CLASSIC,
            reason: StartReason::First,
            devices: vec![founder],
            welcome: None,
            group_info: made.group_info,
        }
    }

    pub(crate) fn adds(&mut self, package: &Bytes, device: DeviceId) -> Commit {
        Commit { added: vec![device], ..self.build(vec![self.parsed(package)], None, true) }
    }

    pub(crate) fn adds_without_a_path(&mut self, package: &Bytes, device: DeviceId) -> Commit {
        Commit { added: vec![device], ..self.build(vec![self.parsed(package)], None, false) }
    }

    pub(crate) fn changes_the_extensions(&mut self) -> Commit {
        let required = RequiredCapabilitiesExtension::new(&[], &[], &[]);
        self.build(Vec::new(), Some(Extension::RequiredCapabilities(required)), true)
    }

    fn parsed(&self, package: &Bytes) -> KeyPackage {
        let message = MlsMessageIn::tls_deserialize_exact(package).unwrap();
        let MlsMessageBodyIn::KeyPackage(package) = message.extract() else { panic!("no key package") };
        package.validate(self.provider.crypto(), ProtocolVersion::Mls10).unwrap()
    }

    fn build(&mut self, add: Vec<KeyPackage>, extension: Option<Extension>, path: bool) -> Commit {
        self.group.clear_pending_commit(self.provider.storage()).unwrap();
        let number = self.group.epoch().as_u64();
        let mut builder = self
            .group
            .commit_builder()
            .consume_proposal_store(false)
            .force_self_update(path)
            .propose_adds(add);
        if let Some(extension) = extension {
            let extensions = Extensions::single(extension).unwrap();
            builder = builder.propose_group_context_extensions(extensions).unwrap();
        }
        let bundle = builder
            .load_psks(self.provider.storage())
            .unwrap()
            .create_group_info(true)
            .use_ratchet_tree_extension(true)
            .build(self.provider.rand(), self.provider.crypto(), &self.by, |_| true)
            .unwrap()
            .stage_commit(&self.provider)
            .unwrap();
        declared(bundle, number)
    }
}

fn declared(bundle: CommitMessageBundle, number: u64) -> Commit {
    let (commit, welcome, group_info) = bundle.into_messages();
    let payload = |message: MlsMessageOut| Payload::Inline(message.to_bytes().unwrap().into());
    Commit {
        epoch: Epoch { generation: 1, number },
        external: false,
        added: Vec::new(),
        removed: Vec::new(),
        commit: payload(commit),
        welcome: welcome.map(payload),
        group_info: payload(group_info.unwrap()),
    }
}

/// Takes everyone for everyone.
#[derive(Debug, Clone)]
struct Anyone;

#[derive(Debug)]
struct Never;

impl IntoAnyError for Never {}

impl IdentityProvider for Anyone {
    type Error = Never;

    fn validate_member(
        &self,
        _member: &SigningIdentity,
        _time: Option<MlsTime>,
        _context: MemberValidationContext<'_>,
    ) -> Result<(), Never> {
        Ok(())
    }

    fn validate_external_sender(
        &self,
        _sender: &SigningIdentity,
        _time: Option<MlsTime>,
        _extensions: Option<&ExtensionList>,
    ) -> Result<(), Never> {
        Ok(())
    }

    fn identity(&self, member: &SigningIdentity, _extensions: &ExtensionList) -> Result<Vec<u8>, Never> {
        Ok(member.signature_key.to_vec())
    }

    fn valid_successor(
        &self,
        _before: &SigningIdentity,
        _after: &SigningIdentity,
        _extensions: &ExtensionList,
    ) -> Result<bool, Never> {
        Ok(true)
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        vec![CredentialType::BASIC]
    }
}

/// A device on mls-rs.
pub(crate) struct Theirs(DeviceId);

impl Theirs {
    pub(crate) fn of(device: DeviceId) -> Self {
        Self(device)
    }

    fn client(&self) -> Client<impl MlsConfig + use<>> {
        let (key, certificate) = certified(self.0);
        let credential = mls_rs::identity::basic::BasicCredential::new(certificate.encode().to_vec());
        let public = certificate.key.0.to_vec().into();
        let signing = SigningIdentity::new(credential.into_credential(), public);
        let secret = SignatureSecretKey::from(key.to_keypair_bytes().to_vec());
        Client::builder()
            .identity_provider(Anyone)
            .crypto_provider(RustCryptoProvider::default())
            .key_package_lifetime(Duration::from_hours(20 * 365 * 24))
            .signing_identity(signing, secret, CipherSuite::CURVE25519_AES128)
            .build()
    }

    pub(crate) fn package(&self) -> Bytes {
        let package =
            self.client().generate_key_package_message(Default::default(), Default::default(), None);
        package.unwrap().to_bytes().unwrap().into()
    }

    /// An external commit, which removes a leaf if it is asked to, and the GroupInfo that it leads to.
    pub(crate) fn enters(&self, group_info: &[u8], removing: Option<u32>) -> (Bytes, Bytes) {
        let client = self.client();
        let mut builder = client.external_commit_builder().unwrap();
        if let Some(leaf) = removing {
            builder = builder.with_removal(leaf);
        }
        let (group, commit) = builder.build(MlsMessage::from_bytes(group_info).unwrap()).unwrap();
        let info = group.group_info_message_allowing_ext_commit(true).unwrap();
        (commit.to_bytes().unwrap().into(), info.to_bytes().unwrap().into())
    }
}
