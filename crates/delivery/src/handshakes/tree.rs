//! A ratchet tree as a GroupInfo brings it (RFC 9420 section 12.4.3.3): who stands where, and its hash.
//!
//! Whether a tree is that of a group is told by its hash, before anything is done to the group.

use std::collections::BTreeMap;
use std::ops::Range;

use openmls::prelude::tls_codec::{Serialize as _, Size as _};
use openmls::prelude::{LeafNodeIndex, RatchetTreeIn, SignaturePublicKey};
use sha2::{Digest as _, Sha256};

use super::Why;

const NOT_A_TREE: Why = "its group info has a tree that is none";
/// `NodeType` of RFC 9420 section 7.8.
const LEAF: u8 = 1;
const PARENT: u8 = 2;
/// What stands before what is optional, when it is there and when it is not.
const PRESENT: u8 = 1;
const ABSENT: u8 = 0;
/// Bytes of the hashes of both suites, as they stand before each.
const HASH_BYTES: u8 = 32;

/// A tree in the array representation (RFC 9420 appendix C), without blank nodes at its end.
pub(super) struct Tree<'a> {
    encoded: Vec<u8>,
    /// Where in the encoding each node stands, its type first.
    nodes: Vec<Option<Range<usize>>>,
    keys: BTreeMap<usize, &'a SignaturePublicKey>,
}

impl<'a> Tree<'a> {
    /// Places the nodes. Costs about as much as encoding the tree.
    pub(super) fn of(tree: &'a RatchetTreeIn) -> Result<Self, Why> {
        // openmls gives the nodes without the blanks between them: where those are only the encoding says.
        let encoded = tree.tls_serialize_detached().map_err(|_| NOT_A_TREE)?;
        // The length of a vector is itself one, two or four bytes long (RFC 9420 section 2.1.2).
        let mut at = 1_usize << (encoded.first().ok_or(NOT_A_TREE)? >> 6);
        let (mut full, mut leaves) = (tree.nodes(), tree.leaves());
        let (mut nodes, mut keys) = (Vec::new(), BTreeMap::new());
        while let Some(presence) = encoded.get(at) {
            at += 1;
            if *presence == ABSENT {
                nodes.push(None);
                continue;
            }
            let end = at + full.next().ok_or(NOT_A_TREE)?.tls_serialized_len();
            if encoded.get(at) == Some(&LEAF) {
                keys.insert(nodes.len(), leaves.next().ok_or(NOT_A_TREE)?.signature_key());
            }
            nodes.push(Some(at..end));
            at = end;
        }
        let ends_well = nodes.last().is_some_and(Option::is_some);
        if ends_well { Ok(Self { encoded, nodes, keys }) } else { Err(NOT_A_TREE) }
    }

    /// The signature key of a leaf; nothing where it is blank or beyond the tree.
    pub(super) fn key(&self, leaf: LeafNodeIndex) -> Option<&'a SignaturePublicKey> {
        let at = usize::try_from(leaf.u32()).ok()?.checked_mul(2)?;
        self.keys.get(&at).copied()
    }

    /// The signature keys of all leaves.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'a SignaturePublicKey> {
        self.keys.values().copied()
    }

    /// The tree hash (RFC 9420 section 7.8) of its root.
    pub(super) fn hash(&self) -> Result<[u8; 32], Why> {
        let leaves = self.nodes.len().div_ceil(2).next_power_of_two();
        let mut below = Vec::with_capacity(leaves);
        for leaf in 0..leaves {
            let number = u32::try_from(leaf).map_err(|_| NOT_A_TREE)?.to_be_bytes();
            let hash = Sha256::new().chain_update([LEAF]).chain_update(number);
            below.push(self.chain(hash, 2 * leaf, LEAF)?.finalize());
        }
        // Level by level: the first node of a level stands at `distance - 1`, the others twice as far apart.
        let mut distance = 2;
        while below.len() > 1 {
            let mut above = Vec::with_capacity(below.len() / 2);
            for (number, children) in below.chunks_exact(2).enumerate() {
                let at = distance - 1 + number * 2 * distance;
                let mut hash = self.chain(Sha256::new().chain_update([PARENT]), at, PARENT)?;
                for child in children {
                    hash = hash.chain_update([HASH_BYTES]).chain_update(child);
                }
                above.push(hash.finalize());
            }
            (below, distance) = (above, distance * 2);
        }
        below.first().map(|root| (*root).into()).ok_or(NOT_A_TREE)
    }

    /// Hashes a node on, as `optional<LeafNode>` or `optional<ParentNode>`.
    fn chain(&self, hash: Sha256, at: usize, kind: u8) -> Result<Sha256, Why> {
        let Some(Some(node)) = self.nodes.get(at) else { return Ok(hash.chain_update([ABSENT])) };
        match self.encoded.get(node.clone()).and_then(<[u8]>::split_first) {
            Some((of, content)) if *of == kind => Ok(hash.chain_update([PRESENT]).chain_update(content)),
            _ => Err(NOT_A_TREE),
        }
    }
}
