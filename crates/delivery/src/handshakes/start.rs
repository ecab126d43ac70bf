//! The start of a group: exactly the devices that it names, each with its own certificate.

use std::collections::BTreeSet;

use dunlin_model::GroupStart;
use openmls::prelude::RatchetTreeIn;
use openmls::prelude::tls_codec::Size as _;
use openmls_rust_crypto::RustCrypto;

use super::group::Seen;
use super::info::Info;
use super::leaf::{self, VALID_WHEN_USED};
use super::welcome::Joining;
use super::{Asked, Why};

/// The epoch in which everyone is there whom the founder could add.
const FIRST_EPOCH: u64 = 1;
/// Bytes of a first GroupInfo beside those of its devices.
const BYTES_MAX: usize = 16 * 1024;
/// Bytes that a device's leaf and its parent take in a tree; hybrid ones together have less than 3,000.
const BYTES_PER_DEVICE_MAX: usize = 4 * 1024;
/// Blank nodes beyond one for each device.
const BLANK_NODES_MORE_MAX: usize = 8;

/// Checks what a start declares against its MLS messages.
pub(super) fn check(crypto: &RustCrypto, asked: &Asked, start: &GroupStart) -> Result<Seen, Why> {
    let Asked { place, parts, from, .. } = asked;
    if start.epoch.number != FIRST_EPOCH {
        return Err("a group begins at its epoch 1");
    }
    // Whoever has few devices does not make the server read much.
    if parts.group_info.len() > BYTES_MAX + BYTES_PER_DEVICE_MAX * start.devices.len() {
        return Err("its group info is too large");
    }
    let info = Info::parse(&parts.group_info)?;
    place.is_that_of(&info)?;
    let tree = info.tree()?;
    if tree.leaves().count() != start.devices.len() || blank_nodes(tree) > most_blank(start.devices.len()) {
        return Err("its group has other devices than it says");
    }
    let signer = info.signer;
    let seen = Seen::from_info(crypto, info)?;
    let mut devices = BTreeSet::new();
    for (index, node) in seen.group.treesync().full_leaves() {
        let device = leaf::device_of(node, &asked.known)?;
        leaf::is_valid_for(node, asked.now, VALID_WHEN_USED)?;
        if index == signer && device != *from {
            return Err("its group info is not signed by its sender");
        }
        devices.insert(device);
    }
    if devices.len() != start.devices.len() || !start.devices.iter().all(|device| devices.contains(device)) {
        return Err("its group has other devices than it says");
    }
    Joining::Some(start.devices.len() - 1).fits(parts.welcome.as_deref(), place.suite)?;
    Ok(seen)
}

fn blank_nodes(tree: &RatchetTreeIn) -> usize {
    // A node takes a byte that says whether it is blank, and its own bytes.
    let full: usize = tree.nodes().map(|node| 1 + node.tls_serialized_len()).sum();
    tree.tls_serialized_len().saturating_sub(full)
}

const fn most_blank(devices: usize) -> usize {
    devices + BLANK_NODES_MORE_MAX
}
