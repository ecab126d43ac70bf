//! Groups kept from one handshake to the next, so that a large tree is not verified anew for each.

use std::collections::HashMap;

use dunlin_model::{ChatId, Payload};
use parking_lot::Mutex;

use super::group::{Place, Seen};

/// Leaves of all groups kept. A leaf of the hybrid suite takes about 6 KiB here, with its part of the tree.
const LEAVES_KEPT_MAX: usize = 16 * 1024;
/// Leaves below which a group is not worth keeping: it is verified in a few milliseconds.
const LEAVES_WORTH_KEEPING_MIN: usize = 16;

/// Groups at the epoch that the newest handshake led to. Whether that handshake was accepted after all is
/// asked when a group is taken: it is of use only if the log knows the same GroupInfo.
#[derive(Default)]
pub(super) struct GroupCache(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    groups: HashMap<ChatId, Group>,
    leaves: usize,
}

struct Group {
    place: Place,
    group_info: Payload,
    seen: Seen,
}

impl GroupCache {
    /// Takes a chat's group out, if it is at this place and was made by this GroupInfo.
    pub(super) fn take(&self, place: Place, group_info: &Payload) -> Option<Seen> {
        let group = self.0.lock().remove(place.chat)?;
        (group.place == place && group.group_info == *group_info).then_some(group.seen)
    }

    pub(super) fn put(&self, place: Place, group_info: Payload, seen: Seen) {
        if seen.devices.len() < LEAVES_WORTH_KEEPING_MIN {
            return;
        }
        let mut kept = self.0.lock();
        kept.remove(place.chat);
        kept.leaves += seen.devices.len();
        kept.groups.insert(place.chat, Group { place, group_info, seen });
        // Any of the others: each can be made anew.
        while kept.leaves > LEAVES_KEPT_MAX {
            let Some(other) = kept.groups.keys().find(|chat| **chat != place.chat).copied() else { return };
            kept.remove(other);
        }
    }
}

impl Kept {
    fn remove(&mut self, chat: ChatId) -> Option<Group> {
        let group = self.groups.remove(&chat)?;
        self.leaves = self.leaves.saturating_sub(group.seen.devices.len());
        Some(group)
    }
}
