//! A GroupInfo (RFC 9420 section 12.4.3) that somebody says is a chat's.

use openmls::group::GroupContext;
use openmls::messages::ConfirmationTag;
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::tls_codec::{Deserialize as _, Size as _};
use openmls::prelude::{
    LeafNode, LeafNodeIndex, MlsMessageBodyIn, MlsMessageIn, OpenMlsSignaturePublicKey, RatchetTreeIn,
    SignatureScheme, Verifiable as _,
};
use openmls_rust_crypto::RustCrypto;

use super::Why;

const NOT_A_GROUP_INFO: Why = "its group info is not one";

/// A GroupInfo, taken apart and not verified.
pub(super) struct Info {
    pub(super) inner: VerifiableGroupInfo,
    pub(super) tag: ConfirmationTag,
    pub(super) signer: LeafNodeIndex,
}

impl Info {
    /// Takes an MLSMessage apart. A GroupInfo for a chat brings the ratchet tree, and the key with which others
    /// enter from outside.
    pub(super) fn parse(message: &[u8]) -> Result<Self, Why> {
        let message = MlsMessageIn::tls_deserialize_exact(message).map_err(|_| NOT_A_GROUP_INFO)?;
        let MlsMessageBodyIn::GroupInfo(inner) = message.extract() else { return Err(NOT_A_GROUP_INFO) };
        if inner.extensions().ratchet_tree().is_none() || inner.extensions().external_pub().is_none() {
            return Err("its group info does not let anyone enter");
        }
        if inner.group_context().extensions().iter().next().is_some() {
            return Err("its group has an extension that chats do not use");
        }
        // openmls gives no access to what follows the extensions: the confirmation tag and the signer.
        let signed = inner.unsigned_payload().map_err(|_| NOT_A_GROUP_INFO)?;
        let skip = inner.group_context().tls_serialized_len() + inner.extensions().tls_serialized_len();
        let mut rest = signed.get(skip..).ok_or(NOT_A_GROUP_INFO)?;
        let tag = ConfirmationTag::tls_deserialize(&mut rest).map_err(|_| NOT_A_GROUP_INFO)?;
        let signer = LeafNodeIndex::tls_deserialize(&mut rest).map_err(|_| NOT_A_GROUP_INFO)?;
        if rest.is_empty() { Ok(Self { inner, tag, signer }) } else { Err(NOT_A_GROUP_INFO) }
    }

    pub(super) fn context(&self) -> &GroupContext {
        self.inner.group_context()
    }

    pub(super) fn tree(&self) -> Result<&RatchetTreeIn, Why> {
        let extension = self.inner.extensions().ratchet_tree();
        extension.map(|extension| extension.ratchet_tree()).ok_or(NOT_A_GROUP_INFO)
    }

    /// Checks that the holder of this leaf signed it.
    pub(super) fn is_signed_by(&self, crypto: &RustCrypto, leaf: &LeafNode) -> Result<(), Why> {
        let key = leaf.signature_key().clone();
        let key = OpenMlsSignaturePublicKey::from_signature_key(key, SignatureScheme::ED25519);
        self.inner.verify_no_out(crypto, &key).map_err(|_| "its group info is not signed by its sender")
    }
}
