//! openmls' storage trait over the rows.

use openmls_traits::storage::{CURRENT_VERSION as V, Entity, StorageProvider, traits};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{DEVICE_PREFIX, FORMAT, GROUP_ID_BYTES, Storage, StorageError, group_prefix, secrets};
use crate::Key;

/// Rows of a group, behind its prefix. `s` and what begins with `m` are the message secrets.
mod label {
    pub(super) const JOIN_CONFIGURATION: &[u8] = b"c";
    pub(super) const TREE: &[u8] = b"t";
    pub(super) const INTERIM_TRANSCRIPT_HASH: &[u8] = b"h";
    pub(super) const CONTEXT: &[u8] = b"x";
    pub(super) const CONFIRMATION_TAG: &[u8] = b"a";
    pub(super) const STATE: &[u8] = b"g";
    pub(super) const RESUMPTION_SECRETS: &[u8] = b"r";
    pub(super) const OWN_LEAF_INDEX: &[u8] = b"i";
    pub(super) const EPOCH_SECRETS: &[u8] = b"e";
    pub(super) const OWN_LEAF_NODES: &[u8] = b"o";
    pub(super) const PROPOSALS: &[u8] = b"p";
    /// Followed by the epoch and the leaf.
    pub(super) const EPOCH_KEY_PAIRS: &[u8] = b"k";
    /// Device-wide, followed by a hash of what openmls calls the entity.
    pub(super) const KEY_PACKAGE: &[u8] = b"k";
    pub(super) const ENCRYPTION_KEY_PAIR: &[u8] = b"e";
}

/// Lists of encoded entities.
type List = Vec<Vec<u8>>;
/// Encoded references, each with its proposal.
type Proposals = Vec<(Vec<u8>, Vec<u8>)>;

fn prefix<G: traits::GroupId<V>>(group: &G) -> Result<Key, StorageError> {
    let encoded = postcard::to_extend(group, Vec::new())?;
    match encoded.split_first() {
        Some((length, id)) if usize::from(*length) == GROUP_ID_BYTES => {
            let id: &[u8; GROUP_ID_BYTES] = id.try_into().map_err(|_| StorageError::ForeignGroup)?;
            Ok(group_prefix(id))
        }
        _ => Err(StorageError::ForeignGroup),
    }
}

fn group_key<G: traits::GroupId<V>>(group: &G, label: &[u8]) -> Result<Key, StorageError> {
    let mut key = prefix(group)?;
    key.extend_from_slice(label);
    Ok(key)
}

/// Names of entities are hashed, for public keys of the hybrid suite are long.
fn device_key<N: Serialize + ?Sized>(name: &N, label: &[u8]) -> Result<Key, StorageError> {
    let name = postcard::to_extend(name, Vec::new())?;
    Ok([DEVICE_PREFIX, label, b"/", &Sha256::digest(name)].concat())
}

fn epoch_key<G: traits::GroupId<V>, E: traits::EpochKey<V>>(
    group: &G,
    epoch: &E,
    leaf: u32,
) -> Result<Key, StorageError> {
    let mut key = group_key(group, label::EPOCH_KEY_PAIRS)?;
    key.extend_from_slice(&leaf.to_be_bytes());
    Ok(postcard::to_extend(epoch, key)?)
}

impl Storage {
    fn write<T: Serialize + ?Sized>(&self, key: Key, entity: &T) -> Result<(), StorageError> {
        self.inner.borrow_mut().rows.write(key, entity)
    }

    fn read<T: Entity<V>>(&self, key: &[u8], row: &'static str) -> Result<Option<T>, StorageError> {
        self.inner.borrow().rows.read(key, row)
    }

    fn delete(&self, key: Key) {
        self.inner.borrow_mut().rows.delete(key);
    }

    fn list<T: serde::de::DeserializeOwned>(
        &self,
        key: &[u8],
        row: &'static str,
    ) -> Result<Vec<T>, StorageError> {
        Ok(self.inner.borrow().rows.read(key, row)?.unwrap_or_default())
    }

    fn proposals<G: traits::GroupId<V>>(&self, group: &G) -> Result<(Key, Proposals), StorageError> {
        let key = group_key(group, label::PROPOSALS)?;
        let proposals = self.list(&key, "proposals")?;
        Ok((key, proposals))
    }
}

