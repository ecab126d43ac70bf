//! Rows of the program around the core: names, what was shown, how a screen is laid out.

use std::sync::{Arc, PoisonError};

use dunlin_client::{Batch, Key, Value};

use super::{Device, DeviceError};

/// These rows begin so; the core ignores them.
const KEPT: &[u8] = b"u/";

impl Device {
    /// What the program that drives this device keeps beside the core's rows, under a name of its own choice. Reads
    /// the disk.
    ///
    /// # Errors
    /// `Vault`.
    pub fn kept(&self, name: &str) -> Result<Option<Value>, DeviceError> {
        let vault = self.vault.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(vault.get(&key(name))?)
    }

    /// Keeps something so, encrypted like everything in the vault. Names stay readable, so nothing that people wrote may
    /// be part of one. Durable when this returns; what is dropped half-way may be kept or not.
    ///
    /// # Errors
    /// `Vault`, and `Stopped` when the vault's thread ended.
    pub async fn keep(&self, name: &str, value: Value) -> Result<(), DeviceError> {
        let mut batch = Batch::default();
        batch.put(key(name), value);
        let vault = Arc::clone(&self.vault);
        let written = tokio::task::spawn_blocking(move || {
            vault.lock().unwrap_or_else(PoisonError::into_inner).commit(&batch)
        });
        match written.await {
            Ok(written) => Ok(written?),
            Err(_) => Err(DeviceError::Stopped("the vault's thread panicked".to_owned())),
        }
    }
}

fn key(name: &str) -> Key {
    [KEPT, name.as_bytes()].concat()
}
