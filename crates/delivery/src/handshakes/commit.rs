//! A commit: by whom it says, adding and removing whom it says, with the GroupInfo of what it leads to.

use std::collections::{BTreeMap, BTreeSet};

use dunlin_model::{Commit, DeviceId, DeviceKey};
use openmls::group::StagedCommit;
use openmls::messages::ConfirmationTag;
use openmls::prelude::tls_codec::{Deserialize as _, Size as _};
use openmls::prelude::{
    ContentType, LeafNode, LeafNodeIndex, MlsMessageIn, ProcessedMessage, ProcessedMessageContent, Proposal,
    ProtocolMessage, PublicGroup, Sender, SignaturePublicKey,
};
use openmls_rust_crypto::RustCrypto;

use super::group::Seen;
use super::info::Info;
use super::leaf::{self, VALID_WHEN_USED};
use super::storage::Nowhere;
use super::tree::Tree;
use super::welcome::Joining;
use super::{Asked, Why};

const NOT_A_COMMIT: Why = "it is not a commit in a PublicMessage";
const ANOTHER_SENDER: Why = "it is not by the device that sent it";
const DOES_NOT_FIT: Why = "its group info does not fit it";
const NOT_SIGNED: Why = "its group info is not signed by its sender";
/// Bytes of a GroupInfo beside those of the tree: longer ones are not read.
const INFO_BYTES_MAX: usize = 4 * 1024;

/// Checks what a commit declares against its MLS messages, and gives the group that it leads to. That
/// its path secrets decrypt, and what its two tags say, only the group's devices can check.
pub(super) fn check(crypto: &RustCrypto, asked: &Asked, commit: &Commit, seen: Seen) -> Result<Seen, Unfit> {
    match judge(crypto, asked, commit, &seen) {
        Ok(judged) => judged.merge(seen).map_err(|why| Unfit { why, before: None }),
        Err(why) => Err(Unfit { why, before: Some(Box::new(seen)) }),
    }
}

/// A commit that is refused, and the group as it was before, unless openmls could not go back to it.
pub(super) struct Unfit {
    pub(super) why: Why,
    pub(super) before: Option<Box<Seen>>,
}

/// A commit that is what it says, and whose leaves there are after it.
struct Judged {
    staged: Box<StagedCommit>,
    devices: BTreeMap<DeviceKey, DeviceId>,
}

/// All is said with the group left as it is: there is no way back from a merge.
fn judge(crypto: &RustCrypto, asked: &Asked, commit: &Commit, seen: &Seen) -> Result<Judged, Why> {
    let Seen { group, devices: before } = seen;
    let from = asked.from;
    let (processed, tag) = process(crypto, asked, group)?;
    let external = match processed.sender() {
        Sender::Member(leaf) if device_at(group, before, *leaf) == Some(from) => false,
        Sender::NewMemberCommit => true,
        _ => return Err(ANOTHER_SENDER),
    };
    let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
        return Err(NOT_A_COMMIT);
    };
    let path = staged.update_path_leaf_node().ok_or("it brings no fresh keys of its sender")?;
    if leaf::device_of(path, &asked.known)? != from {
        return Err(ANOTHER_SENDER);
    }
    let own = leaf::accepted(path.credential(), path.signature_key().as_slice())?;
    let change = Change::of(crypto, asked, group, before, &staged)?;
    let had_leaf = before.values().any(|device| *device == from);
    change.is_declared(commit, external, from, had_leaf)?;
    let Change { added, references, .. } = change;
    Joining::With(references).fits(asked.parts.welcome.as_deref(), asked.place.suite)?;
    let info = judge_info(crypto, asked, seen, &staged, path)?;
    if info.tag != tag {
        return Err(DOES_NOT_FIT);
    }
    let tree = Tree::of(info.tree()?)?;
    // The context is that of the staged commit, so this is the tree after it, node for node.
    if tree.hash()? != *info.context().tree_hash() {
        return Err(DOES_NOT_FIT);
    }
    if tree.key(info.signer).map(SignaturePublicKey::as_slice) != Some(&own.0.0) {
        return Err(NOT_SIGNED);
    }
    let devices = devices_after(&tree, before, &added.into_iter().chain([own]).collect())?;
    Ok(Judged { staged, devices })
}

/// Checks the GroupInfo as far as the staged commit says what the group will be, and that the committer signed it.
fn judge_info(
    crypto: &RustCrypto,
    asked: &Asked,
    seen: &Seen,
    staged: &StagedCommit,
    path: &LeafNode,
) -> Result<Info, Why> {
    let bytes = &asked.parts.group_info;
    // What a commit puts into the tree is longer in the commit.
    let tree = seen.group.export_ratchet_tree().tls_serialized_len() + asked.parts.commit.len();
    if bytes.len() > tree + INFO_BYTES_MAX {
        return Err(DOES_NOT_FIT);
    }
    let info = Info::parse(bytes)?;
    if info.context() != staged.group_context() {
        return Err(DOES_NOT_FIT);
    }
    info.is_signed_by(crypto, path)?;
    Ok(info)
}