impl Storage {
    /// Deletes the key package with these bytes as its reference.
    pub(crate) fn discard_key_package(&self, reference: &[u8]) -> Result<(), StorageError> {
        self.delete(device_key(reference, label::KEY_PACKAGE)?);
        Ok(())
    }
}

fn decode<T: Entity<V>>(bytes: &[u8], row: &'static str) -> Result<T, StorageError> {
    postcard::from_bytes(bytes).map_err(|_| StorageError::Damaged(row))
}

/// The entities of which a group has one: writing, reading and deleting them.
macro_rules! one_of_group {
    ($($kind:ident($label:ident, $row:literal): $write:ident$(<$first:ident>)?, $read:ident$(<$read_first:ident>)?, $delete:ident;)*) => {$(
        one_of_group!(@write $kind, $label, $write $(, $first)?);
        one_of_group!(@read $kind, $label, $row, $read $(, $read_first)?);
        fn $delete<G: traits::GroupId<V>>(&self, group: &G) -> Result<(), StorageError> {
            self.delete(group_key(group, label::$label)?);
            Ok(())
        }
    )*};
    (@write $kind:ident, $label:ident, $write:ident) => {
        fn $write<G: traits::GroupId<V>, E: traits::$kind<V>>(&self, group: &G, entity: &E) -> Result<(), StorageError> {
            self.write(group_key(group, label::$label)?, entity)
        }
    };
    (@write $kind:ident, $label:ident, $write:ident, $first:ident) => {
        fn $write<E: traits::$kind<V>, G: traits::GroupId<V>>(&self, group: &G, entity: &E) -> Result<(), StorageError> {
            self.write(group_key(group, label::$label)?, entity)
        }
    };
    (@read $kind:ident, $label:ident, $row:literal, $read:ident) => {
        fn $read<G: traits::GroupId<V>, E: traits::$kind<V>>(&self, group: &G) -> Result<Option<E>, StorageError> {
            self.read(&group_key(group, label::$label)?, $row)
        }
    };
    (@read $kind:ident, $label:ident, $row:literal, $read:ident, $first:ident) => {
        fn $read<E: traits::$kind<V>, G: traits::GroupId<V>>(&self, group: &G) -> Result<Option<E>, StorageError> {
            self.read(&group_key(group, label::$label)?, $row)
        }
    };
}

impl StorageProvider<V> for Storage {
    type Error = StorageError;

    one_of_group! {
        TreeSync(TREE, "tree"): write_tree, tree, delete_tree;
        InterimTranscriptHash(INTERIM_TRANSCRIPT_HASH, "interim transcript hash"): write_interim_transcript_hash, interim_transcript_hash, delete_interim_transcript_hash;
        GroupContext(CONTEXT, "group context"): write_context, group_context, delete_context;
        ConfirmationTag(CONFIRMATION_TAG, "confirmation tag"): write_confirmation_tag, confirmation_tag, delete_confirmation_tag;
        GroupState(STATE, "group state"): write_group_state<entity>, group_state<entity>, delete_group_state;
        ResumptionPskStore(RESUMPTION_SECRETS, "resumption secrets"): write_resumption_psk_store, resumption_psk_store, delete_all_resumption_psk_secrets;
        LeafNodeIndex(OWN_LEAF_INDEX, "own leaf index"): write_own_leaf_index, own_leaf_index, delete_own_leaf_index;
        GroupEpochSecrets(EPOCH_SECRETS, "epoch secrets"): write_group_epoch_secrets, group_epoch_secrets, delete_group_epoch_secrets;
    }

    fn write_mls_join_config<G: traits::GroupId<V>, E: traits::MlsGroupJoinConfig<V>>(
        &self,
        group: &G,
        entity: &E,
    ) -> Result<(), StorageError> {
        let key = group_key(group, label::JOIN_CONFIGURATION)?;
        let mut value = vec![FORMAT];
        serde_json::to_writer(&mut value, entity).map_err(|error| StorageError::Encode(error.to_string()))?;
        self.inner.borrow_mut().rows.put(key, value);
        Ok(())
    }

