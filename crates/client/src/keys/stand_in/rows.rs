//! The rows of the stand-in.

use dunlin_model::ChatId;

use super::{PackageId, StandIn};
use crate::Key;
use crate::rows::{decode, encode};

const GROUP: &[u8] = b"k/g/";
const PACKAGE: &[u8] = b"k/p/";

impl StandIn {
    pub(super) fn load(&mut self, key: &[u8], value: &[u8]) {
        if let Some(chat) = key.strip_prefix(GROUP).and_then(|id| ChatId::try_from(id).ok()) {
            self.slots.extend(decode(value).map(|slot| (chat, slot)));
        } else if let Some(id) = key.strip_prefix(PACKAGE).and_then(|id| PackageId::try_from(id).ok()) {
            self.packages.extend(decode(value).map(|stays| (id, stays)));
        }
    }

    pub(super) fn write_changed(&mut self) {
        for chat in std::mem::take(&mut self.changed) {
            let key = [GROUP, chat.as_bytes()].concat();
            match self.slots.get(&chat) {
                Some(slot) if slot.group.is_some() || slot.pending.is_some() => {
                    self.changes.put(key, encode(slot));
                }
                _ => self.changes.delete(key),
            }
        }
    }

    pub(super) fn put_package(&mut self, id: PackageId, stays: bool) {
        self.packages.insert(id, stays);
        self.changes.put(package_key(id), encode(&stays));
    }

    pub(super) fn delete_package(&mut self, id: PackageId) {
        self.packages.remove(&id);
        self.changes.delete(package_key(id));
    }
}

fn package_key(id: PackageId) -> Key {
    [PACKAGE, &id].concat()
}