impl Judged {
    /// The group after the commit.
    fn merge(self, seen: Seen) -> Result<Seen, Why> {
        let mut group = seen.group;
        group.merge_commit(&Nowhere, *self.staged).map_err(|_| "it cannot be applied")?;
        Ok(Seen { group, devices: self.devices })
    }
}

/// What a commit does to the group, and the confirmation tag that it brings.
fn process(
    crypto: &RustCrypto,
    asked: &Asked,
    group: &PublicGroup,
) -> Result<(ProcessedMessage, ConfirmationTag), Why> {
    let message = MlsMessageIn::tls_deserialize_exact(&asked.parts.commit).map_err(|_| NOT_A_COMMIT)?;
    let message = message.try_into_protocol_message().map_err(|_| NOT_A_COMMIT)?;
    if message.content_type() != ContentType::Commit {
        return Err(NOT_A_COMMIT);
    }
    let ProtocolMessage::PublicMessage(public) = &message else { return Err(NOT_A_COMMIT) };
    let tag = public.confirmation_tag().ok_or(NOT_A_COMMIT)?.clone();
    if message.group_id().as_slice() != asked.place.group_id() {
        return Err("it is for another group");
    }
    if message.epoch().as_u64() != asked.place.epoch.number {
        return Err("it is for another epoch");
    }
    let processed = group.process_message(crypto, message).map_err(|error| {
        tracing::debug!(%error, "a commit is refused");
        "its signature or its content is not valid"
    })?;
    Ok((processed, tag))
}

fn device_at(
    group: &PublicGroup,
    devices: &BTreeMap<DeviceKey, DeviceId>,
    leaf: LeafNodeIndex,
) -> Option<DeviceId> {
    let key: [u8; 32] = group.leaf(leaf)?.signature_key().as_slice().try_into().ok()?;
    devices.get(&DeviceKey(key)).copied()
}

/// What the proposals of a commit do.
#[derive(Default)]
struct Change {
    added: BTreeMap<DeviceKey, DeviceId>,
    removed: BTreeSet<DeviceId>,
    /// The references of the key packages by which devices are added.
    references: BTreeSet<Vec<u8>>,
}

impl Change {
    fn of(
        crypto: &RustCrypto,
        asked: &Asked,
        group: &PublicGroup,
        devices: &BTreeMap<DeviceKey, DeviceId>,
        staged: &StagedCommit,
    ) -> Result<Self, Why> {
        let mut change = Self::default();
        for proposal in staged.queued_proposals() {
            match proposal.proposal() {
                Proposal::Add(add) => {
                    let package = add.key_package();
                    let node = package.leaf_node();
                    let device = leaf::device_of(node, &asked.known)?;
                    leaf::is_valid_for(node, asked.now, VALID_WHEN_USED)?;
                    let (key, _) = leaf::accepted(node.credential(), node.signature_key().as_slice())?;
                    change.added.insert(key, device);
                    let reference = package.hash_ref(crypto).map_err(|_| "a key package cannot be hashed")?;
                    change.references.insert(reference.as_slice().to_vec());
                }
                Proposal::Remove(remove) => {
                    let device = device_at(group, devices, remove.removed());
                    change.removed.insert(device.ok_or("it removes a leaf that is not there")?);
                }
                // openmls takes it in external commits only.
                Proposal::ExternalInit(_) => {}
                _ => return Err("it has a proposal that chats do not use"),
            }
        }
        Ok(change)
    }

    fn is_declared(
        &self,
        commit: &Commit,
        external: bool,
        from: DeviceId,
        had_leaf: bool,
    ) -> Result<(), Why> {
        if external != commit.external {
            return Err("it says falsely whether its sender enters by it");
        }
        if external && self.removed.iter().any(|device| *device != from) {
            return Err("its sender enters and removes somebody else");
        }
        let (mut added, mut removed): (BTreeSet<DeviceId>, _) =
            (self.added.values().copied().collect(), self.removed.clone());
        if external {
            // Who replaces their own leaf is in neither list.
            removed.remove(&from);
            if !had_leaf {
                added.insert(from);
            }
        }
        if !added.iter().eq(&commit.added) {
            return Err("it adds other devices than it says");
        }
        if removed.iter().eq(&commit.removed) { Ok(()) } else { Err("it removes other devices than it says") }
    }
}

/// The devices of the group after the commit.
fn devices_after(
    tree: &Tree<'_>,
    before: &BTreeMap<DeviceKey, DeviceId>,
    new: &BTreeMap<DeviceKey, DeviceId>,
) -> Result<BTreeMap<DeviceKey, DeviceId>, Why> {
    let mut after = BTreeMap::new();
    let mut devices = BTreeSet::new();
    for key in tree.keys() {
        let key: Result<[u8; 32], _> = key.as_slice().try_into();
        let key = DeviceKey(key.map_err(|_| DOES_NOT_FIT)?);
        let device = *new.get(&key).or_else(|| before.get(&key)).ok_or(DOES_NOT_FIT)?;
        if !devices.insert(device) {
            return Err("a device would have two leaves");
        }
        after.insert(key, device);
    }
    Ok(after)
}