    fn mls_group_join_config<G: traits::GroupId<V>, E: traits::MlsGroupJoinConfig<V>>(
        &self,
        group: &G,
    ) -> Result<Option<E>, StorageError> {
        const ROW: &str = "join configuration";
        let inner = self.inner.borrow();
        let Some(bytes) = inner.rows.bytes(&group_key(group, label::JOIN_CONFIGURATION)?, ROW)? else {
            return Ok(None);
        };
        serde_json::from_slice(bytes).map(Some).map_err(|_| StorageError::Damaged(ROW))
    }

    fn delete_group_config<G: traits::GroupId<V>>(&self, group: &G) -> Result<(), StorageError> {
        self.delete(group_key(group, label::JOIN_CONFIGURATION)?);
        Ok(())
    }

    fn write_message_secrets<G: traits::GroupId<V>, E: traits::MessageSecrets<V>>(
        &self,
        group: &G,
        entity: &E,
    ) -> Result<(), StorageError> {
        secrets::write(&mut self.inner.borrow_mut(), &prefix(group)?, entity)
    }

    fn message_secrets<G: traits::GroupId<V>, E: traits::MessageSecrets<V>>(
        &self,
        group: &G,
    ) -> Result<Option<E>, StorageError> {
        secrets::read(&self.inner.borrow().rows, &prefix(group)?)
    }

    fn delete_message_secrets<G: traits::GroupId<V>>(&self, group: &G) -> Result<(), StorageError> {
        secrets::delete(&mut self.inner.borrow_mut(), &prefix(group)?);
        Ok(())
    }

    fn append_own_leaf_node<G: traits::GroupId<V>, E: traits::LeafNode<V>>(
        &self,
        group: &G,
        entity: &E,
    ) -> Result<(), StorageError> {
        let key = group_key(group, label::OWN_LEAF_NODES)?;
        let mut nodes: List = self.list(&key, "own leaf nodes")?;
        nodes.push(postcard::to_extend(entity, Vec::new())?);
        self.write(key, &nodes)
    }

    fn own_leaf_nodes<G: traits::GroupId<V>, E: traits::LeafNode<V>>(
        &self,
        group: &G,
    ) -> Result<Vec<E>, StorageError> {
        const ROW: &str = "own leaf nodes";
        let nodes: List = self.list(&group_key(group, label::OWN_LEAF_NODES)?, ROW)?;
        nodes.iter().map(|node| decode(node, ROW)).collect()
    }

    fn delete_own_leaf_nodes<G: traits::GroupId<V>>(&self, group: &G) -> Result<(), StorageError> {
        self.delete(group_key(group, label::OWN_LEAF_NODES)?);
        Ok(())
    }

    fn queue_proposal<G: traits::GroupId<V>, R: traits::ProposalRef<V>, E: traits::QueuedProposal<V>>(
        &self,
        group: &G,
        reference: &R,
        entity: &E,
    ) -> Result<(), StorageError> {
        let (key, mut proposals) = self.proposals(group)?;
        proposals
            .push((postcard::to_extend(reference, Vec::new())?, postcard::to_extend(entity, Vec::new())?));
        self.write(key, &proposals)
    }

