//! The reference implementation: plain maps behind one lock, gone with the process. For tests and for
//! reading; every other store must be indistinguishable from it but for durability.
//!
//! Faults are injected by [`MemoryStore::fail_next`] and [`MemoryStore::set_unavailable`].

mod attachments;
mod chats;
mod faults;
mod inboxes;
mod keys;
mod people;
mod progress;

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

pub use faults::{Fault, Operation};

use self::faults::Faults;
use crate::StoreError;

/// Members above which inbox rows are written at joining and leaving only (DESIGN.md, section 1).
pub const FAN_OUT_MEMBERS_MAX: usize = 256;

/// A store in memory.
#[derive(Debug)]
pub struct MemoryStore {
    fan_out_members_max: usize,
    incarnation: u64,
    tables: Mutex<Tables>,
    faults: Mutex<Faults>,
}

#[derive(Debug, Default)]
struct Tables {
    logs: chats::Logs,
    inboxes: inboxes::Rows,
    progress: progress::Registers,
    people: people::People,
    keys: keys::Keys,
    attachments: attachments::Files,
}

impl MemoryStore {
    /// An empty store that writes inbox rows at every message in chats of up to `fan_out_members_max`.
    pub fn new(fan_out_members_max: usize) -> Self {
        // What a process loses it does not get back, so every store in memory is another incarnation.
        static INCARNATIONS: AtomicU64 = AtomicU64::new(1);
        Self {
            fan_out_members_max,
            incarnation: INCARNATIONS.fetch_add(1, Ordering::Relaxed),
            tables: Mutex::default(),
            faults: Mutex::default(),
        }
    }

    /// Lets the next call of `operation` fail with `fault`; faults of one operation queue up.
    pub fn fail_next(&self, operation: Operation, fault: Fault) {
        self.fail_after(operation, 0, fault);
    }

    /// Lets `calls` calls of `operation` pass (after those that are queued already) and the next one fail.
    pub fn fail_after(&self, operation: Operation, calls: usize, fault: Fault) {
        self.faults.lock().fail_after(operation, calls, fault);
    }

    /// Takes all faults back that did not happen yet.
    pub fn forget_faults(&self) {
        self.faults.lock().forget();
    }

    /// Puts the store out of reach, or back: until then every call is `Unavailable`.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.faults.lock().set_unavailable(unavailable);
    }

    fn read<T>(&self, operation: Operation, look: impl FnOnce(&Tables) -> T) -> Result<T, StoreError> {
        let fault = self.faults.lock().take(operation);
        match fault {
            Some(Fault::Damaged) => Err(StoreError::Damaged("an injected fault".into())),
            Some(_) => Err(StoreError::Unavailable("an injected fault".into())),
            None => Ok(look(&self.tables.lock())),
        }
    }

    fn write<T>(&self, operation: Operation, change: impl FnOnce(&mut Tables) -> T) -> Result<T, StoreError> {
        let fault = self.faults.lock().take(operation);
        match fault {
            None => Ok(change(&mut self.tables.lock())),
            Some(Fault::Unavailable) => Err(StoreError::Unavailable("an injected fault".into())),
            Some(Fault::Damaged) => Err(StoreError::Damaged("an injected fault".into())),
            Some(Fault::UncertainLost) => Err(StoreError::Uncertain("an injected fault".into())),
            Some(Fault::UncertainWritten) => {
                change(&mut self.tables.lock());
                Err(StoreError::Uncertain("an injected fault".into()))
            }
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new(FAN_OUT_MEMBERS_MAX)
    }
}
