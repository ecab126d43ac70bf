//! The ordered map of rows and its pending changes.

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{FORMAT, StorageError};
use crate::{Batch, Key, Value};

#[derive(Default)]
pub(super) struct Rows {
    rows: BTreeMap<Key, Value>,
    changes: Batch,
}

impl Rows {
    pub(super) fn take_changes(&mut self) -> Batch {
        std::mem::take(&mut self.changes)
    }

    pub(super) fn load(&mut self, rows: impl IntoIterator<Item = (Key, Value)>) {
        self.rows.extend(rows);
    }

    pub(super) fn unload(&mut self, prefix: &[u8]) {
        for key in self.keys(prefix) {
            self.rows.remove(&key);
        }
    }

    pub(super) fn delete_prefix(&mut self, prefix: &[u8]) {
        for key in self.keys(prefix) {
            self.delete(key);
        }
    }

    fn keys(&self, prefix: &[u8]) -> Vec<Key> {
        self.scan(prefix).map(<[u8]>::to_vec).collect()
    }

    /// The keys that begin with `prefix`, in order.
    pub(super) fn scan(&self, prefix: &[u8]) -> impl Iterator<Item = &[u8]> {
        self.rows
            .range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded))
            .map(|(key, _)| key.as_slice())
            .take_while(move |key| key.starts_with(prefix))
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        self.rows.contains_key(key)
    }

    pub(super) fn put(&mut self, key: Key, value: Value) {
        if self.rows.get(&key) != Some(&value) {
            self.changes.put(key.clone(), value.clone());
            self.rows.insert(key, value);
        }
    }

    pub(super) fn delete(&mut self, key: Key) {
        if self.rows.remove(&key).is_some() {
            self.changes.delete(key);
        }
    }

    pub(super) fn write<T: Serialize + ?Sized>(&mut self, key: Key, entity: &T) -> Result<(), StorageError> {
        self.put(key, encode(entity)?);
        Ok(())
    }

    /// The bytes of the row behind its format.
    pub(super) fn bytes(&self, key: &[u8], row: &'static str) -> Result<Option<&[u8]>, StorageError> {
        match self.rows.get(key).map(Vec::as_slice) {
            None => Ok(None),
            Some([FORMAT, bytes @ ..]) => Ok(Some(bytes)),
            Some(_) => Err(StorageError::Damaged(row)),
        }
    }

    pub(super) fn read<T: DeserializeOwned>(
        &self,
        key: &[u8],
        row: &'static str,
    ) -> Result<Option<T>, StorageError> {
        let Some(bytes) = self.bytes(key, row)? else { return Ok(None) };
        postcard::from_bytes(bytes).map(Some).map_err(|_| StorageError::Damaged(row))
    }
}

pub(super) fn encode<T: Serialize + ?Sized>(entity: &T) -> Result<Value, StorageError> {
    Ok(postcard::to_extend(entity, vec![FORMAT])?)
}