    fn queued_proposal_refs<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group: &G,
    ) -> Result<Vec<R>, StorageError> {
        self.proposals(group)?.1.iter().map(|(reference, _)| decode(reference, "proposals")).collect()
    }

    fn queued_proposals<G: traits::GroupId<V>, R: traits::ProposalRef<V>, E: traits::QueuedProposal<V>>(
        &self,
        group: &G,
    ) -> Result<Vec<(R, E)>, StorageError> {
        let (_, proposals) = self.proposals(group)?;
        proposals
            .iter()
            .map(|(reference, entity)| Ok((decode(reference, "proposals")?, decode(entity, "proposals")?)))
            .collect()
    }

    fn remove_proposal<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group: &G,
        reference: &R,
    ) -> Result<(), StorageError> {
        let (key, mut proposals) = self.proposals(group)?;
        let reference = postcard::to_extend(reference, Vec::new())?;
        proposals.retain(|(of, _)| *of != reference);
        self.write(key, &proposals)
    }

    fn clear_proposal_queue<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group: &G,
    ) -> Result<(), StorageError> {
        self.delete(group_key(group, label::PROPOSALS)?);
        Ok(())
    }

    fn write_encryption_epoch_key_pairs<
        G: traits::GroupId<V>,
        E: traits::EpochKey<V>,
        P: traits::HpkeKeyPair<V>,
    >(
        &self,
        group: &G,
        epoch: &E,
        leaf_index: u32,
        key_pairs: &[P],
    ) -> Result<(), StorageError> {
        self.write(epoch_key(group, epoch, leaf_index)?, key_pairs)
    }

    fn encryption_epoch_key_pairs<
        G: traits::GroupId<V>,
        E: traits::EpochKey<V>,
        P: traits::HpkeKeyPair<V>,
    >(
        &self,
        group: &G,
        epoch: &E,
        leaf_index: u32,
    ) -> Result<Vec<P>, StorageError> {
        self.list(&epoch_key(group, epoch, leaf_index)?, "epoch key pairs")
    }

    fn delete_encryption_epoch_key_pairs<G: traits::GroupId<V>, E: traits::EpochKey<V>>(
        &self,
        group: &G,
        epoch: &E,
        leaf_index: u32,
    ) -> Result<(), StorageError> {
        self.delete(epoch_key(group, epoch, leaf_index)?);
        Ok(())
    }

    fn write_encryption_key_pair<N: traits::EncryptionKey<V>, P: traits::HpkeKeyPair<V>>(
        &self,
        public_key: &N,
        key_pair: &P,
    ) -> Result<(), StorageError> {
        self.write(device_key(public_key, label::ENCRYPTION_KEY_PAIR)?, key_pair)
    }

    fn encryption_key_pair<P: traits::HpkeKeyPair<V>, N: traits::EncryptionKey<V>>(
        &self,
        public_key: &N,
    ) -> Result<Option<P>, StorageError> {
        self.read(&device_key(public_key, label::ENCRYPTION_KEY_PAIR)?, "encryption key pair")
    }

    fn delete_encryption_key_pair<N: traits::EncryptionKey<V>>(
        &self,
        public_key: &N,
    ) -> Result<(), StorageError> {
        self.delete(device_key(public_key, label::ENCRYPTION_KEY_PAIR)?);
        Ok(())
    }

    fn write_key_package<N: traits::HashReference<V>, E: traits::KeyPackage<V>>(
        &self,
        reference: &N,
        key_package: &E,
    ) -> Result<(), StorageError> {
        self.write(device_key(reference, label::KEY_PACKAGE)?, key_package)
    }

    fn key_package<N: traits::HashReference<V>, E: traits::KeyPackage<V>>(
        &self,
        reference: &N,
    ) -> Result<Option<E>, StorageError> {
        self.read(&device_key(reference, label::KEY_PACKAGE)?, "key package")
    }

    fn delete_key_package<N: traits::HashReference<V>>(&self, reference: &N) -> Result<(), StorageError> {
        self.delete(device_key(reference, label::KEY_PACKAGE)?);
        Ok(())
    }

    // A device's signature key is kept by the account, not here.

    fn write_signature_key_pair<N: traits::SignaturePublicKey<V>, P: traits::SignatureKeyPair<V>>(
        &self,
        _: &N,
        _: &P,
    ) -> Result<(), StorageError> {
        Err(StorageError::Unsupported("signature key pairs"))
    }

    fn signature_key_pair<N: traits::SignaturePublicKey<V>, P: traits::SignatureKeyPair<V>>(
        &self,
        _: &N,
    ) -> Result<Option<P>, StorageError> {
        Ok(None)
    }

    fn delete_signature_key_pair<N: traits::SignaturePublicKey<V>>(&self, _: &N) -> Result<(), StorageError> {
        Ok(())
    }

    // Groups use no pre-shared keys.

    fn write_psk<N: traits::PskId<V>, E: traits::PskBundle<V>>(
        &self,
        _: &N,
        _: &E,
    ) -> Result<(), StorageError> {
        Err(StorageError::Unsupported("pre-shared keys"))
    }

    fn psk<E: traits::PskBundle<V>, N: traits::PskId<V>>(&self, _: &N) -> Result<Option<E>, StorageError> {
        Ok(None)
    }

    fn delete_psk<N: traits::PskId<V>>(&self, _: &N) -> Result<(), StorageError> {
        Ok(())
    }
}
