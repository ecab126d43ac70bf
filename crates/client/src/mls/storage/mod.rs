//! The state of groups and key packages as rows: an ordered map in memory, and the changes to be persisted.
//!
//! All rows of a group begin with `mls/g/` and the group's id (20 bytes), device-wide rows with `mls/d/`. Every
//! value begins with [`FORMAT`], followed by the entity in postcard's encoding, except the join configuration,
//! which openmls can only read back from a self-describing format: JSON. Message secrets are split into rows
//! (see `secrets`), so that a message changes one small row at any group size.

mod entities;
mod rows;
mod secrets;
mod shape;

use std::cell::RefCell;
use std::fmt::Display;

use crate::{Batch, Key, Value};
use rows::Rows;
pub(crate) use secrets::Scope;

/// The format of values written today, their first byte.
pub const FORMAT: u8 = 1;

/// Bytes of a group's id: a chat's id and a generation.
pub const GROUP_ID_BYTES: usize = 20;

/// What begins the keys of all rows of groups.
pub const GROUPS_PREFIX: &[u8] = b"mls/g/";
/// What begins the keys of device-wide rows: key packages and their private keys.
pub const DEVICE_PREFIX: &[u8] = b"mls/d/";

/// Rows cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    /// A value could not be encoded.
    #[error("A value cannot be encoded: {0}")]
    Encode(String),
    /// A row is not what was written there.
    #[error("The row {0} is damaged or of an unknown format.")]
    Damaged(&'static str),
    /// The group's id has another length than ours.
    #[error("The group's id is not one of ours.")]
    ForeignGroup,
    /// Nothing of this kind is ever stored.
    #[error("{0} are not supported.")]
    Unsupported(&'static str),
}

impl serde::ser::Error for StorageError {
    fn custom<T: Display>(message: T) -> Self {
        Self::Encode(message.to_string())
    }
}

impl From<postcard::Error> for StorageError {
    fn from(error: postcard::Error) -> Self {
        Self::Encode(error.to_string())
    }
}

/// The rows of a device, and which of them changed.
#[derive(Default)]
pub struct Storage {
    inner: RefCell<Inner>,
}

#[derive(Default)]
struct Inner {
    rows: Rows,
    secrets: secrets::Known,
    scope: Scope,
}

impl Storage {
    /// What changed since the last call, to be persisted atomically and before anything leaves the device that
    /// follows from it.
    #[must_use]
    pub fn take_changes(&self) -> Batch {
        self.inner.borrow_mut().rows.take_changes()
    }

    /// Takes persisted rows in, all rows of a group at once; they are no changes.
    pub fn load(&self, rows: impl IntoIterator<Item = (Key, Value)>) {
        let mut inner = self.inner.borrow_mut();
        inner.secrets = secrets::Known::default();
        inner.rows.load(rows);
    }

    /// Forgets the rows of a group that no [`super::Group`] stands for now; they stay persisted.
    /// Changes that are still pending stay so.
    pub fn unload(&self, group: &[u8; GROUP_ID_BYTES]) {
        let mut inner = self.inner.borrow_mut();
        let prefix = group_prefix(group);
        inner.secrets.forget(&prefix);
        inner.rows.unload(&prefix);
    }

    /// Deletes all rows of a group.
    pub(crate) fn delete_group(&self, group: &[u8; GROUP_ID_BYTES]) {
        let mut inner = self.inner.borrow_mut();
        let prefix = group_prefix(group);
        inner.secrets.forget(&prefix);
        inner.rows.delete_prefix(&prefix);
    }

    /// What the message secrets that are written during `work` are known to differ in.
    pub(crate) fn scoped<T>(&self, scope: Scope, work: impl FnOnce() -> T) -> T {
        self.inner.borrow_mut().scope = scope;
        let result = work();
        self.inner.borrow_mut().scope = Scope::Everything;
        result
    }
}

/// The prefix of all rows of a group.
pub fn group_prefix(group: &[u8; GROUP_ID_BYTES]) -> Key {
    [GROUPS_PREFIX, group, b"/"].concat()
}
