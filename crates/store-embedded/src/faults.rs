//! Faults that tests inject between the writer and the disk.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What the next commits meet.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    fail: AtomicBool,
    hold: AtomicBool,
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

    pub(crate) fn before_commit(&self) -> Result<(), String> {
        while self.hold.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        if self.fail.load(Ordering::SeqCst) { Err("injected: the disk is gone".to_owned()) } else { Ok(()) }
    }
}
