//! Faults that tests inject between the writer and the disk.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// What the next commits meet.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    fail: AtomicBool,
    hold: AtomicBool,
    held: AtomicUsize,
}

/// While this exists commits wait.
pub(crate) struct Held<'a>(&'a Faults);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.hold.store(false, Ordering::SeqCst);
    }
}

impl Faults {
    /// From now on every commit fails, as it does when the disk no longer takes anything.
    pub(crate) fn fail_commits(&self) {
        self.fail.store(true, Ordering::SeqCst);
    }

    /// Commits wait until the guard is dropped, as they do on a disk that hangs.
    pub(crate) fn hold_commits(&self) -> Held<'_> {
        self.hold.store(true, Ordering::SeqCst);
        Held(self)
    }

    /// Whether a commit waits: what is written now is in a later one.
    pub(crate) fn is_holding(&self) -> bool {
        self.held.load(Ordering::SeqCst) > 0
    }

    pub(crate) fn before_commit(&self) -> Result<(), String> {
        self.held.fetch_add(1, Ordering::SeqCst);
        while self.hold.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        self.held.fetch_sub(1, Ordering::SeqCst);
        if self.fail.load(Ordering::SeqCst) { Err("injected: the disk is gone".to_owned()) } else { Ok(()) }
    }
}
